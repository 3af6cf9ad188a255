"""From selections of records to batches on the device: always of the same size, prepared in another thread."""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

import numpy as np

from gzcore.errors import GzError
from gztrain.data import Batch, Reader, Selection

T = TypeVar("T")
AHEAD = 2
"""Batches that lie on the device before they are asked for."""


def fill(array: Any, size: int) -> Any:  # noqa: ANN401 -- numpy arrays of any type
    """Repeat the rows of an array that has too few, as where damaged records were left out: [n, ...] to [size, ...]."""
    return array if len(array) == size else array[np.arange(size) % len(array)]


def in_order(reader: Reader, selection: Selection, batch: int) -> Iterator[Batch]:
    """Read all records of a selection in their order; the last batch may be short.

    Raises:
        GzError: a record is damaged, and such records are not to be skipped; or all of them are.
    """
    number = -1
    for number, part in enumerate(reader.batches(selection, np.arange(len(selection), dtype=np.int64), batch)):  # noqa: B007
        yield part
    if number < 0:
        raise GzError(all_damaged(selection))


def all_damaged(selection: Selection) -> str:
    """The sentence for a selection of which no record can be used."""
    return (
        f"All {len(selection)} records in {selection.shards[0].path.parent} that were to be read are damaged; "
        "gzprep verify says how, and gzprep run makes them anew."
    )


@contextmanager
def ahead(items: Iterator[T], work: Callable[[T], Any], depth: int = AHEAD) -> Iterator[Iterator[Any]]:
    """Take items and work on them in another thread, a few ahead of the code that takes the results.

    An error in the thread is raised where the result is asked for. The thread ends with the block.
    """
    producer = _Producer(items, work, depth)
    producer.start()
    try:
        yield producer.results()
    finally:
        producer.end()


class _End(NamedTuple):
    """The last item of a producer, with the error that ended it, or None."""

    error: BaseException | None


class _Producer(threading.Thread):
    """The thread of :func:`ahead`."""

    def __init__(self, items: Iterator[T], work: Callable[[T], Any], depth: int) -> None:
        super().__init__(name="gztrain-feed", daemon=True)
        self._items, self._work = items, work
        self._queue: queue.Queue[Any] = queue.Queue(depth)
        self._unwanted = threading.Event()

    def run(self) -> None:
        """Work until there are no more items, or they are not wanted any more."""
        error: BaseException | None = None
        try:
            for item in self._items:
                if not self._hand_over(self._work(item)):
                    break
        except BaseException as raised:  # raised again in the thread that asks
            error = raised
        getattr(self._items, "close", bool)()
        self._hand_over(_End(error))

    def _hand_over(self, result: Any) -> bool:  # noqa: ANN401
        while not self._unwanted.is_set():
            try:
                self._queue.put(result, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def results(self) -> Iterator[Any]:
        """The results, in order."""
        while True:
            result = self._queue.get()
            if not isinstance(result, _End):
                yield result
            elif result.error is not None:
                raise result.error
            else:
                return

    def end(self) -> None:
        """No more results are wanted."""
        self._unwanted.set()
        self.join()
