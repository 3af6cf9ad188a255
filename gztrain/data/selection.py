"""Which records a run uses: places 0 to n - 1, each a record of some shard."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gzcore.dataset.features import Widths
from gzcore.dataset.layout import TEST, TRAIN, VIEWS
from gzcore.errors import UsageError
from gztrain.data.cache import fetch
from gztrain.data.dataset import Dataset, Shard
from gztrain.data.debiased import DebiasedVotes, debiased_votes
from gztrain.data.index import ENTRY, Lost, index_shard


@dataclass(frozen=True, eq=False)
class Selection:
    """The records of a run. Place p is record ``number[p]`` of ``shards[shard[p]]``.

    Attributes:
        crop: side of the images, px.
        widths: how many fractions, votes and labels a record has.
        shards: files.
        shard: int32 [n], which of the files.
        number: int32 [n], which record of the file, from 0.
        offset: int64 [n], where its frame begins in the file.
        length: int32 [n], its length without the frame; -1: the file is damaged before it, and it is beyond reach.
        lost: records that are beyond reach, by the place of their file among the shards.
        debiased: labels of the policy ``debiased``, by galaxy.
    """

    crop: int
    widths: Widths
    shards: tuple[Shard, ...]
    shard: npt.NDArray[np.int32]
    number: npt.NDArray[np.int32]
    offset: npt.NDArray[np.int64]
    length: npt.NDArray[np.int32]
    lost: dict[int, Lost]
    debiased: DebiasedVotes | None = None

    def __len__(self) -> int:
        return len(self.shard)


def select(
    dataset: Dataset,
    split: str = TRAIN,
    folds: Collection[int] | None = None,
    views: int = 0,
    *,
    share_views: bool = False,
) -> Selection:
    """Choose the records of a run; their places follow the manifest.

    Args:
        dataset: where they are.
        split: ``train`` or ``test``.
        folds: those to take; None: all.
        views: take extra views 1 to ``views`` of each training galaxy beside view 0, as far as the folder has them.
        share_views: take the extra views of all folds, whatever ``folds`` says.

    Raises:
        UsageError: there is no such split or fold, or extra views are asked of a split that has none.
        GzError: a shard cannot be opened.
    """
    if views < 0 or (views and split != TRAIN):
        raise UsageError(f"{views} extra views cannot be had: training galaxies have up to {dataset.views}, test none.")
    if split not in (TRAIN, TEST):
        raise UsageError(f"There is no split {split!r} to choose records of; choose {TRAIN} or {TEST}.")
    shards = dataset.shards_of(split, folds)
    if views:
        shards += dataset.shards_of(VIEWS, None if share_views else folds)
    fetch(dataset.source, ((shard.path, shard.bytes, shard.sha256) for shard in shards))
    return _join(dataset, shards, views)


def check_views(dataset: Dataset, asked: int) -> None:
    """Refuse a number of extra views that a folder does not have.

    Raises:
        UsageError: it has fewer.
    """
    if asked > dataset.views:
        raise UsageError(
            f"--views {asked} was asked for, and {dataset.place} has {dataset.views} extra views of each training "
            f"galaxy; ask for {dataset.views} or fewer, or make more with gzprep run --views {asked}."
        )


def _join(dataset: Dataset, shards: tuple[Shard, ...], views: int) -> Selection:
    indexes = [index_shard(shard) for shard in shards]
    numbers = [np.flatnonzero(index.entries["view"] <= views).astype(np.int32) for index in indexes]
    chosen = [index.entries[wanted] for index, wanted in zip(indexes, numbers, strict=True)]
    entries = np.concatenate([np.empty(0, ENTRY), *chosen])
    return Selection(
        crop=dataset.crop,
        widths=dataset.widths,
        shards=shards,
        shard=np.repeat(np.arange(len(shards), dtype=np.int32), [len(part) for part in numbers]),
        number=np.concatenate([np.empty(0, np.int32), *numbers]),
        offset=np.ascontiguousarray(entries["offset"]),
        length=np.ascontiguousarray(entries["length"]),
        lost={place: index.lost for place, index in enumerate(indexes) if index.lost is not None},
        debiased=debiased_votes(dataset),
    )
