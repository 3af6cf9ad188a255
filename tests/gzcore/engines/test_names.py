"""Which runners can be used, what each is given, and what is told where something is absent."""

import re
import socket
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import pytest

from gzcore.engines import names
from gzcore.engines.names import check_runner, option_value, runner_options
from gzcore.errors import GzError, UsageError
from tests.running import ROOT

NO_LIMIT = "--job_server_timeout=604800"


@pytest.fixture
def engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with both engines, and a Java, none of which is ever started."""
    monkeypatch.delenv("GZPREP_FLINK_JAR", raising=False)
    monkeypatch.delenv("GZPREP_PRISM", raising=False)
    monkeypatch.setattr(names, "CACHE", tmp_path)
    for name in ("flink-job-server.jar", "prism", "java"):
        (tmp_path / name).touch()
    (tmp_path / "java").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


@pytest.fixture
def address() -> str:
    """An address without a server."""
    with socket.create_server(("localhost", 0)) as server:
        return f"localhost:{server.getsockname()[1]}"


OPTIONS: dict[str, tuple[Sequence[str], str, str | None]] = {
    "equals sign": (("--a=1",), "a", "1"),
    "two words": (("--a", "1"), "a", "1"),
    "the last wins": (("--a=1", "--a", "2"), "a", "2"),
    "absent": (("--ab=1", "a"), "a", None),
    "no value": (("--a",), "a", None),
    "empty": (("--a=",), "a", ""),
}


@pytest.mark.parametrize(("options", "name", "value"), OPTIONS.values(), ids=OPTIONS.keys())
def test_option_value(options: Sequence[str], name: str, value: str | None) -> None:
    assert option_value(options, name) == value


@pytest.mark.parametrize("runner", ["DirectRunner", "DataflowRunner"])
def test_runners_without_a_job_server_get_the_users_options_alone(runner: str) -> None:
    assert runner_options(runner, 2, ["--x=1"]) == ["--x=1"]


def test_flink_is_embedded_with_a_slot_a_worker(engines: Path) -> None:
    assert runner_options("FlinkRunner", 3, ["--x=1"]) == [
        NO_LIMIT,
        f"--flink_job_server_jar={engines}/flink-job-server.jar",
        "--flink_master=[local]",
        "--parallelism=3",
        "--environment_type=LOOPBACK",
        "--x=1",
    ]


def test_a_flink_cluster_is_not_given_workers_of_this_process(engines: Path) -> None:  # noqa: ARG001
    options = runner_options("FlinkRunner", 2, ["--flink_master=cluster:8081"])
    assert "--environment_type=LOOPBACK" not in options
    assert options[-1] == "--flink_master=cluster:8081"


def test_prism_is_never_downloaded(engines: Path) -> None:
    assert f"--prism_location={engines}/prism" in runner_options("PrismRunner", 1)


def test_variables_name_engines_elsewhere(engines: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, variable in {"FlinkRunner": "GZPREP_FLINK_JAR", "PrismRunner": "GZPREP_PRISM"}.items():
        other = engines / f"other {name}"
        other.touch()
        monkeypatch.setenv(variable, str(other))
        assert any(option.endswith(f"={other}") for option in runner_options(name, 1))


def test_a_job_service_that_runs_is_used(address: str) -> None:
    host, _, port = address.partition(":")
    with socket.create_server((host, int(port))):
        for runner in ("PortableRunner", "FlinkRunner", "PrismRunner"):
            options = runner_options(runner, 1, [f"--job_endpoint={address}"])
            assert options == [NO_LIMIT, "--environment_type=LOOPBACK", f"--job_endpoint={address}"]


def test_what_is_no_address_is_left_to_beam() -> None:
    assert runner_options("PortableRunner", 1, ["--job_endpoint=embed"])[-1] == "--job_endpoint=embed"


ABSENT = {
    "flink-job-server.jar": ("FlinkRunner", "needs Beam's Flink job server, and there is none at"),
    "prism": ("PrismRunner", "needs the program prism, and there is none at"),
    "java": ("FlinkRunner", "there is no command 'java'; install a Java runtime"),
}


@pytest.mark.parametrize("name", ABSENT)
def test_what_is_absent_is_told_with_the_way_to_bring_it(name: str, engines: Path) -> None:
    (engines / name).unlink()
    runner, sentence = ABSENT[name]
    with pytest.raises(GzError, match=re.escape(sentence)) as caught:
        check_runner(runner)
    assert caught.value.exit_code == 1
    assert name == "java" or "make engines-fetch" in str(caught.value)


def test_an_engine_that_the_user_names_must_be_there(engines: Path) -> None:  # noqa: ARG001
    for runner, option in {"PrismRunner": "prism_location", "FlinkRunner": "flink_job_server_jar"}.items():
        with pytest.raises(GzError, match="there is none at https://example"):
            check_runner(runner, [f"--{option}=https://example.org/engine"])


def test_nobody_listening_is_told(address: str) -> None:
    with pytest.raises(GzError, match=f"Nothing answers at {address}, the job service .*: Connection refused"):
        check_runner("PortableRunner", [f"--job_endpoint={address}"])
    pool = ["--job_endpoint=embed", "--environment_type=EXTERNAL", f"--environment_config={address}"]
    with pytest.raises(GzError, match=f"Nothing answers at {address}, the worker pool"):
        check_runner("PortableRunner", pool)
    with pytest.raises(GzError, match="Nothing answers at localhost:99999"):
        check_runner("PortableRunner", ["--job_endpoint=localhost:99999"])


def test_dask_is_refused_with_the_reason() -> None:
    with pytest.raises(UsageError, match="says DONE although it drops all branches of a graph but the last"):
        check_runner("DaskRunner")


def test_what_is_fetched_is_looked_for_where_it_is_put() -> None:
    assert names.CACHE == ROOT / "engines" / ".cache"
    assert "mkdir -p .cache" in (ROOT / "engines" / "fetch.sh").read_text()


def test_what_is_fetched_is_of_beams_version() -> None:
    script = (ROOT / "engines" / "fetch.sh").read_text()
    assert f"\nbeam={version('apache-beam')} " in script
