"""TFRecord framing: length, CRC of the length, bytes, CRC of the bytes (tensorflow/core/lib/io/record_writer.h).

The checksum is CRC-32C, rotated and offset (tensorflow/core/lib/hash/crc32c.h).
"""

import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import BinaryIO

import google_crc32c

HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")
OVERHEAD = HEADER.size + _FOOTER.size
"""Bytes that framing adds to a record: 16."""
LONGEST = 1 << 28
"""Bytes of the longest record that is read; a PNG of 8,192 px has 200 MB. A longer one is damage."""


class DamagedRecord(ValueError):
    """A record cannot be used. The message completes the sentence "record 7 cannot be used: ..."."""


def masked_crc(data: bytes) -> int:
    """CRC-32C, rotated and offset as TFRecord wants it."""
    crc: int = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def frame(record: bytes) -> bytes:
    """Return a record with its length and checksums."""
    return b"".join((_header(len(record)), record, _FOOTER.pack(masked_crc(record))))


@lru_cache(maxsize=1 << 16)  # images are of a few thousand different lengths
def _header(length: int) -> bytes:
    packed = length.to_bytes(8, "little")
    return packed + _FOOTER.pack(masked_crc(packed))


def length_in(header: bytes) -> int:
    """Length of the record that a header announces.

    Raises:
        DamagedRecord: the header is cut or damaged.
    """
    if len(header) < HEADER.size:
        raise DamagedRecord("the file ends within it")
    length: int = HEADER.unpack(header)[0]
    if header != _header(length):
        raise DamagedRecord("the checksum of its length is wrong")
    if length > LONGEST:
        raise DamagedRecord(f"it has {length} bytes; a record has {LONGEST} at most")
    return length


def unframe(framed: bytes, length: int) -> bytes:
    """Take the framing off a record, and check it.

    Args:
        framed: what stands in the file at the record's place.
        length: length of the record, as its header announced it when it was read first.

    Raises:
        DamagedRecord: the record is cut, or a checksum is wrong.
    """
    if len(framed) < length + OVERHEAD:
        raise DamagedRecord("the file ends within it")
    if not framed.startswith(_header(length)):
        raise DamagedRecord("its length or the checksum of its length is wrong")
    record = framed[HEADER.size : -_FOOTER.size]
    if masked_crc(record) != _FOOTER.unpack_from(framed, len(framed) - _FOOTER.size)[0]:
        raise DamagedRecord("its checksum is wrong")
    return record


def read_records(file: BinaryIO) -> Iterator[bytes]:
    """Yield the records of a TFRecord file, each checked.

    Raises:
        DamagedRecord: a checksum differs, or the file ends inside a record.
    """
    while header := file.read(HEADER.size):
        length = length_in(header)
        yield unframe(header + file.read(length + OVERHEAD - HEADER.size), length)
