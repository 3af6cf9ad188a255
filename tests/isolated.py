"""Commands in processes that lack some modules or names, as another system or a smaller install does."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from tests.running import ROOT


class Lacking:
    """A process that has imported what is heavy, and forks for each task."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def do(self, task: Literal["import", "command"], *words: str | Path, without: Sequence[str] = ()) -> None:
        """Import modules or run a command, in a fork that lacks further names.

        Raises:
            AssertionError: it failed; the message is what it said.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([without, task, *map(str, words)]) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the process that runs the commands has ended; what it said is above"
        code, said = json.loads(answer)
        assert code == 0, said
        assert "Traceback" not in said


@contextlib.contextmanager
def lacking(*absent: str, libraries: str = "") -> Iterator[Lacking]:
    """Start a process that lacks modules or names.

    Args:
        absent: modules (``pandas``) and names (``os.fork``), taken away before anything is imported.
        libraries: what it then imports once for all tasks, with blanks between.
    """
    settings = {
        "PYTHONPATH": str(ROOT),
        "MALLOC_TRIM_THRESHOLD_": "0",  # else gztrain starts once more, with all its names
    }
    # Not by -m: what multiprocessing spawns would import the main module again.
    call = [sys.executable, "-c", f"from tests.hiding import serve; serve({' '.join(absent)!r}, {libraries!r})"]
    pipe = subprocess.PIPE
    with subprocess.Popen(call, text=True, env={**os.environ, **settings}, stdin=pipe, stdout=pipe) as process:
        yield Lacking(process)
        process.communicate(timeout=60)
