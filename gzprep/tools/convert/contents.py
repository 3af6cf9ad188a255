"""What converted files say of a galaxy, by name: columns and classes that follow from the manifest."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from gzcore.dataset.example import Record
from gzcore.dataset.features import Widths
from gzcore.dataset.layout import MANIFEST
from gzcore.errors import GzError
from gzprep.dataset.read import widths_of

UNKNOWN = -1
"""The class of a question without an answer, as Hugging Face datasets have it."""
FIXED = ("image", "id", "fold", "view", "ops")
"""Columns that every data set has."""


@dataclass(frozen=True, slots=True)
class Classes:
    """The answers of one question as classes.

    Attributes:
        question: its name.
        column: what its column is called: the question, unless another column has this name.
        names: of the classes, in order: answers that are labels, then the one that they leave.
        start: place of its first label in a record.
        labels: how many labels it has.
    """

    question: str
    column: str
    names: tuple[str, ...]
    start: int
    labels: int

    def of(self, record: Record) -> int:
        """The class of a galaxy; -1 where the question has no answer."""
        places = slice(self.start, self.start + self.labels)
        if not record.mask[places].all():
            return UNKNOWN
        chosen = np.flatnonzero(record.label_asked[places])
        if len(chosen) == 1:
            return int(chosen[0])
        left = len(self.names) > self.labels and not len(chosen)
        return self.labels if left else UNKNOWN


@dataclass(frozen=True, slots=True)
class Contents:
    """What a converted file needs to know of its data set.

    Attributes:
        ending: of image files, jpg or png.
        classes: one a question.
        fractions: names of the columns of vote fractions.
        votes: names of the columns of total votes.
        labels: names of labels.
    """

    ending: str
    classes: tuple[Classes, ...]
    fractions: tuple[str, ...]
    votes: tuple[str, ...]
    labels: tuple[str, ...]

    @property
    def widths(self) -> Widths:
        """How many fractions, votes and labels a record has."""
        return Widths(len(self.fractions), len(self.votes), len(self.labels))

    def image_name(self, record: Record) -> str:
        """The name of an image; that of an augmented view has its number."""
        return f"{view_name(record)}.{self.ending}"


def view_name(record: Record) -> str:
    """The id of a galaxy; of an augmented view with its number: ``587722_view2``."""
    return record.id if record.view == 0 else f"{record.id}_view{record.view}"


def contents_of(manifest: dict[str, Any]) -> Contents:
    """Read the names of a data set from its manifest.

    Raises:
        GzError: its labels are not those of its questions.
    """
    labels, encoding = manifest["labels"], manifest["recipe"]["crop"].get("encoding")
    of_questions = [f"{question['name']}_{answer}" for question in labels["questions"] for answer in question["used"]]
    if labels["names"] != of_questions:
        raise GzError(f"The labels of {MANIFEST} are not those of its questions; gzprep verify says what is wrong.")
    votes = tuple(f"{question['name']}_total-votes" for question in labels["questions"])
    taken = {*FIXED, *labels["fraction_names"], *votes, *(f"{name}_label" for name in labels["names"])}
    return Contents(
        ending="png" if encoding == "png" else "jpg",
        classes=tuple(_classes(labels["questions"], taken)),
        fractions=tuple(labels["fraction_names"]),
        votes=votes[: widths_of(manifest).votes],
        labels=tuple(labels["names"]),
    )


def _classes(questions: Iterable[dict[str, Any]], taken: set[str]) -> Iterator[Classes]:
    start = 0
    for question in questions:
        name, used, twin = question["name"], question["used"], question["twin"]
        column = f"question_{name}" if name in taken else name
        yield Classes(name, column, (*used, *([] if twin is None else [twin])), start, len(used))
        start += len(used)
