"""Read records of shards, in any order and by any number of threads, in constant memory."""

import contextlib
import os
import threading
from types import TracebackType
from typing import Self

from gzcore.dataset.tfrecord import OVERHEAD, DamagedRecord, unframe
from gztrain.data.order import Places
from gztrain.data.selection import Selection

_KEPT_OPEN = 512
"""Files that stay open; a process may usually have 1,024. Others are opened for every read."""
_ADVICE = hasattr(os, "posix_fadvise")  # macOS has none
_SHARED = hasattr(os, "pread")  # Windows has none: there, each read opens the file, since a file has one position


class ShardFiles:
    """The files of a selection, opened when they are first read; a context manager, which closes them.

    They are read by ``pread``, not mapped: pages of a mapped file count as ours, and would fill the memory of a machine
    with more shards than memory.
    """

    def __init__(self, selection: Selection, keep: int = _KEPT_OPEN) -> None:
        """Open nothing yet.

        Args:
            selection: the records.
            keep: files that stay open at most.
        """
        self.selection = selection
        self._keep = keep
        self._open: dict[int, int] = {}
        self._opening = threading.Lock()
        self._shard, self._offset, self._length = selection.shard, selection.offset, selection.length

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the files."""
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open.clear()

    def announce(self, places: Places) -> None:
        """Tell the system that these records will be read: it fetches them from a slow disk while others are decoded.

        Files are opened with the advice not to read ahead, since the bytes after a record are not needed soon.
        """
        if not _ADVICE:
            return
        shards, offsets, lengths = (column[places].tolist() for column in (self._shard, self._offset, self._length))
        for shard, offset, length in zip(shards, offsets, lengths, strict=True):
            descriptor = self._kept(shard)
            if descriptor is not None and length >= 0:
                os.posix_fadvise(descriptor, offset, length + OVERHEAD, os.POSIX_FADV_WILLNEED)

    def read(self, place: int) -> bytes:
        """Read the record at a place, and check it.

        Raises:
            DamagedRecord: it cannot be read, or a checksum is wrong.
        """
        shard, length = int(self._shard[place]), int(self._length[place])
        if length < 0:
            raise DamagedRecord(self.selection.lost[shard].reason(int(self.selection.number[place])))
        try:
            frame = self._pread(shard, length + OVERHEAD, int(self._offset[place]))
        except OSError as error:
            raise DamagedRecord(f"the file cannot be read ({error.strerror})") from None
        return unframe(frame, length)

    def _pread(self, shard: int, size: int, offset: int) -> bytes:
        descriptor = self._kept(shard)
        if descriptor is not None:
            return os.pread(descriptor, size, offset)
        with self.selection.shards[shard].path.open("rb", buffering=0) as file:
            file.seek(offset)
            return file.read(size)

    def _kept(self, shard: int) -> int | None:
        """Descriptor of a file that stays open; None where too many do, or where it cannot be opened."""
        if shard in self._open or not _SHARED:
            return self._open.get(shard)
        with self._opening:
            if shard not in self._open and len(self._open) < self._keep:
                with contextlib.suppress(OSError):  # reading it later raises the error
                    self._open[shard] = os.open(self.selection.shards[shard].path, os.O_RDONLY)
                    if _ADVICE:
                        os.posix_fadvise(self._open[shard], 0, 0, os.POSIX_FADV_RANDOM)
        return self._open.get(shard)
