"""The dataset folder as a trainer sees it: its shards, its decision tree, and the labels of a scheme.

Nothing here reads a record. All of it comes from the manifest.
"""

import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gzcore.dataset.features import Widths
from gzcore.dataset.layout import SPLITS, TEST_FOLD
from gzcore.dataset.making import remake
from gzcore.dataset.manifest import Json, read_manifest
from gzcore.dataset.schema import Manifest
from gzcore.dataset.tfrecord import OVERHEAD
from gzcore.dataset.tree import Question
from gzcore.errors import GzError, UsageError
from gzcore.storage.places import Place, Url
from gztrain.data.cache import folder_here


@dataclass(frozen=True)
class Shard:
    """One file of records: all of one split and one fold (-1 in test).

    ``records``, ``bytes`` and ``sha256`` are what the manifest says; the file may have changed since.
    """

    path: Path
    split: str
    fold: int
    records: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Scheme:
    """The questions of the tree that a model answers.

    Attributes:
        name: such as ``"reduced"``.
        questions: those it asks, in the tree's order.
        places: where its labels stand among all labels of a record.
        names: names of its labels, in the same order.
        fraction_places: where the fractions of all answers of its questions stand among all fractions of a record.
    """

    name: str
    questions: tuple[Question, ...]
    places: tuple[int, ...]
    names: tuple[str, ...]
    fraction_places: tuple[int, ...]

    @cached_property
    def blocks(self) -> tuple[slice, ...]:
        """Where the labels of each question stand among the scheme's own, one slice a question."""
        return _blocks(len(question.labels) for question in self.questions)

    @cached_property
    def fraction_blocks(self) -> tuple[slice, ...]:
        """Where the fractions of each question stand among the scheme's own, one slice a question."""
        return _blocks(len(question.answers) for question in self.questions)

    @cached_property
    def question_places(self) -> npt.NDArray[np.int64]:
        """Of each label, the place of its question among all questions of a record: int64 [L]."""
        return np.array([question.index for question in self.questions for _ in question.used], np.int64)

    @cached_property
    def answer_places(self) -> npt.NDArray[np.int64]:
        """Of each label, the places of all answers of its question among all fractions of a record: int64 [L, A].

        A is the number of answers of the question that has most; -1 stands where another one has fewer.
        """
        most = max(len(question.answers) for question in self.questions)
        answers = [self.fraction_places[block] for block in self.fraction_blocks]
        rows = [[*part, *[-1] * (most - len(part))] for part in answers]
        counts = [len(question.used) for question in self.questions]
        return np.repeat(np.array(rows, np.int64), counts, axis=0)


@dataclass(frozen=True, eq=False)
class Dataset:
    """A whole dataset folder.

    Attributes:
        root: the folder on this machine.
        manifest: its manifest, parsed.
        crop: side of the images, px.
        widths: how many fractions, votes and labels a record has.
        questions: the decision tree.
        label_names: names of all labels of a record.
        fraction_names: names of all vote fractions of a record.
        shards: all files of records, in the manifest's order.
        source: the bucket's folder that its shards are fetched from; None: they are all here.
    """

    root: Path
    manifest: Json
    crop: int
    widths: Widths
    questions: tuple[Question, ...]
    label_names: tuple[str, ...]
    fraction_names: tuple[str, ...]
    shards: tuple[Shard, ...]
    source: Url | None = None

    @property
    def place(self) -> Place:
        """The place that the user named."""
        return self.source or self.root

    @cached_property
    def folds(self) -> tuple[int, ...]:
        """The folds that training galaxies are in."""
        return tuple(sorted(int(fold) for fold in self.manifest["labels"]["folds"]))

    @cached_property
    def views(self) -> int:
        """Number of extra views of each training galaxy."""
        return int(self.manifest["recipe"]["views"]["count"])

    def shards_of(self, split: str, folds: Collection[int] | None = None) -> tuple[Shard, ...]:
        """The shards of a split: ``train``, ``train_views`` or ``test``.

        Args:
            split: which.
            folds: those to take; None: all.

        Raises:
            UsageError: there is no such split or fold.
        """
        if split not in SPLITS:
            raise UsageError(f"There is no split {split!r}; choose one of {', '.join(SPLITS)}.")
        strange = set(folds or ()) - {*self.folds, TEST_FOLD}
        if strange:
            known = ", ".join(map(str, self.folds))
            raise UsageError(f"There is no fold {min(strange)} in {self.place}; its folds are {known}.")
        return tuple(
            shard for shard in self.shards if shard.split == split and (folds is None or shard.fold in set(folds))
        )


def _blocks(widths: Iterator[int]) -> tuple[slice, ...]:
    slices: list[slice] = []
    for width in widths:
        start = slices[-1].stop if slices else 0
        slices.append(slice(start, start + width))
    return tuple(slices)


