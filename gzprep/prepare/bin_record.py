"""What was made of a bin: its record and its rows of the catalogue, kept beside the shards until the folder is whole.

A bin's rows are a parquet file. Its record is JSON in the metadata of that file, so that both appear at once.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Annotated, Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BeforeValidator, TypeAdapter

from gzcore.storage.atomic import appearing
from gzcore.storage.damage import DAMAGE
from gzcore.storage.documents import parse_json
from gzcore.storage.places import for_arrow
from gzprep.catalogue.galaxy import Rejection
from gzprep.dataset.folder import Folder
from gzprep.dataset.shards import Bin

_META = b"gzprep"


def _bin_of_name(value: Any) -> Any:  # noqa: ANN401 -- any JSON value
    return Bin.parse(value) if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class ShardInfo:
    """A finished shard."""

    file: str
    split: str
    index: int
    fold: int
    records: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class BinRecord:
    """What was made of a bin.

    Attributes:
        bin: which one.
        recipe_hash: recipe it was made with.
        record_hash: the same, without thresholds and policies.
        inputs: hash of its rows and of each image's bytes.
        data: its part of the data hash.
        galaxies: rows.
        accepted: galaxies in the shards.
        rejected: reason to number of galaxies.
        flagged: detector to number of accepted galaxies.
        inpainted: the same, of those in which its line was filled.
        shards: the files.
        labels: ``answered``, ``asked`` and ``report``: a sum for each label, over the accepted galaxies.
        inconsistent: kind to number of galaxies whose votes contradict each other.
    """

    bin: Annotated[Bin, BeforeValidator(_bin_of_name)]
    recipe_hash: str
    record_hash: str
    inputs: str
    data: str
    galaxies: int
    accepted: int
    rejected: dict[str, int]
    flagged: dict[str, int]
    inpainted: dict[str, int]
    shards: tuple[ShardInfo, ...]
    labels: dict[str, list[int]]
    inconsistent: dict[str, int] = field(default_factory=dict)

    @classmethod
    def from_json(cls, text: str | bytes) -> "BinRecord":
        """Undo :meth:`to_json`.

        Raises:
            ValueError: the text is something else.
        """
        return _checker().validate_python(parse_json(text.encode() if isinstance(text, str) else text))

    def to_json(self) -> str:
        """The record as text; the bin is its name there."""
        return json.dumps({**asdict(self), "bin": self.bin.name}, sort_keys=True)


@cache
def _checker() -> TypeAdapter[BinRecord]:
    return TypeAdapter(BinRecord)


@dataclass(frozen=True, slots=True)
class FinishedBin:
    """A bin that is there: its record, and its rows of the catalogue."""

    record: BinRecord
    table: pa.Table

    @property
    def rejections(self) -> Iterator[Rejection | None]:
        """What each of its galaxies was rejected for (None: it was not)."""
        rows = self.table.select(["stage", "reason", "detail"]).to_pylist()
        return (Rejection(**row) if row["reason"] else None for row in rows)


def read_finished(folder: Folder, target: Bin, schema: pa.Schema) -> FinishedBin | None:
    """Read what was made of a bin, if that is there, can be read, and has the columns of the schema."""
    try:
        table = pq.read_table(for_arrow(folder.bin_record(target.name)))
        if table.schema.remove_metadata() != schema:
            return None
        return FinishedBin(BinRecord.from_json(table.schema.metadata[_META]), table)
    except DAMAGE:
        return None  # absent, damaged, or of an older format: the bin is made again


def write_finished(folder: Folder, finished: FinishedBin) -> None:
    """Note what was made of a bin; call it when the shards are there."""
    table = finished.table.replace_schema_metadata({_META: finished.record.to_json()})
    with appearing(folder.bin_record(finished.record.bin.name), folder.temporaries) as file:
        pq.write_table(table, file)


def tally(names: Iterable[str]) -> dict[str, int]:
    """How often each name comes, by name."""
    return dict(sorted(Counter(names).items()))


def column_sums(vectors: Iterable[Sequence[int]], labels: int) -> list[int]:
    """Sums of vectors of labels, label by label.

    Args:
        vectors: any number of them; of none, the sums are zeros.
        labels: numbers in a vector.
    """
    sums = [0] * labels
    for vector in vectors:
        sums = [total + value for total, value in zip(sums, vector, strict=True)]
    return sums
