"""Dataset folders that were changed by mistake or to do harm, and what ``gzprep verify`` says of them."""

import hashlib
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gzcore.dataset.example import Record, galaxy_entries, parse_record, serialize
from gzcore.dataset.tfrecord import frame, masked_crc, read_records
from tests.gz2 import WIDTHS
from tests.hostile_images import _jpeg_that_claims, _png_bomb, _saved
from tests.running import manifest


def first_full(out: Path, split: str) -> Path:
    """The first shard of a split that has more than one record."""
    shards = manifest(out)["splits"][split]["shards"]
    return Path(out, next(shard["file"] for shard in shards if shard["records"] > 1))


def record_of(data: bytes) -> Record:
    return parse_record(data, WIDTHS)


def serialized(record: Record) -> bytes:
    vectors = ("fraction", "votes", "label_report", "label_asked", "mask")
    shared = galaxy_entries(record.id, record.fold, **{name: getattr(record, name).tolist() for name in vectors})
    return serialize(shared, record.image, record.view, record.ops)


def write_shard(out: Path, path: Path, data: bytes, records: int) -> None:
    """Write a shard and let the manifest agree, so that only its content can tell."""
    path.write_bytes(data)
    document = manifest(out)
    for content in document["splits"].values():
        for shard in content["shards"]:
            if shard["file"] == path.name:
                shard.update(records=records, bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
        for key in ("records", "bytes"):
            content[key] = sum(shard[key] for shard in content["shards"])
    (out / "manifest.json").write_text(json.dumps(document))


def rewrite(out: Path, split: str, change: Callable[[list[bytes]], list[bytes]]) -> None:
    """Change the records of a shard, and let the manifest agree."""
    path = first_full(out, split)
    with path.open("rb") as file:
        records = change(list(read_records(file)))
    write_shard(out, path, b"".join(map(frame, records)), len(records))


def first_record(split: str, **changed: Any) -> Callable[[Path], None]:
    """Change values of the first record of a shard; a function is given the old value."""

    def change(records: list[bytes]) -> list[bytes]:
        record = record_of(records[0])
        values = {name: value(getattr(record, name)) if callable(value) else value for name, value in changed.items()}
        return [serialized(replace(record, **values)), *records[1:]]

    return lambda out: rewrite(out, split, change)


def with_first(value: float) -> Callable[[Any], Any]:
    """Put a value in the first place of a vector."""
    return lambda vector: np.concatenate([np.array([value], vector.dtype), vector[1:]])


def in_manifest(value: object, *keys: str | int) -> Callable[[Path], None]:
    """Put a value into the manifest."""

    def change(out: Path) -> None:
        document = part = manifest(out)
        for key in keys[:-1]:
            part = part[key]
        part[keys[-1]] = value
        (out / "manifest.json").write_text(json.dumps(document))

    return change


def in_catalogue(column: str, values: Callable[[list[Any]], list[Any]]) -> Callable[[Path], None]:
    """Change a column of catalogue.parquet."""

    def change(out: Path) -> None:
        table = pq.read_table(out / "catalogue.parquet")
        changed = pa.array(values(table[column].to_pylist()))
        pq.write_table(table.set_column(table.column_names.index(column), column, changed), out / "catalogue.parquet")

    return change


def endless_record(out: Path) -> None:
    """A record that says it has 2**60 bytes, with a right checksum of that length."""
    header = struct.pack("<Q", 1 << 60)
    write_shard(out, first_full(out, "train"), header + struct.pack("<I", masked_crc(header)) + b"x" * 100, 1)


def many_rows(out: Path) -> None:
    """A catalogue of 20 million rows in a few kilobytes."""
    rows = pa.table({name: pa.repeat(pa.scalar("a"), 20_000_000) for name in ("id_str", "split", "verdict", "shard")})
    pq.write_table(rows, out / "catalogue.parquet", row_group_size=20_000_000)


def many_copies(out: Path) -> None:
    rewrite(out, "train", lambda records: [*records, *[records[0]] * 3000])


@dataclass(frozen=True)
class Changed:
    """A folder that was changed.

    Attributes:
        change: what was done to it.
        verify: words that ``gzprep verify`` says.
    """

    change: Callable[[Path], object]
    verify: str


ELSEWHERE = "is not the name of a shard"
CHANGED = {
    # numbers of a record
    "a label of 7": Changed(
        first_record("train", label_asked=with_first(7)), "label_asked has labels that are not 0 and 1"
    ),
    "a label of -1": Changed(first_record("train_views", label_report=with_first(-1)), "feature label_report is not"),
    "a mask of 2**40": Changed(first_record("test", mask=with_first(1 << 40)), "its feature mask is not int64 [22]"),
    "a label without its mask": Changed(
        first_record("train", mask=lambda mask: 0 * mask, label_asked=lambda label: 0 * label + 1),
        "label_asked is 1 where mask is 0",
    ),
    "an infinite fraction": Changed(first_record("train", fraction=with_first(np.inf)), "fraction has the value inf"),
    "a fraction of minus infinity": Changed(first_record("train", fraction=with_first(-np.inf)), "has the value -inf"),
    "a fraction of 1.5": Changed(
        first_record("train_views", fraction=with_first(1.5)), "has the value 1.5; expected 0 to 1"
    ),
    "negative votes": Changed(
        first_record("test", votes=with_first(-3)), "votes has the value -3; expected a number of"
    ),
    "infinite votes": Changed(first_record("test", votes=with_first(np.inf)), "votes has the value inf"),
    "view 100": Changed(first_record("train_views", view=100), "view 100 of fold"),
    "view -1": Changed(first_record("train", view=-1), "its view is -1, not 0 to"),
    "a view of 2**62": Changed(first_record("train", view=1 << 62), f"its view is {1 << 62}, not 0 to"),
    "a fold of 2**62": Changed(first_record("train", fold=1 << 62), f"its fold is {1 << 62}, not -1 to 4"),
    "a fold of -1 in train": Changed(first_record("train", fold=-1), "its fold is -1, its shard's"),
    "no id": Changed(first_record("train", id=""), "it has no galaxy id"),
    "another id": Changed(first_record("train", id="7"), "Galaxy 7 is in train, not in catalogue.parquet"),
    "ops that are a number": Changed(first_record("train", ops=b"7"), "its ops are not a list"),
    "ops nested without end": Changed(first_record("train", ops=b"[" * 100_000), "its ops are not JSON"),
    # images
    "a PNG bomb": Changed(first_record("train", image=_png_bomb(9000)), "its image has 9000 x 9000 px"),
    "a JPEG that claims 12.9 GB": Changed(
        first_record("test", image=_jpeg_that_claims(65_500, 65_500)), "its image has 65500 x 65500 px"
    ),
    "a web page": Changed(first_record("train", image=b"<html>404</html>"), "the file is a web page"),
    "a grey image": Changed(first_record("train", image=_saved("JPEG", "L")), "mode Gray, expected RGB of 8 bits"),
    # the manifest
    "another crop.size": Changed(in_manifest(65, "recipe", "crop", "size"), "64 x 64 px; the manifest says 65 x 65"),
    "views.count of 10**8": Changed(in_manifest(10**8, "recipe", "views", "count"), "views.count is 100000000"),
    "views.count of 1": Changed(
        in_manifest(1, "recipe", "views", "count"), "has the views [1, 2] in train_views, expected [1]"
    ),
    "records of -1": Changed(in_manifest(-1, "splits", "train", "shards", 0, "records"), "records is -1"),
    "records of 2**60": Changed(
        in_manifest(1 << 60, "splits", "train", "shards", 0, "records"), f"records is {1 << 60}"
    ),
    "bytes of 2**60": Changed(in_manifest(1 << 60, "splits", "test", "shards", 0, "bytes"), f"bytes is {1 << 60}"),
    "records of a split": Changed(in_manifest(7, "splits", "test", "records"), "records is 7, and those of its shards"),
    "a fold of 5": Changed(in_manifest(5, "splits", "train", "shards", 0, "fold"), "fold is 5"),
    "a fold in test": Changed(in_manifest(0, "splits", "test", "shards", 0, "fold"), "of test has fold 0"),
    "counts that are a list": Changed(in_manifest([], "counts"), "counts"),
    "counts without sums": Changed(in_manifest({}, "counts"), "it has no counts.all"),
    "galaxies of all": Changed(in_manifest(41, "counts", "all", "in"), "counts.all.in is 41; catalogue.parquet has 40"),
    "label counts": Changed(
        in_manifest([0] * 22, "labels", "folds", "2", "asked"), "the label count asked of fold 2 is not that of its"
    ),
    "a shard elsewhere": Changed(in_manifest("/etc/passwd", "splits", "train", "shards", 0, "file"), ELSEWHERE),
    "a shard above": Changed(in_manifest("../x.tfrecord-0", "splits", "test", "shards", 0, "file"), ELSEWHERE),
    "a shard below": Changed(in_manifest("a/b", "splits", "train_views", "shards", 0, "file"), ELSEWHERE),
    "a shard twice": Changed(
        lambda out: in_manifest(
            manifest(out)["splits"]["train"]["shards"][0]["file"], "splits", "train", "shards", 1, "file"
        )(out),
        "is listed twice",
    ),
    "bytes of a split": Changed(in_manifest(7, "splits", "train", "bytes"), "bytes of train is 7; its shards have"),
    "galaxies of test": Changed(in_manifest(3, "counts", "test", "out"), "counts.test.out is 3; catalogue.parquet has"),
    "rejected for nothing": Changed(in_manifest({"x": 3}, "counts", "all", "rejected"), "counts.all.rejected is"),
    "flags": Changed(in_manifest({"frame_edge": 99}, "counts", "train", "flagged"), "counts.train.flagged is {'frame_"),
    "leaks": Changed(in_manifest(5, "leaks", "same_image", "test"), "its leaks are not those of catalogue.parquet"),
    "another quality": Changed(in_manifest(10, "recipe", "crop", "quality"), "its recipe_hash is not that of"),
    "another version": Changed(in_manifest("0.1", "versions", "numpy"), "its recipe_hash is not that of its recipe"),
    "a recipe that cannot be": Changed(in_manifest("gif", "recipe", "crop", "encoding"), "crop.encoding = 'gif'"),
    "another hash": Changed(in_manifest("0" * 64, "recipe_hash"), "its recipe_hash is not that of its recipe"),
    "another name": Changed(in_manifest("sky", "name"), "expected sky-train.tfrecord-00000-of-00005"),
    "other features": Changed(in_manifest("x", "features", 0, "name"), "its features are not those of a record"),
    "other labels": Changed(in_manifest("x", "labels", "names", 3), "labels.names is not that of the decision tree"),
    "another scheme": Changed(in_manifest([1], "labels", "schemes", "q0"), "labels.schemes is not that of"),
    # shards and tables
    "a record of 2**60 bytes": Changed(endless_record, f"it has {1 << 60} bytes; a record has 268435456 at most"),
    "a record 3000 times": Changed(many_copies, "has the views [0, 0, 0, "),
    "20 million rows": Changed(many_rows, "has 20000000 rows; the manifest says 40 galaxies"),
    "no column": Changed(
        lambda out: pq.write_table(pa.table({"id_str": ["1"]}), out / "catalogue.parquet"), "it has no column split"
    ),
    "another split": Changed(in_catalogue("split", lambda splits: ["x", *splits[1:]]), "catalogue.parquet, row 1: "),
    "ids that are numbers": Changed(
        in_catalogue("id_str", lambda ids: list(map(int, ids))), "catalogue.parquet, row 1: "
    ),
    "a row twice": Changed(in_catalogue("id_str", lambda ids: [ids[1], *ids[1:]]), "in catalogue.parquet"),
    "another shard": Changed(in_catalogue("shard", lambda shards: [4] * len(shards)), "catalogue.parquet says 4"),
}
