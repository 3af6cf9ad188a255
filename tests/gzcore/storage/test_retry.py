"""What may pass is tried again, for so long and no longer."""

import pytest

from gzcore.errors import GzError, UsageError
from gzcore.storage import retry
from gzcore.storage.retry import Passing, persist, retry_limit, retry_policy


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Time that passes only where one waits; the waits."""
    waits: list[float] = []
    monkeypatch.setattr(retry.time, "monotonic", lambda: sum(waits))
    monkeypatch.setattr(retry.time, "sleep", waits.append)
    return waits


def test_what_passes_is_tried_again_after_longer_and_longer_waits(clock: list[float]) -> None:
    troubles = iter([Passing("HTTP 503")] * 9)

    def request() -> str:
        for trouble in troubles:
            raise trouble
        return "here"

    assert persist("reading x", request) == "here"
    assert len(clock) == 9
    for power, wait in enumerate(clock):
        longest = min(0.5 * 2**power, 32)
        assert longest / 2 <= wait <= longest


def test_what_does_not_pass_is_given_up_in_time(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(retry.LIMIT, "100")
    tries = []

    def request() -> None:
        tries.append(1)
        raise Passing("HTTP 429")

    with pytest.raises(GzError, match=r"Giving up reading x after [0-9]+ tries in 100 s: HTTP 429"):
        persist("reading x", request)
    assert 60 < sum(clock) <= 100
    assert len(tries) == len(clock) + 1


def test_no_patience_is_one_try(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(retry.LIMIT, "0")
    with pytest.raises(GzError, match="after 1 tries"):
        persist("reading x", lambda: (_ for _ in ()).throw(Passing("no")))
    assert not clock


def test_what_cannot_pass_is_not_tried_again(clock: list[float]) -> None:
    with pytest.raises(ZeroDivisionError):
        persist("reading x", lambda: 1 // 0)
    assert not clock


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "inf", "1e300", ""])
def test_a_limit_that_is_none_is_told(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(retry.LIMIT, text)
    with pytest.raises(UsageError, match="expected a number of seconds"):
        retry_limit()


def test_tries_of_obstore_are_counted(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(retry.LIMIT, "0")
    with pytest.raises(GzError, match="after 7 tries"):
        persist("reading x", lambda: (_ for _ in ()).throw(Passing("no", 7)))
    assert not clock


def test_the_limit_is_that_of_obstore(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(retry.LIMIT, "7.5")
    config = retry_policy().for_obstore()
    assert config["retry_timeout"].total_seconds() == 7.5
    assert config["max_retries"] > 1000
    monkeypatch.setenv(retry.LIMIT, "0")
    assert retry_policy().for_obstore()["max_retries"] == 0
