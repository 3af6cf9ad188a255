"""Error image: a picture of an error message that the image server sent. Half of it is black (F4)."""

import cv2
import numpy as np
import numpy.typing as npt

from gzcore.images import Pixels
from gzprep.catalogue.galaxy import Finding
from gzprep.images.defects.planes import Planes

_BLACK = 3
"""Largest grey level that counts as black. An error image is 0 there, but JPEG may change that by a little."""
_BRIGHT_BITS = np.array((255 - _BLACK, 255 - _BLACK, 255 - _BLACK, 0), np.uint8).view(np.uint32)[0]
_IN_DOUBT = 0.5
"""Share of black by luma from which the three channels are looked at one by one, which is slower."""


def error_image(planes: Planes) -> Finding:
    """Share of black pixels in the blackest half of a frame, 0 to 1.

    A pixel is black where no channel exceeds ``_BLACK``. If the luma alone shows less than ``_IN_DOUBT``, the share by
    luma is returned. The sky of a real cutout is noisy and stays far below 1. All four halves are looked at, not only
    the lower one, so that a turned error image is found too.
    """
    share = _blackest_half(_at_most(planes.luma, _BLACK))
    return Finding(share if share < _IN_DOUBT else _blackest_half(_black(planes.image)))


def _blackest_half(black: Pixels) -> float:
    """Share of ones in the half with the most ones; the middle row or column of an odd size is in no half."""
    height, width = black.shape
    tall, wide = height // 2, width // 2
    halves = (black[:tall], black[height - tall :], black[:, :wide], black[:, width - wide :])
    return max(cv2.sumElems(half)[0] / half.size for half in halves)


def _black(image: Pixels) -> Pixels:
    """1 where a pixel is black."""
    if image.ndim == 2:
        return _at_most(image, _BLACK)
    if image.shape[2] == 4:  # all channels at once, as one 32-bit number: a channel is black if its high bits are 0
        return _as_bytes((np.ascontiguousarray(image).view(np.uint32)[..., 0] & _BRIGHT_BITS) == 0)
    return _as_bytes(np.logical_and.reduce(image <= _BLACK, axis=2))


def _at_most(plane: Pixels, level: int) -> Pixels:
    """1 where a plane has this level or a lower one."""
    return np.asarray(cv2.threshold(plane, level, 1, cv2.THRESH_BINARY_INV)[1], np.uint8)


def _as_bytes(mask: npt.NDArray[np.bool_]) -> Pixels:
    return mask.view(np.uint8)
