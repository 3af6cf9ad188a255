"""The training records of a run as batches of one size, ready for the device."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gzcore.errors import GzError
from gztrain.data import Batch, Reader, Selection, order
from gztrain.data.order import Places
from gztrain.data.stream import all_damaged, fill
from gztrain.training.backends import Arrays
from gztrain.training.losses import Objective


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
            GzError: a record is damaged, and such records are not to be skipped; or all of them are.
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
            raise GzError(all_damaged(self.selection))
        parts = (batch.images, batch.lots, self.objective.targets(batch))
        return tuple(fill(part, self.batch) for part in parts)

    def _damaged(self, places: Places, step: int, batch: Batch | None) -> int:
        """Records that a step lacks; those that come again at the end of the epoch were counted before."""
        if batch is not None and len(batch) == self.batch:
            return 0
        own = places[step][: len(self.selection) - step * self.batch]
        return len(own) - (0 if batch is None else int(np.isin(own, batch.places).sum()))
