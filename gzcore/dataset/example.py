"""The record, in both directions: a serialised ``tf.train.Example``, written and read without TensorFlow.

An Example is a map from feature name to a list of bytes, floats or int64 (tensorflow/core/example/feature.proto):
``Example{1: Features{1: [{1: name, 2: Feature{1|2|3: List{1: values}}}]}}``, every level a length and a payload.
It is written by hand because protocol buffers promise no canonical bytes, and a data set promises its own.
"""

import struct
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt

from gzcore.dataset.features import Feature, Widths, features_of
from gzcore.dataset.layout import FOLDS, TEST_FOLD
from gzcore.dataset.tfrecord import DamagedRecord
from gzcore.dataset.wire import BYTES, ENTRY, FEATURE, FLOATS, INTS, VALUES, number_in, payloads

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Value = bytes | Floats | Ints
LONGEST_ID = 1024
"""Bytes of the longest id."""


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
    for tag in (VALUES, kind << 3 | 2, FEATURE):  # value in List in Feature in the map's entry, from the inside out
        head = bytes((tag,)) + varint(size + len(head)) + head
    head = field(1, name.encode()) + head
    return bytes((ENTRY,)) + varint(size + len(head)) + head


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
    packed = packed_record(record, widths)
    values = {
        feature.name: _values(_KINDS[feature.dtype], packed[feature.name])
        for feature in features_of(widths)
        if feature.shape
    }
    numbers = {name: number_in(packed[name]) for name in ("view", "fold")}
    texts = {name: packed[name] for name in ("image", "ops")}
    return Record(**values, **numbers, **texts, id=packed["id"].decode())  # type: ignore[arg-type]


def packed_record(record: bytes, widths: Widths) -> dict[str, bytes]:
    """The values of a record as they stand in it, checked. No memory is taken for a wrong number of values.

    Returns:
        Of each feature by name: a byte string, packed float32, labels of one byte each, or one varint.

    Raises:
        DamagedRecord: it is not an Example with exactly the features of a galaxy.
    """
    values = {name.decode(errors="backslashreplace"): payload for name, payload in payloads(record).items()}
    features = features_of(widths)
    _check_names(values.keys(), {feature.name for feature in features})
    for feature in features:
        _check_feature(feature, *values[feature.name])
    return {name: payload.data for name, payload in values.items()}


def _check_names(names: AbstractSet[str], expected: AbstractSet[str]) -> None:
    absent, strange = expected - names, names - expected
    if absent or strange:
        lacks, has = ", ".join(sorted(absent)) or "nothing", ", ".join(sorted(strange))[:200] or "nothing"
        raise DamagedRecord(f"its features are not those of a galaxy: it lacks {lacks}, and has {has} beside them")


_KINDS = {"bytes": BYTES, "float32": FLOATS, "int64": INTS}
_SIZES = {"float32": 4, "int64": 1}
"""Bytes of a number of a vector: labels are 0 or 1, varints of one byte."""
_RANGES = {"view": range(1 << 15), "fold": range(TEST_FOLD, FOLDS)}


def _check_feature(feature: Feature, kind: int, data: bytes) -> None:
    name, vector = feature.name, feature.shape
    if kind != _KINDS[feature.dtype] or (vector and len(data) != vector[0] * _SIZES[feature.dtype]):
        raise DamagedRecord(f"its feature {name} is not {feature.dtype} {list(feature.shape)}")
    if vector and kind == INTS and data.strip(b"\0\1"):
        raise DamagedRecord(f"its feature {name} has labels that are not 0 and 1")
    if name in _RANGES and number_in(data, name) not in _RANGES[name]:
        raise DamagedRecord(f"its {name} is {number_in(data, name)}, not {_RANGES[name][0]} to {_RANGES[name][-1]}")
    if name == "id":
        check_id(data)


def check_id(data: bytes) -> str:
    """Decode the id of a galaxy.

    Raises:
        DamagedRecord: it is too long or not UTF-8.
    """
    if len(data) > LONGEST_ID:
        raise DamagedRecord(f"its id has {len(data)} bytes; an id has {LONGEST_ID} at most")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise DamagedRecord("its id is not UTF-8") from None


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


def view_in(record: bytes) -> int:
    """Which view of its galaxy a record is.

    Raises:
        DamagedRecord: it is not an Example, or has no view.
    """
    kind, packed = payloads(record).get(b"view", (0, b""))
    if kind != INTS or (view := number_in(packed, "view")) not in _RANGES["view"]:
        raise DamagedRecord("it has no view, or none that can be")
    return view
