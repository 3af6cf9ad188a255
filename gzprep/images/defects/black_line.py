"""Thin black line: a seam between two strips of the survey, 1 to 3 px wide, seen where something bright lies behind."""

import cv2
import numpy as np

from gzprep.catalogue.galaxy import Finding
from gzprep.images.defects.lines import Found, strongest, width_of
from gzprep.images.defects.planes import Sight
from gzprep.images.defects.rays import Ray, Sums, compressed, ray_sums
from gzprep.images.defects.trace import Floats, Ground, follow

_NOISE = 25.0
"""Grey levels from which on darkness is judged by its ratio to what lies beside it; below, by its difference."""
_NEAR, _FAR = 2, 4
"""A line is compared with the pixels 2 to 4 px away at either side: it is 3 px wide at most."""
_ASIDE = 2
"""The same in pixels of the halved plane."""
_DUE = np.float32(0.1)
"""Darkening, in log units, that noise and the shape of a galaxy are allowed in each pixel."""
_AGAINST = np.float32(-1.0)
"""The most that one bright pixel speaks against a line."""
_LEAST, _MOST = 26, 3
"""Rays weaker than this, in levels summed over 32 px, are not followed, and of the others no more than so many."""
_PROMISING = 4.0
"""Where less than this is found around a ray, it is not followed either."""
_LEVELS = compressed(_NOISE, 255)
_LOGARITHM: Floats = np.log1p(np.arange(256) / _NOISE).astype(np.float32)


def black_line(sight: Sight) -> Finding:
    """Darkening along the darkest thin straight line: log units, summed over its px.

    A pixel counts by how much darker it is than the darker one of its two sides, relative to it: the arms and the dust
    of a galaxy are less straight, less dark or less thin.
    """
    fan = ray_sums(np.asarray(cv2.LUT(sight.darkest, _LEVELS)), _ASIDE, 1)
    rays = fan.strongest(_darker_than_both_sides, _LEAST, _MOST)
    ground = Ground(sight.grey, _LOGARITHM)
    return strongest(sight, [_follow(ground, ray) for ray in rays])


def _darker_than_both_sides(sums: Sums) -> Sums:
    sides = cv2.min(sums[:, 2 * _ASIDE :], sums[:, : -2 * _ASIDE])
    return np.asarray(cv2.subtract(sides, sums[:, _ASIDE:-_ASIDE]))


def _follow(ground: Ground, ray: Ray) -> Found:
    strip, trace = follow(ground, ray.enlarged(2), _evidence, _FAR, _PROMISING)
    return Found(trace, 1, width_of(strip, trace, _FAR), trace.score)


def _evidence(values: Floats) -> Floats:
    """How much darker each pixel is than the darker one of its sides, a mean over 3 px each."""
    triples = values[:, :-2] + values[:, 1:-1] + values[:, 2:]
    apart = _FAR + _NEAR
    sides: Floats = np.minimum(triples[:, :-apart], triples[:, apart:])
    sides /= 3
    sides -= values[:, _FAR:-_FAR]
    sides -= _DUE
    np.maximum(sides, _AGAINST, out=sides)
    return sides
