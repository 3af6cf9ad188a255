"""The sum of frames that are added one by one, fast enough to be made while galaxies are prepared."""

import numpy as np

from gzcore.images import Pixels
from gzprep.images.mean import MeanImage

EXACT = (1 << 16) // 255
"""Frames whose sum fits into 16 bits. Small numbers are added fast: fetching them from memory takes the time."""


class FrameSum:
    """Adds up frames of one size, uint8 [H, W, 4]."""

    def __init__(self, side: int) -> None:
        self._sums = np.zeros((side, side, 4), np.uint16)
        self._whole = np.zeros((side, side, 3), np.uint64)
        self._added = self._images = 0

    def add(self, frame: Pixels) -> None:
        """Add a frame; its fourth channel does not count."""
        np.add(self._sums, frame, out=self._sums)
        self._added += 1
        if self._added == EXACT:
            self._carry()

    def mean_image(self) -> MeanImage:
        """The sum of all frames so far."""
        self._carry()
        return MeanImage(self._images, self._whole.copy())

    def _carry(self) -> None:
        self._whole += self._sums[..., :3]
        self._images += self._added
        self._sums[:] = 0
        self._added = 0
