"""The catalogue: which files, which columns, and rows as :class:`Galaxy`.

A catalogue is untrusted: its ``subfolder`` and ``filename`` may not leave the image folder. The launcher looks at
schemas and row counts only; rows are read in the workers, a row group (of parquet) or a whole file (of CSV) at a time.
"""

import math
import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from gzcore.dataset.tree import Question
from gzcore.errors import GzError
from gzcore.storage.places import Place, for_arrow
from gzprep.catalogue.galaxy import Galaxy, Split, Votes
from gzprep.catalogue.tree import CATALOGUE_QUESTIONS

REQUIRED = ("id_str", "subfolder", "filename")
EXTRAS = ("iauname", "ra", "dec", "summary")
"""Columns that are carried through to the data set's own catalogue where they exist."""
_ROUNDING = 1e-3  # tables round to three decimals
_BATCH = 256
"""Rows that are Python objects at one time."""
_PARTS = 500
"""Parts that a catalogue is read in at most: each takes room in the graph that is sent to an engine."""
_FORMATS = (".parquet", ".csv")
_COUNTS = tuple(name for question in CATALOGUE_QUESTIONS for name in question.columns)
_TEXT = ("id_str", "subfolder", "filename", "iauname", "summary")


@dataclass(frozen=True, slots=True)
class CatalogueFile:
    """A catalogue and the split of its galaxies."""

    path: Place
    split: Split


@dataclass(frozen=True, slots=True)
class RowGroup:
    """A part of a catalogue that one worker reads: ``count`` row groups from ``index`` on; a CSV file is one."""

    file: CatalogueFile
    index: int
    count: int = 1


def find_catalogues(data: Place) -> tuple[CatalogueFile, ...]:
    """Find the catalogues of a data folder: ``<any name>_train_catalog.parquet``, ``_test_``, or ``.csv``.

    Raises:
        GzError: the folder, or every catalogue in it, is absent; or a split has two.
    """
    if not data.is_dir():
        raise GzError(f"{data} is not a folder; name one with catalogues and images with --data.")
    paths_of = {split: _files_of(data, split) for split in Split}
    for split, paths in paths_of.items():
        if len(paths) > 1:
            names = " and ".join(path.name for path in paths)
            raise GzError(f"There are two {split} catalogues in {data}, {names}; remove one of them.")
    if not any(paths_of.values()):
        raise GzError(_no_catalogue(data))
    return tuple(CatalogueFile(path, split) for split, paths in paths_of.items() for path in paths)


def _files_of(data: Place, split: Split) -> list[Place]:
    paths: Iterable[Place] = (path for suffix in _FORMATS for path in data.glob(f"*_{split}_catalog{suffix}"))
    return sorted((path for path in paths if path.is_file()), key=str)


def _no_catalogue(data: Place) -> str:
    others = sorted(path.name for path in data.iterdir() if path.suffix in _FORMATS and path.is_file())
    hint = f"it holds {', '.join(others[:3])}: name one with --catalogue FILE --split train|test" if others else ""
    expected = "gz2_train_catalog.parquet or gz2_test_catalog.parquet (or .csv)"
    return f"There is no catalogue in {data}; expected {expected}" + (f"; {hint}." if hint else ".")


def column_names(path: Place) -> list[str]:
    """Names of the columns of a catalogue file.

    Raises:
        GzError: the file is absent, or neither parquet nor CSV.
    """
    with _readable(path):
        if path.suffix == ".csv":
            with pyarrow.csv.open_csv(for_arrow(path)) as reader:
                return list(reader.schema.names)
        return list(pq.read_schema(for_arrow(path)).names)


class _readable:  # noqa: N801 -- a context manager, used like a function
    """Turn what pyarrow raises on a bad catalogue into one sentence."""

    def __init__(self, path: Place) -> None:
        self.path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, FileNotFoundError):
            raise GzError(f"The catalogue {self.path} does not exist; name an existing file.") from None
        if isinstance(error, pa.ArrowException | OSError | UnicodeDecodeError):
            form = "CSV" if self.path.suffix == ".csv" else "parquet"
            reason = str(error).split("\n")[0].rstrip(".")
            raise GzError(f"The catalogue {self.path} cannot be read as {form} ({reason}).") from None


def row_count(path: Place) -> int:
    """Number of rows; of a CSV file by reading it through, in constant memory."""
    with _readable(path):
        if path.suffix == ".csv":
            with _open_csv(path, ["id_str"]) as reader:
                return sum(batch.num_rows for batch in reader)
        return int(pq.read_metadata(for_arrow(path)).num_rows)


def row_groups(file: CatalogueFile) -> tuple[RowGroup, ...]:
    """The parts a catalogue is read in: its row groups, several at a time where there are very many."""
    with _readable(file.path):
        total = 1 if file.path.suffix == ".csv" else pq.read_metadata(for_arrow(file.path)).num_row_groups
    each = max(1, math.ceil(total / _PARTS))
    return tuple(RowGroup(file, start, min(each, total - start)) for start in range(0, total, each))


