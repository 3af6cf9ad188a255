"""Commands in forks of this process, which has imported what they need: seconds of start-up are spent once."""

import mmap
import os
import signal
import struct
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO

LONGEST = 180
"""Seconds after which a command counts as hanging: the system then sends it SIGALRM."""
_COUNTS = struct.Struct("qq")


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
        code: its exit code, or minus the number of the signal that ended it.
        out, err: what it wrote.
        events: how many events there were, where they were counted.
        struck: whether the fault struck.
    """

    code: int
    out: str
    err: str
    events: int
    struck: bool


class Shared:
    """Two numbers that a fork shares with its parent, and that outlive SIGKILL: events, and strikes."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _COUNTS.size)

    @property
    def counts(self) -> tuple[int, int]:
        """Events and strikes."""
        events, strikes = _COUNTS.unpack(self._memory[:])
        return events, strikes

    def count(self, number: int) -> None:
        """Note the number of the newest event."""
        self._memory[:] = _COUNTS.pack(number, self.counts[1])

    def strike(self) -> None:
        """Note that the fault strikes."""
        self._memory[:] = _COUNTS.pack(self.counts[0], self.counts[1] + 1)


@dataclass(frozen=True)
class Running:
    """A fork that is at work."""

    pid: int
    out: IO[str]
    err: IO[str]
    shared: Shared

    def end(self) -> Ended:
        """Wait for it."""
        _, status = os.waitpid(self.pid, 0)
        events, strikes = self.shared.counts
        return Ended(os.waitstatus_to_exitcode(status), _text_of(self.out), _text_of(self.err), events, strikes > 0)


def _text_of(file: IO[str]) -> str:
    with file:
        file.seek(0)
        return file.read()


def fork(
    main: Callable[[], object], argv: Sequence[str], environment: dict[str, str], arm: Callable[[Shared], None]
) -> Running:
    """Begin a command.

    Args:
        main: the command line.
        argv: its words, the program first.
        environment: variables to set.
        arm: called in the fork before the command begins.
    """
    out, err = (tempfile.TemporaryFile("w+", errors="replace") for _ in range(2))  # noqa: SIM115 -- end closes them
    shared = Shared()
    sys.stdout.flush()
    pid = os.fork()
    if not pid:
        try:
            _become(out, err, environment)
            sys.argv = list(argv)
            arm(shared)
            code = _code_of(main)
        except BaseException as error:  # of the harness, or one that passed the command line
            sys.stderr.write(f"Traceback: {type(error).__name__} left the command: {error}\n")
            code = 99
        os._exit(_flushed(code))
    return Running(pid, out, err, shared)


def _become(out: IO[str], err: IO[str], environment: dict[str, str]) -> None:
    os.dup2(out.fileno(), 1)
    os.dup2(err.fileno(), 2)
    os.environ.update(environment)
    tempfile.tempdir = None  # it was chosen for the parent
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.alarm(LONGEST)


def _code_of(main: Callable[[], object]) -> int:
    try:
        main()
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    return 0


def _flushed(code: int) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    return code
