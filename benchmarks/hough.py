"""Black lines the way a handbook finds them: closing, threshold, Hough transform. A baseline."""

import cv2
import numpy as np

from gzcore.images import Pixels

_DARKER = 20
"""Grey levels below the closing from which on a pixel counts."""
_KERNEL = np.ones((7, 7), np.uint8)
_LEAST = 20
"""Shortest line that is looked for, px."""


def longest_dark_line(image: Pixels) -> float:
    """Length in px of the longest line in what a closing of 7 x 7 px fills, 0 where there is none."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGBA2GRAY)
    holes = cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, _KERNEL)
    mask = np.asarray(cv2.compare(holes, _DARKER, cv2.CMP_GE))
    lines = cv2.HoughLinesP(mask, 1, np.pi / 180, _LEAST, minLineLength=_LEAST, maxLineGap=4)
    if lines is None:
        return 0.0
    ends = np.asarray(lines, float).reshape(-1, 4)
    return float(np.hypot(ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1]).max())
