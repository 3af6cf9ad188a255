"""Records by hand: frames, Examples, rows, indexes, selections."""

import contextlib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gzcore.dataset import example
from gzcore.dataset.tfrecord import OVERHEAD, frame
from gzcore.errors import UsageError
from gztrain.data import fast_parse, index, select
from gztrain.data.dataset import Dataset, open_dataset
from gztrain.data.example import parse_example, payloads
from gztrain.data.fast_parse import split_record
from gztrain.data.frames import BadRecord, length_in, unframe
from tests.gztrain.shards import copied, flip, frame_starts, records_of

checked = settings(deadline=None, derandomize=True, max_examples=150)
BYTES = st.binary(max_size=300)
FLOATS = st.floats(width=32, allow_nan=False)
BITS = st.lists(st.integers(0, 1), min_size=22, max_size=22)


@st.composite
def galaxies(draw: st.DrawFn) -> dict[str, Any]:
    """The features of a record."""
    return {
        "image": draw(st.binary(max_size=20_000)),
        "id": draw(st.text(max_size=150)).encode(),
        "view": [draw(st.integers(0, 300))],
        "fold": [draw(st.integers(-1, 4))],
        "fraction": draw(st.lists(FLOATS, min_size=32, max_size=32)),
        "votes": draw(st.lists(FLOATS, min_size=11, max_size=11)),
        "label_report": draw(BITS),
        "label_asked": draw(BITS),
        "mask": draw(BITS),
        "ops": draw(BYTES),
    }


def entry(name: str, value: Any) -> bytes:
    """A feature, as gzprep writes it."""
    if isinstance(value, bytes):
        return example.bytes_entry(name, value)
    return example.float_entry(name, value) if name in ("fraction", "votes") else example.int_entry(name, value)


def serialized(features: dict[str, Any], order: list[str]) -> bytes:
    return example.field(1, b"".join(entry(name, features[name]) for name in order))


USUAL = ["id", "fold", "fraction", "votes", "label_report", "label_asked", "mask", "image", "view", "ops"]
ORDERS = st.one_of(st.just(USUAL), st.permutations(USUAL))


@checked
@given(galaxies(), ORDERS)
def test_a_record_is_parsed(features: dict[str, Any], order: list[str]) -> None:
    record = parse_example(serialized(features, order))
    assert (record.image, record.ops) == (features["image"], features["ops"])
    assert (record.id.encode(), record.view, record.fold) == (features["id"], *features["view"], *features["fold"])
    for name in ("fraction", "votes", "label_report", "label_asked", "mask"):
        assert getattr(record, name).tolist() == features[name]
    assert record.fraction.dtype == record.votes.dtype == np.float32
    assert record.label_report.dtype == record.label_asked.dtype == record.mask.dtype == np.int64


@checked
@given(galaxies(), ORDERS)
def test_the_quick_way_through_a_record_gives_the_same(features: dict[str, Any], order: list[str]) -> None:
    row, image = split_record(serialized(features, order))
    assert image == features["image"]
    assert (row.id.encode(), row.view) == (features["id"], *features["view"])
    assert np.frombuffer(row.fraction, "<f4").tolist() == features["fraction"]
    assert np.frombuffer(row.votes, "<f4").tolist() == features["votes"]
    for name in ("label_report", "label_asked", "mask"):
        assert list(getattr(row, name)) == features[name]


def test_every_record_of_gzprep_goes_the_quick_way(dataset: Path) -> None:
    for shard in open_dataset(dataset).shards:
        for record in records_of(shard.path):
            assert fast_parse._split_usual(record) == fast_parse._split_any(record)


def test_parsing_agrees_with_tensorflow(dataset: Path) -> None:
    import tensorflow as tf

    record = records_of(open_dataset(dataset).shards[0].path)[0]
    ours, theirs = parse_example(record), tf.train.Example.FromString(record).features.feature
    assert set(payloads(record)) == {name.encode() for name in theirs}
    assert ours.image == theirs["image"].bytes_list.value[0]
    assert ours.fold == theirs["fold"].int64_list.value[0]
    np.testing.assert_array_equal(ours.fraction, np.float32(theirs["fraction"].float_list.value))
    assert ours.mask.tolist() == list(theirs["mask"].int64_list.value)


FEATURES: dict[str, Any] = {
    "image": b"\xff\xd8\xff",
    "id": b"1",
    "view": [0],
    "fold": [-1],
    "fraction": [0.5] * 32,
    "votes": [1.0] * 11,
    **dict.fromkeys(("label_report", "label_asked", "mask"), [1] * 22),
    "ops": b"[]",
}
STRANGE: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "not a serialised Example"),
    "no message": (b"galaxy", "not a serialised Example"),
    "a cut message": (serialized(FEATURES, USUAL)[:-1], "not a serialised Example"),
    "more than a message": (serialized(FEATURES, USUAL) + b"\0", "not a serialised Example"),
    "no image": (serialized(FEATURES, [name for name in USUAL if name != "image"]), "no feature b'image'"),
    "few votes": (serialized(FEATURES | {"votes": [1.0] * 10}, USUAL), "votes or labels|not those of a galaxy"),
    "many labels": (serialized(FEATURES | {"mask": [1] * 23}, USUAL), "votes or labels|not those of a galaxy"),
    "an id that is no text": (serialized(FEATURES | {"id": b"\xff"}, USUAL), "id or view|not those of a galaxy"),
    "no view": (serialized(FEATURES | {"view": []}, USUAL), "id or view|not those of a galaxy"),
}


