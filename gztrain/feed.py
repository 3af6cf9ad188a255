"""From selections of records to batches that lie on the device: the same size always, made ready in another thread."""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np

from gztrain.inputs import Batch, Reader, Selection, order
from gztrain.objectives import Objective
from gztrain.steps import Arrays

T = TypeVar("T")
AHEAD = 2
"""Batches that lie on the device before they are asked for."""


@dataclass(frozen=True, eq=False)
class Feed:
    """The training records of a run as batches of one size.

    An epoch sees every record. Where they do not fill its last batch, the first ones of the epoch come again: nothing
    is left out, and the step is compiled once.

    Attributes:
        reader: reads records.
        selection: the training records.
        objective: makes targets of them.
        batch: records a step.
        seed: of the run.
    """

    reader: Reader
    selection: Selection
    objective: Objective
    batch: int
    seed: int

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return -(-len(self.selection) // self.batch)

    def epoch(self, number: int, done: int = 0) -> Iterator[Arrays]:
        """Yield (images, lots, targets) of the steps of an epoch that are not done yet.

        Args:
            number: the epoch, from 0 over all stages.
            done: its steps that are done.
        """
        places = np.resize(order(self.seed, number, len(self.selection)), self.steps * self.batch)
        rest = places[done * self.batch :]
        for batch in self.reader.batches(self.selection, rest, self.batch, seed=self.seed, epoch=number):
            targets = self.objective.targets(batch)
            yield tuple(fill(part, self.batch) for part in (batch.images, batch.lots, targets))


def fill(array: Any, size: int) -> Any:  # noqa: ANN401 -- numpy arrays of any type
    """Repeat the rows of an array that has too few, as where damaged records were left out: [n, ...] to [size, ...]."""
    return array if len(array) == size else array[np.arange(size) % len(array)]


def in_order(reader: Reader, selection: Selection, batch: int) -> Iterator[Batch]:
    """Read all records of a selection in their order; the last batch may be short."""
    return reader.batches(selection, np.arange(len(selection), dtype=np.int64), batch)


@contextmanager
def ahead(items: Iterator[T], work: Callable[[T], Any], depth: int = AHEAD) -> Iterator[Iterator[Any]]:
    """Take items and work on them in another thread, a few ahead of whoever asks for the results.

    Whatever goes wrong there is raised where the result is asked for. When the block ends, the thread does, too.
    """
    producer = _Producer(items, work, depth)
    producer.start()
    try:
        yield producer.results()
    finally:
        producer.end()


class _End(NamedTuple):
    """The last thing a producer hands over: what went wrong, or nothing."""

    error: BaseException | None


class _Producer(threading.Thread):
    """The thread of :func:`ahead`."""

    def __init__(self, items: Iterator[T], work: Callable[[T], Any], depth: int) -> None:
        super().__init__(name="gztrain-feed", daemon=True)
        self._items, self._work = items, work
        self._queue: queue.Queue[Any] = queue.Queue(depth)
        self._unwanted = threading.Event()

    def run(self) -> None:
        """Work until there are no more items, or nobody wants them."""
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
        """Nobody wants any more."""
        self._unwanted.set()
        self.join()
