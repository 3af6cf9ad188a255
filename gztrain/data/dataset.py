"""The dataset folder as a trainer sees it: what is in it by its manifest, and which labels a scheme asks for.

Nothing here reads a record. Tree, labels and schemes come from the manifest, so that a folder explains itself.
"""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from gzcore.errors import GzError, UsageError
from gzcore.storage.places import Place, Url
from gztrain.data.cache import folder_here

FORMAT = 1
"""The newest format of a dataset folder that is understood here."""

TRAIN, VIEWS, TEST = "train", "train_views", "test"
"""The splits that shards belong to: view 0 of training galaxies, their extra views, view 0 of test galaxies."""

SCHEMES = (*(f"q{index}" for index in range(11)), "hubble", "reduced", "all")
"""The names of all schemes there are; what they ask for stands in the manifest."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Question:
    """One question of the decision tree.

    Attributes:
        index: place in the tree, 0 to 10.
        name: the prefix of its labels and fractions, such as ``"disk-edge-on-gz2"``.
        title: the question as a person would ask it.
        used: answers that are labels, in order.
        twin: the redundant answer of a question with one label (label 0 says the same), or None.
        dropped: an answer that is neither label nor twin, or None.
        parent: (question name, answer) that leads here; None where everybody is asked.
    """

    index: int
    name: str
    title: str
    used: tuple[str, ...]
    twin: str | None = None
    dropped: str | None = None
    parent: tuple[str, str] | None = None

    @cached_property
    def answers(self) -> tuple[str, ...]:
        """Every answer, in the order of the fractions: used, twin, dropped."""
        return (*self.used, *(answer for answer in (self.twin, self.dropped) if answer is not None))

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Names of its labels, one a used answer."""
        return tuple(f"{self.name}_{answer}" for answer in self.used)

    @cached_property
    def fractions(self) -> tuple[str, ...]:
        """Names of its vote fractions, one an answer."""
        return tuple(f"{self.name}_{answer}_fraction" for answer in self.answers)


@dataclass(frozen=True)
class Shard:
    """One file of records: all of one split and one fold (-1 in test).

    ``records``, ``bytes`` and ``sha256`` are what the manifest says, whatever the file has become since.
    """

    path: Path
    split: str
    fold: int
    records: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Scheme:
    """What a model is asked: some questions of the tree.

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


@dataclass(frozen=True, eq=False)
class Dataset:
    """A whole dataset folder.

    Attributes:
        root: the folder on this machine.
        manifest: its manifest, parsed.
        crop: side of the images, px.
        questions: the decision tree.
        label_names: names of all labels of a record.
        fraction_names: names of all vote fractions of a record.
        shards: all files of records, in the manifest's order.
        source: the bucket's folder that its shards are fetched from; None: they are all here.
    """

    root: Path
    manifest: Json
    crop: int
    questions: tuple[Question, ...]
    label_names: tuple[str, ...]
    fraction_names: tuple[str, ...]
    shards: tuple[Shard, ...]
    source: Url | None = None

    @property
    def place(self) -> Place:
        """Where the user has it."""
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
        if split not in (TRAIN, VIEWS, TEST):
            raise UsageError(f"There is no split {split!r}; choose one of {TRAIN}, {VIEWS}, {TEST}.")
        strange = set(folds or ()) - {*self.folds, -1}
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
    with the shard's name and their number, or counted with ``--skip-corrupt``.

    Raises:
        GzError: there is no manifest, it is damaged or of a newer format, or a shard that it lists is missing or
            longer than it should be.
    """
    folder = folder_here(place)
    manifest = _read_manifest(folder)
    try:
        dataset = _describe(folder, manifest, place)
        _ = dataset.folds, dataset.views, manifest["labels"]["schemes"].keys()  # what is looked up later is there, too
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise GzError(_damaged(folder, f"{type(error).__name__}: {error}")) from None
    for shard in dataset.shards:
        if dataset.source is None or shard.path.exists():
            _check_file(shard)
    return dataset


