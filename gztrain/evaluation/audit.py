"""Judge a table of results by its arithmetic: rows that cannot be right, or that rest on one answer for all galaxies.

Each row has a model, a scheme, and figures. Only the figures that a table has are used.
"""

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from typing import Any

from gzcore.console import brief, printable, shown
from gzcore.errors import UsageError
from gzcore.storage.documents import BadDocument, read_bytes
from gzcore.storage.places import Place
from gztrain.evaluation import arithmetic
from gztrain.evaluation.arithmetic import COUNTS, SHARES, Row
from gztrain.evaluation.published import SEVERAL_COLUMNS

FIGURES = (*SHARES, "root_mean_squared_error", *COUNTS)
_OTHER_NAMES = {
    **dict(zip(("tp", "tn", "fp", "fn"), COUNTS, strict=True)),
    "acc": "accuracy",
    "mae": "mean_absolute_error",
    "rmse": "root_mean_squared_error",
    "f1_score": "f1",
    "f1-score": "f1",
    "roc_auc": "auc",
    "network": "model",
    "method": "model",
    "question": "scheme",
}
"""Names of columns as others write them, in lower case."""
_LARGEST = 10_000_000
"""Bytes of the largest table."""


@dataclass(frozen=True)
class Result:
    """One row of a results table.

    Attributes:
        model, scheme: as the table names them; the number of the line where it has no such column.
        figures: by the names of :data:`FIGURES`.
        columns: number of columns that it was scored on, if the table has a column of that name.
    """

    model: str
    scheme: str
    figures: Row
    columns: int | None = None

    @property
    def scored_on(self) -> int | None:
        """Number of columns that it was scored on: as the table says, the counts say, or the 2024 report has it."""
        known = arithmetic.columns_of_classes(self.figures)
        return self.columns or known or SEVERAL_COLUMNS.get(self.scheme.lower())

    @property
    def galaxies(self) -> float | None:
        """Number of galaxies that its counts add up to; None where that cannot be known."""
        counted, columns = arithmetic.total(self.figures), self.scored_on
        return counted / columns if counted and columns else None


@dataclass(frozen=True)
class Finding:
    """A row that is not sound, and why."""

    model: str
    scheme: str
    reasons: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """The finding as JSON has it."""
        return {"model": self.model, "scheme": self.scheme, "reasons": list(self.reasons)}


def audit(results: tuple[Result, ...]) -> list[Finding]:
    """Find the rows of a table that are not sound.

    Returns:
        One finding a row with a reason at least, in the order of the table.
    """
    expected = _expected_galaxies(results)
    reasons = (tuple(_reasons(result, expected.get(result.scheme))) for result in results)
    return [
        Finding(result.model, result.scheme, found) for result, found in zip(results, reasons, strict=True) if found
    ]


def _expected_galaxies(results: tuple[Result, ...]) -> dict[str, float | None]:
    """Number of galaxies of each scheme: of most rows of the table, else of most rows of the scheme."""
    by_scheme: dict[str, list[float | None]] = defaultdict(list)
    for result in results:
        by_scheme[result.scheme].append(result.galaxies)
    everywhere = arithmetic.galaxies_of_most([result.galaxies for result in results])
    return {scheme: everywhere or arithmetic.galaxies_of_most(numbers) for scheme, numbers in by_scheme.items()}


def _reasons(result: Result, expected: float | None) -> Iterator[str]:
    row = result.figures
    columns = result.scored_on
    constant = arithmetic.one_answer(row, columns) if columns else None
    if constant:
        yield constant
    yield from arithmetic.never_or_always(row)
    yield from arithmetic.mirrored(row)
    yield from arithmetic.another_number(result.galaxies, expected)
    yield from arithmetic.impossible(row)
    yield from arithmetic.against_counts(row)


# ------------------------------------------------------------ the table


def read_results(path: Place) -> tuple[Result, ...]:
    """Read a table of results: CSV with a line of names; lines that begin with # are left out.

    Raises:
        UsageError: it cannot be read, has none of the figures, or a value is no number.
    """
    try:
        text = read_bytes(path, _LARGEST).decode("utf-8-sig")
    except (OSError, BadDocument) as error:
        raise UsageError(f"The table {path} cannot be read ({getattr(error, 'strerror', None) or error}).") from None
    except UnicodeDecodeError:
        raise UsageError(f"The table {path} is not UTF-8; save it as CSV in UTF-8.") from None
    return parse_results(text, str(path))


def parse_results(text: str, source: str) -> tuple[Result, ...]:
    """Read the text of a table; see :func:`read_results`.

    Args:
        text: CSV.
        source: the file, for sentences.
    """
    lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if not line.startswith("#")]
    try:
        rows = list(csv.reader(StringIO("\n".join(line for _, line in lines)), strict=True))
    except csv.Error as error:
        raise UsageError(f"The table {source} is no CSV ({brief(error)}).") from None
    names = [_known_name(name) for name in rows[0]] if rows else []
    if not set(names) & set(FIGURES):
        raise UsageError(
            f"The table {source} has none of the columns {', '.join(FIGURES)}; its first line must name them."
        )
    body = [(number, row) for (number, _), row in zip(lines[1:], rows[1:], strict=False) if row]
    return tuple(_result(names, row, number, source) for number, row in body)


def _known_name(name: str) -> str:
    plain = name.strip().lower().replace(" ", "_")
    return _OTHER_NAMES.get(plain, plain)


def _result(names: list[str], row: list[str], number: int, source: str) -> Result:
    if len(row) != len(names):
        raise UsageError(f"Line {number} of {source} has {len(row)} values; its first line names {len(names)} columns.")
    cells = dict(zip(names, row, strict=True))
    figures = {name: _number(cells[name], name, number, source) for name in FIGURES if cells.get(name, "").strip()}
    columns = cells.get("columns", "").strip()
    return Result(
        _text(cells, "model", number),
        _text(cells, "scheme", number),
        figures,
        _whole(columns, "columns", number, source) if columns else None,
    )


def _text(cells: Mapping[str, str], name: str, number: int) -> str:
    return printable(cells[name].strip()) if name in cells else f"line {number}"


def _whole(text: str, name: str, number: int, source: str) -> int:
    value = _number(text, name, number, source)
    if not value.is_integer() or value < 1:
        raise UsageError(f"Line {number} of {source} has {shown(text)} as {name}; a whole number from 1 is expected.")
    return int(value)


def _number(text: str, name: str, number: int, source: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(
            f"Line {number} of {source} has {shown(text)} as {name}; a number is expected, such as 0.9304."
        ) from None


def sentences(findings: list[Finding], results: Iterable[Result]) -> Iterator[str]:
    """What a person reads: a line for each finding, and how many rows have none."""
    for finding in findings:
        yield f"{finding.model}  {finding.scheme}: {'; '.join(finding.reasons)}."
    rows = sum(1 for _ in results)
    yield f"{len(findings)} of {rows} rows are not sound; nothing was found against the other {rows - len(findings)}."
