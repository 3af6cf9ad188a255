"""How a run ends when it is stopped, or when something goes wrong inside a worker."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gzprep.config import Recipe
from gzprep.run.launch import RunRequest, plan
from tests.processes import PROC, children, descendants, wait_until_gone
from tests.running import SMALL, gzprep, shard_sums

pytestmark = pytest.mark.slow

SLOW = (*SMALL, "--views", "40")  # the last option wins: a run of some seconds
WORKERS = pytest.mark.parametrize("workers", [pytest.param("1", marks=pytest.mark.thorough), "2"])
"""One process is stopped and killed by tests/faults/test_quick.py, too."""


@pytest.fixture(scope="module")
def undisturbed(small_sky: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The shards of a run that ends well."""
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    assert gzprep("run", "--data", small_sky, "--out", out, *SLOW).code == 0
    return shard_sums(out)


def start(sky: Path, out: Path, workers: str = "1") -> subprocess.Popen[str]:
    call = [sys.executable, "-m", "gzprep", "run", "--data", sky, "--out", out, "--workers", workers, *SLOW]
    return subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_a_shard(out: Path, process: subprocess.Popen[str]) -> None:
    """Wait until the run is in the midst of its work; a bounded wait for an event, not a guess of its time."""
    give_up = time.monotonic() + 60
    while not list(out.glob("*.tfrecord-*")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < give_up
        time.sleep(0.005)


@WORKERS
@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_says_so_and_the_same_command_goes_on(
    small_sky: Path, undisturbed: dict[str, str], tmp_path: Path, workers: str
) -> None:
    process = start(small_sky, tmp_path / "out", workers)
    wait_for_a_shard(tmp_path / "out", process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "gzprep: Stopped; the same command goes on where it stopped."
    assert "Traceback" not in err
    check_it_goes_on(small_sky, tmp_path, undisturbed)


@WORKERS
def test_kill_9_leaves_nothing_that_looks_finished(
    small_sky: Path, undisturbed: dict[str, str], tmp_path: Path, workers: str
) -> None:
    process = start(small_sky, tmp_path / "out", workers)
    wait_for_a_shard(tmp_path / "out", process)
    family = descendants(process.pid)
    process.kill()
    process.communicate(timeout=60)
    wait_until_gone(family)
    assert not (tmp_path / "out" / "manifest.json").exists()
    check_it_goes_on(small_sky, tmp_path, undisturbed)


@pytest.mark.skipif(not PROC.is_dir(), reason="needs /proc to find the worker processes")
def test_a_worker_that_dies_is_told_in_one_sentence(
    small_sky: Path, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    process = start(small_sky, tmp_path / "out", "2")
    wait_for_a_shard(tmp_path / "out", process)
    (server,) = (pid for pid in children(process.pid) if len(children(pid)) == 2)
    os.kill(children(server)[0], signal.SIGKILL)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "A worker process was ended from outside" in err.splitlines()[-1]
    assert "Traceback" not in err
    check_it_goes_on(small_sky, tmp_path, undisturbed)


def check_it_goes_on(sky: Path, tmp_path: Path, undisturbed: dict[str, str]) -> None:
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.tfrecord-*")}
    records = {path.stem for path in (tmp_path / "out" / ".gzprep" / "bins").glob("*.parquet")}  # not the mean images
    assert gzprep("run", "--data", sky, "--out", tmp_path / "out", *SLOW).code == 0
    assert shard_sums(tmp_path / "out") == undisturbed
    for path, written in kept.items():  # what was finished was not made again
        split, index = path.name.split(".")[0].split("-")[1], path.name.split("-")[2]
        if any(record.startswith(f"{split.removesuffix('_views')}-{index}") for record in records):
            assert path.stat().st_mtime_ns == written
    assert not list((tmp_path / "out" / ".gzprep" / "tmp").iterdir())


def test_two_runs_into_one_folder_are_refused(small_sky: Path, tmp_path: Path) -> None:
    process = start(small_sky, tmp_path / "out")
    wait_for_a_shard(tmp_path / "out", process)
    result = gzprep("run", "--data", small_sky, "--out", tmp_path / "out", *SLOW)
    process.communicate(timeout=60)
    assert result.code == 1
    assert "Another run is writing into" in result.sentence
    assert process.returncode == 0


def test_an_output_that_cannot_be_made_is_told(small_sky: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    result = gzprep("run", "--data", small_sky, "--out", tmp_path / "file" / "out", *SMALL)
    assert result.code == 1
    assert "Cannot write into" in result.sentence


def test_relative_paths_mean_the_same_in_every_process(
    small_sky: Path, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sky").symlink_to(small_sky)
    monkeypatch.chdir(tmp_path)
    job = plan(RunRequest(Path("out"), Recipe(), data=Path("sky"), catalogue=Path("sky/gz2_train_catalog.parquet")))
    places = (job.folder.root, *job.source.images.places, job.source.catalogues[0].path)
    assert all(place.is_absolute() for place in places)
    assert gzprep("run", "--data", "sky", "--out", "out", *SMALL).code == 0
    assert shard_sums(tmp_path / "out") == shard_sums(dataset)