def open_dataset(place: Place) -> Dataset:
    """Open a dataset folder, reading nothing but its manifest.

    One in a bucket comes to this machine as it is used (:mod:`gztrain.data.cache`).

    A shard that is shorter than the manifest says is not an error yet: its records are missed where they are read,
    with the shard's name and their number, or counted with ``--skip-damaged``.

    Raises:
        GzError: there is no manifest, it is damaged or of a newer format, or a shard that it lists is missing or
            longer than it should be.
    """
    folder = folder_here(place)
    manifest, document = read_manifest(folder)
    dataset = _describe(folder, manifest, document, place)
    here = [shard for shard in dataset.shards if dataset.source is None or shard.path.exists()]
    lost = sum(_lost_in(shard) for shard in here)
    if lost > MOST_LOST:
        raise GzError(
            f"The shards in {folder} are cut: {lost} of the records that the manifest lists are not in them; "
            f"{remake(folder)}: it makes what is missing."
        )
    return dataset


def _describe(folder: Path, manifest: Manifest, document: Json, place: Place) -> Dataset:
    labels = manifest.labels
    return Dataset(
        root=folder,
        manifest=document,
        crop=manifest.recipe.crop.size,
        widths=manifest.widths,
        questions=tuple(Question(**entry.model_dump()) for entry in labels.questions),
        label_names=labels.names,
        fraction_names=labels.fraction_names,
        shards=tuple(_shards(folder, manifest)),
        source=place if isinstance(place, Url) else None,
    )


def _shards(folder: Path, manifest: Manifest) -> Iterator[Shard]:
    for split in SPLITS:
        for entry in getattr(manifest.splits, split).shards:
            yield Shard(folder / entry.file, split, entry.fold, entry.records, entry.bytes, entry.sha256)


MOST_LOST = 1_000_000
"""Records that may be missing; each takes some memory, since it is counted and told."""


def _lost_in(shard: Shard) -> int:
    """Check the file of a shard; return how many records cannot be in it, because it was cut.

    Raises:
        GzError: it is missing, is not a file, or is longer than it should be.
    """
    try:
        state = shard.path.stat()
    except OSError as error:
        raise GzError(
            f"The shard {shard.path} of the manifest cannot be found ({error.strerror}); "
            f"{remake(shard.path.parent)}: it makes what is missing."
        ) from None
    size = state.st_size
    if not stat.S_ISREG(state.st_mode):
        raise GzError(f"The shard {shard.path} is not a regular file; remove it, and {remake(shard.path.parent)}.")
    if size > shard.bytes:
        raise GzError(
            f"The shard {shard.path} has {size} bytes, the manifest says {shard.bytes}: it is not the file that was "
            f"written; {remake(shard.path.parent)}: it makes what differs."
        )
    return max(0, shard.records - size // OVERHEAD)


AUTO = "auto"
"""In the place of the name of a scheme: the first of these that the data set has."""
_AUTO = ("reduced", "all")


def choose_scheme(dataset: Dataset, name: str) -> Scheme:
    """Look up what a scheme asks of the records of a folder.

    Args:
        dataset: the folder.
        name: of the scheme; ``auto``: ``reduced`` where the folder has it, else ``all``. Of a folder that gzprep merge
            joined, ``auto`` is ``all``, for ``reduced`` may have questions of one survey only.

    Raises:
        UsageError: the folder has no such scheme.
        GzError: the folder lacks some of its labels.
    """
    known: Json = dataset.manifest["labels"]["schemes"]
    if name == AUTO:
        usual = ("all",) if dataset.manifest["source"].get("kind") == "merged" else _AUTO
        name = next(filter(known.__contains__, usual), name)
    if name not in known:
        raise UsageError(f"There is no scheme {name!r} in {dataset.place}; choose one of {', '.join(known)}.")
    places = tuple(int(place) for place in known[name])
    width = len(dataset.label_names)
    beyond = [place for place in places if not 0 <= place < width]
    if beyond or not places:
        raise GzError(
            f"The scheme {name!r} wants {len(places)} labels, up to number {max(places, default=0)}; the records in "
            f"{dataset.place} have {width} (0 to {width - 1}). {_MAKE_AGAIN}"
        )
    return _scheme(dataset, name, places)


_MAKE_AGAIN = "Choose another scheme, or make the data set again with gzprep run."


def _scheme(dataset: Dataset, name: str, places: tuple[int, ...]) -> Scheme:
    names = tuple(dataset.label_names[place] for place in places)
    questions = tuple(question for question in dataset.questions if set(question.labels) & set(names))
    lacking = sorted({label for question in questions for label in question.labels} - set(names))
    fractions = [fraction for question in questions for fraction in question.fraction_columns]
    lacking += [fraction for fraction in fractions if fraction not in dataset.fraction_names]
    if lacking or len(names) != sum(len(question.labels) for question in questions):
        raise GzError(
            f"The scheme {name!r} of {dataset.place} does not ask whole questions: it lacks "
            f"{', '.join(lacking) or 'a question for some label'}. {_MAKE_AGAIN}"
        )
    return Scheme(name, questions, places, names, tuple(map(dataset.fraction_names.index, fractions)))
