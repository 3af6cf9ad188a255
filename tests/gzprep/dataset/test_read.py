"""Reading a dataset folder back: rows, shards, records; every damage is one sentence."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gzcore.dataset.example import galaxy_entries, serialize
from gzcore.dataset.tfrecord import DamagedRecord, frame
from gzcore.errors import GzError
from gzprep.dataset.folder import Folder
from gzprep.dataset.read import example_id, open_folder, operations_of, read_rows, read_shard, shard_paths
from tests.gz2 import WIDTHS, read_record
from tests.running import manifest


def record(ops: bytes = b"[]", labels: int = WIDTHS.labels) -> bytes:
    """A serialised record."""
    shared = galaxy_entries(
        "7",
        3,
        fraction=[0.5] * WIDTHS.fractions,
        votes=[40.0] * WIDTHS.votes,
        label_report=[1] * labels,
        label_asked=[0] * labels,
        mask=[1] * labels,
    )
    return serialize(shared, b"image", 2, ops)


def test_a_record_comes_back() -> None:
    read = read_record(record(b'[{"op":"flip","flip":"left-right"}]'))
    assert (read.id, read.view, read.fold, read.image) == ("7", 2, 3, b"image")
    assert operations_of(read) == [{"op": "flip", "flip": "left-right"}]


@pytest.mark.parametrize("ops", [b"", b"[", b"\xff"], ids=["empty", "cut", "not UTF-8"])
def test_ops_that_are_not_json_are_damage(ops: bytes) -> None:
    with pytest.raises(DamagedRecord, match="ops"):
        read_record(record(ops))


def test_a_record_of_another_width_is_damage() -> None:
    with pytest.raises(DamagedRecord, match="label_report"):
        read_record(record(labels=3))


def test_the_records_of_a_shard_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / "shard"
    path.write_bytes(frame(b"a") + frame(b"") + frame(b"b" * 1000))
    assert list(read_shard(path)) == [b"a", b"", b"b" * 1000]


DAMAGED: dict[str, tuple[bytes, str]] = {
    "cut within the second": (frame(b"a") + frame(b"abc")[:-1], "record 2 cannot be used"),
    "a flipped bit": (frame(b"a")[:-5] + b"b" + frame(b"a")[-4:], "record 1 cannot be used: its checksum is wrong"),
    "not a shard": (b"<html>not found</html>", "record 1 cannot be used"),
}


@pytest.mark.parametrize(("data", "sentence"), DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_shard_names_the_record(data: bytes, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "shard").write_bytes(data)
    with pytest.raises(GzError, match=sentence):
        list(read_shard(tmp_path / "shard"))


def test_a_shard_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(GzError, match="cannot be read"):
        list(read_shard(tmp_path / "shard"))


NO_TABLE: dict[str, Callable[[Path], object]] = {
    "absent": lambda _: None,
    "empty": Path.touch,
    "cut short": lambda path: path.write_bytes(b"PAR1"),
    "a folder": Path.mkdir,
    "another column": lambda path: pq.write_table(pa.table({"a": [1]}), path),
}


@pytest.mark.parametrize("make", NO_TABLE.values(), ids=NO_TABLE)
def test_a_table_that_cannot_be_read_is_one_sentence(make: Callable[[Path], object], tmp_path: Path) -> None:
    path = tmp_path / "catalogue.parquet"
    make(path)
    with pytest.raises(GzError, match="is absent or damaged"):
        read_rows(path, ["id_str"])


def test_rows_by_columns_and_by_filter(dataset: Path) -> None:
    rows = read_rows(dataset / "catalogue.parquet", ["id_str", "verdict"])
    assert len(rows) == 40
    assert set(rows[0]) == {"id_str", "verdict"}
    filtered = read_rows(dataset / "catalogue.parquet", filters=[("id_str", "=", rows[3]["id_str"])])
    assert [row["id_str"] for row in filtered] == [rows[3]["id_str"]]


def test_an_example_is_a_galaxy_with_records(tmp_path: Path) -> None:
    table = pa.table({"id_str": ["1", "2"], "verdict": ["rejected", "flagged"]})
    pq.write_table(table, tmp_path / "catalogue.parquet")
    assert example_id(Folder(tmp_path)) == "2"
    pq.write_table(table.slice(0, 1), tmp_path / "catalogue.parquet")
    assert example_id(Folder(tmp_path)) is None


def test_the_shards_of_some_splits(dataset: Path) -> None:
    folder, document = open_folder(dataset)
    paths = list(shard_paths(folder, document, ["test", "train"]))
    splits = manifest(dataset)["splits"]
    assert [path.name for path in paths] == [
        shard["file"] for name in ("test", "train") for shard in splits[name]["shards"]
    ]
    assert all(path.is_file() for path in paths)
