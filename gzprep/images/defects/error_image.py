"""Error image: half of the frame is black, where the picture that says so in words has nothing to show (F4)."""

import cv2
import numpy as np
import numpy.typing as npt

from gzcore.images import Pixels
from gzprep.catalogue.galaxy import Finding
from gzprep.images.defects.planes import Sight

_BLACK = 3
"""Largest grey level that counts as black: an error image is 0 there, but JPEG may lift it by a little."""
_BRIGHT_BITS = np.array((255 - _BLACK, 255 - _BLACK, 255 - _BLACK, 0), np.uint8).view(np.uint32)[0]
_IN_DOUBT = 0.5


def error_image(sight: Sight) -> Finding:
    """Share of black pixels in the blackest half of a frame, 0 to 1.

    A pixel is black where no channel exceeds ``_BLACK``; where no half is half black even by its luma, the luma's share
    has to do. The sky of a real cutout is noisy and stays far below 1. Every half counts, not only the lower one, so
    that a turned error image is one too.
    """
    share = _blackest_half(_at_most(sight.luma, _BLACK))
    return Finding(share if share < _IN_DOUBT else _blackest_half(_black(sight.image)))


def _blackest_half(black: Pixels) -> float:
    """Share of pixels that are 1, and not 0, in the half with the most of them; a middle row or column is in none."""
    height, width = black.shape
    tall, wide = height // 2, width // 2
    halves = (black[:tall], black[height - tall :], black[:, :wide], black[:, width - wide :])
    return max(cv2.sumElems(half)[0] / half.size for half in halves)


def _black(image: Pixels) -> Pixels:
    """1 where a pixel is black."""
    if image.ndim == 2:
        return _at_most(image, _BLACK)
    if image.shape[2] == 4:  # one number of 32 bits: none above the lowest two is set in any channel
        return _as_bytes((np.ascontiguousarray(image).view(np.uint32)[..., 0] & _BRIGHT_BITS) == 0)
    return _as_bytes(np.logical_and.reduce(image <= _BLACK, axis=2))


def _at_most(plane: Pixels, level: int) -> Pixels:
    """1 where a plane has this level or a lower one."""
    return np.asarray(cv2.threshold(plane, level, 1, cv2.THRESH_BINARY_INV)[1], np.uint8)


def _as_bytes(mask: npt.NDArray[np.bool_]) -> Pixels:
    return mask.view(np.uint8)