def check_columns(path: Place) -> None:
    """Check that a catalogue has an id, a path, and fractions (or counts) of every question.

    Raises:
        GzError: the first absent columns are named.
    """
    names = set(column_names(path))
    absent = [name for name in REQUIRED if name not in names]
    absent += [name for question in CATALOGUE_QUESTIONS for name in _absent_fractions(question, names)]
    if absent:
        more = f" and {len(absent) - 3} more" if len(absent) > 3 else ""
        plural = "s" if len(absent) > 1 else ""
        raise GzError(
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


def read_ids(path: Place) -> list[str]:
    """All ids of a catalogue, as text."""
    return [_id(row["id_str"], path) for row in _rows(path, ["id_str"])]


def read_galaxies(group: RowGroup) -> Iterator[Galaxy]:
    """Yield the galaxies of a row group.

    Raises:
        GzError: the file has changed since the launcher looked, or a row has no id or no number where one belongs.
    """
    columns = wanted_columns(column_names(group.file.path))
    for row in _rows(group.file.path, columns, list(range(group.index, group.index + group.count))):
        yield parse_row(row, group.file)


def read_all(files: Iterable[CatalogueFile]) -> Iterator[Galaxy]:
    """Yield the galaxies of whole catalogues, a row group in memory at a time."""
    for file in files:
        for group in row_groups(file):
            yield from read_galaxies(group)


def _rows(path: Place, columns: list[str], groups: list[int] | None = None) -> Iterator[dict[str, Any]]:
    """Yield the rows of a catalogue, or of some row groups; in small pieces, because a group may be a whole survey."""
    with _readable(path):
        for batch in _csv_batches(path, columns) if path.suffix == ".csv" else _parquet_batches(path, columns, groups):
            yield from batch.to_pylist()


def _csv_batches(path: Place, columns: list[str]) -> Iterator[pa.RecordBatch]:
    with _open_csv(path, columns) as reader:
        yield from (piece for batch in reader for piece in _pieces(batch))


def _parquet_batches(path: Place, columns: list[str], groups: list[int] | None) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(for_arrow(path), pre_buffer=False) as file:
        yield from file.iter_batches(_BATCH, row_groups=groups, columns=columns, use_threads=False)


def _pieces(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    return (batch.slice(start, _BATCH) for start in range(0, batch.num_rows, _BATCH))


def _open_csv(path: Place, columns: list[str]) -> pyarrow.csv.CSVStreamingReader:
    """Read everything as text: a reader of pieces would guess types from the first one, and ids keep their digits."""
    types = dict.fromkeys(columns, pa.string())
    convert = pyarrow.csv.ConvertOptions(include_columns=columns, column_types=types, strings_can_be_null=True)
    parse = pyarrow.csv.ParseOptions(newlines_in_values=True)
    return pyarrow.csv.open_csv(for_arrow(path), convert_options=convert, parse_options=parse)


def parse_row(row: dict[str, Any], file: CatalogueFile) -> Galaxy:
    """Turn a row into a galaxy.

    Raises:
        GzError: there is no id, or a vote is not a number, or a fraction is not one.
    """
    galaxy_id = _id(row["id_str"], file.path)
    try:
        votes = _votes(row)
        extras = tuple(_extra(name, row.get(name)) for name in EXTRAS)
    except (TypeError, ValueError) as error:
        raise GzError(f"Galaxy {galaxy_id} in {file.path} has a value that does not fit ({error}).") from None
    return Galaxy(galaxy_id, file.split, _text(row["subfolder"]), _text(row["filename"]), votes, extras)


def _id(value: object, path: Place) -> str:
    """An id as text. One that has passed through a float column has lost digits beyond 2**53: another galaxy's id."""
    if isinstance(value, float):
        if not value.is_integer() or abs(value) >= 1 << 53:
            raise GzError(
                f"The catalogue {path} holds ids as floating-point numbers ({value!r}), which lose digits; "
                "write id_str as text or as integers."
            )
        value = int(value)
    text = _text(value)
    if not text:
        raise GzError(f"The catalogue {path} has a row without id_str; every galaxy needs an id.")
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
    if share < -_ROUNDING or share > 1 + _ROUNDING:
        raise ValueError(f"a vote fraction of {share:g}; expected 0 to 1")
    return share


def _votes(row: dict[str, Any]) -> Votes:
    counts = [_number(row.get(name)) for name in _COUNTS]
    totals = [_total(row, question) for question in CATALOGUE_QUESTIONS]
    fractions = [
        value for q, total in zip(CATALOGUE_QUESTIONS, totals, strict=True) for value in _fractions(row, q, total)
    ]
    return Votes(tuple(fractions), tuple(counts), tuple(totals))


def _total(row: dict[str, Any], question: Question) -> float:
    if question.total_column in row:
        return _number(row[question.total_column])
    return sum(_number(row.get(name)) for name in question.columns)  # NaN where there are no counts


def _fractions(row: dict[str, Any], question: Question, total: float) -> list[float]:
    if all(map(row.__contains__, question.fraction_columns)):
        return [_share(row[name]) for name in question.fraction_columns]
    if not total > 0:
        return [math.nan] * len(question.columns)
    return [_share(_number(row[name]) / total) for name in question.columns]


def image_path(galaxy: Galaxy) -> str | None:
    """Path of a galaxy's image below the image folder, or None where it would leave that folder."""
    return path_below(galaxy.subfolder, galaxy.filename)


def path_below(subfolder: str, filename: str) -> str | None:
    """Join two untrusted names to a path below a folder, or to None where they would leave it."""
    path = posixpath.normpath(f"{subfolder}/{filename}" if subfolder else filename)
    odd = not filename or "\0" in path or "\\" in path or filename.startswith("/") or path.startswith("/")
    return None if odd or ".." in subfolder.split("/") or ".." in filename.split("/") else path
