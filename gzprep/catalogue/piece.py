"""Some rows of a catalogue: columns of numbers and of texts, and what is wrong with a row.

Numbers are checked a column at a time, for many rows at once. What is found goes to the row of the value.
"""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from gzcore.storage.places import Place
from gzprep.catalogue.columns import Numbers, Text, Unfit, numbers, texts
from gzprep.catalogue.galaxy import ROUNDING, Split
from gzprep.catalogue.names import POSITIONS, in_file
from gzprep.catalogue.survey import Survey
from gzprep.catalogue.values import show

MOST_VOTES = 1_000_000
"""No question of a galaxy has more votes. Marks of unknown values, such as 9.99e8, are above."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a number may be, and how it is said in a message."""

    low: float
    high: float
    words: str


def limits(column: str, survey: Survey) -> Limits:
    """What the numbers of a column may be."""
    if column in POSITIONS:
        high = POSITIONS[column]
        low = -high if column == "dec" else 0.0
        return Limits(low, high, f"a number from {low:g} to {high:g}")
    if column in survey.fraction_columns or column in survey.debiased_columns:
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

    def called(self, name: str) -> str:
        """What a column is called in the file."""
        return in_file(self.survey, name)

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
            self.note(place, f"column {self.called(name)} is {found}; expected {rule.words}")
        for place in np.flatnonzero((values < rule.low) | (values > rule.high)).tolist():
            self.note(place, f"column {self.called(name)} is {show(float(values[place]))}; expected {rule.words}")
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
            self.note(place, f"column {self.called(name)} is {value.found}; expected text")
            return None
        return value
