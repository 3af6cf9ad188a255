"""A lock on a folder: one run at a time writes into it."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from gzcore.errors import GzError
from gzcore.storage.atomic import writing
from gzcore.storage.places import Place, Url


@contextlib.contextmanager
def locked(
    root: Place, work: str, advice: str = "choose another folder", *, made: Place | None = None
) -> Iterator[None]:
    """Hold the lock of a folder, which the system lets go of when the process ends, however it ends.

    A bucket has no such lock, and one that outlives a killed run is worse than none. There, the second run finds
    the plan of the first, and two runs of one plan write the same bytes under the same names.

    Args:
        root: the folder; it is made where it is not there.
        work: name of the folder in it that holds the file ``lock``.
        advice: what to do instead of waiting.
        made: what is being written, for the sentence; None: the folder.

    Raises:
        GzError: another run holds it, or it cannot be made.
    """
    if isinstance(root, Url):
        yield
        return
    with writing(root):
        (root / work).mkdir(parents=True, exist_ok=True)
        lock = FileLock(root / work / "lock", blocking=False, thread_local=False, fallback_to_soft=False)
        try:
            lock.acquire()
        except Timeout:
            raise GzError(f"Another run is writing into {made or root}; wait for it, or {advice}.") from None
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def in_turn(folder: Path, name: str) -> Iterator[None]:
    """Wait until no other command is in this block for the same folder: to read a small file, change it and write it.

    Args:
        folder: it is made where it is not there; the one above it must be, since what is changed lies there.
        name: of the lock's file in it.

    Raises:
        GzError: the lock cannot be made.
    """
    with writing(folder):
        folder.mkdir(exist_ok=True)
        lock = FileLock(folder / name, thread_local=False, fallback_to_soft=False)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
