"""The rays of two small planes, made together for the two detectors that look at them: how coloured, and how bright.

They are an eighth of the size: a ray is 128 px long, longer than nearly everything that is no line.
"""

import cv2
import numpy as np

from gzprep.defects.rays import Fan, compressed, ray_sums
from gzprep.defects.sight import Sight, halved
from gzprep.geometry import Pixels

EXCESS, BRIGHT = 0, 1
"""Which plane of :func:`small_rays` is which."""
MARGIN = 11
"""Columns that lines are compared with at either side: 88 px, so that a trail of 60 px has sides, slanting too."""
EXCESS_NOISE, BRIGHT_NOISE = 15.0, 20.0
"""Grey levels from which on contrast is a ratio; below, it is a difference."""
_PURITY = 1.3
"""How many times the second brightest colour is taken off the brightest: galaxies leave little, trails a lot."""
_EXCESS_LEVELS = compressed(EXCESS_NOISE, 120)
_BRIGHT_LEVELS = compressed(BRIGHT_NOISE, 200)


def excess(sight: Sight) -> Pixels:
    """How far one colour exceeds the others, uint8; of each 4 x 4 px the most that any 2 x 2 px have."""
    most, second, _ = sight.ranked
    return _most(np.asarray(cv2.addWeighted(most, 1, second, -_PURITY, 0)))


def _most(plane: Pixels) -> Pixels:
    """The largest of each 2 x 2 px; an odd row or column at the end is left out."""
    height, width = plane.shape
    rows = np.asarray(cv2.max(plane[0 : height // 2 * 2 : 2], plane[1::2]))
    return np.maximum(rows[:, 0 : width // 2 * 2 : 2], rows[:, 1::2])


def small_rays(sight: Sight) -> Fan:
    """Rays through the largest :func:`excess`, plane EXCESS, and the mean brightest colour of 8 x 8 px, BRIGHT."""
    planes = (
        cv2.LUT(_most(sight.once(excess)), _EXCESS_LEVELS),
        cv2.LUT(halved(halved(sight.ranked[0])), _BRIGHT_LEVELS),
    )
    return ray_sums([np.asarray(plane) for plane in planes], MARGIN, 2)
