"""What a run on an engine ends in: our own sentence, Ctrl-C, or the engine's last words."""

import signal
import threading

import pytest

from gzcore.engines.ending import last_line, noting_interrupts, one_line, one_sentence, own_error, own_sentence
from gzcore.errors import GzError, Stopped, UsageError

WRAPPED: dict[str, tuple[str, str | None]] = {
    "in a traceback": ("Traceback:\n  File\ngzcore.errors.GzError: The disk is full.\nat x", "The disk is full."),
    "with its step": ("gzcore.errors.GzError: A row is odd. [while running 'Read']", "A row is odd."),
    "through Java": ("java.lang.RuntimeException: gzcore.errors.UsageError: No such key.\n\tat", "No such key."),
    "alone": ("gzcore.errors.GzError: All of it", "All of it"),
    "of another library": ("ValueError: gzcore.errors are fine", None),
    "empty": ("", None),
}


@pytest.mark.parametrize(("text", "sentence"), WRAPPED.values(), ids=WRAPPED.keys())
def test_our_sentence_is_found_in_an_engines_text(text: str, sentence: str | None) -> None:
    assert own_sentence(text) == sentence
    found = own_error(RuntimeError(text))
    assert (None if found is None else str(found)) == sentence


def test_an_error_of_ours_keeps_its_kind_and_loses_the_step() -> None:
    found = own_error(UsageError("No such key. [while running 'Read']"))
    assert (type(found), str(found)) == (UsageError, "No such key.")


class Remote(Exception):
    """An error as gRPC makes it."""

    def details(self) -> str:
        return "Deadline Exceeded"


class Google(Exception):
    """An error as Google's clients make it."""

    message = "The workflow\n could not be created"


SAID: dict[str, tuple[Exception | str, str, str]] = {
    "a traceback": (RuntimeError("trace\n  Service failed.\n"), "Service failed.", "trace Service failed."),
    "details of gRPC": (Remote("<...>"), "Deadline Exceeded.", "Deadline Exceeded."),
    "a message of Google's": (Google("<>"), "could not be created.", "The workflow could not be created."),
    "nothing": (KeyError(), "KeyError.", "KeyError."),
    "no message at all": ("", "it did not say why.", "it did not say why."),
    "an address with a secret": (
        "PUT https://h/o?sig=HUSH failed",
        "PUT https://h/o failed.",
        "PUT https://h/o failed.",
    ),
    "a page": ("x" * 2000, "x" * 600 + ".", "x" * 600 + "."),
}


@pytest.mark.parametrize(("error", "last", "whole"), SAID.values(), ids=SAID.keys())
def test_an_engines_own_words_are_one_line(error: Exception | str, last: str, whole: str) -> None:
    assert last_line(error) == last
    assert one_line(error) == whole


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_a_request_to_end_are_stopped(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with pytest.raises(Stopped, match="the same command goes on where it stopped"), one_sentence():
        signal.raise_signal(number)
    assert signal.getsignal(number) is before


def turn_ctrl_c_into(error: Exception) -> None:
    """What an engine does while it waits."""
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        raise error from None


def test_ctrl_c_is_seen_through_an_engines_error() -> None:
    with pytest.raises(Stopped, match="the same command goes on"), one_sentence():
        turn_ctrl_c_into(RuntimeError("the job ended in state CANCELLED"))


def test_what_has_a_sentence_of_its_own_for_ctrl_c_keeps_it() -> None:
    with pytest.raises(Stopped, match=r"^The job runs on\.$"), one_sentence():
        turn_ctrl_c_into(Stopped("The job runs on."))


def test_a_fault_of_ours_stays_as_it_is() -> None:
    fault = ZeroDivisionError("1/0")
    with pytest.raises(ZeroDivisionError) as caught, one_sentence():
        raise fault
    assert caught.value is fault


def test_our_sentence_is_raised_from_what_the_engine_said() -> None:
    wrapped = RuntimeError("gzcore.errors.GzError: A sentence. [while running 'Write']")
    with pytest.raises(GzError, match=r"^A sentence\.$") as caught, one_sentence():
        raise wrapped
    assert caught.value.__cause__ is wrapped


def test_another_thread_notes_nothing_and_changes_nothing() -> None:
    seen: list[bool] = []

    def work() -> None:
        with noting_interrupts() as interrupted:
            seen.append(interrupted())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(10)
    assert seen == [False]
