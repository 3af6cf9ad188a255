"""Every engine makes the same bytes, and one that cannot start says so. `make engines` fetches them and runs this."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from gzcore.engines.names import check_runner
from gzcore.errors import GzError
from tests.engines.services import ROOT, portable, program
from tests.running import Result, manifest, shard_sums

SMALL = ("--crop", "64", "--views", "2", "--set", "max_reject_share=1")
LIMIT = 240
"""Seconds, for one run with its start: no test here may hang."""
ENGINES = {
    "2 workers": ("--runner", "DirectRunner", "--workers", "2"),
    "portable job service, worker pool": ("--runner", "PortableRunner"),
    "Prism": ("--runner", "PrismRunner"),
    "Flink, 1 worker": ("--runner", "FlinkRunner", "--workers", "1"),
    "Flink, 2 workers": ("--runner", "FlinkRunner", "--workers", "2"),
}
CLUSTERS = ("PortableRunner", "PrismRunner", "FlinkRunner")


def call(*arguments: str | os.PathLike[str]) -> list[str]:
    return [sys.executable, "-m", "gzprep", *map(os.fspath, arguments)]


def gzprep(*arguments: str | os.PathLike[str], **environment: str) -> Result:
    """Run gzprep as a process of its own: job servers, signals and alarms belong to one."""
    done = subprocess.run(
        call(*arguments),
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def need(runner: str) -> None:
    """Skip where an engine is absent; fail where all of them are asked for."""
    if runner != "PortableRunner":
        try:
            check_runner(runner)
        except GzError as error:
            (pytest.fail if os.environ.get("GZPREP_ALL_ENGINES") else pytest.skip)(str(error))


@pytest.fixture(scope="module")
def pool() -> Iterator[tuple[str, ...]]:
    """Options for a job service with a worker pool."""
    with portable() as options:
        yield options


@pytest.fixture(scope="module", params=["simulated", "real"])
def data(request: pytest.FixtureRequest) -> Path:
    """A small simulated sky with two spoiled images, and the real galaxies."""
    return Path(request.getfixturevalue({"simulated": "small_sky", "real": "gz2"}[request.param]))


@pytest.fixture(scope="module")
def reference(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data set as one worker makes it."""
    out = tmp_path_factory.mktemp("reference") / "out"
    result = gzprep("run", "--data", data, "--out", out, *SMALL, "--workers", "1")
    assert result.code == 0, result.err
    return out


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES.keys())
def test_the_bytes_are_those_of_one_worker(
    engine: tuple[str, ...], data: Path, reference: Path, pool: tuple[str, ...], tmp_path: Path
) -> None:
    need(engine[1])
    options = ("--", *pool) if "PortableRunner" in engine else ()
    result = gzprep("run", "--data", data, "--out", tmp_path / "out", *SMALL, *engine, *options)
    assert result.code == 0, result.err
    assert not [line for line in result.err.splitlines() if not line.startswith("Preparing")]
    wanted = shard_sums(reference)
    assert len(wanted) == sum(len(split["shards"]) for split in manifest(reference)["splits"].values())
    assert shard_sums(tmp_path / "out") == wanted
    check_nothing_is_lost_or_there_twice(tmp_path / "out")


