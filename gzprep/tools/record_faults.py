"""What is wrong with one record: its place, its numbers, the header of its image. Each fault is a sentence."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from gzcore.dataset.example import Record
from gzcore.dataset.layout import VIEWS
from gzcore.images import UnusableImage, read_header

_ROUNDING = 0.01
"""How far a vote fraction may be outside 0 to 1: tables round, and a derived question is a sum of rounded fractions."""


def record_faults(where: str, record: Record, shard: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with a record.

    Args:
        where: shard and number of the record, for the sentences.
        record: the record.
        shard: what the manifest says of its shard: ``fold``, ``split``, and ``side``, height and width of images, px.
    """
    if not record.id:
        yield f"{where}: it has no galaxy id."
    if record.fold != shard["fold"]:
        yield f"{where}: its fold is {record.fold}, its shard's {shard['fold']}."
    if (record.view > 0) != (shard["split"] == VIEWS):
        yield f"{where}: view {record.view} does not belong into {shard['split']}."
    yield from _number_faults(where, record)
    yield from _image_faults(where, record, shard["side"])


def _number_faults(where: str, record: Record) -> Iterator[str]:
    if (record.label_asked > record.mask).any():
        yield f"{where}: label_asked is 1 where mask is 0; expected 0."
    yield from _float_faults(where, record)


def _float_faults(where: str, record: Record) -> Iterator[str]:
    for name, least, most in (("fraction", -_ROUNDING, 1 + _ROUNDING), ("votes", 0, np.finfo(np.float32).max)):
        values = getattr(record, name)
        wrong = (values < least) | (values > most)  # NaN is neither: a question that was not asked
        if wrong.any():
            expected = "0 to 1" if name == "fraction" else "a number of votes"
            yield f"{where}: {name} has the value {values[wrong][0]:g}; expected {expected}, or NaN."


def _image_faults(where: str, record: Record, side: int) -> Iterator[str]:
    """What its header says is wrong with an image; its bytes are covered by the shard's SHA-256."""
    try:
        header = read_header(record.image)
        header.check_mode()
    except UnusableImage as error:
        yield f"{where}: its image cannot be used ({error})."
        return
    if (header.height, header.width) != (side, side):
        yield f"{where}: its image has {header.width} x {header.height} px; the manifest says {side} x {side}."
