"""Whether memory, file handles and threads stay flat: 50,000 galaxies prepared, and 60 epochs of the small model.

The galaxies are those of sky.py, under as many names as it takes. Every second all processes are looked at.
The second and the last quarter of the looks are compared: start-up is in the first. `growth` is the median of the last
quarter over that of the second; 1 is flat. About eight minutes on two cores.

`python benchmarks/flat.py [--galaxies N] [--epochs N]`; JSON=1 prints one JSON document.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from sky import many_names, source_folder
from watch import family, pss_kilobytes, say

_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen of a tree of processes at one moment."""

    megabytes: float
    handles: int
    threads: int


def look(root: int) -> Look:
    """Look at a process and its descendants."""
    pids = list(family(root))
    return Look(
        sum(map(pss_kilobytes, pids)) * 1.024e-3,
        sum(_entries(Path(f"/proc/{pid}/fd")) for pid in pids),
        sum(_entries(Path(f"/proc/{pid}/task")) for pid in pids),
    )


def _entries(folder: Path) -> int:
    try:
        return len(list(folder.iterdir()))
    except OSError:
        return 0  # it ended while we looked


def follow(command: Sequence[str | Path]) -> list[Look]:
    """Run a command and look at it until it ends."""
    looks = []
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen([*map(str, command)], stdout=log, stderr=log)  # noqa: S603
        while process.poll() is None:
            looks.append(look(process.pid))
            time.sleep(_SECONDS)
        log.seek(0)
        if process.returncode:
            raise SystemExit(f"{log.read().decode(errors='replace')[-3000:]}\nit ended with {process.returncode}")
    return looks


def compare(looks: Sequence[Look]) -> dict[str, dict[str, float]]:
    """For each quantity: medians of the second and of the last quarter, the most, and the growth."""
    quarter = len(looks) // 4
    early, late = looks[quarter : 2 * quarter], looks[3 * quarter :]
    document = {}
    for name in asdict(looks[0]):
        first, last = (median(getattr(one, name) for one in part) for part in (early, late))
        most = max(getattr(one, name) for one in looks)
        growth = round(last / first, 3)
        document[name] = {"early": round(first, 1), "late": round(last, 1), "most": round(most, 1), "growth": growth}
    return document


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description="Whether memory, file handles and threads stay flat.")
    parser.add_argument("--galaxies", type=int, default=50_000)
    parser.add_argument("--epochs", type=int, default=60)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gzprep-bench-") as name:
        scratch = Path(name)
        galaxies = many_names(source_folder(scratch), scratch / "galaxies", given.galaxies)
        python = [sys.executable, "-m"]
        small = ("--crop", "32", "--views", "1", "--set", "max_reject_share=1")
        say(f"Preparing {given.galaxies} galaxies")
        prepared = follow([*python, "gzprep", "run", "--data", galaxies.data, "--out", scratch / "out", *small])
        some = many_names(source_folder(scratch), scratch / "some", 2000)
        follow([*python, "gzprep", "run", "--data", some.data, "--out", scratch / "few", *small])
        say(f"Training {given.epochs} epochs")
        fit = ("fit", scratch / "few", "--run", scratch / "run", "--model", "small", "--fine-tune-epochs", "0")
        trained = follow([*python, "gztrain", *fit, "--epochs", str(given.epochs), "--patience", str(given.epochs)])
    document = {"gzprep run": compare(prepared), "gztrain fit": compare(trained)}
    if os.environ.get("JSON"):
        sys.stdout.write(json.dumps(document) + "\n")
        return
    for command, quantities in document.items():
        for quantity, seen in quantities.items():
            told = ", ".join(f"{key} {value:g}" for key, value in seen.items())
            sys.stdout.write(f"{command:<12} {quantity:<10} {told}\n")


if __name__ == "__main__":
    main()
