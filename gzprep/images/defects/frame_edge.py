"""Frame edge: a straight border where two exposures meet, the sky brighter on one side of it than on the other."""

from functools import partial

import cv2
import numpy as np

from gzprep.catalogue.galaxy import Finding
from gzprep.images.defects.lines import Found, strongest
from gzprep.images.defects.planes import Sight
from gzprep.images.defects.rays import Ray, Sums, ray_sums
from gzprep.images.defects.small import BRIGHT_NOISE, MARGIN, bright
from gzprep.images.defects.trace import Floats, Ground, follow

_SCALE = 2
"""Px of the image in one of the plane on which an edge is followed."""
_NEAR, _BESIDE, _FAR = 1, 2, 5
"""Px of the small plane from an edge at which its sides are compared: sharp, and still there far from it."""
_CLOSE, _APART, _AWAY = 2, 6, 16
"""The same on the plane on which it is followed."""
_DUE = np.float32(0.1)
"""Contrast, in log units, that noise is allowed in each pixel."""
_AGAINST, _FOR = np.float32(-0.3), np.float32(1.0)
"""The most that one pixel speaks against an edge and for it."""
_DIP = np.float32(2)
"""How much more a pixel counts that is darker than both sides: that is a line, and no edge."""
_LEAST, _MOST = 46, 4
"""Rays weaker than this, in levels summed over 128 px, are not followed, and of the others no more than so many."""
_PROMISING = 8.0
"""Where less than this is found around a ray, it is not followed either."""
_LOGARITHM: Floats = np.log1p(np.arange(256) / BRIGHT_NOISE).astype(np.float32)


def frame_edge(sight: Sight) -> Finding:
    """Contrast along the sharpest straight edge: log units, summed over its px.

    The rims of galaxies are soft: a pixel counts by how much more the brightness changes over 8 px than from there
    to 24 px. Lines have a bright or dark side only: it counts no more than the change over 64 px.
    """
    rays = ray_sums(bright(sight), MARGIN, 2).strongest(_sharp_steps, _LEAST, _MOST)
    ground = Ground(sight.ranked[0], _LOGARITHM)
    return strongest(sight, [_follow(ground, ray) for ray in rays])


def _sharp_steps(sums: Sums) -> Sums:
    return np.asarray(cv2.max(_sharp_step(sums, -1), _sharp_step(sums, 1)))


def _sharp_step(sums: Sums, side: int) -> Sums:
    """Steps up towards one side, at the sharpest and at the farthest look."""
    near, beside, far = (_rise(sums, side * away) for away in (_NEAR, _BESIDE, _FAR))
    soft = cv2.subtract(beside, near)
    return np.asarray(cv2.min(cv2.min(cv2.subtract(near, soft), beside), far))


def _rise(sums: Sums, away: int) -> Sums:
    """How much more there is so far away at one side than at the other, 0 where it is less."""
    last = sums.shape[1] - MARGIN
    return np.asarray(cv2.subtract(sums[:, MARGIN + away : last + away], sums[:, MARGIN - away : last - away]))


def _follow(ground: Ground, ray: Ray) -> Found:
    side = 1 if ray.profile[MARGIN + _NEAR] > ray.profile[MARGIN - _NEAR] else -1
    _, trace = follow(ground, ray.enlarged(4), partial(_evidence, side), _AWAY, _PROMISING)
    return Found(trace, _SCALE, 0.0, _SCALE * trace.score)


def _evidence(side: int, values: Floats) -> Floats:
    """How sharply the brightness steps up towards one side."""

    def at(away: int) -> Floats:
        return values[:, _AWAY + side * away : values.shape[1] - _AWAY + side * away]

    close, apart, far = (at(away) - at(-away) for away in (_CLOSE, _APART, _AWAY))
    middle = (at(-1) + at(0) + at(1)) / np.float32(3)
    darkest = np.minimum(np.minimum(middle, at(-_CLOSE)), at(_CLOSE))
    dip = np.maximum(np.minimum(at(-_APART), at(_APART)) - darkest, 0)
    step = np.minimum(np.minimum(2 * close - apart, apart), far)
    return np.asarray(np.clip(step - _DIP * dip - _DUE, _AGAINST, _FOR))
