"""The catalogue: which files, which columns, and rows as :class:`Galaxy`.

A catalogue is untrusted: its ``subfolder`` and ``filename`` may not leave the image folder. The launcher looks at
schemas and row counts only; rows are read in the workers, a row group (of parquet) or a whole file (of CSV) at a time.
CSV and parquet are read under the same rules: :mod:`gzprep.catalogue.rows` has those of columns,
:mod:`gzprep.catalogue.values` those of a single value.
"""

import math
import posixpath
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from gzcore.console import reason_of
from gzcore.errors import GzError, UsageError
from gzcore.storage.damage import DAMAGE, checked
from gzcore.storage.places import Place, for_arrow
from gzprep.catalogue.columns import is_nested, is_simple, names_of_files
from gzprep.catalogue.csv_file import read_blocks
from gzprep.catalogue.dialect import find_dialect
from gzprep.catalogue.galaxy import Galaxy, Split
from gzprep.catalogue.measures import measures_in
from gzprep.catalogue.names import absent, absent_votes, in_file, numeric, shared, wanted
from gzprep.catalogue.piece import Piece
from gzprep.catalogue.rows import galaxies, galaxy_ids
from gzprep.catalogue.survey import Survey
from gzprep.catalogue.surveys import known_survey, survey_files

_BATCH = 1024
"""Rows of parquet that are read at a time."""
_PARTS = 500
"""Parts that a catalogue is read in at most: each takes room in the graph that is sent to an engine."""
FORMATS = (".parquet", ".csv", ".csv.gz")
"""How names of catalogues end."""
Rows = TypeVar("Rows", pa.Table, pa.RecordBatch)


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


def is_parquet(path: Place) -> bool:
    """Tell by its name whether a catalogue is parquet; any other is read as CSV."""
    return path.suffix.lower() == ".parquet"


class readable:  # noqa: N801 -- a context manager, used like a function
    """Turn what reading a damaged catalogue raises into one sentence."""

    def __init__(self, path: Place) -> None:
        self.path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, FileNotFoundError):
            raise UsageError(f"The catalogue {self.path} does not exist; name an existing file.") from None
        if isinstance(error, IsADirectoryError):
            raise UsageError(
                f"The catalogue {self.path} is a folder; name a file, or give a folder of catalogues as --data."
            ) from None
        if isinstance(error, DAMAGE):
            form = "parquet" if is_parquet(self.path) else "CSV"
            raise GzError(f"The catalogue {self.path} cannot be read as {form} ({reason_of(error)}).") from None


def _numbers_in_file(survey: Survey) -> list[str]:
    return [in_file(survey, name) for name in numeric(survey)]


def _schema(path: Place, survey: Survey) -> pa.Schema:
    """Columns of a catalogue with their types; those of CSV are text.

    Raises:
        GzError: the file is absent, or neither parquet nor CSV; or a column that is read is there twice.
    """
    with readable(path):
        if is_parquet(path):
            schema = checked(pq.read_schema(for_arrow(path)))
        else:
            schema = pa.schema([(name, pa.string()) for name in find_dialect(path, _numbers_in_file(survey)).names])
    refuse_twice(path, schema.names, survey)
    return schema


def raw_schema(path: Place) -> pa.Schema:
    """Columns of a catalogue of any survey with their types; those of CSV are text.

    Raises:
        GzError: the file is absent, or neither parquet nor CSV.
    """
    with readable(path):
        if is_parquet(path):
            return checked(pq.read_schema(for_arrow(path)))
        return pa.schema([(name, pa.string()) for name in find_dialect(path, ()).names])


def column_names(path: Place, survey: Survey) -> list[str]:
    """Names of the columns of a catalogue file.

    Raises:
        GzError: the file is absent, or neither parquet nor CSV; or a column that is read is there twice.
    """
    return list(_schema(path, survey).names)


def refuse_twice(path: Place, names: Sequence[str], survey: Survey) -> None:
    """Refuse a column that is there twice, if it is one that is read; columns that are not read may be.

    Raises:
        GzError: the sentence names the column.
    """
    known = wanted(survey)
    twice = [name for name, count in Counter(names).items() if count > 1 and name in known]
    if twice:
        raise GzError(
            f"The catalogue {path} has the column {twice[0]} {Counter(names)[twice[0]]} times; "
            "expected it once: remove or rename the others."
        )


