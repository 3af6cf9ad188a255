"""A record: a serialised ``tf.train.Example``, taken apart by hand, without TensorFlow.

An Example is a map from feature name to a list of bytes, floats or int64 (tensorflow/core/example/feature.proto):
``Example{1: Features{1: [{1: name, 2: Feature{1|2|3: List{1: values}}}]}}``, every level a length and a payload.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gztrain.data.frames import BadRecord

FRACTIONS, VOTES, LABELS = 32, 11, 22
"""Numbers of vote fractions, of questions and of labels in a record."""

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
_ENTRY, _NAME, _FEATURE, _VALUES = 0x0A, 0x0A, 0x12, 0x0A
_BYTES, _FLOATS, _INTS = 0x0A, 0x12, 0x1A


@dataclass(frozen=True)
class Record:
    """One view of one galaxy.

    Attributes:
        image: the encoded crop, JPEG or PNG.
        id: of the galaxy.
        view: 0 the original; 1 and up augmented.
        fold: 0 to 4; -1 in test.
        fraction: vote fractions, 0 to 1, float32 [32]; NaN where nobody was asked.
        votes: total votes of each question, float32 [11]; NaN where the catalogue has no counts.
        label_report: labels as the report makes them, int64 [22].
        label_asked: labels of answered questions, int64 [22]; 0 where masked.
        mask: int64 [22]; 1 where label_asked has an answer.
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


def parse_example(record: bytes) -> Record:
    """Parse a record.

    Raises:
        BadRecord: it is not an Example with the features of a galaxy.
    """
    found = payloads(record)
    try:
        return Record(
            image=found[b"image"],
            id=found[b"id"].decode(),
            view=number_in(found[b"view"]),
            fold=number_in(found[b"fold"]),
            fraction=_floats(found, b"fraction", FRACTIONS),
            votes=_floats(found, b"votes", VOTES),
            label_report=_ints(found, b"label_report"),
            label_asked=_ints(found, b"label_asked"),
            mask=_ints(found, b"mask"),
            ops=found[b"ops"],
        )
    except KeyError as error:
        raise BadRecord(f"it has no feature {error}") from None
    except (IndexError, UnicodeDecodeError, ValueError) as error:
        raise BadRecord(f"its features are not those of a galaxy ({error})") from None


def _floats(found: dict[bytes, bytes], name: bytes, size: int) -> Floats:
    return np.frombuffer(found[name], "<f4").reshape(size)


def _ints(found: dict[bytes, bytes], name: bytes) -> Ints:
    return np.fromiter(_varints(found[name]), np.int64).reshape(LABELS)


def _varints(packed: bytes) -> Iterator[int]:
    at = 0
    while at < len(packed):
        start, at = at, at + 1
        while packed[at - 1] > 0x7F:
            at += 1
        yield number_in(packed[start:at])


def payloads(record: bytes) -> dict[bytes, bytes]:
    """Feature names and their values as they stand in the record: bytes, packed floats or packed varints.

    It takes 12 us; :mod:`gztrain.data.fast_parse` has a quicker way through records that gzprep wrote.

    Raises:
        BadRecord: the bytes are not an Example.
    """
    found: dict[bytes, bytes] = {}
    try:
        at, end = _enter(record, 0, _ENTRY)
        whole = end == len(record)
        while at < end:
            at, stop = _enter(record, at, _ENTRY)
            start, at = _enter(record, at, _NAME)
            name = record[start:at]
            at, _ = _enter(record, at, _FEATURE)
            at, _ = _enter(record, at, record[at])
            at, last = _enter(record, at, _VALUES)
            whole = whole and last == stop
            found[name] = record[at:last]
            at = stop
    except IndexError:
        whole = False
    if not whole or at != end:
        raise BadRecord("it is not a serialised Example: a field does not fit")
    return found


def _enter(record: bytes, at: int, tag: int) -> tuple[int, int]:
    """Start and end of the payload of the field that stands at a place."""
    length = record[at + 1]
    if record[at] != tag:
        raise BadRecord("it is not a serialised Example: a field is of another kind")
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


def number_in(varint: bytes) -> int:
    """The int64 that one varint holds.

    Raises:
        IndexError: it is empty.
    """
    if varint[0] < 0x80 and len(varint) == 1:
        return varint[0]
    number = sum((byte & 0x7F) << 7 * place for place, byte in enumerate(varint))
    return number - (1 << 64) if number >= 1 << 63 else number
