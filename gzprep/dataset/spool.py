"""Keeps the records of a bin on disk until their order is known, so that memory does not grow with the bin."""

import errno
from collections import defaultdict
from collections.abc import Iterator
from typing import IO

from gzcore.dataset.tfrecord import frame
from gzcore.machine import read_at

BUFFER = 1 << 18
"""Bytes to gather before they are written."""
_BATCH = 1 << 19
"""Bytes to hand out at once: what a core's own cache still holds while they are hashed and written."""


class Spool:
    """Framed records written in the order they come, read in the order of their sort keys.

    Args:
        file: where to keep them; empty, and opened to be written and read with a buffer of ``BUFFER``.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._offset = 0
        self._records: dict[str, list[tuple[int, int, int]]] = defaultdict(list)  # split: (order, offset, length)

    def add(self, split: str, order: int, record: bytes) -> None:
        """Frame a record and keep it.

        Args:
            split: the shard's.
            order: its sort key in the shard.
            record: its bytes.
        """
        framed = frame(record)
        self._file.write(framed)
        self._records[split].append((order, self._offset, len(framed)))
        self._offset += len(framed)

    def count(self, split: str) -> int:
        """Number of records of a split."""
        return len(self._records[split])

    def in_order(self, split: str) -> Iterator[memoryview]:
        """Yield the framed records of a split by their sort keys, many at once; a view is valid until the next one.

        Raises:
            OSError: the file is shorter than what was written into it.
        """
        self._file.flush()
        records, filled = sorted(self._records[split]), 0
        longest = max((length for _, _, length in records), default=0)
        buffer = memoryview(bytearray(max(_BATCH, longest)))
        for _, offset, length in records:
            if filled + length > len(buffer):
                yield buffer[:filled]
                filled = 0
            self._read(offset, buffer[filled : filled + length])
            filled += length
        yield buffer[:filled]

    def _read(self, offset: int, target: memoryview) -> None:
        if read_at(self._file.fileno(), target, offset) != len(target):
            raise OSError(errno.EIO, "its temporary file was cut short")