def row_count(path: Place, survey: Survey) -> int:
    """Number of rows; of a CSV file by reading it through, in constant memory.

    Raises:
        GzError: a line of a CSV file is not one row, or its ids have lost digits.
    """
    if not is_parquet(path):
        file = CatalogueFile(path, Split.TRAIN)
        return sum(len(galaxy_ids(piece)) for piece in _csv_pieces(file, survey, [in_file(survey, "id_str")]))
    with readable(path):
        return int(pq.read_metadata(for_arrow(path)).num_rows)


def row_groups(file: CatalogueFile) -> tuple[RowGroup, ...]:
    """The parts a catalogue is read in: its row groups, several at a time where there are very many."""
    with readable(file.path):
        total = pq.read_metadata(for_arrow(file.path)).num_row_groups if is_parquet(file.path) else 1
    each = max(1, math.ceil(total / _PARTS))
    return tuple(RowGroup(file, start, min(each, total - start)) for start in range(0, total, each))


def check_columns(path: Place, survey: Survey) -> list[str]:
    """Check that a catalogue has an id, a path, and fractions (or counts) of every question.

    Args:
        path: the catalogue.
        survey: the questions that it must have columns for.

    Returns:
        The columns that are read, in the order of the file; those of magnitudes, sizes and redshifts come last.

    Raises:
        GzError: the first absent columns are named; or a column that is read is there twice or of a wrong type.
    """
    schema = _schema(path, survey)
    names = set(schema.names)
    lacking = absent(survey, names)
    if lacking:
        _refuse_absent(path, lacking, _which_survey(survey, names))
    known = wanted(survey)
    again = {other for other, name in survey.debiased_aliases.items() if name in names}  # there under both names
    columns = [column for column in schema if column.name in known and column.name not in again]
    _refuse_types(path, columns, survey)
    return [*(column.name for column in columns), *measures_in(schema, known)]


def _refuse_absent(path: Place, lacking: Sequence[str], why: str) -> None:
    if lacking:
        more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
        plural = "s" if len(lacking) > 1 else ""
        raise GzError(f"The catalogue {path} lacks the column{plural} {', '.join(lacking[:3])}{more}; {why}.")


def _which_survey(survey: Survey, names: Collection[str]) -> str:
    """Say which survey was expected, which one has the columns that are there, and how it is named."""
    if survey.own_labels:
        shown = ", ".join(sorted(names)[:12]) + (", ..." if len(names) > 12 else "")
        return f"name the column of ids with --id-column, or that of files with --path-column; it has {shown}"
    expected = f"the survey {survey} ({survey.title}) has them"
    fitting = [other for other in map(known_survey, survey_files()) if not absent_votes(other, names)]
    if fitting:
        best = max(fitting, key=lambda other: len(other.fraction_columns))
        return f"{expected}. Its columns are those of {best.title}: add --survey {best}"
    return (
        f"{expected}, and no survey that gzprep knows fits its columns. Name your columns of labels with --labels, or "
        "describe the questions in a file: --survey FILE.toml"
    )


def _refuse_types(path: Place, columns: Iterable[pa.Field], survey: Survey) -> None:
    """Refuse columns whose type holds no single number or text.

    Raises:
        GzError: the sentence names the column and its type.
    """
    numbers = _numbers_in_file(survey)
    for column in columns:
        strict = column.name == in_file(survey, "id_str") or column.name in numbers
        if is_nested(column.type) or (strict and not is_simple(column.type)):
            expected = "numbers" if column.name in numbers else "text or integers"
            kind = str(column.type).partition("<")[0]
            raise GzError(f"The catalogue {path} has the column {column.name} of type {kind}; expected {expected}.")


def read_ids(file: CatalogueFile, survey: Survey) -> list[str]:
    """All ids of a catalogue, as its galaxies have them."""
    column_names(file.path, survey)  # refuses an id that is there twice
    with readable(file.path):
        return [
            galaxy_id for piece in _pieces(file, survey, [in_file(survey, "id_str")]) for galaxy_id in galaxy_ids(piece)
        ]


