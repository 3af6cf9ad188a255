"""Reads a dataset folder back, for verify, preview and inspect."""

import contextlib
import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gzcore.console import brief, reason_of
from gzcore.dataset.example import Record, parse_record
from gzcore.dataset.features import Widths
from gzcore.dataset.manifest import read_manifest
from gzcore.dataset.tfrecord import DamagedRecord, read_records
from gzcore.errors import GzError
from gzcore.storage.damage import DAMAGE
from gzcore.storage.documents import BadDocument, parse_json
from gzcore.storage.places import Place, for_arrow
from gzprep.dataset.folder import Folder

Rows = list[dict[str, Any]]
_BATCH = 1024
"""Rows that are Python objects at one time."""


def open_folder(root: Place) -> tuple[Folder, dict[str, Any]]:
    """Open a whole dataset folder: its paths, and its manifest.

    Raises:
        GzError: it is not there, not whole, damaged, or of a newer format.
    """
    _, document = read_manifest(root)
    return Folder(root), document


def read_rows(path: Place, columns: list[str] | None = None, filters: list[tuple[str, str, str]] | None = None) -> Rows:
    """Read rows of the data set's catalogue or rejects.

    Raises:
        GzError: the file is absent or damaged.
    """
    with readable(path):
        rows: Rows = pq.read_table(for_arrow(path), columns=columns, filters=filters).to_pylist()
    return rows


@contextlib.contextmanager
def readable(path: Place) -> Iterator[None]:
    """Turn what pyarrow raises on a damaged table of a dataset folder into one sentence."""
    try:
        yield
    except DAMAGE as error:
        raise GzError(
            f"{path} is absent or damaged ({reason_of(error)}); run gzprep again: it makes a new one."
        ) from None


def iterate_rows(path: Place, columns: list[str] | None = None, most: int | None = None) -> Iterator[dict[str, Any]]:
    """Yield rows of the data set's catalogue or rejects, few in memory at a time.

    Args:
        path: the file.
        columns: their names; None: all.
        most: how many rows there may be; None: any number.

    Raises:
        GzError: the file is absent or damaged, or has more rows.
    """
    with readable(path), pq.ParquetFile(for_arrow(path)) as file:
        _check_rows(path, file, most)
        _check_columns(path, file, columns or ())
        for batch in file.iter_batches(_BATCH, columns=columns, use_threads=False):
            yield from batch.to_pylist()


def _check_rows(path: Place, file: pq.ParquetFile, most: int | None) -> None:
    if most is not None and file.metadata.num_rows > most:
        raise GzError(f"{path.name} has {file.metadata.num_rows} rows; the manifest says {most} galaxies.")


def _check_columns(path: Place, file: pq.ParquetFile, columns: Iterable[str]) -> None:
    absent = [name for name in columns if name not in file.schema_arrow.names]
    if absent:
        raise GzError(f"{path.name} is absent or damaged (it has no column {absent[0]}).")


def read_columns(path: Place, columns: pa.Schema, most: int | None = None) -> pa.Table:
    """Read columns of the data set's catalogue; those that an older version did not write are empty.

    Args:
        path: the file.
        columns: their names and types.
        most: how many rows there may be; None: any number.

    Raises:
        GzError: the file is absent or damaged, has values of another type, or more rows.
    """
    with readable(path), pq.ParquetFile(for_arrow(path)) as file:
        _check_rows(path, file, most)
        names = [name for name in columns.names if name in file.schema_arrow.names]
        table = file.read(names)
        for name in set(columns.names).difference(names):
            table = table.append_column(name, pa.nulls(len(table), columns.field(name).type))
        return table.select(columns.names).cast(columns)


def example_id(folder: Folder) -> str | None:
    """Id of a galaxy that is in the shards, of training if there is one; None where all were rejected."""
    rows = read_rows(folder.catalogue, ["id_str", "verdict"])
    return next((row["id_str"] for row in rows if row["verdict"] != "rejected"), None)


def read_shard(path: Place) -> Iterator[bytes]:
    """Yield the serialised records of a shard, their checksums checked.

    Raises:
        GzError: the file is absent or damaged.
    """
    try:
        with path.open("rb") as file:
            yield from _counted(path, read_records(file))
    except OSError as error:
        raise GzError(f"The shard {path} cannot be read ({error.strerror}).") from None


def _counted(path: Place, records: Iterator[bytes]) -> Iterator[bytes]:
    """Pass records on; say at which one a shard is damaged."""
    for number in itertools.count(1):
        try:
            record = next(records, None)
        except DamagedRecord as error:
            raise GzError(f"The shard {path} is damaged: record {number} cannot be used: {error}.") from None
        if record is None:
            return
        yield record


def shard_paths(folder: Folder, manifest: dict[str, Any], splits: Iterable[str]) -> Iterator[Place]:
    """Yield the paths of the shards of some splits."""
    for split in splits:
        for shard in manifest["splits"][split]["shards"]:
            yield folder.root / shard["file"]


def widths_of(manifest: dict[str, Any]) -> Widths:
    """How many fractions, votes and labels the records of a data set have, as its manifest says."""
    labels = manifest["labels"]
    return Widths(len(labels["fraction_names"]), len(labels["questions"]), len(labels["names"]))


def read_record(data: bytes, widths: Widths) -> Record:
    """Parse a record.

    Args:
        data: the record.
        widths: how many fractions, votes and labels it has; see :func:`widths_of`.

    Raises:
        DamagedRecord: it is not a record of ours; the message says why.
    """
    record = parse_record(data, widths)
    operations_of(record)
    return record


def operations_of(record: Record) -> list[dict[str, Any]]:
    """What was done to a view, in the order of the draw.

    Raises:
        DamagedRecord: it is not a list in JSON.
    """
    try:
        operations: list[dict[str, Any]] = parse_json(record.ops)
    except BadDocument as error:
        raise DamagedRecord(f"its ops are not JSON ({brief(error)})") from None
    if not isinstance(operations, list):
        raise DamagedRecord("its ops are not a list")
    return operations
