"""Reading a dataset folder back: what verify and preview stand on."""

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq

from gzcore.dataset.example import FEATURES, Feature, Value, parse
from gzcore.dataset.tfrecord import DamagedRecord, read_records
from gzcore.errors import GzError
from gzcore.storage.atomic import read_json
from gzcore.storage.places import Place, for_arrow
from gzprep.dataset.folder import FORMAT, Folder

Rows = list[dict[str, Any]]
_PARTS = {"format", "name", "recipe", "versions", "source", "counts", "splits", "labels"}


def open_folder(root: Place) -> tuple[Folder, dict[str, Any]]:
    """Open a whole dataset folder.

    Raises:
        GzError: it is not there, not whole, or of a newer format.
    """
    folder = Folder(root)
    if not root.is_dir():
        raise GzError(f"There is no dataset folder {root}; make one with gzprep run --out {root}.")
    if not folder.manifest.exists():
        raise GzError(f"{root} has no manifest.json, so it is not whole; run gzprep run again and it goes on.")
    manifest = read_json(folder.manifest)
    if not isinstance(manifest, dict) or not manifest.keys() >= _PARTS:
        raise GzError(f"{folder.manifest} is damaged; run gzprep again: it makes a new one.")
    if manifest["format"] > FORMAT:
        raise GzError(f"{root} has format {manifest['format']}; this gzprep knows {FORMAT}. Install a newer one.")
    return folder, manifest


def read_rows(path: Place, columns: list[str] | None = None, filters: list[tuple[str, str, str]] | None = None) -> Rows:
    """Read rows of the data set's catalogue or rejects.

    Raises:
        GzError: the file is absent or damaged.
    """
    try:
        rows: Rows = pq.read_table(for_arrow(path), columns=columns, filters=filters).to_pylist()
    except (pa.ArrowException, OSError) as error:
        reason = str(error).split("\n")[0].rstrip(".")
        raise GzError(f"{path} is absent or damaged ({reason}); run gzprep again: it makes a new one.") from None
    return rows


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
            yield from read_records(file)
    except OSError as error:
        raise GzError(f"The shard {path} cannot be read ({error.strerror}).") from None
    except DamagedRecord as error:
        raise GzError(f"The shard {path} is damaged: {error}.") from None


def shard_paths(folder: Folder, manifest: dict[str, Any], splits: Iterable[str]) -> Iterator[Place]:
    """Yield the paths of the shards of some splits."""
    for split in splits:
        for shard in manifest["splits"][split]["shards"]:
            yield folder.root / shard["file"]


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A parsed record.

    Attributes:
        id, view, fold: as in the record.
        image: the encoded crop.
        ops: what was done to the view.
        features: everything, by feature name.
    """

    id: str
    view: int
    fold: int
    image: bytes
    ops: list[dict[str, Any]]
    features: dict[str, Value]


def read_record(data: bytes) -> StoredRecord:
    """Parse a record.

    Raises:
        ValueError: it is not a record of ours; the message says why.
    """
    features = parse(data)
    fault = schema_fault(features)
    if fault is not None:
        raise ValueError(fault)
    numbers = {name: cast("list[int]", features[name])[0] for name in ("view", "fold")}
    galaxy, image, ops = (cast("bytes", features[name]) for name in ("id", "image", "ops"))
    return StoredRecord(galaxy.decode(), numbers["view"], numbers["fold"], image, json.loads(ops), features)


def schema_fault(features: dict[str, Value]) -> str | None:
    """Say what is wrong with the features of a record, if anything is."""
    if set(features) != {feature.name for feature in FEATURES}:
        return f"it has the features {', '.join(sorted(features))}."
    for feature in FEATURES:
        value, length = features[feature.name], math.prod(feature.shape)
        is_bytes = isinstance(value, bytes)
        if is_bytes != (feature.dtype == "bytes") or not (isinstance(value, bytes) or _fits(value, feature, length)):
            return f"{feature.name} is not {feature.dtype}[{length}]."
    return None


def _fits(values: list[float] | list[int], feature: Feature, length: int) -> bool:
    kind = int if feature.dtype == "int64" else float
    return len(values) == length and all(type(value) is kind for value in values)
