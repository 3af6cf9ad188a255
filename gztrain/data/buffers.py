"""Memory that batches of images are decoded into, used again and again."""

import math
import mmap
import weakref

import numpy as np

from gzcore.images import Pixels


class Memory:
    """Room for batches of images, used again when nobody holds a batch or a part of it any more.

    A new array of 38 MB costs 9,000 page faults, a tenth of the time that it takes to decode into it, and more where
    memory is virtual. (Huge pages are no way out: joining pieces of memory to one can take longer still.)
    """

    def __init__(self) -> None:
        self._free: list[mmap.mmap] = []

    def take(self, shape: tuple[int, ...]) -> Pixels:
        """Room for so many images, uint8 [B, H, W, 3], page-aligned."""
        block = self._block(max(math.prod(shape), 1))
        images: Pixels = np.ndarray(shape, np.uint8, buffer=block)  # the base of every array that is cut of it
        weakref.finalize(images, self._free.append, block).atexit = False
        return images

    def _block(self, size: int) -> mmap.mmap:
        large = next((block for block in self._free if len(block) >= size), None)
        if large is not None:
            self._free.remove(large)
            return large
        self._free.clear()  # batches have become larger
        return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
