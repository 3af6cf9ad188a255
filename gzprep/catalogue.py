"""The catalogue: which files, which columns, and rows as :class:`Galaxy`.

A catalogue is untrusted: its ``subfolder`` and ``filename`` may not leave the image folder. The launcher looks at
schemas and row counts only; rows are read in the workers, a row group (of parquet) or a whole file (of CSV) at a time.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from gzprep.errors import GzprepError
from gzprep.records import Galaxy, Split, Votes
from gzprep.tree import CATALOGUE_QUESTIONS, Question

REQUIRED = ("id_str", "subfolder", "filename")
EXTRAS = ("iauname", "ra", "dec", "summary")
"""Columns that are carried through to the data set's own catalogue where they exist."""
_ROUNDING = 1e-3  # tables round to three decimals
_BATCH = 256
"""Rows that are Python objects at one time."""
_FORMATS = (".parquet", ".csv")
_TEXT = ("id_str", "subfolder", "filename", "iauname", "summary")


@dataclass(frozen=True, slots=True)
class CatalogueFile:
    """A catalogue on disk and the split of its galaxies."""

    path: Path
    split: Split


@dataclass(frozen=True, slots=True)
class RowGroup:
    """A part of a catalogue that one worker reads."""

    file: CatalogueFile
    index: int


def find_catalogues(data: Path, name: str) -> tuple[CatalogueFile, ...]:
    """Find the train and test catalogues of a data folder, ``<name>_<split>_catalog.parquet`` or ``.csv``.

    Raises:
        GzprepError: the folder, or every catalogue in it, is absent.
    """
    if not data.is_dir():
        raise GzprepError(f"The data folder {data} does not exist; name one with --data, or leave --data out.")
    found = [
        CatalogueFile(path, split)
        for split in Split
        for path in (data / f"{name}_{split}_catalog{suffix}" for suffix in _FORMATS)
        if path.is_file()
    ]
    if not found:
        raise GzprepError(_no_catalogue(data, name))
    _refuse_twins(found)
    return tuple(found)


def _refuse_twins(found: list[CatalogueFile]) -> None:
    for split in Split:
        twins = [file.path.name for file in found if file.split == split]
        if len(twins) > 1:
            raise GzprepError(f"There are two {split} catalogues, {' and '.join(twins)}; remove one of them.")


def _no_catalogue(data: Path, name: str) -> str:
    others = sorted(path.name for path in data.iterdir() if path.suffix in _FORMATS)
    hint = f"it holds {', '.join(others[:3])}: name one with --catalogue FILE --split train|test" if others else ""
    expected = f"{name}_train_catalog.parquet or {name}_test_catalog.parquet (or .csv)"
    return f"There is no catalogue in {data}; expected {expected}" + (f"; {hint}." if hint else ".")


def column_names(path: Path) -> list[str]:
    """Names of the columns of a catalogue file.

    Raises:
        GzprepError: the file is absent, or neither parquet nor CSV.
    """
    with _readable(path):
        if path.suffix == ".csv":
            with pyarrow.csv.open_csv(path) as reader:
                return list(reader.schema.names)
        return list(pq.read_schema(path).names)


