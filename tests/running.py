"""The command lines as a test sees them: arguments in; exit code, standard output and standard error out."""

import contextlib
import hashlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow.parquet as pq

from gzprep.cli import main as gzprep_main
from gztrain.cli import main as gztrain_main
from gztrain.environment import ALLOCATOR

ROOT = Path(__file__).parents[1]
"""The checkout."""
SMALL = ("--crop", "64", "--views", "2", "--set", "shards.min_bins=1", "--set", "max_reject_share=1")
"""Options of a data set that is made in a second or two."""


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as one JSON document."""
        return json.loads(self.out)

    @property
    def sentence(self) -> str:
        """The one line that an error is told in; fails where there is a traceback or more than that line."""
        lines = [line for line in self.err.splitlines() if line and not line.startswith(("Preparing", "No --data"))]
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err
        return lines[0]


def gzprep(*arguments: str | os.PathLike[str]) -> Result:
    """Run gzprep in this process."""
    return _run("gzprep", gzprep_main, arguments)


def gztrain(*arguments: str | os.PathLike[str]) -> Result:
    """Run gztrain in this process."""
    return _run("gztrain", gztrain_main, arguments)


def _run(name: str, main: Callable[[], None], arguments: tuple[str | os.PathLike[str], ...]) -> Result:
    out, err = io.StringIO(), io.StringIO()
    argv = [name, *map(os.fspath, arguments)]
    with mock.patch.object(sys, "argv", argv), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as stop:
            code = stop.code
    return Result(code if isinstance(code, int) else 0, out.getvalue(), err.getvalue())


def child_environment(**settings: str) -> dict[str, str]:
    """The environment of a child process that imports this checkout, as a user would start it."""
    clean = {name: value for name, value in os.environ.items() if name not in ALLOCATOR}
    return {**clean, "PYTHONPATH": str(ROOT), **settings}


def python(
    *arguments: str | os.PathLike[str], backend: str = "tensorflow", **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run Python in a child process, on a Keras backend and with settings; the caller looks at the exit code."""
    command = [sys.executable, *map(os.fspath, arguments)]
    environment = child_environment(KERAS_BACKEND=backend, **settings)
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False, cwd=ROOT)


def spoiled(sky: Path) -> dict[str, str]:
    """Reason and id of the galaxies that :func:`spoil` leaves without a usable image."""
    ids = pq.read_table(sky / "gz2_train_catalog.parquet", columns=["id_str"])["id_str"].to_pylist()
    return dict(zip(("missing_file", "unreadable"), ids, strict=False))


def spoil(sky: Path) -> None:
    """Remove the image of the first training galaxy, and cut that of the second short."""
    missing, unreadable = (sky / "images" / name[:6] / f"{name}.jpg" for name in spoiled(sky).values())
    missing.unlink()
    unreadable.write_bytes(unreadable.read_bytes()[:-100])


def shard_sums(out: Path, pattern: str = "*.tfrecord-*") -> dict[str, str]:
    """SHA-256 of the shards of a data set, by file name."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(out.glob(pattern))}


def manifest(out: Path) -> Any:
    """The manifest of a data set."""
    return json.loads((out / "manifest.json").read_text())
