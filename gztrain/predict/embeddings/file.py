"""The file of embeddings: a parquet row an image, and what all rows have in common.

Columns: ``id`` (of a galaxy, or the path of an image), ``features`` (float32 [D]), ``thumbnail`` (a JPEG, or null).
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field, TypeAdapter

from gzcore.console import printable, reason_of
from gzcore.errors import GzError, UsageError
from gzcore.storage.damage import DAMAGE
from gztrain.data.labels import Floats

KEY = b"gztrain.embeddings"
"""Where the file's metadata say what the rows have in common."""
CHUNK = 8192
"""Rows in memory at a time."""
_LARGEST = 1e15
"""Features are nearer to 0 than this; those of a network are below 1000."""


@dataclass(frozen=True)
class Origin:
    """What made the features.

    Attributes:
        run: the run folder, as it was named.
        model: name of the network.
        width: number of features.
        crop: height and width of the model's images, px.
        all_sides: whether features are means over the eight symmetries of the square.
    """

    run: str
    model: str
    width: Annotated[int, Field(ge=1, le=1 << 16)]
    crop: Annotated[int, Field(ge=1, le=1 << 16)]
    all_sides: bool


def schema(origin: Origin) -> pa.Schema:
    """The columns of the file."""
    features = pa.list_(pa.float32(), origin.width)
    fields = [("id", pa.string()), ("features", features), ("thumbnail", pa.binary())]
    return pa.schema(fields, {KEY: json.dumps(asdict(origin)).encode()})


def as_table(origin: Origin, ids: Sequence[str], features: Floats, thumbnails: Sequence[bytes | None]) -> pa.Table:
    """Rows of the file."""
    values = pa.FixedSizeListArray.from_arrays(pa.array(features.ravel()), origin.width)
    columns = [pa.array(ids, pa.string()), values, pa.array(thumbnails, pa.binary())]
    return pa.Table.from_arrays(columns, schema=schema(origin))


class Embeddings:
    """A file of embeddings, opened; rows are read in chunks, so a large file needs little memory."""

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            UsageError: it is not there, or ``gztrain embed`` did not write it.
        """
        self.path = path
        try:
            self._file = pq.ParquetFile(path)
            self.origin = _ORIGIN.validate_json(self._file.schema_arrow.metadata[KEY])
        except FileNotFoundError:
            raise UsageError(f"There is no file {path}; gztrain embed makes one.") from None
        except DAMAGE:
            raise UsageError(f"{path} is no file of embeddings; gztrain embed makes one.") from None
        if not self._file.schema_arrow.equals(schema(self.origin)) or self._file.metadata.num_rows < 1:
            raise UsageError(f"{path} has other columns than gztrain embed writes, or no rows; make it again.")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return int(self._file.metadata.num_rows)

    def features(self) -> Iterator[Floats]:
        """All features in the order of the rows, float32 [n, D] at a time."""
        for batch in self._batches(["features"]):
            yield self._numbers(batch.column(0))

    def thumbnails(self) -> Iterator[bytes | None]:
        """The small pictures in the order of the rows; None where there is none."""
        for batch in self._batches(["thumbnail"]):
            yield from batch.column(0).to_pylist()

    def ids(self) -> list[str]:
        """The ids in the order of the rows."""
        found: list[str | None] = [name for batch in self._batches(["id"]) for name in batch.column(0).to_pylist()]
        if None in found:
            raise GzError(f"{self.path} has a row without an id; run gztrain embed again.")
        return found  # type: ignore[return-value]

    def rows(self, places: Sequence[int]) -> list[dict[str, Any]]:
        """The rows at some places: id, features and thumbnail."""
        wanted, found, start = set(places), {}, 0
        for batch in self._batches(["id", "features", "thumbnail"]):
            here = sorted(place - start for place in wanted if start <= place < start + len(batch))
            for place, row in zip(here, batch.take(pa.array(here, pa.int64())).to_pylist(), strict=True):
                found[start + place] = row
            start += len(batch)
        return [found[place] for place in places]

    def _batches(self, names: list[str]) -> Iterator[pa.RecordBatch]:
        """Yield some columns in chunks.

        Raises:
            GzError: the file is damaged: also where it has other rows than it says, or an id that is no UTF-8.
        """
        seen = 0
        try:
            for batch in self._file.iter_batches(CHUNK, columns=names):
                if "id" in names:
                    batch.column("id").validate(full=True)
                seen += len(batch)
                yield batch
        except DAMAGE as error:
            raise self._damaged(reason_of(error)) from None
        if seen != len(self):
            raise self._damaged(f"it has {seen:,} rows where it says {len(self):,}")

    def _damaged(self, words: str) -> GzError:
        reason = printable(words.split("\n", maxsplit=1)[0][:200]).rstrip(". ")
        return GzError(f"{self.path} is damaged ({reason}); run gztrain embed again.")

    def _numbers(self, column: pa.Array) -> Floats:
        values: npt.NDArray[np.float32] = column.flatten().to_numpy(zero_copy_only=False)
        if column.null_count or len(values) != len(column) * self.origin.width or not np.all(np.abs(values) < _LARGEST):
            raise GzError(f"{self.path} has rows without features, or features beyond 1e15; run gztrain embed again.")
        return values.reshape(len(column), self.origin.width)


_ORIGIN = TypeAdapter(Origin)
