"""Heavy: a run that is killed at random moments, whose disk is full, whose output cannot be written. ``make faults``.

The two last need to mount a small file system and skip where that is not allowed.
"""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gzprep.simulate import simulate
from tests.running import gzprep, shard_sums

GALAXIES = 300
OPTIONS = ("--crop", "64", "--views", "12", "--set", "max_reject_share=1")
KILLS = 20


@pytest.fixture(scope="module")
def sky(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sky that takes some seconds to prepare."""
    return simulate(tmp_path_factory.mktemp("faults") / "sky", GALAXIES, seed=5).directory


@pytest.fixture(scope="module")
def undisturbed(sky: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], float]:
    """Checksums of an undisturbed run, and how long it takes."""
    out, began = tmp_path_factory.mktemp("undisturbed") / "out", time.monotonic()
    assert finish(sky, out, "2") == 0
    return shard_sums(out), time.monotonic() - began


def command(sky: Path, out: Path, workers: str) -> list[str | Path]:
    return [sys.executable, "-m", "gzprep", "run", "--data", sky, "--out", out, "--workers", workers, *OPTIONS]


def finish(sky: Path, out: Path, workers: str) -> int:
    return subprocess.run(command(sky, out, workers), capture_output=True, check=False, timeout=300).returncode


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("number", range(KILLS // 2))
def test_a_kill_at_a_random_moment_costs_nothing_but_time(
    sky: Path, undisturbed: tuple[dict[str, str], float], tmp_path: Path, workers: str, number: int
) -> None:
    sums, seconds = undisturbed
    rng = random.Random(f"{workers}/{number}")
    with subprocess.Popen(
        command(sky, tmp_path / "out", workers), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=rng.uniform(0.1, 1.0) * seconds)
        process.send_signal(rng.choice((signal.SIGKILL, signal.SIGTERM, signal.SIGINT)))
    assert finish(sky, tmp_path / "out", workers) == 0
    assert shard_sums(tmp_path / "out") == sums
    assert gzprep("verify", tmp_path / "out").code == 0
    assert not list((tmp_path / "out" / ".gzprep" / "tmp").iterdir())


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
    sky: Path, undisturbed: tuple[dict[str, str], float], tmp_path: Path, workers: str
) -> None:
    with mounted(tmp_path / "small", "size=3m") as disk:
        call = command(sky, disk / "out", workers)
        done = subprocess.run(call, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 1
        assert "The disk is full" in done.stderr.splitlines()[-1]
        assert "Traceback" not in done.stderr
        assert not (disk / "out" / "manifest.json").exists()
        for path in (disk / "out").glob("*.tfrecord-*"):
            assert shard_sums(disk / "out")[path.name] == undisturbed[0][path.name]  # whole, or not there
        subprocess.run(["mount", "-o", "remount,size=200m", disk], check=True)  # noqa: S607
        assert finish(sky, disk / "out", workers) == 0
        assert shard_sums(disk / "out") == undisturbed[0]


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
