"""Records compared with those of TensorFlow and protobuf, and the parser on random bytes."""

import math
import struct
from typing import Any

import numpy as np
import pytest
from google.protobuf.internal import encoder
from hypothesis import given, settings
from hypothesis import strategies as st

from gzcore.dataset import example
from gzcore.dataset.example import bytes_entry, field, float_entry, int_entry, parse, serialize, varint
from gzprep.catalogue.galaxy import Labels
from tests.golden.regenerate_records import draw_votes
from tests.gz2 import FEATURES, label, read_record

FLOAT32 = st.floats(width=32)
INT64 = st.integers(-(1 << 63), (1 << 63) - 1)


def labels_of(seed: int) -> Labels:
    """Labels of drawn votes, where some questions were not asked."""
    return label(draw_votes(seed), "a")


def vectors(values: st.SearchStrategy[Any], length: int) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.tuples(*[values] * length)


BITS = vectors(st.integers(0, 1), 22)
LABELS = st.builds(
    Labels, fractions=vectors(FLOAT32, 32), votes=vectors(FLOAT32, 11), report=BITS, asked=BITS, mask=BITS
)


def galaxy_entries(galaxy_id: str, fold: int, labels: Labels) -> bytes:
    """What the views of a galaxy share."""
    vectors = {"fraction": labels.fractions, "votes": labels.votes, "label_report": labels.report}
    return example.galaxy_entries(galaxy_id, fold, **vectors, label_asked=labels.asked, mask=labels.mask)


def comparable(value: Any) -> object:
    """Bytes as they are, integers as a list; floats as their bits, so that NaN equals NaN."""
    if isinstance(value, bytes):
        return value
    values = value.tolist() if isinstance(value, np.ndarray) else list(value)
    return [struct.pack("<f", number) if isinstance(number, float) else number for number in values]


def parsed(record: bytes) -> dict[str, object]:
    """What we read out of a record."""
    return {name: comparable(value) for name, value in parse(record).items()}


def by_tensorflow(record: bytes) -> dict[str, object]:
    """What TensorFlow reads out of a record."""
    from tensorflow.core.example.example_pb2 import Example

    features = Example.FromString(record).features.feature
    values: dict[str, object] = {}
    for name, feature in features.items():
        kind = feature.WhichOneof("kind")
        value = getattr(feature, kind).value
        values[name] = value[0] if kind == "bytes_list" else comparable([*value])
        assert kind != "bytes_list" or len(value) == 1
    return values


def test_features_are_those_of_the_design() -> None:
    assert [(feature.name, feature.dtype, feature.shape) for feature in FEATURES] == [
        ("image", "bytes", ()),
        ("id", "bytes", ()),
        ("view", "int64", ()),
        ("fold", "int64", ()),
        ("fraction", "float32", (32,)),
        ("votes", "float32", (11,)),
        ("label_report", "int64", (22,)),
        ("label_asked", "int64", (22,)),
        ("mask", "int64", (22,)),
        ("ops", "bytes", ()),
    ]
    assert all(feature.doc for feature in FEATURES)


# against TensorFlow


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("fold", [-1, 0, 4])
@pytest.mark.parametrize(
    "galaxy_id",
    ["587722981736120347", "J100000.00+000000.0", "\N{GREEK SMALL LETTER ALPHA} And \N{MILKY WAY}", "a/b\n"],
)
def test_tensorflow_reads_every_feature(galaxy_id: str, fold: int, seed: int) -> None:
    labels = labels_of(seed)
    record = serialize(galaxy_entries(galaxy_id, fold, labels), b"\xff\xd8\x00pixels", 12, b'[{"op":"none"}]')
    assert by_tensorflow(record) == {
        "image": b"\xff\xd8\x00pixels",
        "id": galaxy_id.encode(),
        "view": [12],
        "fold": [fold],
        "fraction": comparable([*labels.fractions]),
        "votes": comparable([*labels.votes]),
        "label_report": [*labels.report],
        "label_asked": [*labels.asked],
        "mask": [*labels.mask],
        "ops": b'[{"op":"none"}]',
    }


def test_the_drawn_labels_have_nan_and_both_labels() -> None:
    """Without both, the test above would test less."""
    drawn = [labels_of(seed) for seed in range(6)]
    assert any(math.isnan(value) for labels in drawn for value in labels.fractions)
    assert {value for labels in drawn for value in (*labels.report, *labels.asked, *labels.mask)} == {0, 1}


@pytest.mark.slow
@settings(deadline=None)
@given(labels=LABELS, galaxy_id=st.text(), numbers=st.tuples(INT64, INT64), image=st.binary(), ops=st.binary())
def test_tensorflow_and_ours_read_the_same(
    labels: Labels, galaxy_id: str, numbers: tuple[int, int], image: bytes, ops: bytes
) -> None:
    fold, view = numbers
    record = serialize(galaxy_entries(galaxy_id, fold, labels), image, view, ops)
    assert by_tensorflow(record) == parsed(record)


