"""``python -m tests.fuzz.run``: search for documents that our parsers cannot cope with. ``make fuzz SECONDS=600``.

What is found is kept in ``tests/fuzz/found/TARGET/``, as small as possible; tests/fuzz/test_quick.py reads all of it
again in every run of the tests. Time is that of the CPU. The exit code is 1 if something was found.
"""

import argparse
import hashlib
import json
import os
import random
import sys
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # else it asks the network for its newest version

from tests.fuzz.material import documents
from tests.fuzz.search import Findings, search_in_fork
from tests.fuzz.targets import TARGETS

FOUND = Path(__file__).parent / "found"
_SLICE = 60.0
"""Seconds of CPU time that a target is searched at a time, at most."""


def kept(name: str) -> list[bytes]:
    """What was found in a target before."""
    folder = FOUND / name
    return [path.read_bytes() for path in sorted(folder.iterdir())] if folder.is_dir() else []


def keep(name: str, data: bytes) -> Path:
    """Keep a document for the tests."""
    path = FOUND / name / hashlib.sha256(data).hexdigest()[:16]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def main(arguments: Sequence[str] | None = None) -> int:
    """Search all targets in turn until the time is up; the exit code."""
    given = _parser().parse_args(arguments)
    names = given.target or list(TARGETS)
    totals = {name: Findings() for name in names}
    rounds = max(1, round(given.seconds / len(names) / _SLICE))
    for number in range(rounds):
        for name in names:
            seed = number + (given.seed if given.seed is not None else random.SystemRandom().randrange(2**32))
            seconds = given.seconds / rounds / len(names)
            found = search_in_fork(TARGETS[name], [*documents()[name], *kept(name)], seed, seconds)
            _add(totals[name], found, name, seed)
    _show(totals)
    return int(any(total.failures for total in totals.values()))


def _add(total: Findings, found: Findings, name: str, seed: int) -> None:
    total.executions += found.executions
    total.taken += found.taken
    total.kept += found.kept
    for kind, data in found.failures.items():
        if kind not in total.failures:
            total.failures[kind] = data
            sys.stdout.write(f"{name}, seed {seed}: {kind}\n  {keep(name, data)}\n")
            sys.stdout.flush()


def _show(totals: dict[str, Findings]) -> None:
    for name, total in totals.items():
        taken = total.taken / max(total.executions, 1)
        line = (
            f"{name:<20}{total.executions:>9} read {taken:>6.1%} taken {total.kept:>6} kept {len(total.failures)} found"
        )
        sys.stdout.write(line + "\n")
    executions = sum(total.executions for total in totals.values())
    sys.stdout.write(
        json.dumps({"executions": executions, "found": sum(len(t.failures) for t in totals.values())}) + "\n"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.run", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600, help="of CPU time, over all targets [600]")
    parser.add_argument("--target", choices=TARGETS, nargs="*")
    parser.add_argument("--seed", type=int, help="for a search that can be repeated [a new one each time]")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
