"""The columns of a user's own catalogue: what they hold, so that questions can be made of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gzcore.errors import UsageError
from gzcore.storage.places import Place, for_arrow
from gzprep.catalogue.columns import Numbers, any_values, is_simple, numbers, plain
from gzprep.catalogue.csv_file import read_blocks
from gzprep.catalogue.dialect import find_dialect
from gzprep.catalogue.read import is_parquet, readable
from gzprep.catalogue.values import is_null, show, trim

MOST_CLASSES = 100
"""Different texts in a column of classes, at most: the answers of a question."""
_BATCH = 65_536
"""Rows of parquet that are read at a time."""


@dataclass(eq=False)
class OwnColumn:
    """What stands in a column, over whole catalogues.

    Attributes:
        name: of the column.
        words: the different texts, trimmed, blank ones left out; one more than the limit where there are too many.
        values: its numbers, float64 [N], NaN where it is blank; of no use where ``texts`` is true.
        texts: something in it is no number.
        filled: rows in which it is not blank, as far as they were read.
    """

    name: str
    words: set[str] = field(default_factory=set)
    pieces: list[Numbers] = field(default_factory=list)
    texts: bool = False
    filled: int = 0

    def add(self, column: pa.ChunkedArray | pa.Array, *, comma: bool) -> None:
        """Look at some rows."""
        self.filled += len(column) - column.null_count
        if len(self.words) <= MOST_CLASSES:
            known = (trim(str(value)) for value in any_values(pc.unique(plain(column))) if value is not None)
            self.words |= {word for word in known if not is_null(word)}
        if not self.texts:
            values, odd = numbers(column, comma=comma)
            self.texts = bool(odd) or pa.types.is_boolean(column.type)
            self.pieces.append(values)

    @property
    def values(self) -> Numbers:
        """Its numbers; NaN where it is blank."""
        return np.concatenate([np.empty(0), *self.pieces])

    @property
    def known(self) -> Numbers:
        """Its numbers without the blanks."""
        values = self.values
        return values[np.isfinite(values)]

    @property
    def is_whole(self) -> bool:
        """Whether it holds whole numbers from 0 on."""
        return not self.texts and bool(np.all((self.known >= 0) & (self.known == np.floor(self.known))))

    @property
    def is_share(self) -> bool:
        """Whether it holds numbers from 0 to 1, such as 0 and 1."""
        return not self.texts and bool(np.all((self.known >= 0) & (self.known <= 1)))

    def example(self) -> str:
        """A value, as it is shown in a message."""
        return show(min(self.words, default=""))


def look_at(paths: Sequence[Place], names: Sequence[str]) -> dict[str, OwnColumn]:
    """Read some columns of catalogues through.

    Args:
        paths: the catalogues; each has all of these columns.
        names: of the columns.

    Raises:
        GzError: a catalogue cannot be read.
        UsageError: a column has no value at all, or values that are neither numbers nor text.
    """
    found = {name: OwnColumn(name) for name in names}
    rows = 0
    for path in paths:
        for table, comma in _tables(path, names):
            rows += table.num_rows
            for name, column in found.items():
                column.add(table[name], comma=comma)
    if not rows:
        raise UsageError(f"The catalogue {' and '.join(map(str, paths))} has no row; there is nothing to prepare.")
    empty = next((name for name, column in found.items() if not column.words), None)
    if empty is not None:
        raise UsageError(f"The column {empty} has no value in any row; leave it out of --labels.")
    return found


def _check_type(path: Place, name: str, kind: pa.DataType) -> None:
    if not (is_simple(kind) or pa.types.is_boolean(kind)):
        raise UsageError(
            f"The column {name} of {path} holds values of type {kind}; expected numbers or text as labels."
        )


def _tables(path: Place, names: Sequence[str]) -> Iterator[tuple[pa.Table | pa.RecordBatch, bool]]:
    """Yield the columns of some rows, and whether their numbers have a decimal comma."""
    with readable(path):
        if is_parquet(path):
            with pq.ParquetFile(for_arrow(path)) as file:
                for name in names:  # first, since pyarrow leaves out a column of empty structs
                    _check_type(path, name, file.schema_arrow.field(name).type)
                for batch in file.iter_batches(_BATCH, columns=list(names), use_threads=False):
                    yield batch, False
            return
        dialect = find_dialect(path, names)
        for block in read_blocks(path, dialect, names, names):
            yield block.table, dialect.comma
