"""The catalogue that is read, a part at a time, and the images of its galaxies."""

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from gzcore.console import brief, printable, reason_of
from gzcore.errors import GzError, UsageError
from gzcore.storage.damage import DAMAGE, checked
from gztrain.predict.crops import SUFFIXES

IDS = ("id_str", "id", "iauname", "dr7objid", "objid")
"""Columns that may name a galaxy, the first that is there."""
PLACES = ("file_loc", "path", "filename")
"""Columns that may say where its image is."""
POSITION = ("ra", "dec")
"""Columns that are carried to the output where they are there."""
_DIGITS = (6, 4)
"""Letters of an id or file name that may name a folder: galaxy-datasets has 6 of dr7objid, and 4 of iauname."""


@dataclass(frozen=True)
class Source:
    """A catalogue, opened.

    Attributes:
        path: the file, parquet or CSV.
        schema: its columns.
        identity: the column that names galaxies.
        keep: columns that are carried to the output, beside the id and the position.
    """

    path: Path
    schema: pa.Schema
    identity: str
    keep: tuple[str, ...] = ()

    @property
    def carried(self) -> tuple[str, ...]:
        """The columns of the output that come from here, without the id."""
        position = tuple(name for name in POSITION if name in self.schema.names)
        return (*position, *(name for name in self.keep if name not in (*position, "id")))

    def parts(self, rows: int) -> Iterator[pa.Table]:
        """The rows, so many at a time, in their order.

        Raises:
            GzError: the file cannot be read to its end.
        """
        wanted = dict.fromkeys((self.identity, *self.carried, *self._places()))
        try:
            yield from _regrouped(self._batches(list(wanted)), rows)
        except DAMAGE as error:
            raise GzError(f"{self.path} cannot be read: {reason_of(error)}.") from None

    def _places(self) -> list[str]:
        return [name for name in (*PLACES, "subfolder") if name in self.schema.names]

    def _batches(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        if _is_csv(self.path):
            texts = dict.fromkeys([self.identity, *self._places()], pa.string())
            kinds = {field.name: field.type for field in self.schema} | texts
            options = pc.ConvertOptions(column_types=kinds, include_columns=columns, strings_can_be_null=True)
            yield from pc.open_csv(self.path, convert_options=options)
        else:
            with pq.ParquetFile(self.path) as file:
                yield from file.iter_batches(columns=columns)


def open_source(path: Path, keep: Sequence[str] = ()) -> Source:
    """Open a catalogue; only its columns are read.

    Raises:
        UsageError: it is not there, is neither parquet nor CSV, or lacks a column.
    """
    schema = _schema(path)
    identity = next((name for name in IDS if name in schema.names), None)
    if identity is None:
        raise UsageError(f"{path} does not name its galaxies: it has none of the columns {', '.join(IDS)}.")
    for name in keep:
        if name not in schema.names:
            raise UsageError(
                f"--keep {name}: there is no such column in {path}; it has {brief(printable(', '.join(schema.names)))}."
            )
    source = Source(path, schema, identity, tuple(dict.fromkeys(keep)))
    for name in source.carried:
        kind, asked = schema.field(name).type, "--keep " if name in keep else "The column "
        if carried_as(name, kind) is None:
            raise UsageError(
                f"{asked}{name}: its values are of type {kind}; numbers, texts and true or false are kept."
            )
    return source


def _plain(kind: pa.DataType) -> pa.DataType:
    """The type of the values, where a dictionary holds them."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def carried_as(name: str, kind: pa.DataType) -> pa.DataType | None:
    """The type in which the values of a column stand in the output; None for a type that no format has.

    A column without any value has a type without values; a position is a number, and anything else is text.
    """
    plain = _plain(kind)
    if pa.types.is_null(plain):
        return pa.float64() if name in POSITION else pa.string()
    if pa.types.is_string(plain) or pa.types.is_large_string(plain):
        return pa.string()
    if pa.types.is_decimal(plain):
        return pa.float64()
    return plain if pa.types.is_integer(plain) or pa.types.is_floating(plain) or pa.types.is_boolean(plain) else None


def _is_csv(path: Path) -> bool:
    return path.suffix.lower() == ".csv"


def _schema(path: Path) -> pa.Schema:
    try:
        if _is_csv(path):
            with pc.open_csv(path) as file:
                return _with_values(file.schema)
        return checked(pq.read_schema(path))
    except FileNotFoundError:
        raise UsageError(f"There is no catalogue {path}.") from None
    except DAMAGE as error:
        raise UsageError(
            f"{path} is no catalogue that can be read (parquet, or CSV whose name ends in .csv): {reason_of(error)}."
        ) from None


def _with_values(schema: pa.Schema) -> pa.Schema:
    """The types of a CSV file, by its first rows; a column that is empty there may have values below."""
    kinds = [carried_as(field.name, field.type) if pa.types.is_null(field.type) else field.type for field in schema]
    return pa.schema(list(zip(schema.names, kinds, strict=True)))


def _regrouped(batches: Iterator[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    """Tables of so many rows each, the last may be shorter."""
    held: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        held.append(batch)
        count += len(batch)
        while count >= rows:
            table = pa.Table.from_batches(held)
            yield table.slice(0, rows)
            held = table.slice(rows).to_batches()
            count -= rows
    if count:
        yield pa.Table.from_batches(held)


def ids_of(table: pa.Table, source: Source) -> list[str]:
    """The ids of some rows, as text; a row without one has an empty text.

    Tables with a gap in a column of whole numbers often have floats there: 12.0 is the id 12.

    Raises:
        UsageError: an id is a float that has lost its last digits.
    """
    column = table[source.identity]
    values, exact = column.to_pylist(), _exact(column.type)
    if any(isinstance(value, float) and abs(value) >= exact for value in values):
        raise UsageError(
            f"The ids in the column {source.identity} of {source.path} are floats, which have lost their last digits; "
            "write the column as text or as whole numbers."
        )
    return [_id_of(value) for value in values]


def _exact(kind: pa.DataType) -> float:
    """From here on a column of floats does not hold every whole number: 2**24 for float32; infinity for other types."""
    plain = _plain(kind)
    return 2.0 ** (np.finfo(plain.to_pandas_dtype()).nmant + 1) if pa.types.is_floating(plain) else math.inf


def _id_of(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return f"{value:.0f}" if isinstance(value, float) and value.is_integer() else str(value)


class ImageFile(NamedTuple):
    """The file of an image.

    Attributes:
        path: where it is.
        size: bytes.
        changed: when it was last changed, ns.
    """

    path: str
    size: int
    changed: int


def find_images(table: pa.Table, ids: Sequence[str], folder: Path) -> list[ImageFile | None]:
    """The image of each row below a folder; None where there is none."""
    columns = {name: table[name].to_pylist() for name in (*PLACES, "subfolder") if name in table.column_names}
    below = str(folder)  # joined as text: paths would take three times as long
    return [_first_file(_candidates(place, name, columns, below)) for place, name in enumerate(ids)]


def _first_file(places: Iterator[str]) -> ImageFile | None:
    """The first that is a file; a name that no file can have, such as one that is too long, is none."""
    for place in places:
        try:
            found = os.stat(place)  # noqa: PTH116 -- a third of the time of Path.stat
        except (OSError, ValueError):
            continue
        if S_ISREG(found.st_mode):
            return ImageFile(place, found.st_size, found.st_mtime_ns)
    return None


def _candidates(row: int, name: str, columns: dict[str, list[object]], folder: str) -> Iterator[str]:
    """Where the image of a row may be: where its columns say, then by its id."""
    subfolder = columns["subfolder"][row] if "subfolder" in columns else None
    for column in PLACES:
        said = str(columns[column][row] or "").rstrip("/") if column in columns else ""
        if said:
            yield from _endings(folder, str(subfolder or ""), said)
            yield from _endings(folder, said)
            yield from _endings(folder, os.path.basename(said))  # noqa: PTH119
    if name and "/" not in name:
        for below in ("", *(name[:digits] for digits in _DIGITS)):
            yield from _endings(folder, below, name)


def _endings(folder: str, *below: str) -> Iterator[str]:
    path = os.path.join(folder, *below)  # noqa: PTH118 -- see find_images
    if path.lower().endswith(SUFFIXES):
        yield path
    yield from (f"{path}{suffix}" for suffix in (".jpg", ".jpeg", ".png"))
