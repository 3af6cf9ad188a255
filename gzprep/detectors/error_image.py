"""Error image: half of the frame is black, where the picture that says so in words has nothing to show (F4)."""

import numpy as np

from gzprep.detectors.sight import Sight
from gzprep.geometry import Pixels
from gzprep.records import Finding

_BLACK = 3
"""Largest grey level that counts as black: an error image is 0 there, but JPEG may lift it by a little."""
_BRIGHT_BITS = np.array((255 - _BLACK, 255 - _BLACK, 255 - _BLACK, 0), np.uint8).view(np.uint32)[0]


def error_image(sight: Sight) -> Finding:
    """Share of black pixels in the blackest half of a frame, 0 to 1.

    A pixel is black where no channel exceeds ``_BLACK``. The sky of a real cutout is noisy and stays far below 1. Every
    half counts, not only the lower one, so that a turned error image is one too.
    """
    lit = _lit(sight.image)
    height, width = lit.shape
    rows, columns = np.count_nonzero(lit, axis=1), np.count_nonzero(lit, axis=0)
    tall, wide = height // 2, width // 2
    fewest = min(
        min(rows[:tall].sum(), rows[height - tall :].sum()) / (tall * width),
        min(columns[:wide].sum(), columns[width - wide :].sum()) / (wide * height),
    )
    return Finding(1 - float(fewest))


def _lit(image: Pixels) -> Pixels:
    """Not 0 where a pixel is not black."""
    if image.ndim == 2:
        return image & np.uint8(255 - _BLACK)
    if image.shape[2] == 4:
        return (np.ascontiguousarray(image).view(np.uint32)[..., 0] & _BRIGHT_BITS) != 0
    return (image & np.uint8(255 - _BLACK)).any(axis=2)
