"""The fast parser: from a record, the row of votes and labels and the encoded image that a batch needs.

gzprep writes the features of a record in one order and with one layout, in which only the lengths of id, image and ops
vary. A record of that layout is taken apart by one regular expression; any other Example field by field, which takes
six times as long. Tests compare both with :func:`gzcore.dataset.example.parse_record`.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from gzcore.dataset.example import BYTES, FLOATS, INTS, before, number_in, payloads
from gzcore.dataset.features import Widths
from gzcore.dataset.tfrecord import DamagedRecord


class Row(NamedTuple):
    """The values of a record without its image, packed as in the record: float32, and labels of one byte each."""

    id: str
    view: int
    fraction: bytes
    votes: bytes
    label_report: bytes
    label_asked: bytes
    mask: bytes


_NUMBERS = (b"fraction", b"votes", b"label_report", b"label_asked", b"mask")
_ROW_KINDS = (BYTES, INTS, FLOATS, FLOATS, INTS, INTS, INTS, BYTES)
"""Kinds of id, view, the numbers and image."""


def split_record(record: bytes, widths: Widths) -> tuple[Row, bytes]:
    """Take a record apart: its row, and its encoded image.

    Args:
        record: a serialised Example.
        widths: how many numbers its vectors have.

    Raises:
        DamagedRecord: it is not an Example with the features of a galaxy.
    """
    return _split_usual(record, widths) or _split_any(record, widths)


def _split_any(record: bytes, widths: Widths) -> tuple[Row, bytes]:
    values = payloads(record)
    try:
        wanted = [values[name] for name in (b"id", b"view", *_NUMBERS, b"image")]
        galaxy, view, *numbers, image = (value.data for value in wanted)
        row = Row(galaxy.decode(), number_in(view), *numbers)
    except KeyError as error:
        raise DamagedRecord(f"it has no feature {error}") from None
    except (IndexError, UnicodeDecodeError) as error:
        raise DamagedRecord(f"its id or view cannot be read ({error})") from None
    if tuple(value.kind for value in wanted) != _ROW_KINDS or tuple(map(len, numbers)) != _sizes(widths):
        raise DamagedRecord("its votes or labels are not of the kind or number that they should be")
    if not b"".join(row[4:]).isascii():  # a varint of several bytes
        raise DamagedRecord("its labels are not 0 and 1")
    return row, image


def _sizes(widths: Widths) -> tuple[int, ...]:
    """Bytes of the numbers of a record: float32, and labels of one byte each."""
    return 4 * widths.fractions, 4 * widths.votes, widths.labels, widths.labels, widths.labels


# ---------------------------------------------------------------- the usual layout


def _fixed(name: str, kind: int, size: int, byte: bytes = b".") -> bytes:
    return re.escape(before(name, kind, size)) + b"(%b{%d})" % (byte, size)


_SMALL = rb"[\x00-\x7f]"  # a varint of one byte
_VARINT = rb"[\x80-\xff]{0,4}" + _SMALL
_FOLD = rb"(?:" + _fixed("fold", INTS, 1) + rb"|" + _fixed("fold", INTS, 10) + rb")"  # -1 takes ten bytes
_VIEW = re.compile(re.escape(before("view", INTS, 1)) + b"(" + _SMALL + b")")


@lru_cache
def _usual(widths: Widths) -> re.Pattern[bytes]:
    """The layout of a record by gzprep, up to its image."""
    fractions, votes, *labels = _sizes(widths)
    return re.compile(
        rb"\n(" + _VARINT + rb")(\n.\n\x02id\x12.\n.\n.)(.*?)" + _FOLD
        + _fixed("fraction", FLOATS, fractions)
        + _fixed("votes", FLOATS, votes)
        + _fixed("label_report", INTS, labels[0], _SMALL)
        + _fixed("label_asked", INTS, labels[1], _SMALL)
        + _fixed("mask", INTS, labels[2], _SMALL)
        + rb"(\n" + _VARINT + rb"\n\x05image\x12" + _VARINT + rb"\n" + _VARINT + rb"\n(" + _VARINT + rb"))",
        re.DOTALL,
    )  # fmt: skip


def _split_usual(record: bytes, widths: Widths) -> tuple[Row, bytes] | None:
    """Row and image of a record of the usual layout; None: it has another one, or something is wrong with it."""
    match = _usual(widths).match(record)
    if match is None:
        return None
    whole, before_id, name, _, _, fraction, votes, report, asked, mask, before_image, size = match.groups()
    start, length = match.end(), _length(size)
    view = _VIEW.match(record, start + length)
    if view is None or match.end(1) + _length(whole) != len(record):
        return None
    if before_id != before("id", BYTES, len(name)) or before_image != before("image", BYTES, length):
        return None
    try:
        row = Row(name.decode(), record[view.end() - 1], fraction, votes, report, asked, mask)
    except UnicodeDecodeError:
        return None
    return row, record[start : start + length]


@lru_cache(maxsize=1 << 16)
def _length(packed: bytes) -> int:
    return number_in(packed)
