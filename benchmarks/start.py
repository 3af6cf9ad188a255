"""How soon the commands answer: seconds of every `--help`, and of importing the three packages.

Each is started five times; median and least are printed, with the bar of 0.3 s. Run it on a quiet machine.

`python benchmarks/start.py [--rounds N]`; JSON=1 prints one JSON document.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from statistics import median

from typer.main import get_command

BAR = 0.3
"""Seconds at most, each."""
PACKAGES = ("gzcore", "gzprep", "gztrain")


def commands() -> Iterator[list[str]]:
    """Words of every command, those of a group too."""
    for name in ("gzprep", "gztrain"):
        app = import_module(f"{name}.cli.commands").app
        yield [name]
        yield from ([name, word] for word in get_command(app).commands)  # type: ignore[attr-defined]


def asked() -> dict[str, list[str | Path]]:
    """What is started, by its name in the table."""
    here = Path(sys.executable).parent
    helps = {" ".join([*words, "--help"]): [here / words[0], *words[1:], "--help"] for words in commands()}
    imports = {f"import {name}": [sys.executable, "-c", f"import {name}"] for name in (*PACKAGES, ", ".join(PACKAGES))}
    return {**helps, **imports}


def seconds(command: list[str | Path], rounds: int) -> list[float]:
    """How long a command takes, each time that it is started."""
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)  # noqa: S603
        taken.append(time.perf_counter() - began)
    return taken


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description="How soon the commands answer.")
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    seen = {name: seconds(command, rounds) for name, command in asked().items()}
    document = {
        name: {"median": round(median(taken), 3), "least": round(min(taken), 3)} for name, taken in seen.items()
    }
    if os.environ.get("JSON"):
        sys.stdout.write(json.dumps(document) + "\n")
        return
    for name, row in document.items():
        over = f"  over {BAR} s" if row["median"] > BAR else ""
        sys.stdout.write(f"{row['median']:.3f} s, least {row['least']:.3f}  {name}{over}\n")


if __name__ == "__main__":
    main()
