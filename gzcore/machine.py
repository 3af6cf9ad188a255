"""What this machine has and how it is set up. The one place that asks for names that macOS or Windows lack."""

import contextlib
import multiprocessing
import os
from pathlib import Path
from typing import BinaryIO

from gzcore.errors import UsageError

OPEN_TO_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""Flags of ``os.open`` for a file of any kind: a pipe does not block (not on Windows), bytes stay as they are."""


def cores() -> int:
    """Number of cores that this process may use; all of the machine's where the system cannot say (macOS, Windows)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_limit() -> int | None:
    """Bytes that this process may address (``ulimit -v``); None: no limit, or a system that has none (Windows)."""
    try:
        import resource
    except ImportError:
        return None
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit == resource.RLIM_INFINITY else limit


def start_method() -> str:
    """How worker processes are started: forked from a server that has imported what they need; on Windows, anew."""
    return "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"


def mark_used(file: BinaryIO) -> None:
    """Mark an open file as being written, until it is closed or the process ends; nothing where there are no marks."""
    try:
        import fcntl
    except ImportError:  # Windows, where an open file cannot be removed
        return
    with contextlib.suppress(OSError):  # a disk of the network may have no such marks
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def is_used(path: Path) -> bool:
    """Whether a process has marked a file as being written."""
    try:
        import fcntl
    except ImportError:
        return False
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def read_at(descriptor: int, target: memoryview, offset: int) -> int:
    """Read bytes of a file into memory, without a copy where the system can; not for several threads at once.

    Returns:
        How many bytes were read.
    """
    if hasattr(os, "preadv"):
        return os.preadv(descriptor, (target,), offset)
    os.lseek(descriptor, offset, os.SEEK_SET)
    data = os.read(descriptor, len(target))
    target[: len(data)] = data
    return len(data)


def seconds_from_environment(variable: str, default: float, longest: float, zero: str) -> float:
    """Read a time limit, in seconds, from a variable of the environment.

    Args:
        variable: its name.
        default: where it is not set.
        longest: largest limit that the caller can keep.
        zero: what 0 means, for the sentence: ``no limit``.

    Raises:
        UsageError: it holds something else than a number from 0 to ``longest``.
    """
    text = os.environ.get(variable, str(default))
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= longest:  # nan is refused, too
        raise UsageError(f"{variable} is {text!r}; expected a number of seconds, 0 for {zero}.")
    return seconds