def _read_manifest(folder: Path) -> Json:
    path = folder / "manifest.json"
    if not folder.is_dir():
        raise GzError(f"There is no dataset folder {folder}; make one with gzprep run --out {folder}.")
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise GzError(
            f"{folder} has no manifest.json, so it is not a whole dataset folder; gzprep run --out {folder} makes or "
            "finishes one."
        ) from None
    except OSError as error:
        raise GzError(f"{path} cannot be read ({error.strerror}).") from None
    except ValueError:
        raise GzError(_damaged(folder, "it is not JSON")) from None
    if not isinstance(manifest, dict) or not isinstance(manifest.get("format"), int):
        raise GzError(_damaged(folder, "it does not say its format"))
    if manifest["format"] > FORMAT:
        raise GzError(
            f"{folder} has format {manifest['format']}; this gztrain knows formats up to {FORMAT}. Install a newer one."
        )
    return manifest


def _damaged(folder: Path, why: str) -> str:
    path = folder / "manifest.json"
    return f"{path} is damaged ({why}); run gzprep run --out {folder} again: it writes the manifest anew."


def _describe(folder: Path, manifest: Json, place: Place) -> Dataset:
    labels = manifest["labels"]
    return Dataset(
        root=folder,
        manifest=manifest,
        crop=int(manifest["recipe"]["crop"]["size"]),
        questions=tuple(_question(entry) for entry in labels["questions"]),
        label_names=tuple(labels["names"]),
        fraction_names=tuple(labels["fraction_names"]),
        shards=tuple(_shards(folder, manifest["splits"])),
        source=place if isinstance(place, Url) else None,
    )


def _question(entry: Json) -> Question:
    parent = entry["parent"]
    return Question(
        index=int(entry["index"]),
        name=entry["name"],
        title=entry["title"],
        used=tuple(entry["used"]),
        twin=entry["twin"],
        dropped=entry["dropped"],
        parent=None if parent is None else (parent[0], parent[1]),
    )


def _shards(folder: Path, splits: Json) -> Iterator[Shard]:
    for split in (TRAIN, VIEWS, TEST):
        for entry in splits[split]["shards"]:
            name = entry["file"]
            if Path(name).name != name:
                raise ValueError(f"{name!r} is not the name of a file in the folder")
            fold, records, size = (int(entry[key]) for key in ("fold", "records", "bytes"))
            yield Shard(folder / name, split, fold, records, size, str(entry["sha256"]))


def _check_file(shard: Shard) -> None:
    try:
        size = shard.path.stat().st_size
    except OSError as error:
        raise GzError(
            f"The shard {shard.path} of the manifest cannot be found ({error.strerror}); run gzprep run --out "
            f"{shard.path.parent} again: it makes what is missing."
        ) from None
    if size > shard.bytes:
        raise GzError(
            f"The shard {shard.path} has {size} bytes, the manifest says {shard.bytes}: it is not the file that was "
            f"written. Run gzprep run --out {shard.path.parent} again: it makes what differs."
        )


def choose_scheme(dataset: Dataset, name: str) -> Scheme:
    """Look up what a scheme asks of the records of a folder.

    Raises:
        UsageError: there is no such scheme.
        GzError: the folder lacks it, or some of its labels.
    """
    known: Json = dataset.manifest["labels"]["schemes"]
    if name not in known and name not in SCHEMES:
        raise UsageError(f"There is no scheme {name!r}; choose one of {', '.join(SCHEMES)}.")
    if name not in known:
        raise GzError(f"{dataset.place} has no scheme {name!r}; it has {', '.join(known)}. {_MAKE_AGAIN}")
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
    fractions = [fraction for question in questions for fraction in question.fractions]
    lacking += [fraction for fraction in fractions if fraction not in dataset.fraction_names]
    if lacking or len(names) != sum(len(question.labels) for question in questions):
        raise GzError(
            f"The scheme {name!r} of {dataset.place} does not ask whole questions: it lacks "
            f"{', '.join(lacking) or 'a question for some label'}. {_MAKE_AGAIN}"
        )
    return Scheme(name, questions, places, names, tuple(map(dataset.fraction_names.index, fractions)))
