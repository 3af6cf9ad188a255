"""How time and memory grow: 500, 2,000 and 8,000 galaxies, with one worker and with two.

Seconds are those of the whole command, from its start to its end, start-up included; the first record is counted from
the start of the command too. Medians of interleaved rounds. `linear` is the time a galaxy from 2,000 to 8,000 over
that from 500 to 2,000: start-up cancels, 1 is a straight line. `level` is the peak memory at 8,000 galaxies over that
at 500. Images, pinning and memory are those of prep.py. About nine minutes on two cores.

`python benchmarks/growth.py [--rounds N] [--sizes A B C]`; JSON=1 prints one JSON document.
"""

import argparse
import json
import os
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import Any

from contestants import ONE, TWO
from course import Course
from watch import Watched, say

FIELD = (ONE, TWO)
Runs = dict[tuple[str, int], list[Watched]]


def measure(course: Course, sizes: list[int], rounds: int) -> Runs:
    """Run everyone at every size, round by round; all but the largest twice, for start-up varies."""
    runs: Runs = defaultdict(list)
    for _ in range(rounds):
        for one in FIELD:
            for size in (*sizes, *sizes[:-1]):
                seen = course.run(one, size)
                runs[one.name, size].append(seen)
                say(f"{one.name:<14}{size:>6}{seen.seconds:8.2f} s{seen.peak_mb:8.0f} MB")
    return runs


def summarise(runs: Runs, sizes: list[int]) -> dict[str, Any]:
    """Medians, and how straight and how level the lines are."""
    document: dict[str, Any] = {}
    for one in FIELD:
        points = [_point(runs[one.name, size], size) for size in sizes]
        document[one.name] = {"points": points, "linear": _linear(points), "level": _level(points)}
    return document


def _point(seen: list[Watched], galaxies: int) -> dict[str, float]:
    return {
        "galaxies": galaxies,
        "seconds": round(median(one.seconds for one in seen), 3),
        "cpu_seconds": round(median(one.cpu_seconds for one in seen), 3),
        "first_record_seconds": round(median(one.first_record or 0.0 for one in seen), 3),
        "peak_mb": round(max(one.peak_mb for one in seen), 1),
    }


def _linear(points: list[dict[str, float]]) -> float:
    early, late = (_slope(points[at], points[at + 1]) for at in (-3, -2))
    return round(late / early, 4)


def _slope(one: dict[str, float], other: dict[str, float]) -> float:
    return (other["seconds"] - one["seconds"]) / (other["galaxies"] - one["galaxies"])


def _level(points: list[dict[str, float]]) -> float:
    return round(points[-1]["peak_mb"] / points[0]["peak_mb"], 4)


def show(document: dict[str, Any]) -> None:
    """Print the table."""
    sys.stdout.write(f"{'':<14}{'galaxies':>9}{'seconds':>9}{'CPU s':>9}{'first, s':>9}{'peak MB':>9}\n")
    for name, curve in document.items():
        for point in curve["points"]:
            columns = (point[key] for key in ("galaxies", "seconds", "cpu_seconds", "first_record_seconds", "peak_mb"))
            sys.stdout.write(f"{name:<14}" + "".join(f"{value:>9}" for value in columns) + "\n")
        sys.stdout.write(f"{name:<14} linear {curve['linear']:.3f}, level {curve['level']:.3f}\n")


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description="How time and memory grow.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs=3, default=[500, 2000, 8000])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gzprep-bench-") as name:
        document = summarise(measure(Course(Path(name)), given.sizes, given.rounds), given.sizes)
    if os.environ.get("JSON"):
        sys.stdout.write(json.dumps(document) + "\n")
        return
    show(document)


if __name__ == "__main__":
    main()
