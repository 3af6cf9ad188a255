"""What a record holds: its features, as a table that follows from the widths of the decision tree."""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple


class Widths(NamedTuple):
    """How many vote fractions, questions with votes, and labels a record has: they follow from the decision tree."""

    fractions: int
    votes: int
    labels: int


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature of a record: name, dtype (bytes, int64 or float32), shape and what it is."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    doc: str


_NO_COUNTS = "; NaN: the catalogue has no counts"


def _numbers(questions: int) -> str:
    return "Q0" if questions == 1 else f"Q0 to Q{questions - 1}"


@cache
def features_of(widths: Widths) -> tuple[Feature, ...]:
    """The features of a record, in the order in which they are described."""
    labels = (widths.labels,)
    return (
        Feature("image", "bytes", (), "encoded crop, RGB"),
        Feature("id", "bytes", (), "galaxy id, UTF-8"),
        Feature("view", "int64", (), "0: the original; 1 and up: augmented"),
        Feature("fold", "int64", (), "0 to 4 in train; -1 in test"),
        Feature("fraction", "float32", (widths.fractions,), "vote fractions, 0 to 1; NaN: no volunteer was asked"),
        Feature(
            "votes",
            "float32",
            (widths.votes,),
            f"total votes of {_numbers(widths.votes)}{_NO_COUNTS}",
        ),
        Feature("label_report", "int64", labels, "labels as the report makes them"),
        Feature("label_asked", "int64", labels, "labels of answered questions; 0 where masked"),
        Feature("mask", "int64", labels, "1: label_asked has an answer; 0: leave it out"),
        Feature("ops", "bytes", (), "JSON list of what was done to this view"),
    )
