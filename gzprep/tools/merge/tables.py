"""Joins ``catalogue.parquet`` and ``rejects.parquet`` of several folders, a batch of rows in memory at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gzcore.dataset.layout import SPLITS, TEST, TRAIN
from gzcore.errors import GzError
from gzcore.storage.atomic import appearing
from gzcore.storage.damage import checked
from gzcore.storage.places import Place, for_arrow
from gzprep.dataset.folder import Folder
from gzprep.dataset.read import readable
from gzprep.tools.merge.inputs import Part
from gzprep.tools.merge.records import Places

SURVEY = "survey"
"""The column that says which survey a row is from; it comes last."""
_ROWS = 4096
_IDS = ("id_str", "id")
_VECTORS = ("label_report", "label_asked", "mask", "label_debiased", "mask_debiased")


@dataclass(frozen=True, eq=False)
class Rows:
    """How the rows of one folder become rows of the joined one.

    Attributes:
        part: the folder.
        places: where its numbers stand now.
        shards: by split, what is added to the index of a shard.
    """

    part: Part
    places: Places
    shards: dict[str, int]


def rows_of(parts: Sequence[Part], places: Sequence[Places]) -> list[Rows]:
    """Work out where the shards of each folder begin in the joined one."""
    starts = {split: list(accumulate((part.shards(split) for part in parts), initial=0)) for split in SPLITS}
    return [
        Rows(part, own, {split: starts[split][at] for split in (TRAIN, TEST)})
        for at, (part, own) in enumerate(zip(parts, places, strict=True))
    ]


def join_tables(sources: Sequence[Rows], out: Folder) -> None:
    """Write both tables: the union of columns, and a column ``survey``.

    Raises:
        GzError: a table is absent or damaged, or a column has different types in two folders.
    """
    _join(sources, "catalogue", out)
    _join(sources, "rejects", out)


def _join(sources: Sequence[Rows], kind: str, out: Folder) -> None:
    paths = [getattr(source.part.folder, kind) for source in sources]
    schema = _union([_schema(path) for path in paths], paths)
    with (
        appearing(getattr(out, kind), out.temporaries) as file,
        pq.ParquetWriter(file, schema) as writer,
    ):
        for source, path in zip(sources, paths, strict=True):
            for batch in _batches(path):
                writer.write_table(conform(batch, schema, source))


def _schema(path: Place) -> pa.Schema:
    with readable(path):
        return checked(pq.read_schema(for_arrow(path))).remove_metadata()


def _batches(path: Place) -> Iterator[pa.Table]:
    with readable(path), pq.ParquetFile(for_arrow(path)) as file:
        for batch in file.iter_batches(_ROWS, use_threads=False):
            yield pa.Table.from_batches([batch])


def _union(schemas: Sequence[pa.Schema], paths: Sequence[Place]) -> pa.Schema:
    """Every column, in the order in which it comes first; the survey last."""
    fields: dict[str, pa.Field] = {}
    for schema, path in zip(schemas, paths, strict=True):
        for entry in schema:
            known = fields.setdefault(entry.name, entry)
            if known.type != entry.type:
                raise GzError(
                    f"The column {entry.name} of {path} has the type {entry.type}, and {known.type} in the folder "
                    "before it; make both data sets with one version of gzprep."
                )
    fields.pop(SURVEY, None)
    return pa.schema([*fields.values(), (SURVEY, pa.string())])


def conform(table: pa.Table, schema: pa.Schema, source: Rows) -> pa.Table:
    """Rows of one folder with the columns of the joined one. Votes and labels of other questions are not known."""
    columns = [_column(table, entry, source) for entry in schema]
    return pa.table(columns, schema=schema)


def _column(table: pa.Table, entry: pa.Field, source: Rows) -> pa.Array | pa.ChunkedArray:
    name, part = entry.name, source.part
    if name not in table.column_names:
        return _absent(entry, len(table), part)
    column = table[name]
    if name in _IDS:
        return pc.binary_join_element_wise(part.prefix, column, "")
    if name == "shard":
        return _moved(column, table["split"], source).cast(entry.type)
    if name in _VECTORS:
        return _spread(column, source, part)
    return column


def _absent(entry: pa.Field, rows: int, part: Part) -> pa.Array:
    """A column that the folder does not have: its survey; NaN for votes, as in unasked questions; else null."""
    if entry.name == SURVEY:
        return pa.repeat(part.recipe.survey.name, rows)
    return pa.repeat(pa.scalar(np.nan, entry.type), rows) if entry.type == pa.float64() else pa.nulls(rows, entry.type)


def _moved(shards: pa.ChunkedArray, splits: pa.ChunkedArray, source: Rows) -> pa.ChunkedArray:
    in_test = pc.equal(splits, TEST)
    return pc.add(shards, pc.if_else(in_test, source.shards[TEST], source.shards[TRAIN]))


def _spread(column: pa.ChunkedArray, source: Rows, part: Part) -> pa.Array:
    """Vectors of labels at their new places; other labels are 0. A row without a vector stays without one."""
    places, width = source.places.labels, source.places.widths.labels
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    known = whole.drop_null()
    flat = known.flatten().to_numpy(zero_copy_only=False)
    if len(flat) != len(known) * len(places):
        raise GzError(f"A row of {part.folder.catalogue} does not have {len(places)} labels; run gzprep again.")
    wide = np.zeros((len(whole), width), np.int8)
    there = whole.is_valid().to_numpy(zero_copy_only=False)
    wide[np.ix_(there, places)] = flat.reshape(-1, len(places))
    offsets = pa.array(np.arange(len(whole) + 1, dtype=np.int32) * width, mask=np.append(~there, False))
    return pa.ListArray.from_arrays(offsets, pa.array(wide.ravel()))
