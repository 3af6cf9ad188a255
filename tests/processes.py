"""Processes of this machine, as a test sees them: their families, and whether they are still there."""

import contextlib
import os
import time
from pathlib import Path

from gzcore.errors import GzError

PROC = Path("/proc")


def children(pid: int) -> list[int]:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        tasks = (PROC / str(pid) / "task").iterdir()
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    return []


def descendants(pid: int) -> list[int]:
    return [other for child in children(pid) for other in (child, *descendants(child))]


def wait_until_gone(pids: list[int]) -> None:
    """Wait until processes have ended; a bounded wait for an event, not a guess of its time."""
    give_up = time.monotonic() + 30
    while any(is_running(pid) for pid in pids):
        assert time.monotonic() < give_up
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def sleep_at(path: Path) -> None:
    """Write this process's id into a file, and then work for longer than any test waits."""
    beside = path.with_suffix(".part")
    beside.write_text(str(os.getpid()))
    beside.replace(path)
    time.sleep(600)


def fail_beside(path: Path) -> None:
    """Fail as soon as another process is at work."""
    wait_for(path)
    raise GzError("A sentence.")


def wait_for(*paths: Path) -> None:
    """Wait until files are there; bounded."""
    give_up = time.monotonic() + 60
    while not all(path.exists() for path in paths):
        assert time.monotonic() < give_up
        time.sleep(0.005)


def append(path: Path, text: str) -> None:
    """Note that this call was made, behind those that were made before."""
    with path.open("a") as file:
        file.write(text)
