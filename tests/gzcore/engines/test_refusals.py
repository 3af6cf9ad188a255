"""Engines and options that are refused: by both commands, in the same sentence, before anything is written."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.gztrain.run_folders import untrained_run
from tests.running import SMALL, Result, gzprep, gztrain

Call = Callable[..., Result]


@pytest.fixture
def calls(small_sky: Path, dataset: Path, tmp_path: Path) -> dict[str, Call]:
    """Both commands, with everything but the engine in order; a refused engine is told before a run is opened."""
    out = tmp_path / "out"

    def prepare(*more: str) -> Result:
        return gzprep("run", "--data", small_sky, "--out", out, *SMALL, *more)

    def predict(*more: str) -> Result:
        return gztrain("predict", tmp_path / "run", dataset, "--parquet", out, *more)

    return {"gzprep": prepare, "gztrain": predict}


def sentences(calls: dict[str, Call], *more: str) -> list[tuple[int, str]]:
    """Exit codes and sentences of both commands, without the command's name."""
    results = {name: call(*more) for name, call in calls.items()}
    return [(result.code, result.sentence.removeprefix(f"{name}: ")) for name, result in results.items()]


KNOWN = "DirectRunner, PortableRunner, PrismRunner, FlinkRunner, DataflowRunner"
REFUSED: dict[str, tuple[tuple[str, ...], int, str]] = {
    "no such engine": (("SparkRunner",), 2, f"There is no runner 'SparkRunner'; choose one of {KNOWN}."),
    "an engine that loses data": (("DaskRunner",), 2, "says DONE although it drops all branches of a graph but the"),
    "an engine that keeps all": (("InteractiveRunner",), 2, "it keeps every intermediate result in memory"),
    "no job service": (("PortableRunner",), 2, "add -- --job_endpoint=HOST:PORT"),
    "no Prism": (("PrismRunner", "--", "--prism_location=/absent"), 1, "none at /absent; fetch it with `make engines"),
    "no jar": (("FlinkRunner", "--", "--flink_job_server_jar=/absent"), 1, "none at /absent; fetch it with `make"),
    "a secret": (("DirectRunner", "--", "--s3_secret_access_key=HUSH"), 2, "--s3_secret_access_key would be seen"),
    "Dataflow from a disk": (("DataflowRunner", "--", "--project=p"), 2, "works on machines that do not see"),
}


@pytest.mark.parametrize(("words", "code", "told"), REFUSED.values(), ids=REFUSED.keys())
def test_both_commands_refuse_it_in_the_same_sentence(
    words: tuple[str, ...], code: int, told: str, calls: dict[str, Call], tmp_path: Path
) -> None:
    prepared, predicted = sentences(calls, "--runner", *words)
    assert prepared == predicted
    assert (prepared[0], told in prepared[1], "HUSH" in prepared[1]) == (code, True, False)
    assert not (tmp_path / "out").exists()


def test_no_java_is_told_by_both(calls: dict[str, Call], tmp_path: Path) -> None:
    (tmp_path / "jar").touch()
    options = (f"--flink_job_server_jar={tmp_path}/jar", "--job_server_java_launcher=/absent")
    prepared, predicted = sentences(calls, "--runner", "FlinkRunner", "--", *options)
    assert prepared == predicted
    assert "FlinkRunner needs Java 11 or newer, and there is no command '/absent'" in prepared[1]


def test_a_job_service_that_does_not_answer_is_told_by_both(calls: dict[str, Call]) -> None:
    with socket.create_server(("localhost", 0)) as server:
        endpoint = f"--job_endpoint=localhost:{server.getsockname()[1]}"
    prepared, predicted = sentences(calls, "--runner", "PortableRunner", "--", endpoint)
    assert prepared == predicted
    assert "Nothing answers at localhost:" in prepared[1]


UNFIT = {
    "unknown": (
        "--max_num_worker=3",
        "Beam knows no option --max_num_worker for DirectRunner; check how it",
    ),
    "no number": ("--num_workers=abc", "Beam does not take these options: argument --num_workers: invalid int value"),
}


def test_options_that_beam_does_not_take_are_refused_by_both(
    calls: dict[str, Call], dataset: Path, tmp_path: Path
) -> None:
    untrained_run(tmp_path / "run", dataset)
    for option, told in UNFIT.values():
        prepared, predicted = sentences(calls, "--runner", "DirectRunner", "--", option)
        assert prepared == predicted
        assert (prepared[0], told in prepared[1]) == (2, True)
