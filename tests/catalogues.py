"""Catalogues of any length, for what looks at catalogues alone: their votes repeat themselves, their ids do not."""

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from gzprep.catalogue.tree import CATALOGUE_QUESTIONS

PIECE = 10_000
"""Rows of a row group."""


def write_catalogue(path: Path, rows: int, piece: int = PIECE) -> None:
    """Write a catalogue, a row group at a time."""
    votes = _votes()
    writer: pq.ParquetWriter | None = None
    for start in range(0, rows, piece):
        count = min(piece, rows - start)
        ids = pa.array([f"{587722000000000000 + number}" for number in range(start, start + count)])
        folders = pa.array(["587722"] * count).dictionary_encode()
        names = pa.array([f"{587722000000000000 + number}.jpg" for number in range(start, start + count)])
        columns = {"id_str": ids, "subfolder": folders.cast(pa.string()), "filename": names}
        columns |= {
            name: pa.concat_arrays([values] * (count // len(values) + 1))[:count] for name, values in votes.items()
        }
        table = pa.table(columns)
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def _votes() -> dict[str, pa.Array]:
    chance = random.Random(0)
    found = {}
    for question in CATALOGUE_QUESTIONS:
        for name in question.fraction_columns:
            found[name] = pa.array([round(chance.random(), 3) for _ in range(500)])
        for name in (*question.columns, question.total_column):
            found[name] = pa.array([float(chance.randrange(50)) for _ in range(500)])
    return found
