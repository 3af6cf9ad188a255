"""What the shards of a data set hold: which galaxy in which views, shard and fold; in little memory for each galaxy."""

import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gzcore.dataset.example import Record
from gzcore.dataset.layout import FOLDS, TEST_FOLD, VIEWS

Key = tuple[str, int]
"""Galaxy id and view."""
MOST_VIEWS = 99
"""Views of a galaxy beside the original, at most, as the recipe has it."""
_VIEW_BITS = (1 << MOST_VIEWS + 1) - 1
_SHARD_SHIFT = MOST_VIEWS + 1


@dataclass
class Contents:
    """Galaxies of each split, and sums over the labels of their originals.

    Attributes:
        labels: numbers in a label vector.
        records: number of records.
        galaxies: by split and id, one number: a bit for each view, and above these bits the index of the shard.
        repeated: by split and id, views that came again.
        folds: by id, a bit for each fold, the lowest bit for -1.
        originals: by fold, number of records with view 0.
        label_sums: by fold, sums of mask, label_asked and label_report over records with view 0, int64 [3, labels].
    """

    labels: int
    records: int = 0
    galaxies: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    repeated: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    folds: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    originals: Counter[int] = field(default_factory=Counter)
    label_sums: dict[int, npt.NDArray[np.int64]] = field(init=False)

    def __post_init__(self) -> None:
        self.label_sums = defaultdict(lambda: np.zeros((3, self.labels), np.int64))

    def add(self, split: str, shard: int, record: Record) -> None:
        """Add a record; its view and fold must be in their ranges."""
        self.records += 1
        galaxy, bit = sys.intern(record.id), 1 << record.view
        known = self.galaxies[split].get(galaxy, shard << _SHARD_SHIFT)
        if known & bit:
            self.repeated[split, galaxy].append(record.view)
        self.galaxies[split][galaxy] = known | bit
        self.folds[galaxy] |= 1 << (record.fold - TEST_FOLD)
        if split != VIEWS:
            self.originals[record.fold] += 1
            self.label_sums[record.fold] += np.stack([record.mask, record.label_asked, record.label_report])

    def views_of(self, split: str, galaxy: str) -> list[int]:
        """The views of a galaxy in a split, sorted; one that is there twice comes twice."""
        bits = self.galaxies[split].get(galaxy, 0) & _VIEW_BITS
        return sorted([*_set_bits(bits), *self.repeated.get((split, galaxy), ())])

    def shard_of(self, split: str, galaxy: str) -> int | None:
        """Index of the first shard in which a galaxy was seen."""
        known = self.galaxies[split].get(galaxy)
        return None if known is None else known >> _SHARD_SHIFT

    def folds_of(self, galaxy: str) -> list[int]:
        """The folds in which a galaxy was seen."""
        return [bit + TEST_FOLD for bit in _set_bits(self.folds[galaxy])]

    def keys(self) -> Iterator[Key]:
        """Yield galaxy and view of every record."""
        for split, galaxies in self.galaxies.items():
            for galaxy in galaxies:
                yield from ((galaxy, view) for view in self.views_of(split, galaxy))


def _set_bits(bits: int) -> list[int]:
    return [place for place in range(bits.bit_length()) if bits >> place & 1]


def is_in_range(record: Record) -> bool:
    """Tell whether view and fold of a record are numbers that a data set can have."""
    return 0 <= record.view <= MOST_VIEWS and TEST_FOLD <= record.fold < FOLDS
