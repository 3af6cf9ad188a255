"""One figure of the page: plots or pictures, the sentence that says what to see, and the numbers behind it."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure as Plot

from gzcore.console import printable
from gzcore.console.theme import data_address, size_of, to_svg
from gzprep.report.pictures import Picture

Value = str | int | float | None


@dataclass(frozen=True, slots=True)
class Tile:
    """A small picture in a gallery, with lines of text below; ``picture`` is None where there is no image."""

    picture: Picture | None
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Gallery:
    """Tiles under a heading."""

    title: str
    tiles: tuple[Tile, ...]


@dataclass(frozen=True, slots=True)
class Numbers:
    """A table: what stands in the CSV file, and on the page where ``shown``.

    Attributes:
        head: names of the columns.
        rows: one value a column; None: unknown.
        digits: decimals of a number on the page.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]
    digits: int = 3

    def csv(self) -> str:
        """The table as CSV, with full precision; an unknown value is empty."""
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(self.head)
        writer.writerows([_cell(value) for value in row] for row in self.rows)
        return file.getvalue()

    def shown(self) -> list[list[tuple[str, bool]]]:
        """The table as the page shows it: each cell as text, and whether it is a number."""
        return [[(_text(value, self.digits), not isinstance(value, str)) for value in row] for row in self.rows]

    @property
    def texts(self) -> set[int]:
        """Numbers of the columns that hold text."""
        return {place for row in self.rows[:1] for place, value in enumerate(row) if isinstance(value, str)}

    @property
    def length(self) -> str:
        """How many rows there are, in words."""
        return "1 row" if len(self.rows) == 1 else f"{len(self.rows):,} rows"


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of the page.

    Attributes:
        id: stable name, such as ``fig-16``; also the name of its CSV file.
        title: what it is.
        sentence: what to see in it.
        numbers: the data behind it.
        plots: drawn figures.
        strips: wide pictures; they scroll sideways on a small screen.
        drawings: pictures in their own size, whose text must stay readable; they scroll sideways, too.
        galleries: small pictures.
        tabled: whether the page shows the numbers as a table, too.
        paired: whether two plots after one another belong side by side.
    """

    id: str
    title: str
    sentence: str
    numbers: Numbers
    plots: tuple[Picture, ...] = ()
    strips: tuple[Picture, ...] = ()
    drawings: tuple[Picture, ...] = ()
    galleries: tuple[Gallery, ...] = ()
    tabled: bool = False
    paired: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page."""

    id: str
    title: str
    lead: str
    figures: tuple[Figure, ...]


def plot_picture(plot: Plot, alt: str, caption: str = "") -> Picture:
    """A plot as a picture that follows the reader's light or dark theme. Call within ``theme.style()``."""
    return Picture(data_address(to_svg(plot).encode(), "image/svg+xml"), *size_of(plot), alt, caption)


def numbers(head: Sequence[str], rows: Sequence[Sequence[Value]], digits: int = 3) -> Numbers:
    """A table of plain values."""
    return Numbers(tuple(head), tuple(map(tuple, rows)), digits)


def count_of(number: int, noun: str) -> str:
    """``1 label`` or ``22 labels``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _cell(value: Value) -> str:
    if value is None or value != value:  # noqa: PLR0124 -- NaN
        return ""
    text = f"{value:.8g}" if isinstance(value, float) else str(value)
    return f"'{text}" if isinstance(value, str) and text[:1] in ("=", "+", "@") else text  # no formula of a spreadsheet


def _text(value: Value, digits: int) -> str:
    if value is None or value != value:  # noqa: PLR0124 -- NaN
        return "\N{EN DASH}"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.{digits}f}" if isinstance(value, float) else printable(value)
