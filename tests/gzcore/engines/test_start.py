"""The wait for an engine's first worker: a sign of life, and a limit."""

import signal
import threading
from pathlib import Path

import pytest

from gzcore.engines.start import LIMIT, SignOfLife, limited_start, start_limit
from gzcore.errors import GzError, UsageError


@pytest.fixture
def sign(tmp_path: Path) -> SignOfLife:
    return SignOfLife(tmp_path / "started", tmp_path, "gztrain")


def test_a_sign_is_given_once_and_taken_away(sign: SignOfLife) -> None:
    assert not sign.given()
    sign.give()
    written = (sign.folder / "started").stat().st_mtime_ns  # type: ignore[union-attr]
    sign.give()
    assert sign.given()
    assert (sign.folder / "started").stat().st_mtime_ns == written  # type: ignore[union-attr]
    sign.remove()
    sign.remove()
    assert not sign.given()


def test_a_worker_that_does_not_see_the_folder_cannot_give_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        SignOfLife(tmp_path / "absent" / "started", tmp_path, "gztrain").give()


def test_an_engine_without_a_sign_is_told_with_what_to_look_at(sign: SignOfLife) -> None:
    with pytest.raises(GzError) as caught, limited_start("PrismRunner", sign):
        signal.raise_signal(signal.SIGALRM)
    assert str(caught.value) == (
        "PrismRunner did not start: after 120 s no worker has begun. Is there one, does it have this Python with "
        f"gztrain, and does it see {sign.folder}? ({LIMIT} sets another number of seconds.)"
    )


def test_an_engine_that_has_begun_may_take_its_time(sign: SignOfLife) -> None:
    with limited_start("PrismRunner", sign):
        sign.give()
        signal.raise_signal(signal.SIGALRM)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_without_alarms_there_is_no_limit(sign: SignOfLife, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(signal, "SIGALRM")  # as on Windows
    with limited_start("PrismRunner", sign):
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_another_thread_has_no_alarm(sign: SignOfLife) -> None:
    left: list[float] = []

    def work() -> None:
        with limited_start("PrismRunner", sign):
            left.append(signal.getitimer(signal.ITIMER_REAL)[0])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(10)
    assert left == [0.0]


@pytest.mark.parametrize(("text", "seconds"), [(None, 120.0), ("0", 0.0), ("2.5", 2.5)])
def test_the_limit_is_a_variable(text: str | None, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(LIMIT, raising=False)
    if text is not None:
        monkeypatch.setenv(LIMIT, text)
    assert start_limit() == seconds


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "inf"])
def test_a_limit_that_is_no_number_is_told(text: str, sign: SignOfLife, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LIMIT, text)
    with pytest.raises(UsageError, match="expected a number of seconds"), limited_start("PrismRunner", sign):
        pass
