"""How fast gzprep prepares galaxies: against the floor, with a second worker, and against peers, side by side.

Everyone gets the same images (the real ones under as many names as it takes, all accepted by the default recipe, all
training galaxies), in a warm page cache, and runs as a command of its own, pinned to one core (two workers: to two).

**Start-up is excluded in the same way for everyone**: a command is run at two sizes, and its time a galaxy is the
slope, (seconds of the larger run - seconds of the smaller) / (galaxies of the larger - of the smaller). Seconds are
those from starting the command to its end, so everything that grows with the galaxies counts, in whichever process it
happens. Slow peers get smaller sizes. Peak memory is that of the larger run, over all processes; CPU seconds are a
slope too; the first record is the larger run's, from the start of the command to a record in a file.

Rounds are interleaved: everyone once, then everyone again from another starting place. A ratio is taken within a
round (a peer that has fewer rounds: against the medians) and the median of rounds is reported. Nothing is asserted;
bars are printed beside the figures.

`python benchmarks/prep.py`: twelve minutes on two cores. `--quick`: a minute, tiny sizes, no peers with
environments, figures good for nothing but seeing that it runs. `--only NAME ...`: some of the contestants. JSON=1: one
JSON document. TMPDIR says which disk is written to.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median
from typing import Any

from contestants import (
    AUTHOR,
    EVERYONE,
    FLOOR,
    FLOOR_EXACT,
    IMG2DATASET,
    NO_DETECTORS,
    ONE,
    ONE_VIEW,
    TFDS_ENCODED,
    TFDS_PLAIN,
    TFDS_SAME,
    TWO,
    Contestant,
)
from course import Course, Pair
from watch import say

ROUNDS = 3
LIMIT = 840.0
"""Seconds that the rounds may take together; the last one is left out where it would not fit."""
QUICK = (ONE, FLOOR, NO_DETECTORS, TWO, AUTHOR)
QUICK_SIZES = {AUTHOR.name: (1, 2)}
RATIOS: dict[str, tuple[Contestant, Contestant, float | None]] = {
    "one_worker_of_floor": (ONE, FLOOR, 0.70),
    "one_worker_of_floor_no_detectors": (NO_DETECTORS, FLOOR, 0.90),
    "one_worker_of_floor_same_pixels": (ONE, FLOOR_EXACT, None),
    "one_worker_of_floor_same_pixels_no_detectors": (NO_DETECTORS, FLOOR_EXACT, None),
    "two_workers_over_one": (TWO, ONE, 1.8),
    "over_tfds_beam_same_views": (ONE, TFDS_SAME, 2.0),
    "over_tfds_beam_same_views_no_detectors": (NO_DETECTORS, TFDS_SAME, None),
    "over_tfds_beam_albumentations": (ONE, TFDS_PLAIN, 6.0),
    "over_tfds_beam_encoded_views": (ONE, TFDS_ENCODED, None),
    "over_img2dataset_one_view": (ONE_VIEW, IMG2DATASET, None),
    "over_author_style": (ONE, AUTHOR, 100.0),
}
"""Name: whose rate, over whose rate, and the bar that it is held to: no less than this."""
FIRST_RECORD_BARS = {ONE.name: 6.0, TWO.name: 10.0}
"""Seconds at most."""
MEMORY_BARS = {ONE.name: 500.0, TWO.name: 750.0}
"""MB at most: 250, and 250 a worker."""


Results = dict[str, list[Pair]]


def run_rounds(course: Course, field: Sequence[Contestant], rounds: int) -> Results:
    """Measure everyone once a round, each round from another starting place, as long as there is time for one more."""
    results: Results = defaultdict(list)
    began = time.monotonic()
    for at in range(rounds):
        if (time.monotonic() - began) * (at + 1) > LIMIT * at > 0:
            say(f"Stopped after {at} rounds: one more would pass {LIMIT:.0f} s")
            break
        for one in _turned(field, at * len(field) // rounds):
            if at < one.rounds:
                results[one.name].append(_run_pair(course, one, at))
    return results


def _turned(field: Sequence[Contestant], first: int) -> tuple[Contestant, ...]:
    return (*field[first:], *field[:first])


def _run_pair(course: Course, one: Contestant, at: int) -> Pair:
    pair = course.run_pair(one)
    say(f"round {at + 1}: {one.name:<26}{1000 * pair.seconds:9.2f} ms a galaxy")
    return pair


def ratio(results: Results, faster: Contestant, slower: Contestant) -> float | None:
    """How many galaxies one prepares while the other prepares one; None where either was not measured."""
    ours, theirs = results.get(faster.name, []), results.get(slower.name, [])
    if len(ours) == len(theirs):
        pairs = [(own.seconds, other.seconds) for own, other in zip(ours, theirs, strict=True)]
        return _median(other / own for own, other in pairs if min(own, other) > 0)
    own, other = seconds_of(ours), seconds_of(theirs)
    return None if own is None or other is None else other / own


def seconds_of(pairs: Sequence[Pair]) -> float | None:
    """Median of the seconds a galaxy, of the rounds that could tell."""
    return _median(pair.seconds for pair in pairs if pair.seconds > 0)


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def describe(results: Results, one: Contestant) -> dict[str, Any]:
    """What was measured of a contestant."""
    pairs = results[one.name]
    seconds = seconds_of(pairs)
    return {
        "galaxies_per_second": None if seconds is None else round(1 / seconds, 3),
        "ms_a_galaxy": None if seconds is None else round(1000 * seconds, 3),
        "of_floor": _rounded(ratio(results, one, FLOOR), 4),
        "cpu_ms_a_galaxy": round(1000 * median(pair.cpu_seconds for pair in pairs), 3),
        "peak_mb": round(max(pair.large.peak_mb for pair in pairs), 1),
        "seconds": round(median(pair.large.seconds for pair in pairs), 2),
        "cpu_seconds": round(median(pair.large.cpu_seconds for pair in pairs), 2),
        "first_record_seconds": _rounded(_median(pair.large.first_record for pair in pairs), 2),
        "views": one.views,
        "cores": one.cores,
        "sizes": one.sizes,
        "rounds": [[asdict(pair.small), asdict(pair.large)] for pair in pairs],
    }


def summarise(results: Results, field: Sequence[Contestant]) -> dict[str, Any]:
    """Everything, as one document."""
    rates = {name: ratio(results, faster, slower) for name, (faster, slower, _) in RATIOS.items()}
    everyone = {one.name: describe(results, one) for one in field}
    peaks = {one.name: everyone[one.name]["peak_mb"] for one in (ONE, TWO) if one.name in everyone}
    return {
        **{name: _rounded(value, 4) for name, value in rates.items()},
        "peak_mb": peaks.get(ONE.name),
        "peak_mb_two_workers": peaks.get(TWO.name),
        **{f"first_record_seconds_{name}": _first_record(everyone, name) for name in FIRST_RECORD_BARS},
        "contestants": everyone,
    }


def _first_record(everyone: dict[str, dict[str, Any]], name: str) -> float | None:
    return everyone.get(name, {}).get("first_record_seconds")


def bars(document: dict[str, Any]) -> Iterator[tuple[str, float, str, bool]]:
    """Yield name, figure, bar and whether it is met, of every figure that has a bar and was measured."""
    least = {name: bar for name, (_, _, bar) in RATIOS.items() if bar is not None}
    most = {f"first_record_seconds_{name}": bar for name, bar in FIRST_RECORD_BARS.items()}
    most |= {"peak_mb": MEMORY_BARS[ONE.name], "peak_mb_two_workers": MEMORY_BARS[TWO.name]}
    for name, bar in (least | most).items():
        figure = document[name]
        if figure is not None:
            at_least = name in least
            yield name, figure, f"{'>=' if at_least else '<='} {bar:g}", figure >= bar if at_least else figure <= bar


def table(document: dict[str, Any], field: Sequence[Contestant]) -> Iterator[str]:
    """Yield the lines of the tables."""
    yield f"{'':<44}{'galaxies/s':>11}{'of floor':>10}{'CPU ms':>9}{'peak MB':>9}{'first, s':>10}"
    for one in field:
        row = document["contestants"][one.name]
        of_floor = None if one.views < 12 else row["of_floor"]
        columns = ((row["galaxies_per_second"], 11, 2), (of_floor, 10, 3), (row["cpu_ms_a_galaxy"], 9, 2))
        columns += ((row["peak_mb"], 9, 0), (row["first_record_seconds"], 10, 2))
        yield f"{one.about:<44}" + "".join(_cell(*column) for column in columns)
    if document["quick"]:
        return
    yield ""
    for name, figure, bar, met in bars(document):
        yield f"{name:<44}{figure:>11.3f}{bar:>10}  {'met' if met else 'MISSED'}"


def _cell(value: float | None, width: int, digits: int) -> str:
    return " " * width if value is None else f"{value:{width}.{digits}f}"


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="How fast gzprep prepares galaxies.")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, one round, no peers with environments")
    parser.add_argument("--only", nargs="+", choices=[one.name for one in EVERYONE], help="some of the contestants")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="interleaved rounds")
    return parser.parse_args()


def choose(given: argparse.Namespace) -> tuple[Contestant, ...]:
    """The contestants to be measured, at the sizes to be measured at."""
    chosen = [one for one in EVERYONE if given.only is None or one.name in given.only]
    absent = [one.name for one in chosen if not one.runs_here]
    if absent:
        say(f"Left out, for want of an environment (make bench-envs): {', '.join(absent)}")
    present = [one for one in chosen if one.runs_here]
    if not given.quick:
        return tuple(present)
    quick = [one for one in present if one in QUICK]
    return tuple(replace(one, sizes=QUICK_SIZES.get(one.name, (300, 600)), rounds=1) for one in quick)


def main() -> None:
    """Measure, and print."""
    given = arguments()
    field, began = choose(given), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="gzprep-bench-") as name:
        course = Course(Path(name))
        course.warm(field)
        document = summarise(run_rounds(course, field, 1 if given.quick else given.rounds), field)
        document |= {"quick": given.quick, "images": len(course.rows), "cores": os.cpu_count()}
    document["wall_seconds"] = round(time.monotonic() - began, 1)
    if os.environ.get("JSON"):
        sys.stdout.write(json.dumps(document) + "\n")
        return
    sys.stdout.write("".join(f"{line}\n" for line in table(document, field)))


if __name__ == "__main__":
    main()
