"""Two small planes for the detectors of long lines: how coloured the image is, and how bright.

They have an eighth of the image's width and height. There a ray of 16 rows is 128 px long, longer than nearly
everything that is not a line.
"""

import cv2
import numpy as np

from gzcore.images import Pixels
from gzprep.images.defects.planes import Planes, halved, pooled
from gzprep.images.defects.rays import compressed

MARGIN = 11
"""Columns on each side that a line is compared with. They are 88 px of the image, so that even a slanting trail of
60 px has sides."""
EXCESS_NOISE, BRIGHT_NOISE = 15.0, 20.0
"""Grey levels, roughly the noise. Far above them contrast is a ratio, far below a difference."""
_PURITY = 1.3
"""The excess is the brightest colour less this many times the second brightest: small in galaxies, large in trails."""
_EXCESS_LEVELS = compressed(EXCESS_NOISE, 120)
_BRIGHT_LEVELS = compressed(BRIGHT_NOISE, 200)


def excess(planes: Planes) -> Pixels:
    """How far one colour exceeds the others: the largest of the four 2 x 2 means in each 4 x 4 px, uint8."""
    most, second = planes.ranked
    return pooled(cv2.max, np.asarray(cv2.addWeighted(most, 1, second, -_PURITY, 0)))


def coloured(planes: Planes) -> Pixels:
    """The largest :func:`excess` in each 8 x 8 px, on a log scale 0..DEEPEST."""
    return np.asarray(cv2.LUT(pooled(cv2.max, planes.cached(excess)), _EXCESS_LEVELS))


def bright(planes: Planes) -> Pixels:
    """The mean of the brightest colour over each 8 x 8 px, on a log scale 0..DEEPEST."""
    return np.asarray(cv2.LUT(halved(halved(planes.ranked[0])), _BRIGHT_LEVELS))
