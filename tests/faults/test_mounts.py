"""A run on a small disk of its own that is full, or read-only, and a run in a bare environment. ``make faults``.

To mount a file system needs privileges; tests that do so are skipped where it is not allowed. tests/faults/kinds.py
raises the same errors inside the process, and needs none.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gzprep.simulate import simulate
from tests.running import shard_sums

GALAXIES = 300
OPTIONS = ("--crop", "64", "--views", "12", "--set", "max_reject_share=1")


@pytest.fixture(scope="module")
def sky(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sky that takes some seconds to prepare."""
    return simulate(tmp_path_factory.mktemp("faults") / "sky", GALAXIES, seed=5).directory


@pytest.fixture(scope="module")
def undisturbed(sky: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Checksums of an undisturbed run."""
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    assert finish(sky, out, "2") == 0
    return shard_sums(out)


def command(sky: Path, out: Path, workers: str) -> list[str | Path]:
    return [sys.executable, "-m", "gzprep", "run", "--data", sky, "--out", out, "--workers", workers, *OPTIONS]


def finish(sky: Path, out: Path, workers: str) -> int:
    return subprocess.run(command(sky, out, workers), capture_output=True, check=False, timeout=300).returncode


@contextlib.contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    """A file system in memory; skips where it cannot be had."""
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder],  # noqa: S607
        capture_output=True,
        check=False,
    )
    if made.returncode != 0:
        pytest.skip("mounting a small file system is not allowed here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)  # noqa: S607


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_full_disk_is_told_and_the_run_goes_on_when_there_is_space(
    sky: Path, undisturbed: dict[str, str], tmp_path: Path, workers: str
) -> None:
    with mounted(tmp_path / "small", "size=3m") as disk:
        call = command(sky, disk / "out", workers)
        done = subprocess.run(call, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 1
        assert "The disk is full" in done.stderr.splitlines()[-1]
        assert "Traceback" not in done.stderr
        assert not (disk / "out" / "manifest.json").exists()
        for path in (disk / "out").glob("*.tfrecord-*"):
            assert shard_sums(disk / "out")[path.name] == undisturbed[path.name]  # whole, or not there
        subprocess.run(["mount", "-o", "remount,size=200m", disk], check=True)  # noqa: S607
        assert finish(sky, disk / "out", workers) == 0
        assert shard_sums(disk / "out") == undisturbed


def test_a_read_only_output_is_told(sky: Path, tmp_path: Path) -> None:
    with mounted(tmp_path / "fixed", "size=3m,ro") as disk:
        done = subprocess.run(command(sky, disk / "out", "1"), capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "Cannot write into" in done.stderr.splitlines()[-1]
    assert "Read-only file system" in done.stderr


def test_the_environment_may_be_bare(sky: Path, tmp_path: Path) -> None:
    bare = {name: os.environ[name] for name in ("PATH",)}
    call = command(sky, tmp_path / "out", "2")
    assert subprocess.run(call, capture_output=True, check=False, timeout=120, env=bare).returncode == 0
