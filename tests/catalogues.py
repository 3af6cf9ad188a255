"""Catalogues for tests: small ones row by row, and long ones whose votes repeat themselves."""

import csv
import random
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gzcore.errors import GzError
from gzprep.catalogue.galaxy import Galaxy, Split, pack
from gzprep.catalogue.read import CatalogueFile, row_groups
from tests.gz2 import CATALOGUE_QUESTIONS, check_columns, read_galaxies, read_ids

PIECE = 10_000
"""Rows of a row group."""
ID = 587722982293766366
FORMATS = ("parquet", "csv")
Row = dict[str, Any]
FRACTIONS = [name for question in CATALOGUE_QUESTIONS for name in question.fraction_columns]
COUNTS = [name for question in CATALOGUE_QUESTIONS for name in question.columns]
TOTALS = [question.total_column for question in CATALOGUE_QUESTIONS]


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
    columns = {}
    for question in CATALOGUE_QUESTIONS:
        for name in question.fraction_columns:
            columns[name] = pa.array([round(chance.random(), 3) for _ in range(500)])
        for name in (*question.columns, question.total_column):
            columns[name] = pa.array([float(chance.randrange(50)) for _ in range(500)])
    return columns


def identity(place: int) -> Row:
    return {"id_str": str(ID + place), "subfolder": "587722", "filename": f"{ID + place}.jpg"}


def fraction_row(place: int = 0) -> Row:
    """A row of fractions alone, each different; the last question unasked."""
    fractions = {name: 1 / (at + 7 + 100 * place) for at, name in enumerate(FRACTIONS)}
    return {**identity(place), **fractions, **dict.fromkeys(CATALOGUE_QUESTIONS[9].fraction_columns)}


def count_row(place: int = 0) -> Row:
    """A row of counts alone: of the first question 1, 2, 3, of the second 1, 2, and so on."""
    counts = {name: at + 1 for question in CATALOGUE_QUESTIONS for at, name in enumerate(question.columns)}
    return {**identity(place), **counts}


def write_parquet(path: Path, rows: Iterable[Row], **options: Any) -> Path:
    pq.write_table(pa.Table.from_pylist(list(rows)), path, **options)
    return path


def write_csv(path: Path, rows: Iterable[Row]) -> Path:
    rows = list(rows)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def write(folder: Path, form: str, rows: Iterable[Row]) -> Path:
    path = folder / f"gz2_train_catalog.{form}"
    return write_csv(path, rows) if form == "csv" else write_parquet(path, rows)


def read(path: Path) -> list[Galaxy]:
    """Everything a run does with a catalogue."""
    check_columns(path)
    return [galaxy for group in row_groups(CatalogueFile(path, Split.TRAIN)) for galaxy in read_galaxies(group)]


def ids_of(path: Path) -> list[str]:
    """The ids of a training catalogue, read alone."""
    return read_ids(CatalogueFile(path, Split.TRAIN))


def packed(galaxies: Iterable[Galaxy]) -> list[bytes]:
    """Galaxies in a form in which NaN equals NaN."""
    return [pack(galaxy) for galaxy in galaxies]


def without(row: Mapping[str, Any], *names: str) -> Row:
    return {name: value for name, value in row.items() if name not in names}


def assert_sentence(error: GzError, *parts: str) -> None:
    text = str(error)
    assert "\n" not in text
    assert "Traceback" not in text
    assert text.endswith(".")
    for part in parts:
        assert part in text
