"""Coloured line: the trail of a satellite, or of anything else that moved, in the one filter that was exposed then."""

from functools import partial, reduce

import cv2
import numpy as np

from gzprep.catalogue.galaxy import Finding
from gzprep.images.defects.lines import Found, strongest, width_of
from gzprep.images.defects.planes import Sight
from gzprep.images.defects.rays import Ray, Sums, most_along_rays, ray_sums
from gzprep.images.defects.small import EXCESS_NOISE, MARGIN, coloured, excess
from gzprep.images.defects.trace import Floats, Ground, follow

_SCALE = 4
"""Px of the image in one of the plane on which a line is followed."""
_ASIDE = (2, 3, 4, 6, 8, MARGIN)
"""Where it is compared with its sides, px of the small plane from its middle: the first for thin lines, the last for
wide ones."""
_NEARLY = 0.85
_DUE = np.float32(0.4)
"""Contrast, in log units, that noise and stars are allowed in each pixel."""
_AGAINST, _FOR = np.float32(-0.4), np.float32(1.2)
"""The most that one pixel speaks against a line and for it."""
_ROUND = 0.56
"""What each px of its width costs a line: a star is as long as it is wide, and shall come to nothing."""
_LEAST, _MOST = 90, 3
"""Rays weaker than this, in levels summed over 128 px, are not followed, and of the others no more than so many."""
_PROMISING = 6.0
"""Where less than this is found around a ray, it is not followed either."""
_LOGARITHM: Floats = np.log1p(np.arange(256) / EXCESS_NOISE).astype(np.float32)


def colour_line(sight: Sight) -> Finding:
    """Contrast along the most coloured straight line: log units, summed over its px, less what its width costs.

    A pixel counts by how much one of its colours exceeds the other two, relative to the more coloured one of its sides.
    """
    if not sight.has_colour:
        return Finding(0.0)
    plane = coloured(sight)
    if most_along_rays(plane) < _LEAST:  # no contrast exceeds what lies along the middle
        return Finding(0.0)
    rays = ray_sums(plane, MARGIN, 2).strongest(_more_coloured_than_both_sides, _LEAST, _MOST)
    ground = Ground(sight.once(excess), _LOGARITHM)
    return strongest(sight, [_follow(ground, ray) for ray in rays])


def _more_coloured_than_both_sides(sums: Sums) -> Sums:
    last = sums.shape[1] - MARGIN
    sides = [cv2.max(sums[:, MARGIN - away : last - away], sums[:, MARGIN + away : last + away]) for away in _ASIDE]
    return np.asarray(cv2.subtract(sums[:, MARGIN:last], reduce(cv2.min, sides)))


def _follow(ground: Ground, ray: Ray) -> Found:
    aside = 2 * _narrowest(ray.profile)
    cost = _ROUND * 2 * aside
    strip, trace = follow(ground, ray.enlarged(2), partial(_evidence, aside), aside, _PROMISING + cost)
    return Found(trace, _SCALE, width_of(strip, trace, aside), _SCALE * (trace.score - cost))


def _narrowest(profile: tuple[int, ...]) -> int:
    """How far to go aside to see nearly as much contrast as there is."""
    middle = profile[MARGIN]
    contrast = [middle - max(profile[MARGIN - aside], profile[MARGIN + aside]) for aside in _ASIDE]
    return next(aside for aside, seen in zip(_ASIDE, contrast, strict=True) if seen >= _NEARLY * max(contrast))


def _evidence(aside: int, values: Floats) -> Floats:
    """Contrast with the more coloured one of the pixels ``aside`` px away."""
    contrast = values[:, aside:-aside] - np.maximum(values[:, : -2 * aside], values[:, 2 * aside :])
    contrast -= _DUE
    return np.clip(contrast, _AGAINST, _FOR, out=contrast)
