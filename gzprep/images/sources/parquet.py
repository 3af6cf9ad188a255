"""Images in a column of parquet: Hugging Face's {bytes, path}, or plain binary. A row group is what is read at a time.

A bin needs galaxies from all row groups. So a run first copies the images to one file, a row group after the other,
and then reads each image from there (:func:`unpack`). Who needs a few images reads their row groups.
"""

from array import array
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gzcore.console import reason_of
from gzcore.errors import GzError
from gzcore.images import MissingImage, check_file_size
from gzcore.storage.ahead import one_ahead
from gzcore.storage.atomic import appearing
from gzcore.storage.damage import DAMAGE
from gzcore.storage.places import Place, for_arrow
from gzprep.catalogue.columns import EXACT_OF
from gzprep.images.sources.base import Named
from gzprep.images.sources.index import Index, IndexBuilder, Location, Table, keys_of_path, name_key
from gzprep.images.sources.tar import EMPTY, TarImages

IDS = ("id_str", "id", "iauname", "dr8_id", "dr7objid", "objid", "key", "__key__", "galaxy_id", "GalaxyID")
"""Columns whose values name a galaxy, beside that of the recipe."""
PATHS = ("path", "file_loc", "filename", "file_name")
"""Columns whose values are paths of images; ``filename`` may have its ``subfolder`` beside it."""
_FOLDER = "subfolder"
AUTO = "auto"
_ROWS = 64
"""Rows that are read at a time, of a large row group."""
_AT_ONCE = 1 << 25
"""Bytes of a row group that is read at once: two thirds of the time of reading some rows at a time."""
_FILE_BITS = 32
"""A row group is a number of 64 bits: its file above, its place in the file below."""
_LARGEST_GROUP = 1 << 29
"""Bytes of the images of a row group that is kept in memory."""


@dataclass(frozen=True)
class ParquetImages:
    """Images in parquet files.

    Attributes:
        shown: the place as the user named it.
        files: the files.
        column: the column with the images.
        index: row group and row of each image.
    """

    shown: str
    files: tuple[Place, ...]
    column: str
    index: Index

    def __str__(self) -> str:
        return self.shown

    @property
    def places(self) -> tuple[Place, ...]:
        """The files."""
        return self.files

    def open(self, galaxy: Named) -> bytes:
        """Read the row group of an image, unless it is the last one that was read."""
        at = self.index.find(galaxy)
        data = read_group(self.files[at.file], self.column, at.start)[at.length]
        if not data:
            raise MissingImage(EMPTY)
        check_file_size(len(data))
        return data


def open_parquet(shown: str, files: Sequence[Place], column: str = AUTO, id_column: str | None = None) -> ParquetImages:
    """Make the index of parquet files, from their columns of ids and paths alone.

    Args:
        shown: the place as the user named it.
        files: the files.
        column: with the images; ``auto``: the one that can hold them.
        id_column: with the ids of the galaxies, if the catalogue names one.

    Raises:
        GzError: a file is no parquet, has no such column, or nothing that names its galaxies.
    """
    builder = IndexBuilder()
    for number, place in enumerate(files):
        with _readable(place), pq.ParquetFile(for_arrow(place), pre_buffer=False) as file:
            column = image_column(file.schema_arrow, column, place)  # that of the first file, in all others
            names = _names_in(file.schema_arrow, column, id_column, place)
            _index_one(file, number, names, builder)
    return ParquetImages(shown, tuple(files), column, builder.built())


def image_columns(schema: pa.Schema) -> list[str]:
    """Columns that can hold images: binary, or a struct with binary ``bytes`` in it."""
    return [field.name for field in schema if _is_binary(field.type) or _is_struct(field.type)]


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _is_struct(kind: pa.DataType) -> bool:
    if not pa.types.is_struct(kind):
        return False
    place = kind.get_field_index("bytes")
    return place >= 0 and _is_binary(kind.field(place).type)


def image_column(schema: pa.Schema, wanted: str, place: Place) -> str:
    """The column with the images.

    Raises:
        GzError: it is not there, or there are several that might be it.
    """
    columns = image_columns(schema)
    if wanted != AUTO:
        if wanted not in columns:
            there = f"those that can are {', '.join(columns)}" if columns else "no column of it can"
            raise GzError(f"The column {wanted!r} (images.column) of {place} holds no images; {there}.")
        return wanted
    if not columns:
        raise GzError(
            f"No column of {place} holds images; expected binary, or Hugging Face's struct of bytes and path."
        )
    if len(columns) > 1 and "image" not in columns:
        raise GzError(
            f"{place} has {len(columns)} columns that can hold images, {', '.join(columns)}; "
            "choose one with --set images.column=NAME."
        )
    return "image" if "image" in columns else columns[0]


