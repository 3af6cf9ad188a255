"""From selections of records to batches that lie on the device: the same size always, made ready in another thread."""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np

from gztrain.errors import GztrainError
from gztrain.inputs import Batch, Reader, Selection, order
from gztrain.inputs.order import Places
from gztrain.objectives import Objective
from gztrain.steps import Arrays

T = TypeVar("T")
AHEAD = 2
"""Batches that lie on the device before they are asked for."""


class Fed(NamedTuple):
    """What a step is fed with.

    Attributes:
        arrays: images, lots, targets.
        damaged: records of this step that were left out for their damage.
    """

    arrays: Arrays
    damaged: int


@dataclass(frozen=True, eq=False)
class Feed:
    """The training records of a run as batches of one size.

    An epoch sees every record. Where they do not fill its last batch, the first ones of the epoch come again: nothing
    is left out, and the step is compiled once. Where damaged records are left out, others of the step come twice; a
    step of nothing else is fed with the next one's records. So an epoch has as many steps, and every step is of the
    same records, wherever a run goes on.

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

    def epoch(self, number: int, done: int = 0) -> Iterator[Fed]:
        """Yield what the steps of an epoch that are not done yet are fed with.

        Args:
            number: the epoch, from 0 over all stages.
            done: its steps that are done.

        Raises:
            GztrainError: a record is damaged, and such records are not to be skipped; or all of them are.
        """
        places = np.resize(order(self.seed, number, len(self.selection)), (self.steps, self.batch))
        due = done
        for batch in self._read(places[done:], number):
            arrays = self._arrays(batch)
            while batch.places[0] not in places[due]:  # nothing is left of the step that is due
                yield Fed(arrays, self._damaged(places, due, None))
                due += 1
            yield Fed(arrays, self._damaged(places, due, batch))
            due += 1
        if due < self.steps:  # nothing is left of the last ones: after them comes the first again
            arrays = self._arrays(next(self._read(places, number), None))
            yield from (Fed(arrays, self._damaged(places, step, None)) for step in range(due, self.steps))

    def _read(self, places: Places, epoch: int) -> Iterator[Batch]:
        return self.reader.batches(self.selection, places.ravel(), self.batch, seed=self.seed, epoch=epoch)

    def _arrays(self, batch: Batch | None) -> Arrays:
        if batch is None:
            raise GztrainError(_all_damaged(self.selection))
        parts = (batch.images, batch.lots, self.objective.targets(batch))
        return tuple(fill(part, self.batch) for part in parts)

    def _damaged(self, places: Places, step: int, batch: Batch | None) -> int:
        """Records that a step lacks; those that come again at the end of the epoch were counted before."""
        if batch is not None and len(batch) == self.batch:
            return 0
        own = places[step][: len(self.selection) - step * self.batch]
        return len(own) - (0 if batch is None else int(np.isin(own, batch.places).sum()))


def fill(array: Any, size: int) -> Any:  # noqa: ANN401 -- numpy arrays of any type
    """Repeat the rows of an array that has too few, as where damaged records were left out: [n, ...] to [size, ...]."""
    return array if len(array) == size else array[np.arange(size) % len(array)]


def in_order(reader: Reader, selection: Selection, batch: int) -> Iterator[Batch]:
    """Read all records of a selection in their order; the last batch may be short.

    Raises:
        GztrainError: a record is damaged, and such records are not to be skipped; or all of them are.
    """
    number = -1
    for number, part in enumerate(reader.batches(selection, np.arange(len(selection), dtype=np.int64), batch)):  # noqa: B007
        yield part
    if number < 0:
        raise GztrainError(_all_damaged(selection))


def _all_damaged(selection: Selection) -> str:
    return (
        f"All {len(selection)} records in {selection.shards[0].path.parent} that were to be read are damaged; "
        "gzprep verify says how, and gzprep run makes them anew."
    )


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
