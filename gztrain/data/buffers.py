"""Memory for the images of a batch, which is used again for later batches."""

import contextlib
import math
import mmap
import weakref
from collections import deque

import numpy as np

from gzcore.console import human_bytes
from gzcore.errors import GzError
from gzcore.images import Pixels


class ImageBuffers:
    """Buffers for batches of images. A buffer is used again when no array refers to its memory any more.

    A new array for each batch would cost many page faults, about a tenth of the time for decoding. Huge pages
    do not help, because creating them can take even longer.
    """

    def __init__(self, keep: int = 128) -> None:
        """Begin with no memory.

        Args:
            keep: free buffers that are kept at most; others are given back to the system.
        """
        self._keep = keep
        self._free: deque[mmap.mmap] = deque(maxlen=keep)

    def __reduce__(self) -> tuple[object, ...]:
        return ImageBuffers, (self._keep,)  # another process begins with no memory

    def take(self, shape: tuple[int, ...]) -> Pixels:
        """A buffer for images of some shape, uint8 [B, H, W, 3], page-aligned."""
        block = self._block(max(math.prod(shape), 1))
        images: Pixels = np.ndarray(shape, np.uint8, buffer=block)  # every slice keeps this array alive
        weakref.finalize(images, self._free.append, block).atexit = False
        return images

    def _block(self, size: int) -> mmap.mmap:
        """A block that is free and large enough, else a new one; threads may ask at the same time."""
        with contextlib.suppress(IndexError):  # no block is free
            while len(block := self._free.pop()) < size:
                pass  # batches have become larger: the small block is given back to the system
            return block
        try:
            return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        except (OSError, OverflowError):
            raise GzError(
                f"The images of one batch take {human_bytes(size)}, which this machine does not give; choose a smaller "
                "--batch."
            ) from None
