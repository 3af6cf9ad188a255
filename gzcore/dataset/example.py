"""The record: its features, and its bytes as a serialised ``tf.train.Example``, without TensorFlow.

An Example is a map from feature name to a list of bytes, floats or int64 (tensorflow/core/example/feature.proto).
Everything but image, view and ops is the same in all views of a galaxy and is serialised once.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

from gzcore.dataset.tree import FRACTION_NAMES, LABEL_NAMES, QUESTIONS

Value = bytes | list[float] | list[int]


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature of a record: name, dtype (bytes, int64 or float32), shape and what it is."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    doc: str


FEATURES: tuple[Feature, ...] = (
    Feature("image", "bytes", (), "encoded crop, RGB"),
    Feature("id", "bytes", (), "galaxy id, UTF-8"),
    Feature("view", "int64", (), "0: the original; 1 and up: augmented"),
    Feature("fold", "int64", (), "0 to 4 in train; -1 in test"),
    Feature("fraction", "float32", (len(FRACTION_NAMES),), "vote fractions, 0 to 1; NaN: nobody was asked"),
    Feature("votes", "float32", (len(QUESTIONS),), "total votes of Q0 to Q10; NaN: the catalogue has no counts"),
    Feature("label_report", "int64", (len(LABEL_NAMES),), "labels as the report makes them"),
    Feature("label_asked", "int64", (len(LABEL_NAMES),), "labels of answered questions; 0 where masked"),
    Feature("mask", "int64", (len(LABEL_NAMES),), "1: label_asked has an answer; 0: leave it out"),
    Feature("ops", "bytes", (), "JSON list of what was done to this view"),
)


@lru_cache(maxsize=1 << 16)  # lengths and labels: nearly always seen before
def varint(number: int) -> bytes:
    """Protocol-buffer varint; negative numbers take the ten bytes of their two's complement."""
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number: int, payload: bytes) -> bytes:
    """A length-delimited protocol-buffer field."""
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def _entry(name: str, kind: int, values: bytes) -> bytes:
    feature = field(kind, field(1, values))  # Feature.{bytes,float,int64}_list = 1, 2, 3; its value = 1
    return field(1, field(1, name.encode()) + field(2, feature))


def bytes_entry(name: str, value: bytes) -> bytes:
    """Map entry of a feature with one byte string."""
    return _entry(name, 1, value)


def float_entry(name: str, values: Iterable[float]) -> bytes:
    """Map entry of a float32 feature."""
    numbers = tuple(values)
    return _entry(name, 2, _floats(len(numbers)).pack(*numbers))


@cache
def _floats(count: int) -> struct.Struct:
    return struct.Struct(f"<{count}f")


def int_entry(name: str, values: Iterable[int]) -> bytes:
    """Map entry of an int64 feature."""
    return _entry(name, 3, b"".join(map(varint, values)))


def serialize(shared: bytes, image: bytes, view: int, ops: bytes) -> bytes:
    """Serialise the Example of one view.

    Args:
        shared: what :func:`galaxy_entries` gave.
        image: the encoded crop.
        view: index of the view.
        ops: JSON of what was done to it.
    """
    parts = (shared, _before("image", len(image)), image, _view_entry(view), _before("ops", len(ops)), ops)
    return b"".join((b"\x0a", varint(sum(map(len, parts))), *parts))


@lru_cache(maxsize=1 << 16)
def _before(name: str, length: int) -> bytes:
    """What stands before the value in :func:`bytes_entry`, so that an image is copied once and not at every level."""
    head = b""
    for outer in (b"\x0a", b"\x0a", b"\x12"):  # value in BytesList in Feature in the map's entry, from the inside out
        head = outer + varint(length + len(head)) + head
    head = field(1, name.encode()) + head
    return b"\x0a" + varint(length + len(head)) + head


@lru_cache
def _view_entry(view: int) -> bytes:
    return int_entry("view", (view,))


def parse(record: bytes) -> dict[str, Value]:
    """Parse an Example of our own making.

    Raises:
        ValueError: the bytes are not such an Example.
    """
    try:
        ((_, features),) = _fields(record)
        return dict(_feature(entry) for _, entry in _fields(features))
    except (IndexError, struct.error, UnicodeDecodeError) as error:
        raise ValueError(f"The record is not a tf.train.Example: {error}.") from None


def _feature(entry: bytes) -> tuple[str, Value]:
    (_, name), (_, feature) = _fields(entry)
    ((kind, values),) = _fields(feature)
    ((_, packed),) = _fields(values)
    if kind == 1:
        return name.decode(), packed
    if kind == 2:
        return name.decode(), list(struct.unpack(f"<{len(packed) // 4}f", packed))
    return name.decode(), list(_varints(packed))


def _fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Split a message of length-delimited fields into (number, payload)."""
    at = 0
    while at < len(data):
        tag, at = _read_varint(data, at)
        length, at = _read_varint(data, at)
        if tag & 7 != 2 or at + length > len(data):
            raise ValueError("The record is not a tf.train.Example: a field does not fit.")
        yield tag >> 3, data[at : at + length]
        at += length


def _varints(data: bytes) -> Iterator[int]:
    at = 0
    while at < len(data):
        number, at = _read_varint(data, at)
        yield number - (1 << 64) if number >= 1 << 63 else number


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number, at
