"""Records of a selection at any places and in any order: for samplers of PyTorch and Grain, and for a look at one."""

import os
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from gzcore.dataset.tfrecord import DamagedRecord
from gzcore.images import Pixels
from gztrain.data.assemble import Assembly
from gztrain.data.batch import Batch
from gztrain.data.buffers import ImageBuffers
from gztrain.data.damage import Damage
from gztrain.data.decode import decode_into
from gztrain.data.fast_parse import Row, split_record
from gztrain.data.selection import Selection
from gztrain.data.shard_files import ShardFiles
from gztrain.data.shared_blocks import SharedBlocks

_KEPT_OPEN = 128
"""Files that stay open: a program may look at several selections for as long as it runs."""
_KEPT_IMAGES = 512
"""Free buffers: a batch of so many single records takes no new memory from the system. 77 MB at 224 px."""


class RandomAccess:
    """Reads records where it is called: in any thread, in a process that was forked, or in one that it was sent to."""

    def __init__(self, selection: Selection) -> None:
        self.selection = selection
        self._buffers = ImageBuffers(_KEPT_IMAGES)
        self._files: dict[int, ShardFiles] = {}  # by process: a lock that was held when a process was forked stays shut
        weakref.finalize(self, _close_all, self._files)

    def __reduce__(self) -> tuple[Any, ...]:
        return RandomAccess, (self.selection,)

    def batch(self, places: Sequence[int], memory: SharedBlocks | None = None) -> Batch:
        """Read the records at B places, in this order, in the calling thread; their draws are 0.

        Args:
            places: which.
            memory: where the images go, so that another process can read them; None: memory of this process.

        Raises:
            GzError: a record is damaged.
        """
        selection, wanted = self.selection, np.array(places, np.int64)
        images = (memory or self._buffers).take((len(wanted), selection.crop, selection.crop, 3))
        rows = [self._read(place, pixels) for place, pixels in zip(places, images, strict=True)]
        return next(Assembly(selection, Damage(), 0, None).batch(wanted, rows, images))

    def _read(self, place: int, pixels: Pixels) -> Row | DamagedRecord:
        try:
            row, image = split_record(self._open().read(place), self.selection.widths)
            decode_into(pixels, image)
        except DamagedRecord as error:
            return error
        return row

    def image(self, place: int) -> bytes:
        """The encoded image of a record.

        Raises:
            DamagedRecord: the record cannot be used.
        """
        return split_record(self._open().read(place), self.selection.widths)[1]

    def _open(self) -> ShardFiles:
        own = os.getpid()
        return self._files.get(own) or self._files.setdefault(own, ShardFiles(self.selection, _KEPT_OPEN))


def _close_all(files: dict[int, ShardFiles]) -> None:
    for one in files.values():
        one.close()
