"""Rows of a catalogue as galaxies. A value that cannot be used rejects its galaxy, with the column and the value.

Numbers are checked a column at a time, for many rows at once. What is found goes to the row of the value.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from gzcore.dataset.tree import Question
from gzcore.storage.places import Place
from gzprep.catalogue.columns import Numbers, Text, Unfit, ids, numbers, texts
from gzprep.catalogue.galaxy import ROUNDING, Galaxy, Reason, Rejection, RejectionStage, Split, Votes
from gzprep.catalogue.survey import Survey
from gzprep.catalogue.values import show

EXTRAS = ("iauname", "ra", "dec", "summary")
"""Columns that are carried through to the data set's own catalogue where they exist."""
MOST_VOTES = 1_000_000
"""No question of a galaxy has more votes. Marks of unknown values, such as 9.99e8, are above."""
_POSITIONS = {"ra": 360.0, "dec": 90.0}
_BATCH = 256
"""Galaxies that are made at a time."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a number may be, and how it is said in a message."""

    low: float
    high: float
    words: str


def numeric(survey: Survey) -> tuple[str, ...]:
    """The columns of numbers that a catalogue of a survey may have."""
    return (*survey.fraction_columns, *survey.count_columns, *survey.total_columns, *_POSITIONS)


def limits(column: str, survey: Survey) -> Limits:
    """What the numbers of a column may be."""
    if column in _POSITIONS:
        high = _POSITIONS[column]
        low = -high if column == "dec" else 0.0
        return Limits(low, high, f"a number from {low:g} to {high:g}")
    if column in survey.fraction_columns:
        return Limits(-ROUNDING, 1 + ROUNDING, "a number from 0 to 1")
    return Limits(0.0, MOST_VOTES, f"a number of votes from 0 to {MOST_VOTES}")


@dataclass(frozen=True)
class Piece:
    """Some rows of a catalogue.

    Attributes:
        table: the columns that are read.
        path, split: the catalogue, and whose galaxies it holds.
        survey: the questions that it has columns for.
        first: number of the first row; the first of a catalogue is 1.
        comma: numbers are written with a decimal comma.
    """

    table: pa.Table | pa.RecordBatch
    path: Place
    split: Split
    survey: Survey
    first: int
    comma: bool = False
    unfit: dict[int, str] = field(default_factory=dict)
    """Place of a row to what is wrong with it: the first thing, by the order of columns."""

    def note(self, place: int, what: str) -> None:
        """Note what is wrong with a row, unless something is noted already."""
        self.unfit.setdefault(place, what)

    def numbers(self, name: str) -> Numbers:
        """A column of numbers, NaN where it has no value; an absent column is NaN."""
        if name not in self.table.schema.names:
            return np.full(self.table.num_rows, np.nan)
        values, odd = numbers(self.table[name], comma=self.comma)
        rule = limits(name, self.survey)
        for place, found in odd.items():
            self.note(place, f"column {name} is {found}; expected {rule.words}")
        for place in np.flatnonzero((values < rule.low) | (values > rule.high)).tolist():
            self.note(place, f"column {name} is {show(float(values[place]))}; expected {rule.words}")
        return values

    def texts(self, name: str, *, keep_nulls: bool = False) -> list[str | None]:
        """A column of texts."""
        if name not in self.table.schema.names:
            return [None] * self.table.num_rows
        return [
            self._text(place, name, value) for place, value in enumerate(texts(self.table[name], keep_nulls=keep_nulls))
        ]

    def _text(self, place: int, name: str, value: Text) -> str | None:
        if isinstance(value, Unfit):
            self.note(place, f"column {name} is {value.found}; expected text")
            return None
        return value


def placeholder(split: Split, row: int) -> str:
    """The name of a galaxy whose row has no usable id."""
    return f"(row {row} of {split})"


def galaxy_ids(piece: Piece) -> list[str]:
    """The ids of some rows, in their one spelling; a placeholder where a row has none.

    Raises:
        GzError: ids have passed through a column of floating-point numbers.
    """
    values = enumerate(ids(piece.table["id_str"], piece.path), piece.first)
    return [placeholder(piece.split, row) if isinstance(value, Unfit) else value for row, value in values]