def check_nothing_is_lost_or_there_twice(out: Path) -> None:
    """Count with our own verify, and with a reader that knows nothing of ours."""
    rows = pq.read_table(out / "catalogue.parquet").to_pylist()
    views = manifest(out)["recipe"]["views"]["count"]
    taken = [row["split"] for row in rows if row["verdict"] != "rejected"]
    records = len(taken) + views * taken.count("train")
    verified = gzprep("verify", out, "--json").json
    assert (verified["ok"], verified["faults"], verified["records"]) == (True, [], records)
    script = Path(__file__).parent.parent / "independent_reader.py"
    files = sorted(map(str, out.glob("*.tfrecord-*")))
    done = subprocess.run([sys.executable, script, *files], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {"records": records, "twice": 0, "odd": 0}


@pytest.mark.parametrize("runner", CLUSTERS)
def test_what_a_worker_says_stays_one_sentence(
    runner: str, small_sky: Path, pool: tuple[str, ...], tmp_path: Path
) -> None:
    need(runner)
    options = ("--", *pool) if runner == "PortableRunner" else ()
    strict = (*SMALL, "--set", "max_reject_share=0.01", "--runner", runner)
    result = gzprep("run", "--data", small_sky, "--out", tmp_path / "out", *strict, *options)
    assert result.code == 1
    assert "2 of 40 galaxies were rejected" in result.sentence
    assert not (tmp_path / "out" / "manifest.json").exists()


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("runner", ["PrismRunner", "FlinkRunner"])
def test_ctrl_c_ends_the_run_and_its_server_and_the_same_command_goes_on(
    runner: str, small_sky: Path, tmp_path: Path
) -> None:
    need(runner)
    out = tmp_path / "out"
    slow = ("run", "--data", small_sky, "--out", out, *SMALL, "--views", "60", "--runner", runner)
    process = subprocess.Popen(call(*slow), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    give_up = time.monotonic() + 90
    while not list(out.glob("*.tfrecord-*")):
        assert process.poll() is None
        assert time.monotonic() < give_up
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in err) == (130, False)
    assert err.splitlines()[-1] == "gzprep: Stopped; the same command goes on where it stopped."
    assert not (out / "manifest.json").exists()
    assert gzprep(*slow).code == 0


def failing(small_sky: Path, out: Path, *engine: str, **environment: str) -> str:
    """Run what cannot start, with little patience, and return its sentence."""
    began = time.monotonic()
    small = ("run", "--data", small_sky, "--out", out, *SMALL)
    result = gzprep(*small, "--runner", *engine, **{"GZPREP_START_LIMIT": "6", **environment})
    assert result.code == 1, result.err
    assert time.monotonic() - began < 60
    assert not (out / "manifest.json").exists()
    return result.sentence


def test_workers_that_cannot_start_end_the_wait(small_sky: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    program(tmp_path / "bin" / "python", "exit 1")  # such as a Python without Beam
    with portable(tmp_path / "bin") as options:
        sentence = failing(small_sky, tmp_path / "out", "PortableRunner", "--", *options)
    assert "after 6 s no worker has begun" in sentence


def test_a_server_that_says_nothing_ends_the_wait(small_sky: Path, tmp_path: Path) -> None:
    with socket.create_server(("localhost", 0)) as silent:
        endpoint = f"--job_endpoint=localhost:{silent.getsockname()[1]}"
        sentence = failing(small_sky, tmp_path / "out", "PortableRunner", "--", endpoint)
    assert "after 6 s no worker has begun" in sentence


def test_a_pool_that_says_nothing_ends_the_wait(small_sky: Path, pool: tuple[str, ...], tmp_path: Path) -> None:
    with socket.create_server(("localhost", 0)) as silent:
        config = f"--environment_config=localhost:{silent.getsockname()[1]}"
        sentence = failing(small_sky, tmp_path / "out", "PortableRunner", "--", *pool, config)
    assert "after 6 s no worker has begun" in sentence


def test_a_jar_that_is_none_is_told(small_sky: Path, tmp_path: Path) -> None:
    need("FlinkRunner")
    jar = tmp_path / "flink.jar"
    jar.write_text("not a jar")
    sentence = failing(small_sky, tmp_path / "out", "FlinkRunner", GZPREP_FLINK_JAR=str(jar))
    assert "FlinkRunner did not start: Service failed to start up with error 1." in sentence


@pytest.mark.parametrize(("script", "told"), [("exit 3", "with error 3"), ("exec sleep 60", "no worker has begun")])
def test_a_prism_that_is_none_is_told(script: str, told: str, small_sky: Path, tmp_path: Path) -> None:
    prism = program(tmp_path / "prism", script)
    assert told in failing(small_sky, tmp_path / "out", "PrismRunner", GZPREP_PRISM=str(prism))


def test_a_run_that_breaks_off_is_told_and_goes_on(small_sky: Path, tmp_path: Path) -> None:
    """Beam's limit for requests also ends the stream that tells of a job's end: what runs longer breaks off."""
    need("PrismRunner")
    large = (*SMALL, "--views", "40", "--crop", "256", "--set", "crop.encoding=png")
    slow = ("run", "--data", small_sky, "--out", tmp_path / "out", *large, "--runner", "PrismRunner")
    result = gzprep(*slow, "--", "--job_server_timeout=3")
    assert (result.code, "PrismRunner broke off:" in result.sentence) == (1, True)
    assert gzprep(*slow).code == 0
