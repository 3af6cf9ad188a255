"""How an image was made, in 21 statistics: grain in brightness and colour, and the darkest and brightest levels.

The features of a network leave out what no question depends on, such as the noise of the camera. So images of another
survey, or simulated ones, may have usual features. These statistics do not depend on what the galaxy is.

The finest grain is left out on purpose: the shards of a data set are JPEG files that were cut out of JPEG files, and
encoding changes the finest grain of colours.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from gzcore.images import Pixels
from gztrain.data.labels import Doubles, Floats
from gztrain.predict.catalogue.doubt import Familiar, nearest_distances
from gztrain.predict.embeddings.search import Axes

STATISTICS = 21
LEAST = 8
"""px; the least side of an image that has all scales."""
_SIDE = 112
"""px; the side of the copy in which grain is looked for, or half of the image's side if that is less."""
_MIX = np.array([[1 / 3, 1 / 3, 1 / 3], [1, -1, 0], [0, 1, -1]], np.float32)
"""Brightness and two colours from red, green and blue."""
_STEPS = (3, 1, 1)
"""Every so many-th pixel of a scale is looked at. 3 is no divisor of 8, the side of the blocks of a JPEG."""
_SAMPLE = 75
"""px; side of the sample of pixels whose levels are counted."""
_SHARES = (0.2, 0.5)
"""Quantiles of the levels of a colour."""
_SHRINK = 0.1
"""Share of the mean variance that replaces that of each axis."""


@dataclass(frozen=True, eq=False)
class Measured:
    """What is measured in one image.

    Attributes:
        grain: float32 [3, 3], median contrast at three scales, of brightness and two colours, in grey levels.
        counts: float32 [3, 256], how many pixels of a sample have each level, by colour.
    """

    grain: Floats
    counts: Floats


def measure(image: Pixels) -> Measured:
    """Measure an image, uint8 [S, S, 3], S at least 8; takes 0.1 ms.

    The scales are those of a Laplacian pyramid (Burt & Adelson 1983, IEEE Trans. Commun. 31, 532), below the finest.
    """
    side = min(_SIDE, len(image) // 2)
    half = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32)
    here = np.asarray(cv2.transform(half, _MIX), np.float32)
    grain = np.empty((3, 3), np.float32)
    for scale, step in enumerate(_STEPS):
        coarser = np.asarray(cv2.pyrDown(here), np.float32)
        band = cv2.pyrUp(coarser, dstsize=here.shape[1::-1])
        cv2.absdiff(here, band, dst=band)  # in place: memory that is new costs more than the difference
        few = band[::step, ::step].reshape(-1, 3).T
        middle = few.shape[1] // 2
        grain[scale] = np.partition(few, middle, axis=1)[:, middle]
        here = coarser
    sample = cv2.resize(image, (_SAMPLE, _SAMPLE), interpolation=cv2.INTER_NEAREST)
    counts = [cv2.calcHist([sample], [colour], None, [256], [0, 256]).ravel() for colour in range(3)]
    return Measured(grain, np.array(counts, np.float32))


def statistics_of(measured: Sequence[Measured]) -> Doubles:
    """The statistics of N images, float64 [N, 21], all of them logarithms.

    Nine of grain; then by colour the level that 20 % and 50 % of the pixels do not exceed, the highest level, and the
    share of pixels that are 0.
    """
    grain = np.array([one.grain for one in measured], np.float64).reshape(-1, 9)
    below = np.cumsum([one.counts for one in measured], axis=2).astype(np.float64) / _SAMPLE**2
    levels = [(below <= share).sum(axis=2) for share in _SHARES] + [(below < 1).sum(axis=2)]
    return np.hstack([np.log(grain + 0.3), np.log(np.hstack(levels) + 2.0), np.log(below[..., 0] + 0.003)])


def find_usual(training: Doubles, validation: Doubles) -> Familiar:
    """Learn what the pictures of a data set look like; as :func:`gztrain.predict.catalogue.doubt.find_familiar`.

    Args:
        training: statistics of training galaxies, float64 [M, 21].
        validation: those of galaxies of the validation fold, float64 [V, 21].
    """
    axes = _shrunk_axes(training)
    points = axes.whiten(training)
    distances = nearest_distances(axes.whiten(validation), points) if len(validation) else np.empty(0, np.float32)
    return Familiar(axes, points, np.sort(distances))


def _shrunk_axes(values: Doubles) -> Axes:
    """Principal axes of values in units of their robust deviations; small variances are raised."""
    middle = np.median(values, axis=0)
    spread = 1.4826 * np.median(np.abs(values - middle), axis=0)
    units = np.where(spread > 1e-3, spread, values.std(axis=0) + 1e-3)
    scaled = (values - middle) / units
    variances, axes = np.linalg.eigh(np.atleast_2d(np.cov(scaled.T, bias=True)))
    raised = variances * (1 - _SHRINK) + _SHRINK * max(float(variances.mean()), 1e-6)
    return Axes(middle + scaled.mean(axis=0) * units, axes / units[:, None], np.sqrt(raised))