def test_ours_reads_what_tensorflow_wrote() -> None:
    from tensorflow.core.example.example_pb2 import Example

    message = Example()
    features = message.features.feature
    features["image"].bytes_list.value.append(b"pixels")
    features["fold"].int64_list.value.append(-1)
    features["mask"].int64_list.value.extend([0, 1] * 11)
    features["votes"].float_list.value.extend([1.5, math.inf, -0.0])
    assert parsed(message.SerializeToString()) == {
        "image": b"pixels",
        "fold": [-1],
        "mask": [0, 1] * 11,
        "votes": comparable([1.5, math.inf, -0.0]),
    }


# round trip


@pytest.mark.slow
@settings(deadline=None)
@given(labels=LABELS, galaxy_id=st.text(), numbers=st.tuples(INT64, INT64), image=st.binary(), ops=st.binary())
def test_parse_undoes_serialize(
    labels: Labels, galaxy_id: str, numbers: tuple[int, int], image: bytes, ops: bytes
) -> None:
    fold, view = numbers
    assert parsed(serialize(galaxy_entries(galaxy_id, fold, labels), image, view, ops)) == {
        "id": galaxy_id.encode(),
        "fold": [fold],
        "fraction": comparable([*labels.fractions]),
        "votes": comparable([*labels.votes]),
        "label_report": [*labels.report],
        "label_asked": [*labels.asked],
        "mask": [*labels.mask],
        "image": image,
        "view": [view],
        "ops": ops,
    }


def test_a_record_has_exactly_the_features() -> None:
    record = serialize(galaxy_entries("a", 0, labels_of(0)), b"", 0, b"[]")
    assert set(parse(record)) == {feature.name for feature in FEATURES}
    stored = read_record(record)
    assert (stored.id, stored.view, stored.fold, stored.image, stored.ops) == ("a", 0, 0, b"", b"[]")


def test_a_fraction_too_large_for_float32_is_an_error_and_not_infinity() -> None:
    with pytest.raises(OverflowError):
        float_entry("votes", [1e39])


# the encoding


@settings(deadline=None)
@given(st.one_of(INT64, st.integers(0, (1 << 64) - 1), st.sampled_from([0, 127, 128, 16383, 16384, (1 << 63) - 1])))
def test_varint_is_that_of_protobuf(number: int) -> None:
    out: list[bytes] = []
    (encoder._EncodeSignedVarint if number < 0 else encoder._EncodeVarint)(out.append, number, True)  # noqa: FBT003
    assert varint(number) == b"".join(out)


@settings(deadline=None)
@given(st.integers(1, (1 << 29) - 1), st.binary())
def test_field_is_that_of_protobuf(number: int, payload: bytes) -> None:
    out: list[bytes] = []
    encoder.BytesEncoder(number, False, False)(out.append, payload, True)  # noqa: FBT003
    assert field(number, payload) == b"".join(out)


# garbage


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_random_bytes_raise_a_value_error_or_are_parsed(data: bytes) -> None:
    try:
        features = parse(data)
    except ValueError:
        return
    assert set(features) != {feature.name for feature in FEATURES}


@settings(deadline=None)
@given(st.data())
def test_a_damaged_record_is_a_value_error_or_a_record(data: st.DataObject) -> None:
    """A framed record has a checksum; without one, damage may go unseen but may not raise anything else."""
    record = bytearray(serialize(galaxy_entries("a", 0, labels_of(0)), b"pixels", 3, b"[]"))
    for _ in range(data.draw(st.integers(1, 4))):
        record[data.draw(st.integers(0, len(record) - 1))] = data.draw(st.integers(0, 255))
    try:
        read_record(bytes(record))
    except ValueError:
        return


def test_a_record_cut_short_is_a_value_error() -> None:
    record = serialize(galaxy_entries("a", 0, labels_of(0)), b"pixels", 3, b"[]")
    for length in range(len(record)):
        with pytest.raises(ValueError, match=r"\w"):
            parse(record[:length])


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(field(1, b""), id="no features"),
        pytest.param(field(1, bytes_entry("id", b"a")), id="one feature"),
        pytest.param(field(1, int_entry("id", [1])) * 2, id="two of them"),
        pytest.param(b"\x0a" + b"\xff" * 40, id="a length without end"),
        pytest.param(b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", id="a length beyond the file"),
        pytest.param(b"\x08\x01", id="a number instead of a message"),
    ],
)
def test_what_is_no_record_of_ours(record: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read_record(record)


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("view", bytes_entry("view", b"1")),
        ("view", int_entry("view", [1, 2])),
        ("view", int_entry("view", [])),
        ("id", int_entry("id", [7])),
        ("votes", float_entry("votes", [1.0] * 10)),
        ("votes", int_entry("votes", [1] * 11)),
        ("mask", int_entry("mask", [1] * 21)),
        ("ops", bytes_entry("ops", b"not JSON")),
        ("id", bytes_entry("id", b"\xff\xfe")),
    ],
)
def test_a_feature_of_another_kind_or_length_is_refused(name: str, entry: bytes) -> None:
    """A later map entry replaces an earlier one, in protobuf as here."""
    shared = galaxy_entries("a", 0, labels_of(0)) + bytes_entry("image", b"") + int_entry("view", [0])
    record = field(1, shared + bytes_entry("ops", b"[]") + entry)
    with pytest.raises(ValueError, match=name if name in ("view", "votes", "mask") else r"\w"):
        read_record(record)
