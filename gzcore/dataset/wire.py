"""The encoding of a ``tf.train.Example``: varints, lengths, and the values of features as they stand in a record.

Bytes are not trusted. A length is compared with what is there before anything is copied.
"""

from typing import NamedTuple

from gzcore.dataset.tfrecord import DamagedRecord

BYTES, FLOATS, INTS = 1, 2, 3
"""Numbers of the kinds of list in a Feature (feature.proto)."""
ENTRY, NAME, FEATURE, VALUES = 0x0A, 0x0A, 0x12, 0x0A
"""Tags of the fields of an Example, from the outside in."""
_LONGEST_VARINT = 10
"""Bytes of the longest varint: 64 bits, 7 a byte."""
_MOST_FEATURES = 100


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
        at, end = _enter(record, 0, ENTRY)
        whole = end == len(record)
        while at < end:
            at, stop = _enter(record, at, ENTRY)
            start, at = _enter(record, at, NAME)
            name = record[start:at]
            at, _ = _enter(record, at, FEATURE)
            kind = record[at] >> 3
            at, _ = _enter(record, at, record[at])
            at, last = _enter(record, at, VALUES)
            whole = whole and last == stop and BYTES <= kind <= INTS
            by_name[name] = Payload(kind, record[at:last])
            at = stop
            if len(by_name) > _MOST_FEATURES:
                raise DamagedRecord(f"it has more than {_MOST_FEATURES} features")
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
    length = 0
    for place in range(_LONGEST_VARINT):
        byte = record[at + place]
        length |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return length, at + place + 1
    raise DamagedRecord("it is not a serialised Example: a length has no end")


def number_in(packed: bytes, name: str = "number") -> int:
    """The int64 that one varint holds.

    Raises:
        DamagedRecord: it is empty, several, or longer than 64 bits.
    """
    if len(packed) == 1 and packed[0] < 0x80:
        return packed[0]
    whole = 0 < len(packed) <= _LONGEST_VARINT and packed[-1] < 0x80 and min(packed[:-1], default=0xFF) >= 0x80
    number = sum((byte & 0x7F) << 7 * place for place, byte in enumerate(packed)) if whole else 1 << 64
    if number >= 1 << 64:
        raise DamagedRecord(f"its feature {name} is not int64 []")
    return number - (1 << 64) if number >= 1 << 63 else number
