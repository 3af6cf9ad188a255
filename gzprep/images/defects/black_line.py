"""Thin black line: a gap between two strips of the survey, 1 to 3 px wide. It shows where the sky behind is bright."""

import cv2
import numpy as np

from gzprep.catalogue.galaxy import Finding
from gzprep.images.defects.lines import Candidate, strongest, width_of
from gzprep.images.defects.planes import Planes
from gzprep.images.defects.rays import Ray, Sums, compressed, ray_sums
from gzprep.images.defects.trace import Floats, Ground, follow

_NOISE = 25.0
"""Grey level, roughly the noise. Far above it a pixel is compared with its sides by ratio, far below by difference."""
_NEAR, _FAR = 2, 4
"""A line is at most 3 px wide, so it is compared with the pixels 2 to 4 px away on each side."""
_ASIDE = 2
"""The same distance in pixels of the half-size plane."""
_ALLOWANCE = np.float32(0.1)
"""Subtracted from each pixel's darkening, in log units: noise and the shape of a galaxy cause this much."""
_LOWEST = np.float32(-1.0)
"""Lowest evidence of one pixel: a single bright pixel does not cancel a long line."""
_LEAST, _MOST = 26, 3
"""Lowest strength of a ray that is followed, in levels summed over 32 px; and how many rays are followed at most."""
_PROMISING = 4.0
"""Lowest evidence near a ray for which the whole line is searched."""
_LEVELS = compressed(_NOISE, 255)
_LOGARITHM: Floats = np.log1p(np.arange(256) / _NOISE).astype(np.float32)


def black_line(planes: Planes) -> Finding:
    """Score the darkest thin straight line: its darkening in log units, summed over its pixels.

    Each pixel is compared with the darker of its two sides, as a ratio. The arms and the dust of a galaxy score less:
    they are less straight, less dark or less thin.
    """
    fan = ray_sums(np.asarray(cv2.LUT(planes.darkest, _LEVELS)), _ASIDE, 1)
    rays = fan.strongest(_darker_than_both_sides, _LEAST, _MOST)
    ground = Ground(planes.grey, _LOGARITHM)
    return strongest(planes, [_follow(ground, ray) for ray in rays])


def _darker_than_both_sides(sums: Sums) -> Sums:
    sides = cv2.min(sums[:, 2 * _ASIDE :], sums[:, : -2 * _ASIDE])
    return np.asarray(cv2.subtract(sides, sums[:, _ASIDE:-_ASIDE]))


def _follow(ground: Ground, ray: Ray) -> Candidate:
    strip, trace = follow(ground, ray.enlarged(2), _evidence, _FAR, _PROMISING)
    return Candidate(trace, 1, width_of(strip, trace, _FAR), trace.score)


def _evidence(values: Floats) -> Floats:
    """How much darker each pixel is than the darker of its two sides, each a mean over 3 px."""
    triples = values[:, :-2] + values[:, 1:-1] + values[:, 2:]
    apart = _FAR + _NEAR
    sides: Floats = np.minimum(triples[:, :-apart], triples[:, apart:])
    sides /= 3
    sides -= values[:, _FAR:-_FAR]
    sides -= _ALLOWANCE
    np.maximum(sides, _LOWEST, out=sides)
    return sides
