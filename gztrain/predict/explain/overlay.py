"""Heat on a galaxy: grey image, coloured by heat. Small JPEGs for a page."""

import cv2
import numpy as np
import simplejpeg

from gzcore.images import Pixels
from gztrain.data.labels import Floats

SIDE = 160
"""Side of the pictures, px."""
_QUALITY = 88
_STOPS = (0.0, 0.25, 0.5, 0.75, 1.0)
_COLOURS = np.array([(0, 0, 4), (87, 16, 110), (188, 55, 84), (249, 142, 9), (252, 255, 164)], np.float32)
"""Five colours of matplotlib's ``inferno``: evenly lighter, and good for colour-blind readers."""
_GREY = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of R, G, B in brightness (ITU-R BT.601)."""


def picture(image: Pixels) -> bytes:
    """A crop, uint8 [S, S, 3], as a small JPEG."""
    return _jpeg(_sized(image))


def heated(image: Pixels, heat: Floats) -> bytes:
    """A crop in grey, coloured where there is heat, as a small JPEG.

    Args:
        image: uint8 [S, S, 3].
        heat: float32 [H, W], 0 (nothing) to 1 (the hottest colour).
    """
    grey = (_sized(image) @ _GREY)[..., None]
    wide = enlarged(heat, SIDE)
    colour = np.stack([np.interp(wide, _STOPS, channel) for channel in _COLOURS.T], axis=-1)
    weight = np.clip(1.3 * wide, 0, 0.7)[..., None]  # the galaxy stays visible below the hottest colour
    return _jpeg(np.rint((1 - weight) * grey + weight * colour).clip(0, 255).astype(np.uint8))


def enlarged(heat: Floats, side: int) -> Floats:
    """A map of heat with more pixels, by linear interpolation; float32 [side, side]."""
    return np.asarray(cv2.resize(heat.astype(np.float32), (side, side), interpolation=cv2.INTER_LINEAR), np.float32)


def share_in_the_middle(heat: Floats) -> float | None:
    """Share of the heat in the circle around the middle whose radius is a quarter of the side; None without heat.

    The circle has 20 % of the area.
    """
    wide = enlarged(heat, SIDE)
    place = (np.arange(SIDE) - (SIDE - 1) / 2) / SIDE
    inside = np.hypot(place[:, None], place[None, :]) <= 0.25
    total = float(wide.sum())
    return float(wide[inside].sum()) / total if total > 0 else None


def _sized(image: Pixels) -> Pixels:
    return np.asarray(cv2.resize(np.ascontiguousarray(image), (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def _jpeg(image: Pixels) -> bytes:
    return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(image), quality=_QUALITY))
