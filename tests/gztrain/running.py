"""The command line of gztrain as a test sees it, and the smallest run there is."""

import contextlib
import csv
import io
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from unittest import mock

from gztrain.cli import main
from gztrain.environment import ALLOCATOR
from tests.running import ROOT, Result

TINY = (
    *("--size", "16", "--batch", "16", "--epochs", "2", "--fine-tune-epochs", "1"),
    *("--set", "log.every=1", "--set", "bootstrap=20"),
)
"""Options of a run that takes seconds: two epochs and one, of five steps each on the data set of the small sky."""


def gztrain(*arguments: str | os.PathLike[str]) -> Result:
    """Run gztrain in this process."""
    out, err = io.StringIO(), io.StringIO()
    argv = ["gztrain", *map(os.fspath, arguments)]
    with mock.patch.object(sys, "argv", argv), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as stop:
            code = stop.code
    return Result(code if isinstance(code, int) else 0, out.getvalue(), err.getvalue())


def python(
    *arguments: str | os.PathLike[str], backend: str = "tensorflow", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own, on a Keras backend; the caller looks at the exit code."""
    clean = {name: value for name, value in os.environ.items() if name not in ALLOCATOR}
    settings = {**clean, "KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT), **environment}
    command = [sys.executable, *map(os.fspath, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=settings, check=False, cwd=ROOT)


def curve(run: Path) -> list[Mapping[str, str]]:
    """The history of a run, as written, without what depends on the clock."""
    with (run / "history.csv").open(newline="") as file:
        return [
            {key: text for key, text in row.items() if key not in {"samples_per_s", "waiting"}}
            for row in csv.DictReader(file)
        ]
