"""The record, in both directions: a serialised ``tf.train.Example``, written and read without TensorFlow.

An Example is a map from feature name to a list of bytes, floats or int64 (tensorflow/core/example/feature.proto):
``Example{1: Features{1: [{1: name, 2: Feature{1|2|3: List{1: values}}}]}}``, every level a length and a payload.
It is written by hand because protocol buffers promise no canonical bytes, and a data set promises its own.
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gzcore.dataset.features import Feature, Widths, features_of
from gzcore.dataset.tfrecord import DamagedRecord

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Value = bytes | Floats | Ints
BYTES, FLOATS, INTS = 1, 2, 3
"""Numbers of the kinds of list in a Feature (feature.proto)."""
_ENTRY, _NAME, _FEATURE, _VALUES = 0x0A, 0x0A, 0x12, 0x0A


# ---------------------------------------------------------------- writing


@lru_cache(maxsize=1 << 16)  # lengths and labels repeat
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


@lru_cache(maxsize=1 << 16)  # images are of a few thousand different lengths
def before(name: str, kind: int, size: int) -> bytes:
    """The bytes before the values of a feature: its name, its kind, and the lengths of all levels.

    With them, an image is copied into a record once, and not once a level.
    """
    head = b""
    for tag in (_VALUES, kind << 3 | 2, _FEATURE):  # value in List in Feature in the map's entry, from the inside out
        head = bytes((tag,)) + varint(size + len(head)) + head
    head = field(1, name.encode()) + head
    return bytes((_ENTRY,)) + varint(size + len(head)) + head


def bytes_entry(name: str, value: bytes) -> bytes:
    """Map entry of a feature with one byte string."""
    return before(name, BYTES, len(value)) + value


def float_entry(name: str, values: Sequence[float]) -> bytes:
    """Map entry of a float32 feature."""
    packed = _floats(len(values)).pack(*values)
    return before(name, FLOATS, len(packed)) + packed


@cache
def _floats(count: int) -> struct.Struct:
    return struct.Struct(f"<{count}f")


def int_entry(name: str, values: Iterable[int]) -> bytes:
    """Map entry of an int64 feature."""
    packed = b"".join(map(varint, values))
    return before(name, INTS, len(packed)) + packed


def galaxy_entries(  # noqa: PLR0913 -- one argument a feature
    galaxy_id: str,
    fold: int,
    *,
    fraction: Sequence[float],
    votes: Sequence[float],
    label_report: Sequence[int],
    label_asked: Sequence[int],
    mask: Sequence[int],
) -> bytes:
    """Map entries that all views of a galaxy share, serialised once; see :class:`Record`."""
    return b"".join(
        (
            bytes_entry("id", galaxy_id.encode()),
            int_entry("fold", (fold,)),
            float_entry("fraction", fraction),
            float_entry("votes", votes),
            int_entry("label_report", label_report),
            int_entry("label_asked", label_asked),
            int_entry("mask", mask),
        )
    )


def serialize(shared: bytes, image: bytes, view: int, ops: bytes) -> bytes:
    """Serialise the Example of one view.

    Args:
        shared: what :func:`galaxy_entries` gave.
        image: the encoded crop.
        view: index of the view.
        ops: JSON of what was done to it.
    """
    image_head, ops_head = before("image", BYTES, len(image)), before("ops", BYTES, len(ops))
    parts = (shared, image_head, image, _view_entry(view), ops_head, ops)
    return b"".join((b"\x0a", varint(sum(map(len, parts))), *parts))


@lru_cache
def _view_entry(view: int) -> bytes:
    return int_entry("view", (view,))


# ---------------------------------------------------------------- reading


@dataclass(frozen=True, eq=False)
class Record:
    """One view of one galaxy.

    Attributes:
        image: the encoded crop, JPEG or PNG.
        id: of the galaxy.
        view: 0 the original; 1 and up augmented.
        fold: 0 to 4; -1 in test.
        fraction: vote fractions, 0 to 1, float32 [fractions]; NaN where the question was not asked.
        votes: total votes of each question, float32 [votes]; NaN where the catalogue has no counts.
        label_report: labels as the report makes them, int64 [labels].
        label_asked: labels of answered questions, int64 [labels]; 0 where masked.
        mask: int64 [labels]; 1 where label_asked has an answer.
        ops: JSON of what was done to this view.
    """

    image: bytes
    id: str
    view: int
    fold: int
    fraction: Floats
    votes: Floats
    label_report: Ints
    label_asked: Ints
    mask: Ints
    ops: bytes


def parse_record(record: bytes, widths: Widths) -> Record:
    """Parse a record.

    Raises:
        DamagedRecord: it is not an Example with exactly the features of a galaxy.
    """
    values = parse(record)
    _check_features(values, features_of(widths))
    numbers = {name: int(values[name][0]) for name in ("view", "fold")}
    try:
        return Record(**values | numbers | {"id": values["id"].decode()})  # type: ignore[arg-type, union-attr]
    except UnicodeDecodeError:
        raise DamagedRecord("its id is not UTF-8") from None


def _check_features(values: dict[str, Value], features: Iterable[Feature]) -> None:
    absent = {feature.name for feature in features} - values.keys()
    strange = values.keys() - {feature.name for feature in features}
    if absent or strange:
        lacks, has = ", ".join(sorted(absent)) or "nothing", ", ".join(sorted(strange)) or "nothing"
        raise DamagedRecord(f"its features are not those of a galaxy: it lacks {lacks}, and has {has} beside them")
    for feature in features:
        value, length = values[feature.name], feature.shape or (1,)
        dtype = "bytes" if isinstance(value, bytes) else str(value.dtype)
        if dtype != feature.dtype or (dtype != "bytes" and value.shape != length):  # type: ignore[union-attr]
            raise DamagedRecord(f"its feature {feature.name} is not {feature.dtype} {list(feature.shape)}")


def parse(record: bytes) -> dict[str, Value]:
    """Parse an Example: feature names and their values, bytes, float32 [n] or int64 [n].

    Raises:
        DamagedRecord: the bytes are not an Example, or a feature has several byte strings.
    """
    try:
        return {name.decode(): _values(kind, packed) for name, (kind, packed) in payloads(record).items()}
    except (IndexError, ValueError, OverflowError) as error:
        raise DamagedRecord(f"it is not a serialised Example ({error})") from None


def _values(kind: int, packed: bytes) -> Value:
    if kind == BYTES:
        return packed
    if kind == FLOATS:
        return np.frombuffer(packed, "<f4")
    if packed.isascii():  # varints of one byte: nearly always
        return np.frombuffer(packed, np.uint8).astype(np.int64)
    return np.array(_numbers(packed), np.int64)


def _numbers(packed: bytes) -> list[int]:
    numbers, at = [], 0
    while at < len(packed):
        start, at = at, at + 1
        while packed[at - 1] > 0x7F:
            at += 1
        numbers.append(number_in(packed[start:at]))
    return numbers


class Payload(NamedTuple):
    """Values of a feature as they stand in a record: one byte string, packed floats or packed varints."""

    kind: int
    data: bytes


def payloads(record: bytes) -> dict[bytes, Payload]:
    """Feature names and their values as they stand in the record.

    Raises:
        DamagedRecord: the bytes are not an Example.
    """
    by_name: dict[bytes, Payload] = {}
    try:
        at, end = _enter(record, 0, _ENTRY)
        whole = end == len(record)
        while at < end:
            at, stop = _enter(record, at, _ENTRY)
            start, at = _enter(record, at, _NAME)
            name = record[start:at]
            at, _ = _enter(record, at, _FEATURE)
            kind = record[at] >> 3
            at, _ = _enter(record, at, record[at])
            at, last = _enter(record, at, _VALUES)
            whole = whole and last == stop and BYTES <= kind <= INTS
            by_name[name] = Payload(kind, record[at:last])
            at = stop
    except IndexError:
        whole = False
    if not whole or at != end:
        raise DamagedRecord("it is not a serialised Example: a field does not fit")
    return by_name


def _enter(record: bytes, at: int, tag: int) -> tuple[int, int]:
    """Start and end of the payload of the field that stands at a place."""
    length = record[at + 1]
    if record[at] != tag:
        raise DamagedRecord("it is not a serialised Example: a field is of another kind")
    if length < 0x80:
        return at + 2, at + 2 + length
    length, start = _long_length(record, at + 1)
    return start, start + length


def _long_length(record: bytes, at: int) -> tuple[int, int]:
    length = shift = 0
    while True:
        byte = record[at]
        length |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return length, at


def number_in(packed: bytes) -> int:
    """The int64 that one varint holds.

    Raises:
        IndexError: it is empty.
    """
    if packed[0] < 0x80 and len(packed) == 1:
        return packed[0]
    number = sum((byte & 0x7F) << 7 * place for place, byte in enumerate(packed))
    return number - (1 << 64) if number >= 1 << 63 else number


def view_in(record: bytes) -> int:
    """Which view of its galaxy a record is.

    Raises:
        DamagedRecord: it is not an Example, or has no view.
    """
    kind, packed = payloads(record).get(b"view", (0, b""))
    if kind != INTS or not packed:
        raise DamagedRecord("it has no view")
    return number_in(packed)
