"""A run behind a job server: the wait for its start ends, and what goes wrong is one sentence."""

import logging
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from apache_beam.runners.worker import sdk_worker

from gzcore.engines.beam import run
from gzcore.engines.beam.run import greet, run_to_the_end, sign_of_life, start_limit
from gzcore.errors import GzError, UsageError
from gzprep.dataset.folder import Folder
from gzprep.run.beam.pipeline import refuse_unknown


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path / "out")
    made.prepare()
    return made


class FakeJob:
    """A pipeline and its result: `work` is what happens while one waits."""

    def __init__(self, work: Callable[[], object]) -> None:
        self.work, self.cancelled = work, False

    def run(self) -> "FakeJob":
        return self

    def wait_until_finish(self) -> None:
        self.work()

    def cancel(self) -> None:
        self.cancelled = True


def sleep_for_ever() -> None:
    time.sleep(60)


def fails(error: Exception, first: Callable[[], object] = lambda: None) -> FakeJob:
    def work() -> None:
        first()
        raise error

    return FakeJob(work)


def told(job: Any, folder: Folder) -> str:
    with pytest.raises(GzError) as caught:
        run_to_the_end(job, "PrismRunner", folder)
    return str(caught.value)


def test_silence_ends_the_wait_and_the_job(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GZPREP_START_LIMIT", "0.2")
    job = FakeJob(sleep_for_ever)
    assert "PrismRunner did not start: after 0.2 s no worker has begun" in told(job, folder)
    assert job.cancelled
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_run_that_has_begun_may_take_its_time(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GZPREP_START_LIMIT", "0.1")

    def work() -> None:
        greet(folder)
        time.sleep(0.4)

    run_to_the_end(FakeJob(work), "PrismRunner", folder)
    assert not sign_of_life(folder).exists()


def test_no_limit_is_no_alarm(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GZPREP_START_LIMIT", "0")
    left: list[float] = []
    run_to_the_end(FakeJob(lambda: left.append(signal.getitimer(signal.ITIMER_REAL)[0])), "FlinkRunner", folder)
    assert left == [0.0]


def test_a_thread_of_ones_own_gets_no_alarm(folder: Folder) -> None:
    ends: list[int] = []
    job = FakeJob(lambda: ends.append(1))
    thread = threading.Thread(target=run_to_the_end, args=(job, "FlinkRunner", folder))
    thread.start()
    thread.join(10)
    assert ends == [1]


def test_what_fails_before_the_first_worker_did_not_start(folder: Folder) -> None:
    assert (
        told(fails(RuntimeError("trace\n  Service failed.\n")), folder) == "PrismRunner did not start: Service failed."
    )


def test_what_fails_later_broke_off_and_is_cancelled(folder: Folder) -> None:
    job = fails(RuntimeError("Channel closed"), lambda: greet(folder))
    assert told(job, folder) == (
        "PrismRunner broke off: Channel closed. Run the same command again: it goes on where it stopped."
    )
    assert job.cancelled
    assert not sign_of_life(folder).exists()


def test_details_of_grpc_are_told(folder: Folder) -> None:
    class Remote(Exception):
        def details(self) -> str:
            return "Deadline Exceeded"

    assert "did not start: Deadline Exceeded." in told(fails(Remote("<...>")), folder)


def test_the_sentence_of_a_worker_is_left_to_the_launcher(folder: Folder) -> None:
    error = RuntimeError("java.Something: gzcore.errors.GzError: A sentence. [while running 'Write']")
    with pytest.raises(RuntimeError) as caught:
        run_to_the_end(fails(error), "FlinkRunner", folder)
    assert caught.value is error


def test_other_runners_are_waited_for_without_any_of_this(folder: Folder) -> None:
    error = RuntimeError("as it is")
    with pytest.raises(RuntimeError) as caught:
        run_to_the_end(fails(error), "DirectRunner", folder)
    assert caught.value is error


def test_workers_and_servers_are_quiet_meanwhile_only(folder: Folder) -> None:
    seen: list[tuple[int, bool]] = []
    before = logging.root.manager.disable
    job = FakeJob(lambda: seen.append((logging.root.manager.disable, hasattr(sdk_worker, "print"))))
    run_to_the_end(job, "FlinkRunner", folder)
    assert seen == [(logging.CRITICAL, True)]
    assert (logging.root.manager.disable, hasattr(sdk_worker, "print")) == (before, False)


def test_bundles_of_this_process_are_ended(folder: Folder) -> None:
    ended, begun = threading.Event(), threading.Event()

    def bundle() -> None:
        begun.set()
        try:
            while True:
                time.sleep(0.01)
        finally:
            ended.set()

    harness = SimpleNamespace(_responses=SimpleNamespace(put=lambda _: None))
    request = SimpleNamespace(instruction_id="1")
    thread = threading.Thread(target=sdk_worker.SdkHarness._execute, args=(harness, bundle, request), daemon=True)

    def start() -> None:
        thread.start()
        begun.wait(10)

    told(fails(RuntimeError("broken"), start), folder)
    assert ended.wait(10)
    thread.join(10)
    assert not thread.is_alive()
    assert not run._threads_in_a_bundle()


def test_a_worker_that_does_not_see_the_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(GzError, match="Cannot write into"):
        greet(Folder(tmp_path / "nowhere"))


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "inf"])
def test_a_limit_that_is_no_number_is_told(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GZPREP_START_LIMIT", text)
    with pytest.raises(UsageError, match="expected a number of seconds"):
        start_limit()


@pytest.mark.parametrize(
    ("options", "slip"),
    [(("--no_such=1",), "--no_such"), (("--direct_num_workers=1", "--zzz", "--aaa=2"), "--aaa, --zzz")],
)
def test_an_option_that_beam_does_not_know_is_refused(options: tuple[str, ...], slip: str) -> None:
    with pytest.raises(UsageError, match=f"no option {slip} for DirectRunner"):
        refuse_unknown("DirectRunner", options)


def test_known_options_pass_and_a_job_server_may_know_more() -> None:
    refuse_unknown("DirectRunner", ("--direct_num_workers=2", "--temp_location=here"))
    refuse_unknown("FlinkRunner", ("--no_such=1",))


def test_a_value_that_does_not_fit_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError, match="num_workers: invalid int value: 'abc'"):
        refuse_unknown("DataflowRunner", ("--num_workers=abc",))
    assert capsys.readouterr().err == ""
