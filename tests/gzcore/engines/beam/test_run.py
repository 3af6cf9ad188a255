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
from gzcore.engines.beam.run import make_pipeline, run_to_the_end
from gzcore.engines.start import SignOfLife
from gzcore.errors import GzError, UsageError


@pytest.fixture
def sign(tmp_path: Path) -> SignOfLife:
    return SignOfLife(tmp_path / "started", tmp_path, "gzprep")


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


def told(job: Any, sign: SignOfLife) -> str:
    with pytest.raises(GzError) as caught:
        run_to_the_end(job, "PrismRunner", sign)
    return str(caught.value)


def test_silence_ends_the_wait_and_the_job(sign: SignOfLife, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GZPREP_START_LIMIT", "0.2")
    job = FakeJob(sleep_for_ever)
    assert "PrismRunner did not start: after 0.2 s no worker has begun" in told(job, sign)
    assert job.cancelled
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_run_that_has_begun_may_take_its_time(sign: SignOfLife, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GZPREP_START_LIMIT", "0.1")

    def work() -> None:
        sign.give()
        time.sleep(0.4)

    run_to_the_end(FakeJob(work), "PrismRunner", sign)
    assert not sign.given()


def test_what_fails_before_the_first_worker_did_not_start(sign: SignOfLife) -> None:
    assert told(fails(RuntimeError("trace\n  Service failed.\n")), sign) == "PrismRunner did not start: Service failed."


def test_what_fails_later_broke_off_and_is_cancelled(sign: SignOfLife) -> None:
    job = fails(RuntimeError("Channel closed"), sign.give)
    assert told(job, sign) == (
        "PrismRunner broke off: Channel closed. Run the same command again: it goes on where it stopped."
    )
    assert job.cancelled
    assert not sign.given()


def test_the_sentence_of_a_worker_is_left_to_the_launcher(sign: SignOfLife) -> None:
    error = RuntimeError("java.Something: gzcore.errors.GzError: A sentence. [while running 'Write']")
    with pytest.raises(RuntimeError) as caught:
        run_to_the_end(fails(error), "FlinkRunner", sign)
    assert caught.value is error


def test_other_runners_are_waited_for_without_any_of_this(sign: SignOfLife) -> None:
    error = RuntimeError("as it is")
    with pytest.raises(RuntimeError) as caught:
        run_to_the_end(fails(error), "DirectRunner", sign)
    assert caught.value is error


def test_workers_and_servers_are_quiet_meanwhile_only(sign: SignOfLife) -> None:
    seen: list[tuple[int, bool]] = []
    before = logging.root.manager.disable
    job = FakeJob(lambda: seen.append((logging.root.manager.disable, hasattr(sdk_worker, "print"))))
    run_to_the_end(job, "FlinkRunner", sign)
    assert seen == [(logging.CRITICAL, True)]
    assert (logging.root.manager.disable, hasattr(sdk_worker, "print")) == (before, False)


def test_bundles_of_this_process_are_ended(sign: SignOfLife) -> None:
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

    told(fails(RuntimeError("broken"), start), sign)
    assert ended.wait(10)
    thread.join(10)
    assert not thread.is_alive()
    assert not run._threads_in_a_bundle()


@pytest.mark.parametrize(
    ("options", "slip"),
    [(("--no_such=1",), "--no_such"), (("--direct_num_workers=1", "--zzz", "--aaa=2"), "--aaa, --zzz")],
)
def test_an_option_that_beam_does_not_know_is_refused(options: tuple[str, ...], slip: str) -> None:
    with pytest.raises(UsageError, match=f"no option {slip} for DirectRunner"):
        make_pipeline("DirectRunner", options)


def test_known_options_pass_and_a_job_server_may_know_more() -> None:
    make_pipeline("DirectRunner", ("--direct_num_workers=2", "--temp_location=here"))
    make_pipeline("FlinkRunner", ("--no_such=1",))


def test_a_value_that_does_not_fit_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError, match="num_workers: invalid int value: 'abc'"):
        make_pipeline("DataflowRunner", ("--num_workers=abc",))
    assert capsys.readouterr().err == ""
