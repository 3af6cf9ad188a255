"""Two small planes for the detectors that look for long lines: how coloured, and how bright.

They are an eighth of the size: a ray is 128 px long, longer than nearly everything that is no line.
"""

import cv2
import numpy as np

from gzcore.images import Pixels
from gzprep.images.defects.planes import Sight, halved, pooled
from gzprep.images.defects.rays import compressed

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
    most, second = sight.ranked
    return pooled(cv2.max, np.asarray(cv2.addWeighted(most, 1, second, -_PURITY, 0)))


def coloured(sight: Sight) -> Pixels:
    """The largest :func:`excess` of 8 x 8 px, 0..DEEPEST."""
    return np.asarray(cv2.LUT(pooled(cv2.max, sight.once(excess)), _EXCESS_LEVELS))


def bright(sight: Sight) -> Pixels:
    """The mean brightest colour of 8 x 8 px, 0..DEEPEST."""
    return np.asarray(cv2.LUT(halved(halved(sight.ranked[0])), _BRIGHT_LEVELS))
