"""The frame around a record in a TFRecord file: length, CRC of the length, bytes, CRC of the bytes.

tensorflow/core/lib/io/record_writer.h; the checksum is CRC-32C, rotated and offset (tensorflow/core/lib/hash/crc32c.h).
"""

import struct
from functools import lru_cache

import google_crc32c

HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")
OVERHEAD = HEADER.size + _FOOTER.size
"""Bytes a record takes beside its own: 16."""


class BadRecord(ValueError):
    """A record cannot be used. The message completes the sentence "record 7 cannot be used: ..."."""


def _masked_crc(data: bytes) -> int:
    crc: int = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


@lru_cache(maxsize=1 << 16)  # images are of a few thousand different lengths
def _header(length: int) -> bytes:
    number = length.to_bytes(8, "little")
    return number + _masked_crc(number).to_bytes(4, "little")


def length_in(header: bytes) -> int:
    """Length of the record that a header announces.

    Raises:
        BadRecord: the header is cut or damaged.
    """
    if len(header) < HEADER.size:
        raise BadRecord("the file ends within it")
    length: int = HEADER.unpack(header)[0]
    if header != _header(length):
        raise BadRecord("the checksum of its length is wrong")
    return length


def unframe(frame: bytes, length: int) -> bytes:
    """Take a record out of its frame, and check it.

    Args:
        frame: what stands in the file at the record's place.
        length: length of the record, as it was when the index was made.

    Raises:
        BadRecord: the frame is cut, or a checksum is wrong.
    """
    if len(frame) < length + OVERHEAD:
        raise BadRecord("the file ends within it")
    if not frame.startswith(_header(length)):
        raise BadRecord("its length or the checksum of its length is wrong")
    record = frame[HEADER.size : -_FOOTER.size]
    if _masked_crc(record) != _FOOTER.unpack_from(frame, len(frame) - _FOOTER.size)[0]:
        raise BadRecord("its checksum is wrong")
    return record