@pytest.mark.parametrize("case", STRANGE)
def test_what_is_no_record_is_not_parsed(case: str) -> None:
    record, sentence = STRANGE[case]
    with pytest.raises(BadRecord, match=sentence):
        parse_example(record)
    with pytest.raises(BadRecord, match=sentence):
        split_record(record)


def test_labels_beyond_a_byte_are_refused() -> None:
    record = serialized(FEATURES | {"mask": [200] * 11}, USUAL)  # 22 bytes
    with pytest.raises(BadRecord, match="not 0 and 1"):
        split_record(record)


@checked
@given(st.binary(max_size=400))
def test_no_bytes_surprise_the_parser(record: bytes) -> None:
    with contextlib.suppress(BadRecord):
        parse_example(record)


# ---------------------------------------------------------------- frames


@checked
@given(BYTES)
def test_a_frame_comes_off(record: bytes) -> None:
    framed = frame(record)
    assert length_in(framed[:12]) == len(record)
    assert unframe(framed, len(record)) == record


@checked
@given(BYTES, st.data())
def test_no_flipped_bit_goes_unnoticed(record: bytes, data: st.DataObject) -> None:
    framed = bytearray(frame(record))
    framed[data.draw(st.integers(0, len(framed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(BadRecord, match="checksum"):
        unframe(bytes(framed), len(record))


@checked
@given(BYTES, st.data())
def test_a_cut_frame_is_noticed(record: bytes, data: st.DataObject) -> None:
    framed = frame(record)
    with pytest.raises(BadRecord, match="ends within"):
        unframe(framed[: data.draw(st.integers(0, len(framed) - 1))], len(record))


# ---------------------------------------------------------------- indexes


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
        assert made.entries["view"].tolist() == [parse_example(record).view for record in records_of(shard.path)]


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


def test_a_cache_that_cannot_be_written_is_done_without(empty_cache: Path, folder: Path) -> None:
    empty_cache.write_text("a file where the folder would be")
    shard = open_dataset(folder).shards[0]
    assert index.index_shard(shard).entries["offset"].tolist() == frame_starts(shard.path)


@pytest.mark.parametrize("sha256", ["", "../../up", "0" * 63, "A" * 64, "0" * 64 + "\n"])
def test_what_is_no_sha256_names_no_file(sha256: str, indexes: Indexes, folder: Path) -> None:
    shard = replace(open_dataset(folder).shards[0], sha256=sha256)
    assert index.kept_at(shard) is None
    assert index.index_shard(shard).entries["offset"].tolist() == frame_starts(shard.path)
    assert not indexes()


def test_an_index_of_a_damaged_shard_is_not_kept(indexes: Indexes, folder: Path) -> None:
    shard = open_dataset(folder).shards[0]
    flip(shard.path, 100)
    assert index.index_shard(shard).entries["view"][0] == -1
    assert not indexes()


# ---------------------------------------------------------------- selections


@pytest.fixture(scope="module")
def opened(dataset: Path) -> Dataset:
    return open_dataset(dataset)


def seen(data: Dataset, **wanted: Any) -> Counter[tuple[str, int, int]]:
    """(id, view, fold) of the records that a selection points to."""
    chosen = select(data, **wanted)
    found: Counter[tuple[str, int, int]] = Counter()
    for place in range(len(chosen)):
        data_file = chosen.shards[chosen.shard[place]].path.read_bytes()
        start = int(chosen.offset[place])
        record = unframe(data_file[start : start + int(chosen.length[place]) + OVERHEAD], int(chosen.length[place]))
        parsed = parse_example(record)
        found[parsed.id, parsed.view, parsed.fold] += 1
    return found


def test_a_selection_has_the_records_of_its_split(opened: Dataset) -> None:
    train, test = seen(opened), seen(opened, split="test")
    assert len(train) == train.total() == opened.manifest["splits"]["train"]["records"]
    assert len(test) == test.total() == opened.manifest["splits"]["test"]["records"]
    assert {view for _, view, _ in train | test} == {0}
    assert {fold for _, _, fold in test} == {-1}


def test_a_selection_of_folds(opened: Dataset) -> None:
    training, validation = seen(opened, folds=[1, 2, 3, 4], views=1), seen(opened, folds=[0])
    assert {fold for _, _, fold in training} == {1, 2, 3, 4}
    assert {fold for _, _, fold in validation} == {0}
    assert not {galaxy for galaxy, _, _ in training} & {galaxy for galaxy, _, _ in validation}


@pytest.mark.parametrize(("views", "expected"), [(0, {0}), (1, {0, 1}), (2, {0, 1, 2}), (12, {0, 1, 2})])
def test_a_selection_of_views(opened: Dataset, views: int, expected: set[int]) -> None:
    found = seen(opened, views=views)
    assert {view for _, view, _ in found} == expected
    assert found.total() == opened.manifest["splits"]["train"]["records"] * len(expected)


def test_a_selection_of_nothing(opened: Dataset) -> None:
    assert len(select(opened, folds=[])) == 0


@pytest.mark.parametrize(
    ("split", "views", "sentence"),
    [
        ("train_views", 0, "no split 'train_views' to choose records of; choose train or test"),
        ("test", 2, "2 extra views cannot be had: training galaxies have up to 2, test none"),
        ("train", -1, "-1 extra views cannot be had"),
    ],
)
def test_a_selection_that_cannot_be(opened: Dataset, split: str, views: int, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        select(opened, split, views=views)
