"""Indexes of shards: where records are, kept in the cache and used again, and made anew where they are damaged."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gzcore.dataset.example import parse_record
from gztrain.data import index
from gztrain.data.dataset import open_dataset
from tests.gz2 import WIDTHS
from tests.gztrain.shards import copied, flip, frame_starts, records_of

Indexes = Callable[[], list[Path]]


@pytest.fixture
def folder(dataset: Path, tmp_path: Path) -> Path:
    return copied(dataset, tmp_path / "out")


@pytest.fixture
def indexes(empty_cache: Path) -> Callable[[], list[Path]]:
    """The indexes that are kept."""
    return lambda: sorted((empty_cache / "index").glob("*"))


def test_an_index_says_where_records_are(folder: Path) -> None:
    for shard in open_dataset(folder).shards:
        made = index.index_shard(shard)
        assert made.lost is None
        assert made.entries["offset"].tolist() == frame_starts(shard.path)
        assert made.entries["length"].tolist() == [len(record) for record in records_of(shard.path)]
        assert made.entries["view"].tolist() == [parse_record(record, WIDTHS).view for record in records_of(shard.path)]


def test_an_index_is_kept_and_used(indexes: Indexes, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shards = open_dataset(folder).shards
    first = [index.index_shard(shard).entries for shard in shards]
    assert {path.suffix for path in indexes()} == {".npy"}
    assert [path.name for path in folder.glob(".*")] == [".gzprep"]  # nothing is written into a data set
    monkeypatch.setattr(index, "make_index", pytest.fail)
    for shard, entries in zip(shards, first, strict=True):
        np.testing.assert_array_equal(index.index_shard(shard).entries, entries)


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY", b"galaxies" * 100], ids=["empty", "cut", "other"])
def test_a_damaged_index_is_made_anew(indexes: Indexes, folder: Path, damage: bytes) -> None:
    shard = open_dataset(folder).shards[0]
    entries = index.index_shard(shard).entries
    for path in indexes():
        path.write_bytes(damage)
    np.testing.assert_array_equal(index.index_shard(shard).entries, entries)


@pytest.mark.usefixtures("empty_cache")
def test_an_index_of_other_records_is_not_used(folder: Path) -> None:
    shard, other = (shard for shard in open_dataset(folder).shards_of("train")[:2])
    index.index_shard(shard)
    index.index_shard(other)
    index.kept_at(shard).write_bytes(index.kept_at(other).read_bytes())
    assert index.index_shard(shard).entries["offset"].tolist() == frame_starts(shard.path)


def test_an_index_with_holes_is_not_used(indexes: Indexes, folder: Path) -> None:
    shard = open_dataset(folder).shards[0]
    index.index_shard(shard)
    (kept,) = indexes()
    entries = np.load(kept)
    entries["offset"][1] += 1
    np.save(kept, entries)
    assert index.index_shard(shard).entries["offset"].tolist() == frame_starts(shard.path)


def test_without_a_writable_cache_indexes_are_made_each_time(empty_cache: Path, folder: Path) -> None:
    empty_cache.write_text("a file where the folder would be")
    shard = open_dataset(folder).shards[0]
    assert index.index_shard(shard).entries["offset"].tolist() == frame_starts(shard.path)


@pytest.mark.parametrize("sha256", ["", "../../up", "0" * 63, "A" * 64, "0" * 64 + "\n"])
def test_a_wrong_sha256_never_names_a_file(sha256: str, indexes: Indexes, folder: Path) -> None:
    shard = replace(open_dataset(folder).shards[0], sha256=sha256)
    assert index.kept_at(shard) is None
    assert index.index_shard(shard).entries["offset"].tolist() == frame_starts(shard.path)
    assert not indexes()


def test_an_index_of_a_damaged_shard_is_not_kept(indexes: Indexes, folder: Path) -> None:
    shard = open_dataset(folder).shards[0]
    flip(shard.path, 100)
    assert index.index_shard(shard).entries["view"][0] == -1
    assert not indexes()
