"""The process of a command, from its first moment to its last: letters of names, standard streams, signals.

This module is imported before everything that takes time, so that Ctrl-C ends in one sentence at every moment. It
imports nothing that takes time itself.
"""

import errno
import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType
from typing import Any, TextIO

Handler = Callable[[int, FrameType | None], None]
SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""Ctrl-C, and the polite request to end: of ``kill``, of a container, of a batch system."""
_POSIX = os.name == "posix"
_AGAIN_SECONDS = 0.02
"""Until an interrupt that Python has swallowed is raised again."""
_noted: list[int] = []
"""Signals that came, in their order."""
_commands: list[str] = []
"""The command that this process is there for; empty in a notebook or in a script of the user's."""


def begin(name: str) -> None:
    """Get a process ready for a command.

    Args:
        name: the command, for the sentence that Ctrl-C ends in.
    """
    _commands.append(name)
    for number in SIGNALS:
        _handle(number, _leaving(name))
    if _POSIX:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)  # see start_again
        _open_closed_streams()
        _read_names_as_utf8()
        sys.stdout, sys.stderr = _patient(1, sys.stdout), _patient(2, sys.stderr)


def is_a_command() -> bool:
    """Tell whether this process is there for one command, and ends with it."""
    return bool(_commands)


def start_again(settings: dict[str, str]) -> None:
    """Start this command once more, in its place, with other variables of the environment; does not return.

    Signals wait meanwhile: a new Python would show a traceback.
    """
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, **settings})  # noqa: S606


def _read_names_as_utf8() -> None:
    """Start again in Python's UTF-8 mode where the locale asks for other letters.

    Names in catalogues and documents are UTF-8, and so are those that pyarrow opens. What is printed keeps to the
    letters of the terminal.
    """
    if sys.flags.utf8_mode or sys.getfilesystemencoding() == "utf-8":
        return
    if sys.flags.ignore_environment or os.environ.get("PYTHONUTF8") == "1":  # it would not help
        return
    letters = {"PYTHONIOENCODING": f"{sys.stdout.encoding}:backslashreplace", **_settings("PYTHONIOENCODING")}
    start_again({**letters, "PYTHONUTF8": "1"})


def _settings(*names: str) -> dict[str, str]:
    return {name: os.environ[name] for name in names if name in os.environ}


def _open_closed_streams() -> None:
    """Give the process the three standard streams, empty ones in place of those that the caller closed.

    Otherwise the next files that are opened get their numbers: worker processes wrote their messages into them, and
    waited for ever.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)  # the system gives the smallest number that is free
            os.set_inheritable(nowhere, True)  # noqa: FBT003
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


class _Output(io.FileIO):
    """A standard stream that goes on when it cannot be written: the work of the command is worth more.

    Attributes:
        failure: the first error; everything after it is dropped.
    """

    failure: OSError | None = None

    def write(self, data: Any, /) -> int:  # noqa: ANN401 -- any buffer of bytes
        """Write, or drop.

        Raises:
            BrokenPipeError: the program that read standard output has ended, for the first time.
        """
        if self.failure is None:
            try:
                return super().write(data)
            except OSError as error:
                self.failure = error
                if error.errno == errno.EPIPE and self.fileno() == 1:
                    raise
        return len(data)


def _patient(number: int, stream: TextIO) -> TextIO:
    """Standard output or standard error on an :class:`_Output`; letters that it lacks are spelled out."""
    by_line = number == 2 or stream.isatty() or getattr(stream, "write_through", False)
    stream.flush()
    buffer = io.BufferedWriter(_Output(number, "w", closefd=False))
    return io.TextIOWrapper(buffer, stream.encoding, "backslashreplace", line_buffering=by_line)


def unwritten(stream: TextIO | None) -> OSError | None:
    """Write what waits in a standard stream, and say why it could not be written.

    Returns:
        None where all is well, and where the stream was closed by the caller, who does not want it.
    """
    if stream is None or stream.closed:
        return None
    try:
        stream.flush()
        raw = getattr(getattr(stream, "buffer", None), "raw", None)
        failure = raw.failure if isinstance(raw, _Output) else None
    except OSError as error:
        failure = error
    return None if failure is None or failure.errno == errno.EBADF else failure


def note(number: int) -> None:
    """Remember that a signal came; for handlers of other modules."""
    _noted.append(number)


def exit_code_of_signal() -> int:
    """128 and the number of the first signal that came, as a shell has it; Ctrl-C's where none was noted."""
    return 128 + (_noted[0] if _noted else signal.SIGINT)


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Raise KeyboardInterrupt where a signal comes, and note it: libraries make other errors of the exception.

    A signal that comes after the block has ended well or not is not heard by it.

    Yields:
        A function that says whether a signal came.
    """
    _noted.clear()
    if threading.current_thread() is not threading.main_thread():
        yield lambda: bool(_noted)
        return
    before = {number: _handle(number, _interrupt) for number in SIGNALS}
    hook, sys.unraisablehook = sys.unraisablehook, _raise_again
    try:
        yield lambda: bool(_noted)
    finally:
        sys.unraisablehook = hook
        for number, handler in before.items():
            if handler is not None:  # set by another program than Python
                signal.signal(number, handler)


def ignore_signals() -> None:
    """Ignore what comes from now on: the process is about to end with the code of its work."""
    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    note(number)
    raise KeyboardInterrupt


def _raise_again(unraisable: "sys.UnraisableHookArgs") -> None:
    """Raise an interrupt again that came while Python could not let it through, such as in a destructor."""
    if unraisable.exc_type is KeyboardInterrupt:
        threading.Timer(_AGAIN_SECONDS, _interrupt_main_thread).start()
    else:
        sys.__unraisablehook__(unraisable)


def _interrupt_main_thread() -> None:
    main = threading.main_thread().ident
    if _POSIX and main is not None:
        signal.pthread_kill(main, signal.SIGINT)  # wakes it, whatever it waits in
    else:
        signal.raise_signal(signal.SIGINT)


def _handle(number: int, handler: Handler) -> Any:  # noqa: ANN401 -- a handler as the system has them
    """Set a handler, unless the caller wants the signal to be ignored: a job in the background of a script."""
    before = signal.getsignal(number)
    if before is not signal.SIG_IGN:
        signal.signal(number, handler)
    return before


def _leaving(name: str) -> Handler:
    """A handler that ends the process at once: nothing has begun yet, or all is done."""

    def leave(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        with suppress(OSError):
            os.write(2, f"{name}: Stopped.\n".encode())
        os._exit(128 + number)

    def leave_from_above(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            leave(exit_code_of_signal() - 128, None)
        sys.__excepthook__(kind, error, trace)

    sys.excepthook = leave_from_above
    return leave
