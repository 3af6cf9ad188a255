"""This version against another: seconds to the first record, and time a galaxy, in turns.

Both run `gzprep run` with one worker over the same galaxies, pinned to one core, with the libraries of this Python.
Time a galaxy is the slope between two sizes, so that start-up cancels (benchmarks/prep.py says why). A ratio is taken
within a round; the median of the rounds is printed, and their range. Its first word is a checkout of another version:

`git worktree add ../before COMMIT; python benchmarks/against.py ../before [--rounds N] [--sizes A B]`; JSON=1 prints
one JSON document.
"""

import argparse
import json
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from contestants import HERE, ONE, Contestant
from course import Course, Pair
from sky import Sky
from watch import say

Rounds = list[tuple[Pair, Pair]]


def of_checkout(name: str, checkout: Path, sizes: tuple[int, int]) -> Contestant:
    """One worker of the gzprep that stands in a checkout.

    ``-P``: else Python would look for packages in the folder in which the benchmark was started.
    """

    def command(sky: Sky, out: Path) -> list[str | Path]:
        places = ["--data", sky.data, "--out", out]
        return [sys.executable, "-P", "-m", "gzprep", "run", *places, "--workers", "1", "--json"]

    return replace(ONE, name=name, command=command, sizes=sizes, settings={"PYTHONPATH": str(checkout.absolute())})


def measure(course: Course, other: Contestant, own: Contestant, rounds: int) -> Rounds:
    """Run both, the other first in even rounds."""
    course.run(other, 8)
    course.run(own, 8)
    seen: Rounds = []
    for at in range(rounds):
        turn = (other, own) if at % 2 == 0 else (own, other)
        pairs = {one.name: course.run_pair(one) for one in turn}
        seen.append((pairs[other.name], pairs[own.name]))
        say(f"round {at + 1}: " + ", ".join(f"{name} {1000 * one.seconds:.3f} ms" for name, one in pairs.items()))
    return seen


def summarise(rounds: Rounds) -> dict[str, Any]:
    """Medians of both, and the ratios of their rounds."""
    return {
        "ms_a_galaxy": _both(rounds, lambda one: 1000 * one.seconds),
        "cpu_ms_a_galaxy": _both(rounds, lambda one: 1000 * one.cpu_seconds),
        "first_record_seconds": _both(rounds, lambda one: one.small.first_record or 0.0),
        "peak_mb": _both(rounds, lambda one: one.large.peak_mb),
    }


def _both(rounds: Rounds, figure: Any) -> dict[str, Any]:  # noqa: ANN401 -- a function of a pair
    before, now = ([figure(pair[at]) for pair in rounds] for at in (0, 1))
    ratios = [own / other for other, own in zip(before, now, strict=True)]
    return {
        "other": round(median(before), 3),
        "this": round(median(now), 3),
        "this_over_other": round(median(ratios), 4),
        "ratios": [round(value, 4) for value in sorted(ratios)],
    }


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description="This version against another.")
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sizes", type=int, nargs=2, default=[250, 1500])
    given = parser.parse_args()
    sizes = (given.sizes[0], given.sizes[1])
    other, own = of_checkout("other", given.checkout, sizes), of_checkout("this", HERE.parent, sizes)
    with tempfile.TemporaryDirectory(prefix="gzprep-bench-") as name:
        document = summarise(measure(Course(Path(name)), other, own, given.rounds))
    if os.environ.get("JSON"):
        sys.stdout.write(json.dumps(document) + "\n")
        return
    for name, row in document.items():
        sys.stdout.write(f"{name:<22} other {row['other']}, this {row['this']}, ratio {row['this_over_other']}\n")
        sys.stdout.write(f"{'':<22} ratios of the rounds: {', '.join(map(str, row['ratios']))}\n")


if __name__ == "__main__":
    main()
