"""Functions that a program calls: wrong keywords, errors of the system, and Ctrl-C."""

import errno
import signal
import threading
from collections.abc import Callable

import pytest

from gzcore.console.call import called, public
from gzcore.errors import GzError, Stopped, UsageError


@public("house.paint", {"color": "colour"})
def paint(wall: str, *, colour: str = "white", coats: int = 1) -> str:
    return f"{wall} {colour} {coats}"


def test_a_right_call_goes_through() -> None:
    assert paint("north", color="red") == "north red 1"


WRONG: dict[str, tuple[Callable[[], object], str]] = {
    "a slip": (lambda: paint("north", coat=2), "house.paint has no keyword 'coat'; did you mean coats?"),  # type: ignore[call-arg]
    "far from all": (lambda: paint("north", x=2), "house.paint has no keyword 'x'; it takes wall, colour, coats."),  # type: ignore[call-arg]
    "missing": (paint, "house.paint cannot be called so: missing a required argument: 'wall'."),
    "too many": (lambda: paint("a", "b"), "house.paint cannot be called so: too many positional arguments."),  # type: ignore[misc]
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_call_is_told_in_a_sentence(name: str) -> None:
    call, sentence = WRONG[name]
    with pytest.raises(UsageError) as caught:
        call()
    assert str(caught.value) == sentence


def test_what_the_system_says_is_a_sentence() -> None:
    with pytest.raises(GzError, match="The disk is full while writing into x"), called():
        raise OSError(errno.ENOSPC, "no space", "x")


@pytest.mark.parametrize("error", [GzError("a sentence"), ZeroDivisionError("a fault")], ids=["ours", "a fault"])
def test_other_errors_stay_as_they_are(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, called():
        raise error
    assert caught.value is error


def stop_in_a_sentence() -> None:
    raise Stopped("Stopped after step 3.")


def make_another_error() -> None:
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        raise RuntimeError("a library's own words") from None


INTERRUPTS: dict[str, tuple[Callable[[], object], str]] = {
    "a plain one": (lambda: signal.raise_signal(signal.SIGINT), "Stopped."),
    "one with advice": (stop_in_a_sentence, "Stopped after step 3."),
    "one that a library changed": (make_another_error, "Stopped."),
}


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("name", INTERRUPTS)
def test_an_interrupt_is_a_keyboard_interrupt_and_no_error(name: str) -> None:
    work, words = INTERRUPTS[name]
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt) as caught, called():
        work()
    assert str(caught.value) == words
    assert signal.getsignal(signal.SIGINT) is before


def test_a_request_to_end_reaches_the_process_once_the_work_has_stopped() -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    try:
        with pytest.raises(KeyboardInterrupt), called():
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == [signal.SIGTERM]


def test_it_works_in_any_thread() -> None:
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(paint("south")))
    thread.start()
    thread.join()
    assert found == ["south white 1"]
