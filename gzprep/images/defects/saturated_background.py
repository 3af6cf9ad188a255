"""Saturated background: the glow of a bright star, or stray light, covers a part of the frame with colour."""

import cv2
import numpy as np

from gzprep.catalogue.galaxy import Finding
from gzprep.images.defects.planes import Planes, colours, halved

_BLOCK = np.ones((3, 3), np.uint8)
"""A block of 8 px counts only if its eight neighbours are coloured too: stars are smaller than that."""
_LEAST, _SHARE = 12, 0.35
"""A block is coloured if its channels differ by more than 12 grey levels plus 0.35 of the brightest channel. Galaxies
are paler."""


def saturated_background(planes: Planes) -> Finding:
    """Share of the frame that is covered with coloured light, 0 to 1."""
    if not planes.has_colour:
        return Finding(0.0)
    red, green, blue = colours(np.asarray(cv2.erode(halved(halved(planes.small)), _BLOCK)))
    most, least = cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue)
    margin = cv2.addWeighted(most, 1 - _SHARE, least, -1, -_LEAST)
    return Finding(cv2.countNonZero(margin) / margin.size)
