"""A data set as a program reads it."""

import os
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from gzcore.console.call import keywords
from gzcore.console.given import index, path_text, told, whole
from gzcore.dataset.layout import CATALOGUE, TEST, TRAIN
from gzcore.dataset.making import remake
from gzcore.dataset.tree import Question
from gzcore.errors import GzError, UsageError
from gzcore.storage.places import Place, as_place
from gztrain.api import show
from gztrain.api.frames import as_frame
from gztrain.api.selection import GalaxySelection
from gztrain.data import select
from gztrain.data.dataset import Dataset, choose_scheme
from gztrain.data.dataset import open_dataset as open_folder
from gztrain.data.debiased import check_policy
from gztrain.data.galaxies import read_catalogue
from gztrain.data.label_source import LabelSource
from gztrain.data.labels import POLICIES, Policy, Ties
from gztrain.data.random_access import RandomAccess
from gztrain.data.selection import check_views

if TYPE_CHECKING:
    from pandas import DataFrame


def open_dataset(place: "str | os.PathLike[str] | GalaxyDataset") -> "GalaxyDataset":
    """Open a dataset folder that ``gzprep run`` made; nothing but its manifest is read.

    Args:
        place: a folder of this machine, or an address such as ``gs://bucket/folder``. Shards in a bucket are fetched
            when they are first used, and kept in ``GZTRAIN_CACHE``.

    Raises:
        GzError: there is no whole dataset folder.

    >>> data = open_dataset("gz2-shards")
    >>> data.folds
    (0, 1, 2, 3, 4)
    """
    return (
        place
        if isinstance(place, GalaxyDataset)
        else GalaxyDataset(open_folder(as_place(path_text("open_dataset", place))))
    )


@dataclass(frozen=True, eq=False, repr=False)
class GalaxyDataset:
    """A whole dataset folder. :func:`gztrain.open_dataset` opens one.

    >>> data = open_dataset("gz2-shards")
    >>> [question.name for question in data.questions[:2]]
    ['smooth-or-featured-gz2', 'disk-edge-on-gz2']
    >>> data.schemes["q0"]  # of two answers one is a label: the other one is its opposite
    ('smooth-or-featured-gz2_smooth',)
    """

    _dataset: Dataset

    @property
    def place(self) -> Place:
        """The folder, as it was named."""
        return self._dataset.place

    @property
    def manifest(self) -> dict[str, Any]:
        """``manifest.json``: recipe, counts, labels, shards, hashes."""
        return self._dataset.manifest

    @property
    def crop(self) -> int:
        """Height and width of the images, px."""
        return self._dataset.crop

    @property
    def folds(self) -> tuple[int, ...]:
        """The folds of the training galaxies."""
        return self._dataset.folds

    @property
    def views(self) -> int:
        """Number of augmented views of each training galaxy, beside view 0."""
        return self._dataset.views

    @property
    def questions(self) -> tuple[Question, ...]:
        """The questions of the decision tree, in its order: names, answers, titles."""
        return self._dataset.questions

    @property
    def schemes(self) -> dict[str, tuple[str, ...]]:
        """Label schemes by name, each with the names of its labels."""
        return {name: choose_scheme(self._dataset, name).names for name in self.manifest["labels"]["schemes"]}

    @property
    def fraction_names(self) -> tuple[str, ...]:
        """Names of the F vote fractions of a record, in its order."""
        return self._dataset.fraction_names

    def catalogue(self) -> "DataFrame":
        """The catalogue: one row for each galaxy, rejected ones too, with verdict, split, fold, votes and labels.

        Raises:
            GzError: it is absent or damaged, or pandas is not installed.

        >>> catalogue = open_dataset("gz2-shards").catalogue()
        >>> sorted(catalogue["split"].unique())
        ['test', 'train']
        """
        table = read_catalogue(self._dataset)
        if table is None:
            raise GzError(f"There is no {CATALOGUE} in {self.place}; {remake(self.place)}: it makes what is missing.")
        return as_frame(table)

    @keywords("select")
    def select(  # noqa: PLR0913 -- what may be chosen
        self,
        split: str = TRAIN,
        *,
        folds: int | Collection[int] | None = None,
        views: int = 0,
        scheme: str = "auto",
        labels: Policy = "asked",
        min_votes: int = 5,
        ties: Ties = "mask",
        skip_damaged: bool = False,
    ) -> GalaxySelection:
        """Choose galaxies, and how their votes become labels.

        Args:
            split: ``train`` or ``test``.
            folds: a fold or several, not none of them; None: all.
            views: so many augmented views of each training galaxy, beside view 0.
            scheme: which labels; :attr:`schemes` has them.
            labels: the label policy: ``asked`` masks questions that no volunteer was asked; ``report`` masks none.
            min_votes: under ``asked``, a question with fewer votes is masked.
            ties: under ``asked``, ``mask`` or ``keep`` a question with two best answers.
            skip_damaged: leave damaged records out of batches; else the first one is an error.

        Raises:
            UsageError: there is no such split, fold, scheme or policy, or the folder has fewer views.
            GzError: a shard cannot be read.

        >>> data = open_dataset("gz2-shards")
        >>> train = data.select("train", folds=[1, 2, 3, 4], views=2, scheme="reduced", labels="asked")
        >>> validation = data.select("train", folds=0)
        """
        if labels not in POLICIES:
            raise UsageError(f"There is no label policy {labels!r}; choose one of {', '.join(POLICIES)}.")
        check_policy(self._dataset, labels)
        if ties not in get_args(Ties):
            raise UsageError(f"There is no way {ties!r} with ties; choose one of {', '.join(get_args(Ties))}.")
        views, min_votes = whole("views", views), whole("min_votes", min_votes)
        if split == TRAIN:
            check_views(self._dataset, views)
        chosen = None if folds is None else _folds(folds)
        records = RandomAccess(select(self._dataset, split, chosen, views))
        source = LabelSource(choose_scheme(self._dataset, scheme), labels, min_votes, ties)
        return GalaxySelection(self, records, source, split, chosen, views, skip_damaged)

    def __fspath__(self) -> str:
        return str(self.place)

    def __repr__(self) -> str:
        return f"open_dataset({str(self.place)!r})"

    def _repr_html_(self) -> str:
        size = {split: sum(shard.records for shard in self._dataset.shards_of(split)) for split in (TRAIN, TEST)}
        facts = {
            "galaxies": f"{size[TRAIN]:,} train, {size[TEST]:,} test",
            "views of a training galaxy": self.views + 1,
            "images": f"{self.crop} x {self.crop} px",
            "folds": show.listed(self.folds),
            "schemes": show.listed(self.schemes),
        }
        return show.panel(f"Data set {self.manifest.get('name', '')} in {self.place}", facts)


def _folds(folds: Any) -> list[int]:  # noqa: ANN401 -- what came
    """A fold or several, also as numpy gives them."""
    with suppress(TypeError):
        return [index(folds)]
    try:
        found = [index(fold) for fold in folds]
    except TypeError:
        raise UsageError(f"folds takes a whole number or several, such as 0 or [1, 2]; got {told(folds)}.") from None
    if not found:
        raise UsageError(f"folds is {told(folds)}, which chooses no galaxy; name a fold, or leave folds out for all.")
    return found
