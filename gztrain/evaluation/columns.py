"""The figures of groups of galaxies, by any column of the data set's catalogue: brightness, size, redshift."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gzcore.console import printable, shown
from gzcore.dataset.layout import CATALOGUE
from gzcore.errors import GzError, UsageError
from gztrain.data.dataset import Dataset, Scheme
from gztrain.data.galaxies import read_catalogue
from gztrain.data.labels import Doubles, Ints
from gztrain.evaluation.predictions import Predictions
from gztrain.evaluation.strata import NAMES, Draws, as_entry, figures_at, rows_of

Json = dict[str, Any]
_GROUPS = 10
"""Most groups of a column of texts; the rarer values are joined."""
_LETTERS = 40
"""Most letters of a value that are shown."""
_CUTS = (0.25, 0.5, 0.75)
"""Columns of numbers are cut at these quantiles of the galaxies that are judged."""


@dataclass(frozen=True, eq=False)
class Column:
    """A column of a catalogue.

    Attributes:
        name: of the column.
        numbers: whether it holds numbers; else texts.
        values: value of each galaxy by its id; None where it has none.
    """

    name: str
    numbers: bool
    values: Mapping[str, float | str | None]


@dataclass(frozen=True, eq=False)
class Group:
    """Galaxies with equal or near values.

    Attributes:
        name: the values in words, such as ``3.1 to 4.6``.
        rows: which of the galaxies, int64 [K].
        low, high: smallest and largest value; None for texts.
    """

    name: str
    rows: Ints
    low: float | None = None
    high: float | None = None


def read_columns(dataset: Dataset, split: str, names: Sequence[str]) -> tuple[Column, ...]:
    """Read columns of a data set's catalogue.

    Args:
        dataset: an opened data set.
        split: ``train`` or ``test``: the galaxies whose values are wanted.
        names: of the columns; a name that comes twice is read once.

    Raises:
        UsageError: a column is absent, or holds neither numbers nor texts.
        GzError: the folder has no catalogue, or it cannot be read.
    """
    if not names:
        return ()
    table = read_catalogue(dataset)
    if table is None:
        raise GzError(f"{dataset.place} has no {CATALOGUE}, which --by takes its columns from.")
    for name in names:
        _check(table.schema, name, dataset)
    chosen = table.filter(pc.and_(pc.equal(table["split"], split), pc.not_equal(table["verdict"], "rejected")))
    return tuple(_column(chosen, name) for name in dict.fromkeys(names))


def _check(schema: pa.Schema, name: str, dataset: Dataset) -> None:
    if name not in schema.names:
        raise UsageError(
            f"There is no column {shown(name)} in {dataset.place / CATALOGUE}; {_others(schema, dataset)}."
        )
    kind = schema.field(name).type
    if not (_is_number(kind) or _is_text(kind)):
        raise UsageError(
            f"The column {shown(name)} is of type {shown(str(kind))}, and galaxies are grouped by a column of numbers "
            f"or texts; {_others(schema, dataset)}."
        )


def _others(schema: pa.Schema, dataset: Dataset) -> str:
    """The columns that galaxies can be grouped by, the many of the votes as a number."""
    fit = [field.name for field in schema if _is_number(field.type) or _is_text(field.type)]
    votes = {
        name
        for question in dataset.questions
        for name in (*question.columns, *question.fraction_columns, question.total_column)
    }
    named = [name for name in fit if name not in votes and not name.endswith("_debiased")]
    return f"there are {', '.join(map(printable, named))}, and {len(fit) - len(named)} columns of votes"


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _is_text(kind: pa.DataType) -> bool:
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(plain) or pa.types.is_large_string(plain) or pa.types.is_boolean(plain))


def _column(table: pa.Table, name: str) -> Column:
    numbers = _is_number(table.schema.field(name).type)
    # ids beyond 2**53 are rounded: groups need no last digits
    values = table[name].cast(pa.float64(), safe=False) if numbers else table[name].cast(pa.string())
    return Column(name, numbers, dict(zip(table["id_str"].to_pylist(), values.to_pylist(), strict=True)))


# ------------------------------------------------------------ groups


def groups_of(column: Column, ids: Sequence[str]) -> list[Group]:
    """The groups of some galaxies; a galaxy without a value, or with NaN or infinity, is in none."""
    values = [column.values.get(galaxy) for galaxy in ids]
    if column.numbers:
        return list(_by_number(np.array([np.nan if value is None else value for value in values], np.float64)))
    return list(_by_text([None if value is None else str(value) for value in values]))


def _by_number(values: Doubles) -> Iterator[Group]:
    """Groups cut at the quartiles; equal values stay together, so there may be fewer than four."""
    rows = np.flatnonzero(np.isfinite(values))
    if not rows.size:
        return
    known = values[rows]
    places = np.searchsorted(_cuts(known), known)  # a value equal to a cut is below it
    for place in np.unique(places):
        of_group = known[places == place]
        low, high = float(of_group.min()), float(of_group.max())
        name = f"{low:.6g}" if low == high else f"{low:.6g} to {high:.6g}"
        yield Group(name, rows[places == place], low, high)


def _cuts(known: Doubles) -> Doubles:
    """The quartiles below the largest value; or, where most galaxies have the largest value, the next one."""
    below = known[known < known.max()]
    cuts = np.unique(np.quantile(known, _CUTS, method="lower"))
    cuts = cuts[cuts < known.max()]
    return np.asarray(cuts if cuts.size or not below.size else below.max(keepdims=True))


def _by_text(values: Sequence[str | None]) -> Iterator[Group]:
    """A group for each value, the most frequent first; of many values the rarer ones are joined."""
    counts = Counter(value for value in values if value is not None)
    ordered = sorted(counts, key=lambda value: (-counts[value], value))
    own = ordered if len(ordered) <= _GROUPS else ordered[: _GROUPS - 1]
    for value in own:
        yield Group(printable(value)[:_LETTERS], np.flatnonzero([other == value for other in values]))
    rest = set(ordered[len(own) :])
    if rest:
        yield Group(f"{len(rest)} other values", np.flatnonzero([value in rest for value in values]))


# ------------------------------------------------------------ figures


def by_columns(predictions: Predictions, scheme: Scheme, columns: Sequence[Column], draws: Draws) -> dict[str, Json]:
    """Accuracy and mean AUC of each group of galaxies, of all questions together and of each question.

    Args:
        predictions: of N galaxies.
        scheme: its labels and questions.
        columns: what the galaxies are grouped by.
        draws: number of resamples, of which at most 200 are used for a group, and their seed.

    Returns:
        For each column, by its name: ``kind`` (``numbers`` or ``texts``), ``without`` (number of galaxies that have no
        value) and ``groups``.
    """
    return {column.name: _by_column(predictions, scheme, column, draws) for column in columns}


def _by_column(predictions: Predictions, scheme: Scheme, column: Column, draws: Draws) -> Json:
    groups = groups_of(column, predictions.ids)
    return {
        "kind": "numbers" if column.numbers else "texts",
        "without": len(predictions.ids) - sum(len(group.rows) for group in groups),
        "groups": [_of_group(predictions, scheme, group, draws) for group in groups],
    }


def _of_group(predictions: Predictions, scheme: Scheme, group: Group, draws: Draws) -> Json:
    questions = [question.name for question in scheme.questions]
    paths = [(), *(("per_question", name) for name in questions)]
    part = rows_of(predictions, group.rows)
    found = figures_at(part, scheme, draws, [(*path, name) for path in paths for name in NAMES])
    known = {
        name: int(part.mask[:, block].all(axis=1).sum()) for name, block in zip(questions, scheme.blocks, strict=True)
    }
    return {
        "name": group.name,
        "low": group.low,
        "high": group.high,
        "galaxies": len(group.rows),
        **as_entry(found),
        "per_question": {
            name: {"known_questions": known[name], **as_entry(found, "per_question", name)} for name in questions
        },
    }
