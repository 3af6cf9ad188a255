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
from gztrain.training.losses import TrainingLoss
from gztrain.training.mixing import Mixing


class StepInput(NamedTuple):
    """The input of one training step.

    Attributes:
        arrays: images, draws, targets; if images are mixed, what :meth:`gztrain.training.mixing.Mixing.mixed` adds.
        damaged: number of damaged records of this step that were left out.
    """

    arrays: Arrays
    damaged: int


@dataclass(frozen=True, eq=False)
class Feed:
    """The training records of a run as batches of one size.

    An epoch contains every record. If the records do not fill the last batch, the first records of the epoch are used
    again. So no record is left out, and all batches have one size, for which the step is compiled once.

    If damaged records are left out, other records of the same step are used twice. If all records of a step are
    damaged, the step uses the records of the next one. So the number of steps and the records of each step are always
    the same, also when a run is resumed.

    Attributes:
        reader: reads records.
        selection: the training records.
        training_loss: computes their targets.
        batch: number of records in a step.
        seed: of the run.
        mixing: mixes the images of a batch; None: they are not mixed.
    """

    reader: Reader
    selection: Selection
    training_loss: TrainingLoss
    batch: int
    seed: int
    mixing: Mixing | None = None

    @property
    def steps(self) -> int:
        """Number of steps of an epoch."""
        return -(-len(self.selection) // self.batch)

    def epoch(self, number: int, done: int = 0) -> Iterator[StepInput]:
        """Yield the inputs of the remaining steps of an epoch.

        Args:
            number: number of the epoch, counted from 0 over all stages.
            done: number of its steps that are complete.

        Raises:
            GzError: a record is damaged, and damaged records are not to be left out; or all records are damaged.
        """
        for step, fed in enumerate(self._unmixed(number, done), number * self.steps + done):
            yield fed if self.mixing is None else fed._replace(arrays=self.mixing.mixed(fed.arrays, step))

    def _unmixed(self, number: int, done: int) -> Iterator[StepInput]:
        places = np.resize(order(self.seed, number, len(self.selection)), (self.steps, self.batch))
        due = done
        for batch in self._read(places[done:], number):
            arrays = self._arrays(batch)
            while batch.places[0] not in places[due]:  # all records of the step that is due are damaged
                yield StepInput(arrays, self._damaged(places, due, None))
                due += 1
            yield StepInput(arrays, self._damaged(places, due, batch))
            due += 1
        if due < self.steps:  # all records of the last steps are damaged: use those of the first step
            arrays = self._arrays(next(self._read(places, number), None))
            yield from (StepInput(arrays, self._damaged(places, step, None)) for step in range(due, self.steps))

    def _read(self, places: Places, epoch: int) -> Iterator[Batch]:
        return self.reader.batches(self.selection, places.ravel(), self.batch, seed=self.seed, epoch=epoch)

    def _arrays(self, batch: Batch | None) -> Arrays:
        if batch is None:
            raise GzError(all_damaged(self.selection))
        arrays = (batch.images, batch.draws, self.training_loss.targets(batch))
        return tuple(fill(array, self.batch) for array in arrays)

    def _damaged(self, places: Places, step: int, batch: Batch | None) -> int:
        """Number of damaged records of a step. Records that are used again at the end of the epoch are not counted."""
        if batch is not None and len(batch) == self.batch:
            return 0
        own = places[step][: len(self.selection) - step * self.batch]
        return len(own) - (0 if batch is None else int(np.isin(own, batch.places).sum()))
