"""The fast parser: from a record, the row of votes and labels and the encoded image that a batch needs.

gzprep writes the features of a record in one order and with one layout, in which only the lengths of id, image and ops
vary. A record of that layout is taken apart by one regular expression; any other Example field by field, which takes
six times as long. Tests compare both with :func:`gzcore.dataset.example.parse_record`.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from gzcore.dataset.example import before, check_id, packed_record
from gzcore.dataset.features import Widths
from gzcore.dataset.layout import FOLDS
from gzcore.dataset.wire import BYTES, FLOATS, INTS, number_in


class Row(NamedTuple):
    """The values of a record without its image, packed as in the record: float32, and labels of one byte each."""

    id: str
    view: int
    fraction: bytes
    votes: bytes
    label_report: bytes
    label_asked: bytes
    mask: bytes


_NUMBERS = ("fraction", "votes", "label_report", "label_asked", "mask")


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
    packed = packed_record(record, widths)
    row = Row(packed["id"].decode(), number_in(packed["view"]), *(packed[name] for name in _NUMBERS))
    return row, packed["image"]


def _sizes(widths: Widths) -> tuple[int, ...]:
    """Bytes of the numbers of a record: float32, and labels of one byte each."""
    return 4 * widths.fractions, 4 * widths.votes, widths.labels, widths.labels, widths.labels


# ---------------------------------------------------------------- the usual layout


def _fixed(name: str, kind: int, size: int, byte: bytes = b".") -> bytes:
    return re.escape(before(name, kind, size)) + b"(%b{%d})" % (byte, size)


_SMALL = rb"[\x00-\x7f]"  # a varint of one byte
_LABEL = rb"[\x00\x01]"
_VARINT = rb"[\x80-\xff]{0,4}" + _SMALL
_FOLD_HEADS = (re.escape(before("fold", INTS, 1)), re.escape(before("fold", INTS, 10)))
_FOLD = rb"(?:%b[\x00-\x%02x]|%b\xff{9}\x01)" % (_FOLD_HEADS[0], FOLDS - 1, _FOLD_HEADS[1])  # -1 takes ten bytes
_OPS = re.compile(rb"(\n" + _VARINT + rb"\n\x03ops\x12" + _VARINT + rb"\n" + _VARINT + rb"\n(" + _VARINT + rb"))")
_VIEW = re.compile(re.escape(before("view", INTS, 1)) + b"(" + _SMALL + b")")


@lru_cache
def _usual(widths: Widths) -> re.Pattern[bytes]:
    """The layout of a record by gzprep, up to its image."""
    fractions, votes, *labels = _sizes(widths)
    return re.compile(
        rb"\n(" + _VARINT + rb")(\n.\n\x02id\x12.\n.\n.)(.*?)" + _FOLD
        + _fixed("fraction", FLOATS, fractions)
        + _fixed("votes", FLOATS, votes)
        + _fixed("label_report", INTS, labels[0], _LABEL)
        + _fixed("label_asked", INTS, labels[1], _LABEL)
        + _fixed("mask", INTS, labels[2], _LABEL)
        + rb"(\n" + _VARINT + rb"\n\x05image\x12" + _VARINT + rb"\n" + _VARINT + rb"\n(" + _VARINT + rb"))",
        re.DOTALL,
    )  # fmt: skip


def _split_usual(record: bytes, widths: Widths) -> tuple[Row, bytes] | None:
    """Row and image of a record of the usual layout; None: it has another one, or something is wrong with it."""
    match = _usual(widths).match(record)
    if match is None:
        return None
    whole, before_id, name, fraction, votes, report, asked, mask, before_image, size = match.groups()
    start, length = match.end(), _length(size)
    view = _VIEW.match(record, start + length)
    if view is None or match.end(1) + _length(whole) != len(record) or not _ends_with_ops(record, view.end()):
        return None
    if before_id != before("id", BYTES, len(name)) or before_image != before("image", BYTES, length):
        return None
    row = Row(check_id(name), record[view.end() - 1], fraction, votes, report, asked, mask)
    return row, record[start : start + length]


def _ends_with_ops(record: bytes, at: int) -> bool:
    """Whether the operations of the view stand at a place, and nothing after them."""
    match = _OPS.match(record, at)
    if match is None:
        return False
    length = len(record) - match.end()
    return match.group(1) == before("ops", BYTES, length)


@lru_cache(maxsize=1 << 16)
def _length(packed: bytes) -> int:
    return number_in(packed)
