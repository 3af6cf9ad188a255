"""How a run on an engine ends when it does not end well: always in one sentence.

There are three cases. The user pressed Ctrl-C. A worker raised one of our own errors, which an engine wraps in its own
text. Or the engine failed: then the last line of its message is shown.
"""

import re
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from gzcore.console import process
from gzcore.errors import GzError, Stopped

_STEP = " [while running"
"""What Beam puts behind an error's text, with the name of the step."""
_OWN = re.compile(rf"{re.escape(GzError.__module__)}\.\w+: (.*?)(?:{re.escape(_STEP)}|\n|\Z)")
_QUERY = re.compile(r"\?\S+")
"""What follows a question mark in an address: signed addresses of uploads hold a secret there."""
_LONGEST = 600
"""Letters of a sentence that is not ours."""


@contextmanager
def one_sentence() -> Iterator[None]:
    """Turn what happens inside the block into one sentence; an error that is no user's mistake stays as it is.

    Raises:
        Stopped: the user pressed Ctrl-C, or the system asked the process to end.
        GzError: an error of our own, however the engine wrapped it.
    """
    with noting_interrupts() as interrupted:
        try:
            yield
        except Stopped:
            raise
        except (Exception, KeyboardInterrupt) as error:
            if interrupted():
                raise Stopped("Stopped; the same command goes on where it stopped.") from None
            own = own_error(error)
            if own is None:
                raise
            raise own from error


@contextmanager
def noting_interrupts() -> Iterator[Callable[[], bool]]:
    """Note Ctrl-C (SIGINT), which Beam turns into an error of its own, and a polite request to end (SIGTERM).

    Yields:
        A function that says whether one of them came. In a thread that is not the main one nothing can be noted.
    """
    seen = threading.Event()

    def note(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        seen.set()
        process.note(number)
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield seen.is_set
        return
    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield seen.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def own_error(error: BaseException) -> GzError | None:
    """Find an error of our own in what an engine made of it, without the name of a step; None where there is none."""
    if isinstance(error, GzError):
        return type(error)(str(error).partition(_STEP)[0])
    sentence = own_sentence(str(error))
    return None if sentence is None else GzError(sentence)


def own_sentence(text: str) -> str | None:
    """Find the sentence of an error of our own in the text of an engine, such as the traceback of a far worker."""
    found = _OWN.search(text)
    return found.group(1) if found else None


def last_line(error: BaseException | str) -> str:
    """The last line that an engine says of an error, with a full stop: remote tracebacks end in what matters."""
    text = _text(error)
    return _shortened(text.splitlines()[-1]) if text else f"{_kind(error)}."


def one_line(error: BaseException | str) -> str:
    """All that an engine says of an error, in one line and with a full stop."""
    text = _text(error)
    return _shortened(" ".join(text.split())) if text else f"{_kind(error)}."


def _text(error: BaseException | str) -> str:
    """The telling part: gRPC's details, Google's message, else the text."""
    details = getattr(error, "details", None)
    return str(details() if callable(details) else getattr(error, "message", None) or error).strip()


def _kind(error: BaseException | str) -> str:
    return "it did not say why" if isinstance(error, str) else type(error).__name__


def _shortened(line: str) -> str:
    return _QUERY.sub("", line)[:_LONGEST].strip().rstrip(".") + "."
