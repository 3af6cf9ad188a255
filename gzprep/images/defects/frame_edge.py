"""Frame edge: a straight border where two exposures meet, the sky brighter on one side of it than on the other."""

from functools import partial

import cv2
import numpy as np

from gzprep.catalogue.galaxy import Finding
from gzprep.images.defects.lines import Candidate, strongest
from gzprep.images.defects.planes import Planes
from gzprep.images.defects.rays import Ray, Sums, ray_sums
from gzprep.images.defects.small import BRIGHT_NOISE, MARGIN, bright
from gzprep.images.defects.trace import Floats, Ground, follow

_SCALE = 2
"""Width in image pixels of one pixel of the plane on which an edge is followed."""
_NEAR, _BESIDE, _FAR = 1, 2, 5
"""Distances from an edge at which its two sides are compared, px of the small plane. An edge is sharp (near) and its
step is still there far away."""
_CLOSE, _APART, _AWAY = 2, 6, 16
"""The same distances on the plane on which it is followed."""
_ALLOWANCE = np.float32(0.1)
"""Subtracted from each pixel's contrast, in log units: noise causes this much."""
_LOWEST, _HIGHEST = np.float32(-0.3), np.float32(1.0)
"""Lowest and highest evidence of one pixel."""
_DIP = np.float32(2)
"""Factor for how much a pixel is darker than both sides. That is a sign of a line, so it lowers the evidence."""
_LEAST, _MOST = 46, 4
"""Lowest strength of a ray that is followed, in levels summed over 128 px; and how many rays are followed at most."""
_PROMISING = 8.0
"""Lowest evidence near a ray for which the whole edge is searched."""
_LOGARITHM: Floats = np.log1p(np.arange(256) / BRIGHT_NOISE).astype(np.float32)


def frame_edge(planes: Planes) -> Finding:
    """Score the sharpest straight edge: its contrast in log units, summed over its pixels.

    The rim of a galaxy is soft. So a pixel counts by how much more the brightness changes over 8 px than between 8 px
    and 24 px. Behind a line the brightness comes back. So a pixel counts no more than the change over 64 px.
    """
    rays = ray_sums(bright(planes), MARGIN, 2).strongest(_sharp_steps, _LEAST, _MOST)
    ground = Ground(planes.ranked[0], _LOGARITHM)
    return strongest(planes, [_follow(ground, ray) for ray in rays])


def _sharp_steps(sums: Sums) -> Sums:
    return np.asarray(cv2.max(_sharp_step(sums, -1), _sharp_step(sums, 1)))


def _sharp_step(sums: Sums, side: int) -> Sums:
    """How sharply the sums rise towards one side, -1 or 1: the least of the near, the middle and the far step."""
    near, beside, far = (_rise(sums, side * away) for away in (_NEAR, _BESIDE, _FAR))
    soft = cv2.subtract(beside, near)
    return np.asarray(cv2.min(cv2.min(cv2.subtract(near, soft), beside), far))


def _rise(sums: Sums, away: int) -> Sums:
    """Sum ``away`` columns to one side, less the sum as far to the other side; 0 where that is negative."""
    last = sums.shape[1] - MARGIN
    return np.asarray(cv2.subtract(sums[:, MARGIN + away : last + away], sums[:, MARGIN - away : last - away]))


def _follow(ground: Ground, ray: Ray) -> Candidate:
    side = 1 if ray.profile[MARGIN + _NEAR] > ray.profile[MARGIN - _NEAR] else -1
    _, trace = follow(ground, ray.enlarged(4), partial(_evidence, side), _AWAY, _PROMISING)
    return Candidate(trace, _SCALE, 0.0, _SCALE * trace.score)


def _evidence(side: int, values: Floats) -> Floats:
    """How sharply the brightness steps up towards one side."""

    def at(away: int) -> Floats:
        return values[:, _AWAY + side * away : values.shape[1] - _AWAY + side * away]

    close, apart, far = (at(away) - at(-away) for away in (_CLOSE, _APART, _AWAY))
    middle = (at(-1) + at(0) + at(1)) / np.float32(3)
    darkest = np.minimum(np.minimum(middle, at(-_CLOSE)), at(_CLOSE))
    dip = np.maximum(np.minimum(at(-_APART), at(_APART)) - darkest, 0)
    step = np.minimum(np.minimum(2 * close - apart, apart), far)
    return np.asarray(np.clip(step - _DIP * dip - _ALLOWANCE, _LOWEST, _HIGHEST))