class _readable:  # noqa: N801 -- a context manager, used like a function
    """Turn what reading a damaged file raises into one sentence."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, DAMAGE):
            raise GzError(f"The images in {self.place} cannot be read as parquet ({reason_of(error)}).") from None


@dataclass(frozen=True, slots=True)
class _Names:
    """Columns that say which image is whose: ids, paths, and whether the column of images has paths itself."""

    ids: tuple[str, ...]
    paths: tuple[str, ...]
    column: str
    inside: bool

    @property
    def read(self) -> list[str]:
        """What is read to make the index; never the images."""
        return [*self.ids, *self.paths, *([f"{self.column}.path"] if self.inside else [])]

    def keys(self, table: pa.RecordBatch) -> Iterator[tuple[bytes, ...]]:
        """Everything that each row of a batch is found by."""
        ids = [map(_id_keys, _id_texts(table[name])) for name in self.ids]
        told = [table[name].to_pylist() for name in self.paths]
        if self.inside:
            told.append(pc.struct_field(table[self.column], "path").to_pylist())
        folders = table[_FOLDER].to_pylist() if _FOLDER in table.schema.names else [None] * table.num_rows
        paths = [map(_path_keys, names, folders) for names in told]
        return (tuple(chain.from_iterable(row)) for row in zip(*ids, *paths, strict=True))


def _id_texts(column: pa.Array) -> list[str | None]:
    """Ids as text: 12.0 is the id 12. One that may have been rounded names no image, since it may be another galaxy."""
    if column.type not in EXACT_OF:
        return [None if value is None else str(value) for value in column.to_pylist()]
    exact, values = EXACT_OF[column.type], column.to_pylist()
    sure = [value is not None and value.is_integer() and abs(value) < exact for value in values]
    return [f"{value:.0f}" if known else None for value, known in zip(values, sure, strict=True)]


def _id_keys(name: str | None) -> tuple[bytes, ...]:
    return () if name is None else (name_key(name),)


def _path_keys(path: Any, folder: Any) -> tuple[bytes, ...]:  # noqa: ANN401 -- any value of a table
    if not isinstance(path, str) or not path:
        return ()
    return keys_of_path(path) + (keys_of_path(f"{folder}/{path}") if folder else ())


def _names_in(schema: pa.Schema, column: str, id_column: str | None, place: Place) -> _Names:
    ids = tuple(name for name in dict.fromkeys((id_column or "", *IDS)) if name in schema.names)
    paths = tuple(name for name in PATHS if name in schema.names)
    names = _Names(ids, paths, column, _has_path(schema.field(column).type))
    if not names.read:
        known = ", ".join((*IDS[:3], *PATHS))
        raise GzError(f"{place} does not say which image is whose; expected a column such as {known}.")
    return names


def _index_one(file: pq.ParquetFile, number: int, names: _Names, builder: IndexBuilder) -> None:
    """Add the rows of a file, by their ids, their paths and the paths in the column of images."""
    folder = [_FOLDER] if _FOLDER in file.schema_arrow.names else []
    for group in range(file.num_row_groups):
        batches = file.iter_batches(row_groups=[group], columns=[*names.read, *folder], use_threads=False)
        seen = 0
        for row, keys in enumerate(chain.from_iterable(map(names.keys, batches))):
            builder.add(keys, Location(number, group, row))
            seen = row + 1
        _check_rows(file, group, seen)


def _check_rows(file: pq.ParquetFile, group: int, rows: int) -> None:
    """Refuse a row group with more or fewer values in a column than it says: image and name would not belong together.

    Raises:
        ValueError: it is so.
    """
    expected = file.metadata.row_group(group).num_rows
    if rows != expected:
        raise ValueError(f"row group {group} has {expected} rows, and {rows} values in a column")


def _has_path(kind: pa.DataType) -> bool:
    if not pa.types.is_struct(kind) or kind.get_field_index("path") < 0:
        return False
    path = kind.field(kind.get_field_index("path")).type
    return bool(pa.types.is_string(path) or pa.types.is_large_string(path))


@lru_cache(maxsize=1)
def read_group(place: Place, column: str, group: int) -> list[bytes | None]:
    """The images of a row group.

    Raises:
        GzError: it is damaged, or too large to be kept.
    """
    images: list[bytes | None] = []
    size = 0
    with _readable(place), pq.ParquetFile(for_arrow(place), pre_buffer=False) as file:
        for values in _binary(file, column, group):
            size += values.nbytes
            if size > _LARGEST_GROUP:
                raise GzError(
                    f"The images of row group {group} of {place} have more than {_LARGEST_GROUP} bytes; write the file "
                    "again with fewer rows a group."
                )
            images += values.to_pylist()
        _check_rows(file, group, len(images))
    return images


def _size(file: pq.ParquetFile, group: int) -> int:
    """Bytes of all columns of a row group, as the file tells them: those of the images are no more.

    Those of one column would be told by what ends the process where a file is damaged (a C++ exception of pyarrow).
    """
    return int(file.metadata.row_group(group).total_byte_size)


def unpack(images: ParquetImages, pack: Place, temporaries: Place, stopped: Event | None = None) -> TarImages:
    """Copy all images to one file, a row group after the other, so that each is read alone from there.

    Args:
        images: the source.
        pack: the file to write.
        temporaries: where it is written before it gets its name.
        stopped: set from another thread where the copy is not wanted any more.

    Returns:
        The images in that file, found by the same names.

    Raises:
        GzError: a file of the source is damaged.
        CancelledError: the copy is not wanted any more.
    """
    starts, lengths, at = array("q"), array("q"), 0
    first_rows: dict[tuple[int, int], int] = {}
    with pack.open("wb") if isinstance(pack, Path) else appearing(pack, temporaries) as out:  # not kept: no fsync
        for group, block in one_ahead(_all_blocks(images)):
            if stopped is not None and stopped.is_set():
                raise CancelledError
            first_rows.setdefault(group, len(starts))
            starts.frombytes((block.starts + at).tobytes())
            lengths.frombytes(block.lengths.tobytes())
            at += out.write(block.data)
    ranges = np.frombuffer(starts, np.int64), np.frombuffer(lengths, np.int64)
    return TarImages(images.shown, (pack,), Index(images.index.images, _moved(images.index.table, first_rows, *ranges)))


class _Block(NamedTuple):
    """Some images one behind the other.

    Attributes:
        data: their bytes.
        starts, lengths: of each in ``data``, int64; a length of 0 where there is none.
    """

    data: memoryview
    starts: Table
    lengths: Table


def _all_blocks(images: ParquetImages) -> Iterator[tuple[tuple[int, int], _Block]]:
    """Yield the images of all files, some at a time, each with the number of its file and of its row group there."""
    for number, place in enumerate(images.files):
        with _readable(place), pq.ParquetFile(for_arrow(place), pre_buffer=False) as file:
            for group in range(file.num_row_groups):
                rows = 0
                for block in _blocks(file, images.column, group):
                    rows += len(block.lengths)
                    yield (number, group), block
                _check_rows(file, group, rows)


def _blocks(file: pq.ParquetFile, column: str, group: int) -> Iterator[_Block]:
    """Yield the images of a row group, some at a time, without a Python object for each."""
    for values in _binary(file, column, group):
        _, offsets, data = values.buffers()
        width = np.int64 if pa.types.is_large_binary(values.type) else np.int32
        bounds = np.frombuffer(offsets, width)[values.offset : values.offset + len(values) + 1].astype(np.int64)
        there = np.asarray(values.is_valid())
        block = memoryview(data)[bounds[0] : bounds[-1]] if data is not None else memoryview(b"")
        yield _Block(block, bounds[:-1] - bounds[0], np.where(there, np.diff(bounds), 0))


def _binary(file: pq.ParquetFile, column: str, group: int) -> Iterator[pa.Array]:
    inner = f"{column}.bytes" if pa.types.is_struct(file.schema_arrow.field(column).type) else column
    if _size(file, group) <= _AT_ONCE:
        batches = iter(file.read_row_group(group, columns=[inner], use_threads=False).to_batches())
    else:
        batches = file.iter_batches(_ROWS, row_groups=[group], columns=[inner], use_threads=False)
    for batch in batches:
        values = batch.column(0)
        yield pc.struct_field(values, "bytes") if pa.types.is_struct(values.type) else values


def _moved(table: Table, first_rows: dict[tuple[int, int], int], starts: Table, lengths: Table) -> Table:
    """The table of an index, with bytes of the one file in place of row groups and rows."""
    codes = np.array([file << _FILE_BITS | group for file, group in first_rows], np.int64)
    firsts = np.array(list(first_rows.values()), np.int64)
    rows = firsts[np.searchsorted(codes, table[1] << _FILE_BITS | table[2])] + table[3]
    return np.stack([table[0], np.zeros_like(rows), starts[rows], lengths[rows]])
