"""Coloured line: the trail of a satellite or an asteroid. It moved while one filter was exposed: it has one colour."""

from functools import partial, reduce

import cv2
import numpy as np

from gzprep.catalogue.galaxy import Finding
from gzprep.images.defects.lines import Candidate, strongest, width_of
from gzprep.images.defects.planes import Planes
from gzprep.images.defects.rays import Ray, Sums, most_along_rays, ray_sums
from gzprep.images.defects.small import EXCESS_NOISE, MARGIN, coloured, excess
from gzprep.images.defects.trace import Floats, Ground, follow

_SCALE = 4
"""Width in image pixels of one pixel of the plane on which a line is followed."""
_ASIDE = (2, 3, 4, 6, 8, MARGIN)
"""Distances from the middle of a line to its sides, px of the small plane: the first for thin lines, the last for wide
ones."""
_NEARLY = 0.85
"""The nearest sides are taken that show this share of the highest contrast."""
_ALLOWANCE = np.float32(0.4)
"""Subtracted from each pixel's contrast, in log units: noise and stars cause this much."""
_LOWEST, _HIGHEST = np.float32(-0.4), np.float32(1.2)
"""Lowest and highest evidence of one pixel."""
_WIDTH_COST = 0.56
"""Subtracted from the score for each px of width. A star is as long as it is wide, so its score falls to nothing."""
_LEAST, _MOST = 90, 3
"""Lowest strength of a ray that is followed, in levels summed over 128 px; and how many rays are followed at most."""
_PROMISING = 6.0
"""Lowest evidence near a ray for which the whole line is searched."""
_LOGARITHM: Floats = np.log1p(np.arange(256) / EXCESS_NOISE).astype(np.float32)


def colour_line(planes: Planes) -> Finding:
    """Score the most coloured straight line: its contrast in log units, summed over its pixels, less a cost for width.

    The colour of a pixel is how much one channel exceeds the other two. It is compared with the more coloured of the
    pixel's two sides, as a ratio.
    """
    if not planes.has_colour:
        return Finding(0.0)
    plane = coloured(planes)
    if most_along_rays(plane) < _LEAST:  # contrast cannot exceed the plain sum, so no ray can be strong enough
        return Finding(0.0)
    rays = ray_sums(plane, MARGIN, 2).strongest(_more_coloured_than_both_sides, _LEAST, _MOST)
    ground = Ground(planes.cached(excess), _LOGARITHM)
    return strongest(planes, [_follow(ground, ray) for ray in rays])


def _more_coloured_than_both_sides(sums: Sums) -> Sums:
    last = sums.shape[1] - MARGIN
    sides = [cv2.max(sums[:, MARGIN - away : last - away], sums[:, MARGIN + away : last + away]) for away in _ASIDE]
    return np.asarray(cv2.subtract(sums[:, MARGIN:last], reduce(cv2.min, sides)))


def _follow(ground: Ground, ray: Ray) -> Candidate:
    aside = 2 * _narrowest(ray.profile)
    cost = _WIDTH_COST * 2 * aside
    strip, trace = follow(ground, ray.enlarged(2), partial(_evidence, aside), aside, _PROMISING + cost)
    return Candidate(trace, _SCALE, width_of(strip, trace, aside), _SCALE * (trace.score - cost))


def _narrowest(profile: tuple[int, ...]) -> int:
    """The smallest distance to the sides at which nearly all of the contrast shows."""
    middle = profile[MARGIN]
    contrast = [middle - max(profile[MARGIN - aside], profile[MARGIN + aside]) for aside in _ASIDE]
    return next(aside for aside, seen in zip(_ASIDE, contrast, strict=True) if seen >= _NEARLY * max(contrast))


def _evidence(aside: int, values: Floats) -> Floats:
    """Contrast of each pixel with the more coloured of the two pixels ``aside`` px away."""
    contrast = values[:, aside:-aside] - np.maximum(values[:, : -2 * aside], values[:, 2 * aside :])
    contrast -= _ALLOWANCE
    return np.clip(contrast, _LOWEST, _HIGHEST, out=contrast)
