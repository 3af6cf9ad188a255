"""The predictions of a model for some galaxies, with their labels: in memory, and as a parquet file."""

import json
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from gzcore.console import reason_of, shown
from gzcore.errors import GzError
from gzcore.storage.atomic import appearing, writing
from gzcore.storage.damage import DAMAGE
from gzcore.storage.documents import BadDocument, parse_json
from gztrain.data.labels import Floats, Ints
from gztrain.evaluation.panel import Panel

_NAMES = b"labels"
"""Key of the label names in the file's metadata."""
_PANEL = {"fractions": pa.float32(), "votes": pa.float32(), "estimated": pa.int8()}
"""Columns of the volunteers' votes; files of earlier versions lack them."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """Probabilities, labels and mask of N galaxies, one row each.

    Attributes:
        ids: of the galaxies, all different.
        probabilities: that a label is 1, float32 [N, L], 0 to 1.
        labels: int64 [N, L] of 0 and 1.
        mask: int64 [N, L], 0 where the label is not known.
        names: of the L labels.
        panel: votes of the volunteers; None in files of earlier versions.
    """

    ids: tuple[str, ...]
    probabilities: Floats
    labels: Ints
    mask: Ints
    names: tuple[str, ...]
    panel: Panel | None = None

    def __post_init__(self) -> None:
        expected = (len(self.ids), len(self.names))
        for key in ("probabilities", "labels", "mask"):
            shape = getattr(self, key).shape
            if shape != expected:
                raise GzError(f"Expected {key} of shape {expected}, galaxies by labels; {shape} came.")
        if self.panel is not None and len(self.panel.votes) != len(self.ids):
            raise GzError(f"Votes of {len(self.panel.votes)} galaxies came with predictions of {len(self.ids)}.")
        if len(set(self.ids)) < len(self.ids):
            raise GzError("A galaxy is predicted twice; average its views before they are judged.")
        if not ((self.probabilities >= 0) & (self.probabilities <= 1)).all():
            raise GzError("Probabilities must lie between 0 and 1, but some do not, or are NaN: did training diverge?")
        if not (np.isin(self.labels, (0, 1)).all() and np.isin(self.mask, (0, 1)).all()):
            raise GzError("Labels and mask must be 0 or 1, but some are not.")

    def write(self, path: Path) -> None:
        """Write the rows as parquet; the file appears complete or not at all.

        Raises:
            GzError: the disk is full, or the folder cannot be written to.
        """
        columns = {
            "id": pa.array(self.ids, pa.string()),
            "probabilities": _lists(self.probabilities, pa.float32()),
            "labels": _lists(self.labels, pa.int8()),
            "mask": _lists(self.mask, pa.int8()),
        }
        if self.panel is not None:
            columns |= {key: _lists(getattr(self.panel, key), kind) for key, kind in _PANEL.items()}
        table = pa.table(columns, metadata={_NAMES: json.dumps(self.names)})
        with writing(path.parent), appearing(path) as file:
            pq.write_table(table, file)


def _lists(values: Floats | Ints, kind: pa.DataType) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()).cast(kind), values.shape[1])


def read_predictions(path: Path) -> Predictions:
    """Read a file that :meth:`Predictions.write` wrote.

    Raises:
        GzError: the file is missing, damaged, or not a file of predictions.
    """
    try:
        _check_size(path)
        table = pq.read_table(path)
        names = _names(table)
        probabilities, labels, mask = (_matrix(table[key], len(names)) for key in ("probabilities", "labels", "mask"))
        ids, panel = _texts(table["id"].to_pylist()), _panel(table)
    except FileNotFoundError:
        raise GzError(f"There are no predictions in {path}; gztrain evaluate makes them.") from None
    except DAMAGE as error:
        raise GzError(f"{path} does not hold predictions of gztrain: {reason_of(error)}.") from error
    arrays = probabilities.astype(np.float32), labels.astype(np.int64), mask.astype(np.int64)
    return Predictions(ids, *arrays, names, panel)


def _texts(values: object) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise TypeError("ids and names of labels are not texts")
    return tuple(values)


def _check_size(path: Path) -> None:
    """Refuse a table of more rows than bytes before it takes memory: ids differ, so each takes a byte or more."""
    state = path.stat()
    if not stat.S_ISREG(state.st_mode):
        raise BadDocument("it is not a regular file")
    if pq.read_metadata(path).num_rows > state.st_size:
        raise BadDocument("it has more rows than bytes")


def _names(table: pa.Table) -> tuple[str, ...]:
    """Names of the labels, if the columns are those of predictions for so many labels."""
    names = parse_json((table.schema.metadata or {}).get(_NAMES, b""))
    if not names or not isinstance(names, list):
        raise BadDocument("it does not name its labels")
    kinds = {"probabilities": pa.float32(), "labels": pa.int8(), "mask": pa.int8()}
    columns = {"id": pa.string(), **{key: pa.list_(kind, len(names)) for key, kind in kinds.items()}}
    for key, kind in columns.items():
        if key not in table.column_names or table[key].type != kind or table[key].null_count:
            raise BadDocument(f"its column {key} is not {kind}")
    return _texts(names)


def _panel(table: pa.Table) -> Panel | None:
    if not set(_PANEL) <= set(table.column_names):
        return None
    columns = [table[key] for key in _PANEL]
    widths = [getattr(column.type, "list_size", 0) for column in columns]
    if not all(widths) or any(column.null_count for column in columns):
        raise BadDocument(f"its columns {', '.join(_PANEL)} are not lists of numbers")
    fractions, votes, estimated = (_matrix(column, width) for column, width in zip(columns, widths, strict=True))
    return Panel(fractions.astype(np.float32), votes.astype(np.float32), estimated.astype(np.int64))


def _matrix(column: pa.ChunkedArray, width: int) -> npt.NDArray[Any]:
    kind = getattr(column.type, "value_type", None)
    if not pa.types.is_fixed_size_list(column.type) or not (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
        raise TypeError(f"a column is of type {shown(str(column.type))}, not a list of numbers")
    values: npt.NDArray[Any] = column.combine_chunks().flatten().to_numpy()
    return values.reshape(-1, width)