def read_galaxies(group: RowGroup, survey: Survey) -> Iterator[Galaxy]:
    """Yield the galaxies of a row group, those with a value that cannot be used as rejected ones.

    Args:
        group: the part of a catalogue.
        survey: the questions that it has columns for.

    Raises:
        GzError: the file has changed since the launcher looked, or its ids have lost digits.
    """
    file = group.file
    columns = check_columns(file.path, survey)
    pieces = _pieces(file, survey, columns, range(group.index, group.index + group.count))
    with readable(file.path):
        for piece in pieces:
            yield from galaxies(piece)


def read_all(files: Iterable[CatalogueFile], survey: Survey) -> Iterator[Galaxy]:
    """Yield the galaxies of whole catalogues, a row group in memory at a time."""
    for file in files:
        for group in row_groups(file):
            yield from read_galaxies(group, survey)


def _pieces(
    file: CatalogueFile, survey: Survey, columns: list[str], groups: Sequence[int] | None = None
) -> Iterator[Piece]:
    if is_parquet(file.path):
        return _parquet_pieces(file, survey, columns, groups)
    return _csv_pieces(file, survey, columns)


def _csv_pieces(file: CatalogueFile, survey: Survey, columns: list[str]) -> Iterator[Piece]:
    """Yield the rows of a CSV file, a block at a time."""
    with readable(file.path):
        numbers = _numbers_in_file(survey)
        dialect, row = find_dialect(file.path, numbers), 1
        _refuse_absent(file.path, [name for name in columns if name not in dialect.names], "a catalogue needs them")
        for block in read_blocks(file.path, dialect, columns, numbers):
            yield Piece(_renamed(block.table, survey), file.path, file.split, survey, row, dialect.comma)
            row += block.table.num_rows


def _parquet_pieces(
    file: CatalogueFile, survey: Survey, columns: list[str], groups: Sequence[int] | None = None
) -> Iterator[Piece]:
    """Yield the rows of a parquet file, or of some of its row groups; in small pieces, because a group may be large."""
    with readable(file.path), pq.ParquetFile(for_arrow(file.path), pre_buffer=False) as table:
        chosen = range(table.num_row_groups) if groups is None else groups
        counts = [table.metadata.row_group(group).num_rows for group in range(table.num_row_groups)]
        row = first = 1 + sum(counts[: chosen[0]] if chosen else ())
        for batch in table.iter_batches(_BATCH, row_groups=list(chosen), columns=columns, use_threads=False):
            yield Piece(_renamed(batch, survey), file.path, file.split, survey, row)
            row += batch.num_rows
        _compare_rows(file.path, row - first, sum(counts[group] for group in chosen))
        _compare_rows(file.path, sum(counts), table.metadata.num_rows)


def _renamed(table: Rows, survey: Survey) -> Rows:
    """The columns of some rows by the survey's own names."""
    if survey.aliases or survey.debiased_aliases or survey.ids_are_files:
        known = wanted(survey)
        table = table.rename_columns([known.get(name, name) for name in table.schema.names])
        for name, source in shared(survey).items():
            if source in table.schema.names and name not in table.schema.names:
                table = table.append_column(name, table[source])
    return table.append_column("id_str", names_of_files(table["filename"])) if survey.ids_are_files else table


def _compare_rows(path: Place, rows: int, told: int) -> None:
    """Refuse a file that has another number of rows than it says.

    Raises:
        GzError: it is damaged.
    """
    if rows != told:
        raise GzError(f"The catalogue {path} is damaged: it has {rows} rows where it says {told}; make it again.")


def image_path(galaxy: Galaxy) -> str | None:
    """Path of a galaxy's image below the image folder, or None where it would leave that folder."""
    return path_below(galaxy.subfolder, galaxy.filename)


def path_below(subfolder: str, filename: str) -> str | None:
    """Join two untrusted names to a path below a folder, or to None where they would leave it."""
    path = posixpath.normpath(f"{subfolder}/{filename}" if subfolder else filename)
    odd = not filename or "\0" in path or "\\" in path or filename.startswith("/") or path.startswith("/")
    return None if odd or ".." in subfolder.split("/") or ".." in filename.split("/") else path