class _readable:  # noqa: N801 -- a context manager, used like a function
    """Turn what pyarrow raises on a bad catalogue into one sentence."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, FileNotFoundError):
            raise GzprepError(f"The catalogue {self.path} does not exist; name an existing file.") from None
        if isinstance(error, pa.ArrowException | OSError | UnicodeDecodeError):
            form = "CSV" if self.path.suffix == ".csv" else "parquet"
            reason = str(error).split("\n")[0].rstrip(".")
            raise GzprepError(f"The catalogue {self.path} cannot be read as {form} ({reason}).") from None


def row_count(path: Path) -> int:
    """Number of rows; of a CSV file by reading it through, in constant memory."""
    with _readable(path):
        if path.suffix == ".csv":
            with pyarrow.csv.open_csv(path, convert_options=_csv_options(["id_str"])) as reader:
                return sum(batch.num_rows for batch in reader)
        return int(pq.read_metadata(path).num_rows)


def row_groups(file: CatalogueFile) -> tuple[RowGroup, ...]:
    """The parts a catalogue is read in."""
    with _readable(file.path):
        count = 1 if file.path.suffix == ".csv" else pq.read_metadata(file.path).num_row_groups
    return tuple(RowGroup(file, index) for index in range(count))


def check_columns(path: Path) -> None:
    """Check that a catalogue has an id, a path, and fractions (or counts) of every question.

    Raises:
        GzprepError: the first absent columns are named.
    """
    names = set(column_names(path))
    absent = [name for name in REQUIRED if name not in names]
    absent += [name for question in CATALOGUE_QUESTIONS for name in _absent_fractions(question, names)]
    if absent:
        more = f" and {len(absent) - 3} more" if len(absent) > 3 else ""
        plural = "s" if len(absent) > 1 else ""
        raise GzprepError(
            f"The catalogue {path} lacks the column{plural} {', '.join(absent[:3])}{more}; "
            "a Galaxy Zoo 2 catalogue as galaxy-datasets writes it has them."
        )


def _absent_fractions(question: Question, names: set[str]) -> list[str]:
    if names.issuperset(question.columns):  # counts: the fractions can be worked out
        return []
    return [name for name in question.fraction_columns if name not in names]


def wanted_columns(names: list[str]) -> list[str]:
    """The columns of a catalogue that are read, in its order."""
    votes = {name for q in CATALOGUE_QUESTIONS for name in (*q.columns, *q.fraction_columns, q.total_column)}
    wanted = votes.union(REQUIRED, EXTRAS)
    return [name for name in names if name in wanted]


def read_ids(path: Path) -> list[str]:
    """All ids of a catalogue, as text."""
    return [_id(value, path) for batch in _batches(path, ["id_str"]) for value in batch["id_str"].to_pylist()]


def read_galaxies(group: RowGroup) -> Iterator[Galaxy]:
    """Yield the galaxies of a row group.

    Raises:
        GzprepError: the file has changed under us, or a row has no id or no number where one belongs.
    """
    columns = wanted_columns(column_names(group.file.path))
    for batch in _batches(group.file.path, columns, [group.index]):
        for row in batch.to_pylist():
            yield parse_row(row, group.file)


def read_all(files: Iterable[CatalogueFile]) -> Iterator[Galaxy]:
    """Yield the galaxies of whole catalogues, a row group in memory at a time."""
    for file in files:
        for group in row_groups(file):
            yield from read_galaxies(group)


def _batches(path: Path, columns: list[str], groups: list[int] | None = None) -> Iterator[pa.RecordBatch]:
    """Yield a catalogue (or some row groups of it) in small pieces: a row group may be the whole of a survey."""
    with _readable(path):
        if path.suffix == ".csv":
            with pyarrow.csv.open_csv(path, convert_options=_csv_options(columns)) as reader:
                yield from (piece for batch in reader for piece in _pieces(batch))
        else:
            with pq.ParquetFile(path, pre_buffer=False) as file:
                yield from file.iter_batches(_BATCH, row_groups=groups, columns=columns, use_threads=False)


def _pieces(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    return (batch.slice(start, _BATCH) for start in range(0, batch.num_rows, _BATCH))


def _csv_options(columns: list[str]) -> pyarrow.csv.ConvertOptions:
    """Read everything as text: a reader of pieces would guess types from the first one, and ids keep their digits."""
    types = dict.fromkeys(columns, pa.string())
    return pyarrow.csv.ConvertOptions(include_columns=columns, column_types=types, strings_can_be_null=True)


def parse_row(row: dict[str, Any], file: CatalogueFile) -> Galaxy:
    """Turn a row into a galaxy.

    Raises:
        GzprepError: there is no id, or a vote is not a number, or a fraction is not one.
    """
    galaxy_id = _id(row["id_str"], file.path)
    try:
        votes = _votes(row)
        extras = tuple(_extra(name, row.get(name)) for name in EXTRAS)
    except (TypeError, ValueError) as error:
        raise GzprepError(f"Galaxy {galaxy_id} in {file.path} has a value that does not fit ({error}).") from None
    return Galaxy(galaxy_id, file.split, _text(row["subfolder"]), _text(row["filename"]), votes, extras)


def _id(value: object, path: Path) -> str:
    """An id as text. One that has passed through a float column has lost digits beyond 2**53: another galaxy's id."""
    if isinstance(value, float):
        if not value.is_integer() or abs(value) >= 1 << 53:
            raise GzprepError(
                f"The catalogue {path} holds ids as floating-point numbers ({value!r}), which lose digits; "
                "write id_str as text or as integers."
            )
        value = int(value)
    text = _text(value)
    if not text:
        raise GzprepError(f"The catalogue {path} has a row without id_str; every galaxy needs an id.")
    return text


def _text(value: object) -> str:
    if value is None:
        return ""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _extra(name: str, value: Any) -> str | float | None:  # noqa: ANN401 -- whatever a table holds
    if name in _TEXT:
        return None if value is None else str(value)
    return None if value is None else _number(value)


def _number(value: Any) -> float:  # noqa: ANN401 -- whatever a table holds
    return math.nan if value is None else float(value)


def _share(value: Any) -> float:  # noqa: ANN401 -- whatever a table holds
    share = _number(value)
    if share < 0 or share > 1 + _ROUNDING:
        raise ValueError(f"a vote fraction of {share:g}; expected 0 to 1")
    return share


def _votes(row: dict[str, Any]) -> Votes:
    counts = tuple(_number(row.get(name)) for q in CATALOGUE_QUESTIONS for name in q.columns)
    totals = tuple(_total(row, question) for question in CATALOGUE_QUESTIONS)
    fractions = tuple(
        value for q, total in zip(CATALOGUE_QUESTIONS, totals, strict=True) for value in _fractions(row, q, total)
    )
    return Votes(fractions, counts, totals)


def _total(row: dict[str, Any], question: Question) -> float:
    if question.total_column in row:
        return _number(row[question.total_column])
    return sum(_number(row.get(name)) for name in question.columns)  # NaN where there are no counts


def _fractions(row: dict[str, Any], question: Question, total: float) -> tuple[float, ...]:
    if all(name in row for name in question.fraction_columns):
        return tuple(_share(row[name]) for name in question.fraction_columns)
    if not total > 0:
        return (math.nan,) * len(question.columns)
    return tuple(_number(row[name]) / total for name in question.columns)


def image_path(galaxy: Galaxy) -> PurePosixPath | None:
    """Path of a galaxy's image below the image folder, or None where it would leave that folder."""
    parts = tuple(PurePosixPath(text) for text in (galaxy.subfolder, galaxy.filename))
    text = galaxy.subfolder + galaxy.filename
    leaves = any(part.is_absolute() or ".." in part.parts for part in parts)
    return None if leaves or not galaxy.filename or "\0" in text or "\\" in text else parts[0] / parts[1]
