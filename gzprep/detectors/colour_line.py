"""Coloured line: the trail of a satellite, or of anything else that moved, in the one filter that was exposed then."""

import numpy as np

from gzprep.detectors.lines import Found, strongest, width_of
from gzprep.detectors.rays import Ray, Sums
from gzprep.detectors.sight import Sight
from gzprep.detectors.small import EXCESS, EXCESS_NOISE, MARGIN, excess, small_rays
from gzprep.detectors.trace import Floats, Strip, follow
from gzprep.records import Finding

_SCALE = 4
"""Px of the image in one of the plane on which a line is followed."""
_ASIDE = (3, 6, 9, 13)
"""Where it is compared with its sides, px of this plane from its middle: the first for thin lines."""
_SMALL_ASIDE = (2, 4, MARGIN)
"""The same in pixels of the small plane."""
_DUE = np.float32(0.4)
"""Contrast, in log units, that noise and stars are allowed in each pixel."""
_AGAINST, _FOR = np.float32(-0.4), np.float32(1.2)
"""The most that one pixel speaks against a line and for it."""
_ROUND = 0.56
"""What each px of its width costs a line: a star is as long as it is wide, and shall come to nothing."""
_LEAST, _MOST = 64, 3
"""Rays weaker than this, in levels summed over 128 px, are not followed, and of the others no more than so many."""
_LOGARITHM: Floats = np.log1p(np.arange(256) / EXCESS_NOISE).astype(np.float32)


def colour_line(sight: Sight) -> Finding:
    """Contrast along the most coloured straight line: log units, summed over its px, less what its width costs.

    A pixel counts by how much one of its colours exceeds the other two, relative to the more coloured one of its sides.
    """
    if not sight.has_colour:
        return Finding(0.0)
    rays = sight.once(small_rays).strongest(EXCESS, _more_coloured_than_both_sides, _LEAST, _MOST)
    return strongest(sight, [_follow(sight, ray, aside) for ray in rays for aside in _ASIDE])


def _more_coloured_than_both_sides(sums: Sums) -> Sums:
    last = sums.shape[-1] - MARGIN
    middle = sums[..., MARGIN:last]
    most = np.zeros_like(middle)
    for aside in _SMALL_ASIDE:
        sides = np.maximum(sums[..., MARGIN - aside : last - aside], sums[..., MARGIN + aside : last + aside])
        np.minimum(sides, middle, out=sides)
        np.maximum(most, np.subtract(middle, sides, out=sides), out=most)
    return most


def _follow(sight: Sight, ray: Ray, aside: int) -> Found:
    strip, trace = follow(sight.once(excess), _LOGARITHM, ray.enlarged(2), aside, lambda near: _evidence(near, aside))
    score = (trace.score - _ROUND * 2 * aside) * _SCALE
    return Found(trace, _SCALE, width_of(strip, trace, aside) if score > 0 else 0, score)


def _evidence(strip: Strip, aside: int) -> Floats:
    values = strip.values
    sides = np.maximum(values[:, : -2 * aside], values[:, 2 * aside :])
    evidence = np.clip(values[:, aside:-aside] - sides - _DUE, _AGAINST, _FOR)
    evidence[~strip.inside[:, aside:-aside]] = _AGAINST
    return np.asarray(evidence)
