"""Put rows and images together to a batch, without the damaged records."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gzcore.dataset.tfrecord import DamagedRecord
from gzcore.images import Pixels
from gztrain.data.batch import Batch, Ints
from gztrain.data.damage import Damage
from gztrain.data.fast_parse import Row
from gztrain.data.order import DRAWS, Draws, Places, draws
from gztrain.data.selection import Selection


@dataclass(frozen=True, eq=False)
class Assembly:
    """What all batches of an epoch share: the records, what to do about damage, and the seed of random numbers.

    Without an epoch, draws are 0: they cost a tenth of a single record, and only an augmentation uses them.
    """

    selection: Selection
    damage: Damage
    seed: int
    epoch: int | None

    def batch(self, places: Places, rows: Sequence[Row | DamagedRecord], images: Pixels) -> Iterator[Batch]:
        """Yield the batch of the records at some places; nothing, if all of them are damaged.

        Args:
            places: int64 [B].
            rows: the row of each; an error where the record cannot be used.
            images: uint8 [B, H, W, 3]; undefined where the record cannot be used.

        Raises:
            GzError: a record is damaged, and such records are not to be skipped.
        """
        good = [row for row in rows if isinstance(row, Row)]
        if len(good) < len(rows):
            self._report(places, rows)
            kept = [isinstance(row, Row) for row in rows]
            places, images = places[kept], images[kept]
        if good:
            yield _join(images, good, places, self._draws(places), self.selection)

    def _draws(self, places: Places) -> Draws:
        if self.epoch is None:
            return np.zeros((len(places), DRAWS), np.float32)
        return draws(self.seed, self.epoch, places)

    def _report(self, places: Places, rows: Sequence[Row | DamagedRecord]) -> None:
        for place, row in zip(places.tolist(), rows, strict=True):
            if isinstance(row, DamagedRecord):
                self.damage.report(self.selection, place, str(row))


def _join(images: Pixels, rows: Sequence[Row], places: Places, chance: Draws, selection: Selection) -> Batch:
    widths = selection.widths
    return Batch(
        images=images,
        ids=tuple(row.id for row in rows),
        views=np.array([row.view for row in rows], np.int64),
        fractions=np.frombuffer(b"".join(row.fraction for row in rows), "<f4").reshape(-1, widths.fractions),
        votes=np.frombuffer(b"".join(row.votes for row in rows), "<f4").reshape(-1, widths.votes),
        label_asked=_labels((row.label_asked for row in rows), widths.labels),
        label_report=_labels((row.label_report for row in rows), widths.labels),
        mask=_labels((row.mask for row in rows), widths.labels),
        places=places,
        draws=chance,
        debiased=selection.debiased,
    )


def _labels(parts: Iterable[bytes], width: int) -> Ints:
    return np.frombuffer(b"".join(parts), np.uint8).reshape(-1, width).astype(np.int64)
