"""The fast parser gives the same as the parser of gzcore."""

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gzcore.dataset import example
from gzcore.dataset.example import parse_record
from gzcore.dataset.features import Widths
from gzcore.dataset.tfrecord import DamagedRecord
from gzcore.dataset.wire import INTS, payloads
from gztrain.data import fast_parse
from gztrain.data.dataset import open_dataset
from gztrain.data.fast_parse import split_record
from tests.gz2 import WIDTHS
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


@pytest.mark.slow
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
    with pytest.raises(DamagedRecord, match="its feature fraction is not float32"):
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
    "no image": (serialized(FEATURES, [name for name in USUAL if name != "image"]), "lacks image"),
    "few votes": (serialized(FEATURES | {"votes": [1.0] * 10}, USUAL), "feature votes is not float32"),
    "many labels": (serialized(FEATURES | {"mask": [1] * 23}, USUAL), "feature mask is not int64"),
    "an id that is no text": (serialized(FEATURES | {"id": b"\xff"}, USUAL), "id is not UTF-8"),
    "no view": (serialized(FEATURES | {"view": []}, USUAL), "feature view is not int64"),
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


def outcome(parser: Any, record: bytes) -> tuple[Any, ...] | str:
    """What a parser makes of some bytes: id, view, image and packed numbers; or its sentence."""
    try:
        parsed = parser(record, WIDTHS)
    except DamagedRecord as error:
        return str(error)
    if isinstance(parsed, tuple):
        return (*parsed[0], parsed[1])
    floats, labels = (parsed.fraction, parsed.votes), (parsed.label_report, parsed.label_asked, parsed.mask)
    numbers = (*(part.astype("<f4").tobytes() for part in floats), *(part.astype("u1").tobytes() for part in labels))
    return (parsed.id, parsed.view, *numbers, parsed.image)


HEADS = [len(serialized(FEATURES, USUAL[:count])) for count in range(len(USUAL) + 1)]
"""Places near the heads of features, where a mutation changes the structure."""


@st.composite
def mutations(draw: st.DrawFn, record: bytes) -> bytes:
    """A real record with bytes replaced, inserted, removed, or swapped between features."""
    places = st.one_of(st.integers(0, len(record)), st.sampled_from([at for at in HEADS if at <= len(record)]))
    for _ in range(draw(st.integers(1, 4))):
        start, length = draw(places), draw(st.integers(0, 12))
        new = draw(st.one_of(st.binary(max_size=12), st.sampled_from(VARINTS)))
        record = record[:start] + new + record[start + length :]
    return record


VARINTS = [b"\x80\x00", b"\xff" * 9 + b"\x01", b"\xff" * 10, b"\xff" * 11 + b"\0", b"\x02", example.varint(1 << 60)]


@pytest.mark.slow
@settings(deadline=None, derandomize=True, max_examples=600)
@given(st.data())
def test_both_parsers_agree_on_mutated_records(data: st.DataObject) -> None:
    features = FEATURES | {"view": [data.draw(st.sampled_from([0, 3, 127, 128, 32767, 32768, 40000, -1]))]}
    features |= {"fold": [data.draw(st.sampled_from([-1, 0, 4, 5, -2]))], "id": data.draw(st.binary(max_size=30))}
    record = serialized(features, data.draw(ORDERS))
    if data.draw(st.booleans()):
        record = data.draw(mutations(record))
    assert outcome(split_record, record) == outcome(parse_record, record)


STRANGE_VALUES: dict[str, tuple[str, bytes]] = {
    "view 40000": ("view", example.int_entry("view", [40_000])),
    "view -1": ("view", example.int_entry("view", [-1])),
    "two views": ("view", example.int_entry("view", [0, 0])),
    "a view of eleven bytes": ("view", example.before("view", INTS, 11) + b"\xff" * 10 + b"\0"),
    "a view of 70 bits": ("view", example.before("view", INTS, 10) + b"\xff" * 9 + b"\x7f"),
    "fold 5": ("fold", example.int_entry("fold", [5])),
    "ten folds": ("fold", example.int_entry("fold", [1] * 10)),
    "label 2": ("mask", example.int_entry("mask", [2, *[1] * 21])),
    "a label of two bytes": ("mask", example.before("mask", INTS, 22) + b"\x80\0" + b"\1" * 20),
    "a million labels": ("mask", example.int_entry("mask", [1] * 1_000_000)),
    "operations that are a number": ("ops", example.int_entry("ops", [1])),
    "nothing for operations": ("ops", b""),
    "an id of 2,000 bytes": ("id", example.bytes_entry("id", b"a" * 2000)),
    "a feature more": ("ops", example.bytes_entry("ops", b"[]") + example.bytes_entry("more", b"")),
    "a thousand features": (
        "ops",
        b"".join(example.bytes_entry(f"f{number}", b"") for number in range(1000)),
    ),
    "bytes behind the operations": ("ops", example.bytes_entry("ops", b"[]") + b"\0\0"),
}


@pytest.mark.parametrize("case", STRANGE_VALUES)
def test_both_parsers_refuse_in_the_same_words(case: str) -> None:
    name, changed = STRANGE_VALUES[case]
    parts = [changed if key == name else entry(key, FEATURES[key]) for key in USUAL]
    record = example.field(1, b"".join(parts))
    sentence = outcome(split_record, record)
    assert isinstance(sentence, str)
    assert sentence == outcome(parse_record, record)


def test_a_length_without_end_takes_no_time() -> None:
    record = b"\x0a" + b"\xff" * 20_000_000
    assert "a length has no end" in str(outcome(split_record, record))
