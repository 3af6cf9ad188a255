"""gztrain's pipeline on every engine: the same files of predictions, and the sentences of the shared engine layer."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engines.services import ROOT, portable
from tests.engines.test_engines import LIMIT, need
from tests.gztrain.run_folders import untrained_run
from tests.running import Result

RUNNERS = ("PrismRunner", "FlinkRunner", "PortableRunner")


def predict(run: Path, data: Path, out: Path, *engine: str, **environment: str) -> Result:
    """Run gztrain as a process of its own: job servers, signals and alarms belong to one."""
    call = [sys.executable, "-m", "gztrain", "predict", run, data, "--parquet", out, "--json", "--runner", *engine]
    done = subprocess.run(
        list(map(os.fspath, call)),
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def run(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained_run(tmp_path_factory.mktemp("runs") / "run", dataset).root


@pytest.fixture(scope="module")
def reference(run: Path, dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The predictions as one process makes them."""
    out = tmp_path_factory.mktemp("reference") / "out"
    result = predict(run, dataset, out, "DirectRunner")
    assert result.code == 0, result.err
    return out


def parts(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.glob("part-*")}


@pytest.mark.parametrize("runner", RUNNERS)
def test_predictions_are_those_of_one_process(
    runner: str, run: Path, dataset: Path, reference: Path, tmp_path: Path
) -> None:
    need(runner)
    if runner == "PortableRunner":
        with portable() as options:
            result = predict(run, dataset, tmp_path / "out", runner, "--", *options)
    else:
        result = predict(run, dataset, tmp_path / "out", runner)
    assert (result.code, result.err) == (0, "")
    assert result.json["parts_made"] == len(parts(reference)) == 6
    assert parts(tmp_path / "out") == parts(reference)
    assert not (tmp_path / "out" / ".gztrain" / "started").exists()


def test_a_server_that_says_nothing_ends_the_wait(run: Path, dataset: Path, tmp_path: Path) -> None:
    with socket.create_server(("localhost", 0)) as silent:
        endpoint = f"--job_endpoint=localhost:{silent.getsockname()[1]}"
        engine = ("PortableRunner", "--", endpoint)
        result = predict(run, dataset, tmp_path / "out", *engine, GZPREP_START_LIMIT="6")
    assert result.code == 1
    assert "after 6 s no worker has begun" in result.sentence
    assert "with gztrain, and does it see" in result.sentence


def test_an_engine_that_breaks_is_told(run: Path, dataset: Path, tmp_path: Path) -> None:
    prism = tmp_path / "prism"
    prism.write_text("#!/bin/sh\nexit 3\n")
    prism.chmod(0o755)
    result = predict(run, dataset, tmp_path / "out", "PrismRunner", GZPREP_PRISM=str(prism))
    assert result.code == 1
    assert result.sentence == "gztrain: PrismRunner did not start: Service failed to start up with error 3."
