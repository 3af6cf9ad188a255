"""What a batch needs of a record: its row of votes and labels, and its encoded image. The quick way through a record.

gzprep writes the features of a record in one order and with one layout, in which only the lengths of id, image and ops
vary. A record of that layout is taken apart by one regular expression (2 us); any other Example field by field (12 us).
"""

import re
from functools import lru_cache
from typing import NamedTuple

from gztrain.data.example import FRACTIONS, LABELS, VOTES, number_in, payloads
from gztrain.data.frames import BadRecord

_BYTES, _FLOATS, _INTS = 0x0A, 0x12, 0x1A


class Row(NamedTuple):
    """What a record holds beside its image, as it stands there: packed float32, and labels of one byte each."""

    id: str
    view: int
    fraction: bytes
    votes: bytes
    label_report: bytes
    label_asked: bytes
    mask: bytes


_SIZES = (4 * FRACTIONS, 4 * VOTES, LABELS, LABELS, LABELS)


def split_record(record: bytes) -> tuple[Row, bytes]:
    """Take a record apart: its row, and its encoded image.

    Raises:
        BadRecord: it is not an Example with the features of a galaxy.
    """
    return _split_usual(record) or _split_any(record)


def _split_any(record: bytes) -> tuple[Row, bytes]:
    found = payloads(record)
    try:
        numbers = (found[name] for name in (b"fraction", b"votes", b"label_report", b"label_asked", b"mask"))
        row = Row(found[b"id"].decode(), number_in(found[b"view"]), *numbers)
        image = found[b"image"]
    except KeyError as error:
        raise BadRecord(f"it has no feature {error}") from None
    except (IndexError, UnicodeDecodeError) as error:
        raise BadRecord(f"its id or view cannot be read ({error})") from None
    if tuple(map(len, row[2:])) != _SIZES:
        raise BadRecord("its votes or labels are not as many as they should be")
    if not b"".join(row[4:]).isascii():  # a varint of several bytes
        raise BadRecord("its labels are not 0 and 1")
    return row, image


# ---------------------------------------------------------------- the usual layout


def varint(number: int) -> bytes:
    """Protocol-buffer varint of a number that is not negative."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


@lru_cache(maxsize=1 << 16)  # images are of a few thousand different lengths
def before(name: bytes, kind: int, size: int) -> bytes:
    """What stands before a feature's value of so many bytes: name, kind and lengths of all levels around it."""
    values = b"\x0a" + varint(size)
    feature = bytes((kind,)) + varint(len(values) + size) + values
    key = b"\x0a" + varint(len(name)) + name
    inner = key + b"\x12" + varint(len(feature) + size) + feature
    return b"\x0a" + varint(len(inner) + size) + inner


def _fixed(name: bytes, kind: int, size: int, byte: bytes = b".") -> bytes:
    return re.escape(before(name, kind, size)) + b"(%b{%d})" % (byte, size)


_SMALL = rb"[\x00-\x7f]"  # a varint of one byte
_VARINT = rb"[\x80-\xff]{0,4}" + _SMALL
_FOLD = rb"(?:" + _fixed(b"fold", _INTS, 1) + rb"|" + _fixed(b"fold", _INTS, 10) + rb")"  # -1 takes ten bytes
_USUAL = re.compile(
    rb"\n(" + _VARINT + rb")(\n.\n\x02id\x12.\n.\n.)(.*?)" + _FOLD
    + _fixed(b"fraction", _FLOATS, 4 * FRACTIONS)
    + _fixed(b"votes", _FLOATS, 4 * VOTES)
    + _fixed(b"label_report", _INTS, LABELS, _SMALL)
    + _fixed(b"label_asked", _INTS, LABELS, _SMALL)
    + _fixed(b"mask", _INTS, LABELS, _SMALL)
    + rb"(\n" + _VARINT + rb"\n\x05image\x12" + _VARINT + rb"\n" + _VARINT + rb"\n(" + _VARINT + rb"))",
    re.DOTALL,
)  # fmt: skip
_VIEW = re.compile(re.escape(before(b"view", _INTS, 1)) + b"(" + _SMALL + b")")


def _split_usual(record: bytes) -> tuple[Row, bytes] | None:
    """Row and image of a record of the usual layout; None: it has another one, or something is wrong with it."""
    match = _USUAL.match(record)
    if match is None:
        return None
    whole, before_id, name, _, _, fraction, votes, report, asked, mask, before_image, size = match.groups()
    start, length = match.end(), _length(size)
    view = _VIEW.match(record, start + length)
    if view is None or match.end(1) + _length(whole) != len(record):
        return None
    if before_id != before(b"id", _BYTES, len(name)) or before_image != before(b"image", _BYTES, length):
        return None
    try:
        row = Row(name.decode(), record[view.end() - 1], fraction, votes, report, asked, mask)
    except UnicodeDecodeError:
        return None
    return row, record[start : start + length]


@lru_cache(maxsize=1 << 16)
def _length(packed: bytes) -> int:
    return number_in(packed)
