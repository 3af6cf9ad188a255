"""Saturated background: the glow of a star, or stray light, floods a part of the frame."""

import cv2
import numpy as np

from gzprep.catalogue.galaxy import Finding
from gzprep.images.defects.planes import Sight, colours, halved

_BLOCK = np.ones((3, 3), np.uint8)
"""Blocks of 8 px that have to glow together: stars are smaller."""
_LEAST, _SHARE = 12, 0.35
"""A block glows where its colours differ by more than 12 grey levels and 0.35 of the brightest: galaxies are pale."""


def saturated_background(sight: Sight) -> Finding:
    """Share of the frame that glows in a colour, 0 to 1."""
    if not sight.has_colour:
        return Finding(0.0)
    red, green, blue = colours(np.asarray(cv2.erode(halved(halved(sight.small)), _BLOCK)))
    most, least = cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue)
    margin = cv2.addWeighted(most, 1 - _SHARE, least, -1, -_LEAST)
    return Finding(cv2.countNonZero(margin) / margin.size)
