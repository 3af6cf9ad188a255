"""Every galaxy that a worker reports is counted; a launcher that does not listen stops no worker."""

import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from gzprep.catalogue.galaxy import Reason, Rejection, RejectionStage
from gzprep.run.progress import Reporter, listen

REJECTION = Rejection(RejectionStage.READ, Reason.MISSING_FILE, "gone")
WORKER = (
    "import sys; from gzprep.run.progress import Reporter; from gzprep.catalogue.galaxy import *\n"
    "with Reporter(sys.argv[1]) as reporter:\n"
    "    for place in range(int(sys.argv[2])):\n"
    "        reporter.galaxy(Rejection(RejectionStage.READ, Reason.MISSING_FILE, '') if place % 5 == 0 else None)\n"
)


def test_every_galaxy_is_counted_once_and_in_order() -> None:
    heard: list[bool] = []
    with listen(heard.append) as address, Reporter(address) as reporter:
        for place in range(1000):
            reporter.galaxy(REJECTION if place % 7 == 0 else None)
    assert heard == [place % 7 == 0 for place in range(1000)]


def test_galaxies_of_other_processes_are_counted() -> None:
    heard: list[bool] = []
    with listen(heard.append) as address:
        command = [sys.executable, "-c", WORKER, address]
        workers = [subprocess.Popen([*command, str(number)]) for number in (150, 250)]
        assert [worker.wait() for worker in workers] == [0, 0]
    assert len(heard) == 400
    assert sum(heard) == 80


def test_galaxies_of_several_threads_are_counted() -> None:
    heard: list[bool] = []

    def work(address: str) -> None:
        with Reporter(address) as reporter:
            for _ in range(300):
                reporter.galaxy(None)

    with listen(heard.append) as address:
        threads = [threading.Thread(target=work, args=(address,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert heard == [False] * 1200


def test_nothing_is_heard_where_nothing_is_told() -> None:
    heard: list[bool] = []
    with listen(heard.append):
        pass
    assert heard == []


def test_a_reporter_may_outlive_its_listener() -> None:
    heard: list[bool] = []
    with listen(heard.append) as address:
        reporter = Reporter(address).__enter__()
        reporter.galaxy(None)
    for _ in range(10):
        reporter.galaxy(None)
    reporter.__exit__(None, None, None)
    assert heard == [False]


@pytest.mark.parametrize("address", ["", "/nowhere/progress", "/tmp", "/dev/null", "x" * 300])  # noqa: S108
def test_a_dead_address_stops_no_worker(address: str) -> None:
    with Reporter(address) as reporter:
        reporter.galaxy(None)
        reporter.galaxy(REJECTION)


def test_no_socket_is_made_without_an_address() -> None:
    with Reporter("") as reporter:
        assert reporter.socket is None


def test_the_listener_cleans_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = set(threading.enumerate())
    with listen(lambda _: None) as address:
        assert Path(address).is_socket()
        (listener,) = set(threading.enumerate()) - before
    assert [*tmp_path.iterdir()] == []
    assert not listener.is_alive()


def fail_while_listening(heard: list[bool]) -> None:
    with listen(heard.append) as address, Reporter(address) as reporter:
        reporter.galaxy(REJECTION)
        raise ValueError(address)


def test_the_listener_cleans_up_after_an_exception() -> None:
    heard: list[bool] = []
    with pytest.raises(ValueError, match="progress") as caught:
        fail_while_listening(heard)
    assert heard == [True]
    assert not Path(str(caught.value)).exists()


def test_a_display_that_fails_stops_no_worker() -> None:
    """``gzprep run 2>&1 | head -1``: standard error is not read any more, and the work goes on."""
    program = (
        "from gzprep.run.progress import Reporter, listen\n"
        "def fail(_): raise BrokenPipeError\n"
        "with listen(fail) as address, Reporter(address) as reporter:\n"
        "    for _ in range(2000): reporter.galaxy(None)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, timeout=10).returncode == 0


def test_a_long_name_of_the_folder_for_temporaries_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address of a socket may have 107 characters; a cluster's scratch folder has more."""
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with listen(lambda _: None) as address, Reporter(address) as reporter:
        reporter.galaxy(None)
