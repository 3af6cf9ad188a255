"""``python -m tests.faults.run``: disturb commands, one fault or all of them, and say how each ended.

``--kind kill --seed 17`` repeats one fault (``--command "gztrain fit"``; the default is ``gzprep run``). ``--all`` runs
the whole comparison, ``--quick`` a small part of it. ``--json`` prints a line for each fault. The exit code is 1 if one
failed; its folder is then kept, and named.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # else it asks the network for its newest version
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from tests.faults.cases import KINDS_OF_CASES, Case, Outcome, Stage, all_cases
from tests.faults.commands import COMMANDS
from tests.faults.material import material_for
from tests.faults.table import write_table

QUICK = (
    *(
        Case("gzprep run", kind, 0)
        for kind in ("kill", "interrupt", "full_disk", "killed_too_large", "clock", "deleted", "changed")
    ),
    *(Case("gzprep run", kind, 1) for kind in ("handles", "two_runs")),
    Case("gzprep simulate", "kill", 0),
)
"""What every run of the tests repeats; ``tests/gztrain/test_kills.py`` kills gztrain."""


def run_cases(cases: Sequence[Case], galaxies: int = 40) -> Iterator[Outcome]:
    """Run cases, those of gzprep first: TensorFlow is imported only if it is needed."""
    root = Path(tempfile.mkdtemp(prefix="gz-faults-"))
    failed = False
    for program in ("gzprep", "gztrain"):
        own = [case for case in cases if COMMANDS[case.command].program == program]
        if not own and (program == "gztrain" or not cases):
            continue
        serve = any(case.command == "gzprep fetch" for case in own)
        with material_for(program, root / "material", galaxies, serve=serve) as material:
            stage = Stage(root, material)
            for case in own:
                outcome = stage.run(case)
                failed |= outcome.outcome == "failed"
                yield outcome
    if failed:
        sys.stderr.write(f"The folders of failed cases are in {root}\n")
    else:
        shutil.rmtree(root, ignore_errors=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for; the exit code."""
    given = _parser().parse_args(arguments)
    cases = all_cases() if given.all else QUICK if given.quick else chosen(given)
    failed, outcomes = 0, []
    with (given.write or Path(os.devnull)).open("a") as kept:
        for outcome in run_cases(cases, 16 if given.quick else 40):
            failed += outcome.outcome == "failed"
            outcomes.append(outcome)
            line = json.dumps(asdict(outcome))
            kept.write(line + "\n")
            kept.flush()
            sys.stdout.write((line if given.json else _shown(outcome)) + "\n")
            sys.stdout.flush()
    if given.table:
        write_table(given.table, outcomes)
    return int(failed > 0)


def chosen(given: argparse.Namespace) -> list[Case]:
    """The cases that options choose."""
    kinds = [given.kind] if given.kind else KINDS_OF_CASES
    return [Case(given.command, kind, seed) for kind in kinds for seed in given.seed or [0]]


def _shown(outcome: Outcome) -> str:
    return f"{outcome.outcome:<10}{outcome.ended:<10}{outcome.case}: {outcome.told}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.run", description=__doc__)
    parser.add_argument("--command", default="gzprep run", choices=COMMANDS)
    parser.add_argument("--kind")
    parser.add_argument("--seed", type=int, nargs="*")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--table", type=Path, help="page whose table is written anew")
    parser.add_argument("--write", type=Path, help="file that the outcomes are appended to")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