def galaxies(piece: Piece) -> Iterator[Galaxy]:
    """Yield the galaxies of some rows.

    Raises:
        GzError: ids have passed through a column of floating-point numbers.
    """
    names = ids(piece.table["id_str"], piece.path)
    votes = _votes(piece)
    places = (piece.texts("subfolder", keep_nulls=True), piece.texts("filename", keep_nulls=True))
    extras = list(zip(*(_extra(piece, name) for name in EXTRAS), strict=True))
    for start in range(0, len(names), _BATCH):
        some = [numbers[start : start + _BATCH].tolist() for numbers in votes]
        for place, fractions, counts, totals in zip(range(start, start + _BATCH), *some, strict=False):
            galaxy_id, subfolder, filename = names[place], places[0][place] or "", places[1][place] or ""
            if place in piece.unfit or isinstance(galaxy_id, Unfit):
                yield _rejected(piece, place, galaxy_id, subfolder, filename)
            else:
                values = Votes(tuple(fractions), tuple(counts), tuple(totals))
                yield Galaxy(galaxy_id, piece.split, subfolder, filename, values, extras[place])


def _rejected(piece: Piece, place: int, galaxy_id: str | Unfit, subfolder: str, filename: str) -> Galaxy:
    """A galaxy whose row cannot be used: without votes, and with the reason."""
    row = piece.first + place
    if isinstance(galaxy_id, Unfit):
        reason, what, name = Reason.BAD_ID, galaxy_id.found, placeholder(piece.split, row)
    else:
        reason, what, name = Reason.BAD_VALUE, piece.unfit[place], galaxy_id
    rejection = Rejection(RejectionStage.CATALOGUE, reason, f"row {row}: {what}")
    return Galaxy(name, piece.split, subfolder, filename, _no_votes(piece.survey), (None,) * len(EXTRAS), rejection)


def _no_votes(survey: Survey) -> Votes:
    unknown = (math.nan,) * len(survey.fraction_columns)
    return Votes(unknown, unknown, (math.nan,) * len(survey.asked))


def _extra(piece: Piece, name: str) -> Sequence[str | float | None]:
    if name not in _POSITIONS:
        return piece.texts(name)
    return [None if math.isnan(value) else value for value in piece.numbers(name).tolist()]


def _votes(piece: Piece) -> tuple[Numbers, Numbers, Numbers]:
    """Fractions, counts and totals of some rows, a row of numbers each."""
    counts = {name: piece.numbers(name) for name in piece.survey.count_columns}
    totals = {question.total_column: _total(piece, question, counts) for question in piece.survey.asked}
    fractions = [
        column
        for question in piece.survey.asked
        for column in _fractions(piece, question, counts, totals[question.total_column])
    ]
    return np.stack(fractions, 1), np.stack(list(counts.values()), 1), np.stack(list(totals.values()), 1)


def _total(piece: Piece, question: Question, counts: Mapping[str, Numbers]) -> Numbers:
    if question.total_column in piece.table.schema.names:
        return piece.numbers(question.total_column)
    total = np.zeros(piece.table.num_rows)
    for name in question.columns:  # one after the other, as the sum of a list; NaN where there are no counts
        total = total + counts[name]
    return total


def _fractions(piece: Piece, question: Question, counts: Mapping[str, Numbers], total: Numbers) -> Iterator[Numbers]:
    """The fractions of a question: its columns, or its counts divided by their total."""
    if set(question.fraction_columns).issubset(piece.table.schema.names):
        yield from map(piece.numbers, question.fraction_columns)
        return
    divisor = np.where(total > 0, total, np.nan)
    for name in question.columns:
        shares = counts[name] / divisor
        for place in np.flatnonzero(shares > 1 + ROUNDING).tolist():
            count, most = show(float(counts[name][place])), show(float(total[place]))
            piece.note(place, f"column {name} is {count}; expected {most} at most, the votes of its question")
        yield shares
