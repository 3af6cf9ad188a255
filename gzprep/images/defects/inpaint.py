"""Take a line out of an image: its pixels are filled from the pixels beside it."""

from collections.abc import Iterable

import cv2
import numpy as np

from gzcore.images import Pixels
from gzprep.catalogue.galaxy import DefectLine

_RIM = 1.0
"""Px around a line that are filled as well, because JPEG has blurred the line into them."""
_SKIRT = 0.5
"""The same around a wide line, in widths of the line. Widths are measured at half height, and trails fade slowly."""
_RADIUS = 3.0
"""Distance in px from which OpenCV takes the filling."""
_FRACTION = 4
"""Binary digits after the point of the coordinates that OpenCV draws with."""


def line_mask(lines: Iterable[DefectLine], height: int, width: int) -> Pixels:
    """Mask of lines and the rim around them: uint8 [height, width], 255 on a line, else 0."""
    mask = np.zeros((height, width), np.uint8)
    for line in lines:
        ends = np.array(((line.x0, line.y0), (line.x1, line.y1)))
        along = (ends[1] - ends[0]) / max(line.length, 1.0)
        reach = line.width / 2 + max(_RIM, _SKIRT * line.width)
        aside = np.array((-along[1], along[0])) * (reach - 0.5)
        beyond = along * reach
        corners = np.array(
            (ends[0] - beyond + aside, ends[1] + beyond + aside, ends[1] + beyond - aside, ends[0] - beyond - aside)
        )
        points = np.rint(corners * (1 << _FRACTION)).astype(np.int32)
        cv2.fillConvexPoly(mask, points, 255, cv2.LINE_8, _FRACTION)
    return mask


def fill_lines(image: Pixels, lines: Iterable[DefectLine]) -> Pixels:
    """Fill lines from the pixels beside them (Telea 2004, J. Graphics Tools 9, 23). No other pixel changes.

    Args:
        image: uint8 [H, W, 3 or 4].
        lines: end points and widths in pixels of the image.
    """
    mask = line_mask(lines, *image.shape[:2])
    filled = cv2.inpaint(np.ascontiguousarray(image[..., :3]), mask, _RADIUS, cv2.INPAINT_TELEA)
    out = image.copy()
    out[mask > 0, :3] = np.asarray(filled)[mask > 0]
    return out
