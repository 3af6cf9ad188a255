"""Threads that read images while a model looks at those before."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from threading import Lock
from typing import TypeVar

import cv2
from threadpoolctl import threadpool_limits

from gzcore.machine import cores

_Named = TypeVar("_Named")
_Read = TypeVar("_Read")


@contextmanager
def reading_threads() -> Iterator[Executor]:
    """Threads that read and judge images, one a core. Meanwhile OpenCV and numpy compute in the thread that calls them.

    Their own threads gain nothing beside these, and wait busily: a look at a picture would take twice the processor
    time, and the distances of a part several times as much.
    """
    with _LIBRARIES, ThreadPoolExecutor(cores()) as pool:
        yield pool


class _OneThread:
    """Libraries compute in one thread from the first that enters to the last that leaves, in whatever order."""

    def __init__(self) -> None:
        self._lock, self._inside, self._after = Lock(), 0, ExitStack()

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._after.callback(cv2.setNumThreads, cv2.getNumThreads())
                self._after.enter_context(threadpool_limits(1, user_api="blas"))
                cv2.setNumThreads(1)
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._after.close()


_LIBRARIES = _OneThread()


def read_ahead(
    pool: Executor, read: Callable[[_Named], _Read], batches: Iterable[Sequence[_Named]]
) -> Iterator[list[_Read]]:
    """Yield what was read of each batch; the next one is being read meanwhile."""
    before: list[Iterator[_Read]] = []
    for batch in batches:
        coming = pool.map(read, batch)
        yield from map(list, before)
        before = [coming]
    yield from map(list, before)


def in_batches(named: Sequence[_Named], size: int) -> Iterator[Sequence[_Named]]:
    """Batches of so many, the last may be smaller; of none, one that is empty."""
    yield from (named[start : start + size] for start in range(0, max(1, len(named)), size))
