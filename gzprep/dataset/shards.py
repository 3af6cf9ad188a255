"""Shard arithmetic: how many bins, which galaxy goes into which, in what order, under what file name.

A **bin** is the unit of work: about 1/N of a split's galaxies, all of one fold. Bin i of the training split becomes
shard i of ``train`` (view 0) and shard i of ``train_views`` (the augmented views).
"""

import math
from dataclasses import dataclass
from typing import Self

from gzcore.dataset.layout import FOLDS, TEST_FOLD, VIEWS
from gzcore.hashing import identity_hash
from gzprep.catalogue.galaxy import Split
from gzprep.config import Crop, Recipe

_BYTES_PER_PIXEL = {"jpeg": 0.165, "png": 1.0}
"""Typical encoded size: 8.3 KB for a JPEG of quality 90, 50 KB for a PNG, of 224 x 224 px (750 GZ2 galaxies)."""
_RECORD_OVERHEAD = 750
"""Labels, id, framing and ops of a record, bytes."""


@dataclass(frozen=True, order=True, slots=True)
class Bin:
    """One unit of work: bin ``index`` of ``count`` in a split."""

    split: Split
    index: int
    count: int

    def __post_init__(self) -> None:
        if not 0 <= self.index < self.count:
            raise ValueError(f"A bin's index is 0 to {self.count - 1}; got {self.index}.")

    @property
    def name(self) -> str:
        """Name of the bin, such as ``train-00003-of-00020``."""
        return f"{self.split}-{self.index:05d}-of-{self.count:05d}"

    @classmethod
    def parse(cls, name: str) -> Self:
        """Undo :attr:`name`."""
        split, index, _, count = name.split("-")
        return cls(Split(split), int(index), int(count))

    @property
    def fold(self) -> int:
        """Fold of every galaxy in the bin; -1 in test."""
        return self.index % FOLDS if self.split is Split.TRAIN else TEST_FOLD

    @property
    def shard_splits(self) -> tuple[str, ...]:
        """The splits of the data set that the bin writes a shard of."""
        return (Split.TRAIN.value, VIEWS) if self.split is Split.TRAIN else (Split.TEST.value,)


@dataclass(frozen=True, slots=True)
class BinCounts:
    """Number of bins of each split; 0 where the split is empty."""

    train: int
    test: int

    def of(self, split: Split) -> int:
        """Number of bins of a split."""
        return self.train if split is Split.TRAIN else self.test

    def bins(self) -> tuple[Bin, ...]:
        """Every bin of the data set."""
        return tuple(Bin(split, index, self.of(split)) for split in Split for index in range(self.of(split)))


def record_bytes(crop: Crop) -> int:
    """Rough size of one record, for planning only."""
    return round(crop.size**2 * _BYTES_PER_PIXEL[crop.encoding]) + _RECORD_OVERHEAD


def plan_bins(train: int, test: int, recipe: Recipe) -> BinCounts:
    """Choose the number of bins for so many galaxies, so that the largest shard of a bin is near its aim."""
    views = max(recipe.views.count, 1)
    per_fold = _bins_for(train * views, recipe, FOLDS)
    return BinCounts(FOLDS * per_fold if train else 0, _bins_for(test, recipe, 1) if test else 0)


def _bins_for(records: int, recipe: Recipe, folds: int) -> int:
    size = records * record_bytes(recipe.crop) / (recipe.shards.megabytes * 1e6)
    return max(recipe.shards.min_bins, math.ceil(size / folds))


def fold_of(galaxy_id: str, split_seed: int) -> int:
    """Fold of a training galaxy, 0 to 4: all its views are in it."""
    return identity_hash("fold", split_seed, galaxy_id) % FOLDS


def own_fold(galaxy_id: str, split: Split, split_seed: int) -> int:
    """Fold of a galaxy without duplicates: its id decides; -1 in test."""
    return fold_of(galaxy_id, split_seed) if split is Split.TRAIN else TEST_FOLD


def bin_of(galaxy_id: str, split: Split, counts: BinCounts, split_seed: int, fold_id: str | None = None) -> Bin:
    """The bin a galaxy belongs to.

    Args:
        galaxy_id: of the galaxy.
        split: of the galaxy.
        counts: number of bins.
        split_seed: of the recipe.
        fold_id: the id that decides the fold; None: its own.
    """
    hashed = identity_hash("bin", split_seed, galaxy_id)
    if split is Split.TEST:
        return Bin(split, hashed % counts.test, counts.test)
    fold = fold_of(fold_id or galaxy_id, split_seed)
    return Bin(split, fold + FOLDS * (hashed % (counts.train // FOLDS)), counts.train)


def order_of(galaxy_id: str, view: int, split_seed: int) -> int:
    """Sort key of a record within its shard, so that the views of a galaxy do not sit together."""
    return identity_hash("order", split_seed, galaxy_id, view)
