"""How an image was made, in nine statistics: the grain of brightness and of a colour, and how much of it is black.

The features of a network leave out what no question depends on, such as the noise of the camera. So images of another
survey, or simulated ones, may have usual features. These statistics hardly depend on what the galaxy is.

The finest grain is left out on purpose: the shards of a data set are JPEG files that were cut out of JPEG files, and
encoding changes the finest grain of colours.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from gzcore.images import Pixels
from gztrain.data.labels import Doubles, Floats
from gztrain.predict.catalogue.doubt import Familiar, nearest_distances
from gztrain.predict.embeddings.search import Axes

STATISTICS = 9
LEAST = 8
"""px; the least side of an image that has all scales."""
_SIDE = 160
"""px; the copy in which grain is looked for is smaller than this, and at most half as large as the image."""
_STEPS = (3, 1, 1)
"""Every so many-th pixel of a scale is looked at. 3 is no divisor of 8, the side of the blocks of a JPEG."""
_SAMPLE = 75
"""px; side of the sample of pixels of which those that are 0 are counted."""
_OFFSETS = np.repeat((0.3, 0.003), (6, 3))
"""Grey levels, and shares, below which differences do not matter."""
_SHRINK = 0.1
"""Share of the mean variance that replaces that of each axis."""


def measure(image: Pixels) -> Floats:
    """Measure an image, uint8 [S, S, 3], RGB, S at least 8; takes 0.15 to 0.3 ms.

    Returns:
        float32 [9]: the median contrast at three scales of brightness, then of green less blue, in grey levels; the
        shares of pixels whose red, green and blue are 0.
    """
    red, green, blue = cv2.split(_smaller(image))
    bright = cv2.add(cv2.add(red, green, dtype=cv2.CV_32F), blue, dtype=cv2.CV_32F)
    colour = cv2.subtract(green, blue, dtype=cv2.CV_32F)
    sample = cv2.split(cv2.resize(image, (_SAMPLE, _SAMPLE), interpolation=cv2.INTER_NEAREST))
    black = [1 - cv2.countNonZero(one) / _SAMPLE**2 for one in sample]
    return np.array([*(one / 3 for one in _grain(bright)), *_grain(colour), *black], np.float32)


def _smaller(image: Pixels) -> Pixels:
    """The image with two by two pixels as one, again until it is small; OpenCV averages others far more slowly."""
    while True:
        side = len(image) // 2
        pairs = image[: 2 * side, : 2 * side]
        image = np.asarray(cv2.resize(pairs, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
        if side < _SIDE:
            return image


def _grain(plane: npt.NDArray[np.generic]) -> list[float]:
    """Median contrast of a plane, float32 [s, s], at three scales.

    The scales are those of a Laplacian pyramid (Burt & Adelson 1983, IEEE Trans. Commun. 31, 532).
    """
    found = []
    here = np.asarray(plane, np.float32)
    for step in _STEPS:
        coarser = np.asarray(cv2.pyrDown(here), np.float32)
        band = np.asarray(cv2.pyrUp(coarser, dstsize=here.shape[::-1]), np.float32)
        cv2.absdiff(here, band, dst=band)  # in place: new memory costs more than the difference
        few = band[::step, ::step].ravel()
        few.partition(few.size // 2)
        found.append(float(few[few.size // 2]))
        here = coarser
    return found


def statistics_of(measured: Sequence[Floats]) -> Doubles:
    """The statistics of N measured images, float64 [N, 9]: logarithms, with an offset that keeps 0 finite."""
    found: Doubles = np.log(np.array(measured, np.float64).reshape(-1, STATISTICS) + _OFFSETS)
    return found


def find_usual(training: Doubles, validation: Doubles) -> Familiar:
    """Learn what the pictures of a data set look like; as :func:`gztrain.predict.catalogue.doubt.find_familiar`.

    Args:
        training: statistics of training galaxies, float64 [M, 9].
        validation: those of galaxies of the validation fold, float64 [V, 9].
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
