"""TFRecord framing: length, CRC of the length, bytes, CRC of the bytes (tensorflow/core/lib/io/record_writer.h)."""

import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import BinaryIO

import google_crc32c

_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")
OVERHEAD = _HEADER.size + _FOOTER.size
"""Bytes a record takes beside its own: 16."""


class DamagedRecord(ValueError):
    """A record's length or checksum is wrong."""


def masked_crc(data: bytes) -> int:
    """CRC-32C, rotated and offset as TFRecord wants it (tensorflow/core/lib/hash/crc32c.h)."""
    crc: int = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def frame(record: bytes) -> bytes:
    """Return a record with its length and checksums."""
    return b"".join((_head(len(record)), record, _FOOTER.pack(masked_crc(record))))


@lru_cache(maxsize=1 << 16)  # lengths: nearly always seen before
def _head(length: int) -> bytes:
    packed = length.to_bytes(8, "little")
    return packed + _FOOTER.pack(masked_crc(packed))


def read_records(file: BinaryIO) -> Iterator[bytes]:
    """Yield the records of a TFRecord file, each checked.

    Raises:
        DamagedRecord: a checksum differs, or the file ends inside a record.
    """
    while head := file.read(_HEADER.size):
        yield _read_body(file, head)


def _read_body(file: BinaryIO, head: bytes) -> bytes:
    if len(head) < _HEADER.size:
        raise DamagedRecord("the file ends inside a record's header")
    length, length_crc = _HEADER.unpack(head)
    if masked_crc(head[:8]) != length_crc:
        raise DamagedRecord("the checksum of a record's length is wrong")
    record, foot = file.read(length), file.read(_FOOTER.size)
    if len(record) < length or len(foot) < _FOOTER.size:
        raise DamagedRecord("the file ends inside a record")
    if masked_crc(record) != _FOOTER.unpack(foot)[0]:
        raise DamagedRecord("the checksum of a record is wrong")
    return record
