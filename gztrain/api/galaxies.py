"""A data set, and a selection of its galaxies with their labels, as a program reads them."""

import operator
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, SupportsIndex, get_args, overload

import numpy as np
import numpy.typing as npt

from gzcore.console import say
from gzcore.dataset.layout import CATALOGUE, TEST, TRAIN
from gzcore.dataset.tree import Question
from gzcore.errors import GzError, UsageError
from gzcore.storage.places import Place, as_place
from gztrain.api import show
from gztrain.api.frames import as_frame
from gztrain.data import Batch, Reader, open_reader, order, select
from gztrain.data.buffers import ImageBuffers
from gztrain.data.dataset import Dataset, choose_scheme
from gztrain.data.dataset import open_dataset as open_folder
from gztrain.data.galaxies import read_catalogue
from gztrain.data.label_source import LabelSource
from gztrain.data.labels import POLICIES, Policy, Ties
from gztrain.data.order import Places
from gztrain.data.random_access import RandomAccess
from gztrain.data.selection import check_views

if TYPE_CHECKING:
    import tensorflow as tf
    from pandas import DataFrame

Sample = dict[str, Any]
"""One record: ``image, labels, mask, fraction, votes, id, view``; see :class:`GalaxySelection`."""
Arrays = dict[str, npt.NDArray[Any]]
"""B records: the same keys, each an array of B rows."""
_KEPT_BATCHES = 8
"""Free buffers that wait for the next pass: new memory for each pass would cost a tenth of the time of a short one."""


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
    return place if isinstance(place, GalaxyDataset) else GalaxyDataset(open_folder(as_place(os.fspath(place))))


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
            raise GzError(
                f"There is no {CATALOGUE} in {self.place}; run gzprep run --out {self.place} again: it makes what is "
                "missing."
            )
        return as_frame(table)

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
    ) -> "GalaxySelection":
        """Choose galaxies, and how their votes become labels.

        Args:
            split: ``train`` or ``test``.
            folds: a fold or several; None: all.
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
        if ties not in get_args(Ties):
            raise UsageError(f"There is no way {ties!r} with ties; choose one of {', '.join(get_args(Ties))}.")
        if split == TRAIN:
            check_views(self._dataset, views)
        chosen = [folds] if isinstance(folds, int) else None if folds is None else [*folds]
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


@dataclass(frozen=True, eq=False, repr=False)
class GalaxySelection:
    """N records of a data set with L labels each; :meth:`GalaxyDataset.select` makes one.

    It is a sequence: ``len(train)``, ``train[i]``; ``train[[3, 0]]`` and ``train[:8]`` are batches. PyTorch calls this
    a map-style dataset, and Grain a random-access data source. Any number of threads may read at one time, and it may
    be sent to worker processes. A record is a dict:

    * ``image``: uint8 [S, S, 3], RGB, 0 to 255; S is the crop of the data set.
    * ``labels``: int64 [L], 0 or 1; 0 where masked. :attr:`label_names` has their names.
    * ``mask``: int64 [L], 1 where the label is known.
    * ``fraction``: float32 [F], vote fractions of all answers of the tree; NaN where no volunteer was asked.
    * ``votes``: float32 [Q], total votes of each question of the tree; NaN where there are no counts.
    * ``id``: str, the galaxy. ``view``: int, 0 to 12.

    A batch is a dict with the same keys, of arrays with B rows; ``id`` is an array of str, ``view`` int64.

    >>> train = open_dataset("gz2-shards").select("train", folds=[1, 2, 3, 4], views=2)
    >>> galaxy = train[0]
    >>> sorted(galaxy)
    ['fraction', 'id', 'image', 'labels', 'mask', 'view', 'votes']
    >>> galaxy["image"].dtype, galaxy["labels"].shape == (len(train.label_names),)
    (dtype('uint8'), True)
    """

    data: GalaxyDataset
    _records: RandomAccess
    _source: LabelSource
    split: str
    folds: list[int] | None
    views: int
    skip_damaged: bool
    _buffers: ImageBuffers = field(default_factory=lambda: ImageBuffers(_KEPT_BATCHES))

    @property
    def scheme(self) -> str:
        """Name of the label scheme."""
        return self._source.scheme.name

    @property
    def labels(self) -> str:
        """The label policy."""
        return self._source.policy

    @property
    def label_names(self) -> tuple[str, ...]:
        """Names of the L labels, in their order."""
        return self._source.scheme.names

    @property
    def questions(self) -> tuple[Question, ...]:
        """The questions that the labels answer, in the order of the labels."""
        return self._source.scheme.questions

    def __len__(self) -> int:
        return len(self._records.selection)

    @overload
    def __getitem__(self, index: SupportsIndex) -> Sample: ...
    @overload
    def __getitem__(self, index: "slice | Iterable[SupportsIndex]") -> Arrays: ...
    def __getitem__(self, index: "SupportsIndex | slice | Iterable[SupportsIndex]") -> Sample | Arrays:
        """The record at a place, from 0; negative places count from the end. Several places, or a slice: a batch.

        Raises:
            IndexError: there is no such place.
            GzError: a record is damaged.

        >>> train = open_dataset("gz2-shards").select("train")
        >>> train[[3, 0, 5]]["image"].shape
        (3, 64, 64, 3)
        """
        if isinstance(index, slice):
            return self._batch(range(len(self))[index])
        try:
            place = operator.index(index)  # type: ignore[arg-type]
        except TypeError:  # a list, or an array: as samplers of PyTorch and Grain name the records of a batch
            return self._batch(index)  # type: ignore[arg-type]
        return self.__getitems__([place])[0]

    def _batch(self, indices: Iterable[SupportsIndex]) -> Arrays:
        places = [self._place(index) for index in indices]
        if not places:
            raise IndexError("No record was named; a batch has 1 record or more.")
        return self._arrays(self._records.batch(places))

    def __getitems__(self, indices: Sequence[SupportsIndex]) -> list[Sample]:
        """The records at several places: PyTorch's loader asks for a batch in this way."""
        batch = self._batch(indices)
        ids, views = batch.pop("id").tolist(), batch.pop("view").tolist()
        return [
            {**{key: values[row] for key, values in batch.items()}, "id": ids[row], "view": views[row]}
            for row in range(len(ids))
        ]

    def _place(self, index: SupportsIndex) -> int:
        place = operator.index(index)
        if not -len(self) <= place < len(self):
            raise IndexError(f"There is no record {place}; this selection has {len(self)}.")
        return place % len(self)

    def _arrays(self, batch: Batch) -> Arrays:
        labels, mask = self._source.of(batch)
        return {
            "image": batch.images,
            "labels": labels,
            "mask": mask,
            "fraction": batch.fractions.copy(),  # those of the batch cannot be written, and PyTorch wants that
            "votes": batch.votes.copy(),
            "id": np.array(batch.ids, np.str_),
            "view": batch.views,
        }

    def batches(  # noqa: PLR0913 -- how to read
        self,
        batch: int = 64,
        *,
        shuffle: bool = False,
        seed: int = 0,
        epoch: int = 0,
        drop_last: bool = False,
        threads: int | None = None,
    ) -> Iterator[Arrays]:
        """Read all records once, in batches, as fast as the machine decodes them: on several threads, ahead of the use.

        Args:
            batch: records in a batch; the last one has fewer where they do not divide evenly.
            shuffle: in the order of (seed, epoch), which ``gztrain fit`` has, too; else in the order of the shards.
            seed: of the order.
            epoch: another epoch, another order.
            drop_last: leave out a last batch that has fewer records.
            threads: how many decode; None: one a core.

        Raises:
            UsageError: a number is out of range.
            GzError: a record is damaged, and ``skip_damaged`` was not chosen.

        >>> train = open_dataset("gz2-shards").select("train")
        >>> for batch in train.batches(16, shuffle=True, seed=0):
        ...     known = batch["labels"][batch["mask"] == 1]
        """
        places = self._order(batch, shuffle=shuffle, seed=seed, epoch=epoch, drop_last=drop_last)
        reader = open_reader(threads=threads, skip_damaged=self.skip_damaged, buffers=self._buffers)
        return self._read(reader, places, batch)

    def _read(self, reader: Reader, places: Places, batch: int) -> Iterator[Arrays]:
        yield from map(self._arrays, reader.batches(self._records.selection, places, batch))
        if len(reader.damage):
            say(reader.damage.sentence())

    def _order(self, batch: int, *, shuffle: bool, seed: int, epoch: int, drop_last: bool) -> Places:
        if batch < 1:
            raise UsageError(f"A batch has 1 record or more; got {batch}.")
        read = len(self) // batch * batch if drop_last else len(self)
        places = order(seed, epoch, len(self)) if shuffle else np.arange(len(self), dtype=np.int64)
        return places[:read]

    def to_tf(  # noqa: PLR0913 -- as batches
        self,
        batch: int = 64,
        *,
        shuffle: bool = False,
        seed: int = 0,
        epoch: int = 0,
        drop_last: bool = False,
        threads: int | None = None,
    ) -> "tf.data.Dataset":
        """Batches of (image, labels) for ``model.fit`` of Keras: uint8 [B, S, S, 3], float32 [B, L].

        A masked label is NaN; ``gztrain.MaskedBinaryCrossentropy`` leaves it out. With ``shuffle``, each pass has the
        order of the next epoch. The arguments are those of :meth:`batches`, and the first pass has its batches.

        Raises:
            GzError: TensorFlow is not installed.
            UsageError: a number is out of range.

        >>> train = open_dataset("gz2-shards").select("train")
        >>> images, labels = next(iter(train.to_tf(16)))
        >>> images.shape, labels.shape
        (TensorShape([16, 64, 64, 3]), TensorShape([16, 8]))
        """
        from gztrain.api.to_tf import as_dataset

        options = {"shuffle": shuffle, "seed": seed, "drop_last": drop_last, "threads": threads}
        self._order(batch, shuffle=False, seed=seed, epoch=epoch, drop_last=drop_last)
        return as_dataset(self, batch, epoch, options)

    def to_torch(self) -> "GalaxySelection":
        """This selection itself: a map-style dataset, as ``torch.utils.data.DataLoader`` takes it.

        PyTorch is not imported here. The loader makes tensors of the arrays; images keep their shape [S, S, 3].

        >>> galaxies = open_dataset("gz2-shards").select("train").to_torch()
        >>> len(galaxies) == len(galaxies.data.select("train"))
        True
        """
        return self

    def __repr__(self) -> str:
        choice = f"{self.split!r}, folds={self.folds}, views={self.views}, scheme={self.scheme!r}"
        policy = f"labels={self.labels!r}, min_votes={self._source.min_votes}, ties={self._source.ties!r}"
        return f"{self.data!r}.select({choice}, {policy}, skip_damaged={self.skip_damaged})"

    def _repr_html_(self) -> str:
        folds = "all" if self.folds is None else show.listed(self.folds)
        facts = {
            "from": f"{self.split}, folds {folds}, views 0 to {self.views}",
            "labels": f"{len(self.label_names)} of the scheme {self.scheme}, as {self.labels}",
        }
        return show.panel(f"{len(self):,} records of {self.data.place}", facts, show.galaxies(self))
