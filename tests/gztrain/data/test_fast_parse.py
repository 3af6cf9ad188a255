"""The fast parser gives the same as the parser of gzcore."""

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gzcore.dataset import example
from gzcore.dataset.example import parse_record, payloads
from gzcore.dataset.features import Widths
from gzcore.dataset.tfrecord import DamagedRecord
from gzprep.catalogue.tree import WIDTHS
from gztrain.data import fast_parse
from gztrain.data.dataset import open_dataset
from gztrain.data.fast_parse import split_record
from tests.gztrain.shards import records_of

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
    record = parse_record(serialized(features, order), WIDTHS)
    assert (record.image, record.ops) == (features["image"], features["ops"])
    assert (record.id.encode(), record.view, record.fold) == (features["id"], *features["view"], *features["fold"])
    for name in ("fraction", "votes", "label_report", "label_asked", "mask"):
        assert getattr(record, name).tolist() == features[name]
    assert record.fraction.dtype == record.votes.dtype == np.float32
    assert record.label_report.dtype == record.label_asked.dtype == record.mask.dtype == np.int64


@checked
@given(galaxies(), ORDERS)
def test_the_fast_parser_gives_the_same(features: dict[str, Any], order: list[str]) -> None:
    row, image = split_record(serialized(features, order), WIDTHS)
    assert image == features["image"]
    assert (row.id.encode(), row.view) == (features["id"], *features["view"])
    assert np.frombuffer(row.fraction, "<f4").tolist() == features["fraction"]
    assert np.frombuffer(row.votes, "<f4").tolist() == features["votes"]
    for name in ("label_report", "label_asked", "mask"):
        assert list(getattr(row, name)) == features[name]


def test_every_record_of_gzprep_has_the_usual_layout(dataset: Path) -> None:
    for shard in open_dataset(dataset).shards:
        for record in records_of(shard.path):
            assert fast_parse._split_usual(record, WIDTHS) == fast_parse._split_any(record, WIDTHS)


def test_the_fast_parser_agrees_on_real_records(dataset: Path) -> None:
    for shard in open_dataset(dataset).shards:
        for record in records_of(shard.path):
            (row, image), parsed = split_record(record, WIDTHS), parse_record(record, WIDTHS)
            assert (row.id, row.view, image) == (parsed.id, parsed.view, parsed.image)
            np.testing.assert_array_equal(np.frombuffer(row.fraction, "<f4"), parsed.fraction)
            np.testing.assert_array_equal(np.frombuffer(row.votes, "<f4"), parsed.votes)
            for name in ("label_report", "label_asked", "mask"):
                np.testing.assert_array_equal(np.frombuffer(getattr(row, name), np.uint8), getattr(parsed, name))


def test_records_of_another_tree_are_read_by_their_own_widths() -> None:
    narrow = FEATURES | {"fraction": [0.5] * 5, "votes": [3.0] * 2}
    narrow |= dict.fromkeys(("label_report", "label_asked", "mask"), [1] * 3)
    record, widths = serialized(narrow, USUAL), Widths(5, 2, 3)
    assert fast_parse._split_usual(record, widths) == fast_parse._split_any(record, widths)
    assert parse_record(record, widths).mask.tolist() == [1, 1, 1]
    with pytest.raises(DamagedRecord, match="kind or number"):
        split_record(record, WIDTHS)


def test_parsing_agrees_with_tensorflow(dataset: Path) -> None:
    import tensorflow as tf

    record = records_of(open_dataset(dataset).shards[0].path)[0]
    ours, theirs = parse_record(record, WIDTHS), tf.train.Example.FromString(record).features.feature
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
    "no image": (serialized(FEATURES, [name for name in USUAL if name != "image"]), "no feature b'image'|lacks image"),
    "few votes": (serialized(FEATURES | {"votes": [1.0] * 10}, USUAL), "votes or labels|is not float32|is not int64"),
    "many labels": (serialized(FEATURES | {"mask": [1] * 23}, USUAL), "votes or labels|is not float32|is not int64"),
    "an id that is no text": (serialized(FEATURES | {"id": b"\xff"}, USUAL), "id or view|id is not UTF-8|is not int64"),
    "no view": (serialized(FEATURES | {"view": []}, USUAL), "id or view|id is not UTF-8|is not int64"),
}


@pytest.mark.parametrize("case", STRANGE)
def test_bytes_that_are_not_a_record_are_refused(case: str) -> None:
    record, sentence = STRANGE[case]
    with pytest.raises(DamagedRecord, match=sentence):
        parse_record(record, WIDTHS)
    with pytest.raises(DamagedRecord, match=sentence):
        split_record(record, WIDTHS)


def test_labels_beyond_a_byte_are_refused() -> None:
    record = serialized(FEATURES | {"mask": [200] * 11}, USUAL)  # 22 bytes
    with pytest.raises(DamagedRecord, match="not 0 and 1"):
        split_record(record, WIDTHS)


@checked
@given(st.binary(max_size=400))
def test_any_bytes_are_parsed_or_refused(record: bytes) -> None:
    with contextlib.suppress(DamagedRecord):
        parse_record(record, WIDTHS)
