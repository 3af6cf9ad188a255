"""A selection of the galaxies of a data set, with their labels: one by one, in batches, for TensorFlow and PyTorch."""

import operator
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, SupportsIndex, overload

import numpy as np
import numpy.typing as npt

from gzcore.console import say
from gzcore.console.call import keywords
from gzcore.console.given import told, whole
from gzcore.dataset.tree import Question
from gztrain.api import show
from gztrain.api.for_torch import samples, samples_for_loader, worker_memory
from gztrain.data import Batch, Reader, open_reader, order
from gztrain.data.buffers import ImageBuffers
from gztrain.data.label_source import LabelSource
from gztrain.data.order import Places
from gztrain.data.random_access import RandomAccess
from gztrain.data.shared_blocks import SharedBlocks

if TYPE_CHECKING:
    import tensorflow as tf

    from gztrain.api.galaxies import GalaxyDataset

Sample = dict[str, Any]
"""One record: ``image, labels, mask, fraction, votes, id, view``; see :class:`GalaxySelection`."""
Arrays = dict[str, npt.NDArray[Any]]
"""B records: the same keys, each an array of B rows."""
_OTHER_NAMES = {"batch_size": "batch"}
"""What PyTorch and Keras call a keyword, as the command line takes it, too."""
_KEPT_BATCHES = 8
"""Free buffers that wait for the next pass: new memory for each pass would cost a tenth of the time of a short one."""


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

    >>> import gztrain
    >>> train = gztrain.open_dataset("gz2-shards").select("train", folds=[1, 2, 3, 4], views=2)
    >>> galaxy = train[0]
    >>> sorted(galaxy)
    ['fraction', 'id', 'image', 'labels', 'mask', 'view', 'votes']
    >>> galaxy["image"].dtype, galaxy["labels"].shape == (len(train.label_names),)
    (dtype('uint8'), True)
    """

    data: "GalaxyDataset"
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

        >>> import gztrain
        >>> train = gztrain.open_dataset("gz2-shards").select("train")
        >>> train[[3, 0, 5]]["image"].shape
        (3, 64, 64, 3)
        """
        if isinstance(index, slice):
            return self._batch(self._sliced(index))
        try:
            operator.index(index)  # type: ignore[arg-type]
        except TypeError:  # a list, or an array: as samplers of PyTorch and Grain name the records of a batch
            if isinstance(index, str) or not isinstance(index, Iterable):
                raise self._no_place(index) from None
            return self._batch(index)
        return samples(self._batch([index]))[0]  # type: ignore[list-item]

    def _sliced(self, places: slice) -> range:
        try:
            return range(len(self))[places]
        except (TypeError, ValueError):  # an end that is no whole number, or a step of 0
            raise self._no_place(places) from None

    def _no_place(self, came: object) -> TypeError:
        return TypeError(
            f"Records are named by their places, 0 to {len(self) - 1}, in lists or in slices; got {told(came)}."
        )

    def _batch(self, indices: Iterable[SupportsIndex], memory: SharedBlocks | None = None) -> Arrays:
        places = [self._place(index) for index in indices]
        if not places:
            raise IndexError("No record was named; a batch has 1 record or more.")
        return self._arrays(self._records.batch(places, memory))

    def __getitems__(self, indices: Sequence[SupportsIndex]) -> list[Sample]:
        """The records at several places: PyTorch's loader asks for a batch in this way."""
        return samples_for_loader(self._batch(indices, worker_memory()))

    def _place(self, index: SupportsIndex) -> int:
        if isinstance(index, bool | np.bool_):
            raise TypeError(
                "True and False name no record; numpy.flatnonzero makes places of a mask, such as that of a table."
            )
        try:
            place = operator.index(index)
        except TypeError:
            raise self._no_place(index) from None
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

    @keywords("batches", _OTHER_NAMES)
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
            batch: records in a batch, also called ``batch_size``; the last one has fewer if they do not divide evenly.
            shuffle: in the order of (seed, epoch), which ``gztrain fit`` has, too; else in the order of the shards.
            seed: of the order.
            epoch: another epoch, another order.
            drop_last: leave out a last batch that has fewer records.
            threads: how many decode; None: one a core.

        Raises:
            UsageError: a number is out of range.
            GzError: a record is damaged, and ``skip_damaged`` was not chosen.

        >>> import gztrain
        >>> train = gztrain.open_dataset("gz2-shards").select("train")
        >>> for batch in train.batches(16, shuffle=True, seed=0):
        ...     known = batch["labels"][batch["mask"] == 1]
        """
        batch, seed, epoch, threads = _numbers(batch, seed, epoch, threads)
        places = self._order(batch, shuffle=shuffle, seed=seed, epoch=epoch, drop_last=drop_last)
        reader = open_reader(threads=threads, skip_damaged=self.skip_damaged, buffers=self._buffers)
        return self._read(reader, places, batch)

    def _read(self, reader: Reader, places: Places, batch: int) -> Iterator[Arrays]:
        yield from map(self._arrays, reader.batches(self._records.selection, places, batch))
        if len(reader.damage):
            say(reader.damage.sentence())

    def _order(self, batch: int, *, shuffle: bool, seed: int, epoch: int, drop_last: bool) -> Places:
        read = len(self) // batch * batch if drop_last else len(self)
        places = order(seed, epoch, len(self)) if shuffle else np.arange(len(self), dtype=np.int64)
        return places[:read]

    @keywords("to_tf", _OTHER_NAMES)
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

        >>> import gztrain
        >>> train = gztrain.open_dataset("gz2-shards").select("train")
        >>> images, labels = next(iter(train.to_tf(16)))
        >>> images.shape, labels.shape
        (TensorShape([16, 64, 64, 3]), TensorShape([16, 8]))
        """
        from gztrain.api.to_tf import as_dataset

        batch, seed, epoch, threads = _numbers(batch, seed, epoch, threads)
        options = {"shuffle": shuffle, "seed": seed, "drop_last": drop_last, "threads": threads}
        return as_dataset(self, batch, epoch, options)

    def to_torch(self) -> "GalaxySelection":
        """This selection itself: a map-style dataset, as ``torch.utils.data.DataLoader`` takes it.

        PyTorch is not imported here. The loader makes tensors of the arrays; images keep their shape [S, S, 3]. Give it
        ``batch_size`` and leave ``collate_fn`` out: then a batch is read as a whole, and on Linux its images are not
        copied on their way from a worker process. Their memory is used again when the program has dropped the tensor.

        >>> import gztrain
        >>> galaxies = gztrain.open_dataset("gz2-shards").select("train").to_torch()
        >>> len(galaxies) == len(galaxies.data.select("train"))
        True
        """
        return self

    def __repr__(self) -> str:
        choice = f"{self.split!r}, folds={self.folds}, views={self.views}, scheme={self.scheme!r}"
        policy = f"labels={self.labels!r}, min_votes={self._source.min_votes}, ties={self._source.ties!r}"
        return f"{self.data!r}.select({choice}, {policy}, skip_damaged={self.skip_damaged})"

    def _repr_html_(self) -> str:
        folds = "all folds" if self.folds is None else f"folds {show.listed(self.folds)}"
        views = f"views 0 to {self.views}" if self.views else "view 0"
        facts = {
            "from": f"{self.split}, {folds}, {views}",
            "labels": f"{len(self.label_names)} of the scheme {self.scheme}, as {self.labels}",
        }
        return show.panel(f"{len(self):,} records of {self.data.place}", facts, show.galaxies(self))


def _numbers(batch: int, seed: int, epoch: int, threads: int | None) -> tuple[int, int, int, int | None]:
    """Check what a pass is made of before it begins, not with its first batch.

    Raises:
        UsageError: a number is none, or out of range.
    """
    return (
        whole("batch", batch, 1),
        whole("seed", seed),
        whole("epoch", epoch),
        None if threads is None else whole("threads", threads, 1),
    )
