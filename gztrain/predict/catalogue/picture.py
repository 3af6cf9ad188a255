"""How an image was made, in six statistics: the grain of green and of a colour, and how much of it is black.

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

STATISTICS = 6
LEAST = 8
"""px; the least side of an image that has all scales."""
_SIDE = 160
"""px; the copy in which grain is looked for is smaller than this, and at most half as large as the image."""
_STEP = 3
"""Every so many-th pixel of that copy is looked at. It is no divisor of 8, the side of the blocks of a JPEG."""
_SAMPLE = 75
"""px; side of the sample of pixels of which those that are 0 are counted."""
_OFFSETS = np.repeat((0.3, 0.003), (4, 2))
"""Grey levels, and shares, below which differences do not matter."""
_SHRINK = 0.1
"""Share of the mean variance that replaces that of each axis."""


def measure(image: Pixels) -> Floats:
    """Measure an image, uint8 [S, S, 3], RGB, S at least 8; takes 0.1 to 0.25 ms.

    Returns:
        float32 [6]: the median contrast of green less blue, at a scale and at twice that scale, then of green, at
        twice and four times that scale, in grey levels; the shares of pixels whose red and whose green are 0.
    """
    small = _smaller(image)
    green, blue = cv2.extractChannel(small, 1), cv2.extractChannel(small, 2)
    colour = np.asarray(cv2.subtract(green, blue, dtype=cv2.CV_32F), np.float32)
    coarser = _halved(np.asarray(green, np.uint8)).astype(np.float32)
    sample = cv2.resize(image, (_SAMPLE, _SAMPLE), interpolation=cv2.INTER_NEAREST)
    black = [1 - cv2.countNonZero(cv2.extractChannel(sample, channel)) / _SAMPLE**2 for channel in (0, 1)]
    return np.array([*_grain(colour, (_STEP, 1)), *_grain(coarser, (1, 1)), *black], np.float32)


def _smaller(image: Pixels) -> Pixels:
    """The image with two by two pixels as one, again until it is small; OpenCV averages others far more slowly."""
    while True:
        image = _halved(image)
        if len(image) < _SIDE:
            return image


def _halved(image: Pixels) -> Pixels:
    """The image with two by two pixels as one; a row and a column that are left over are left out."""
    side = len(image) // 2
    pairs = image[: 2 * side, : 2 * side]
    return np.asarray(cv2.resize(pairs, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def _grain(plane: npt.NDArray[np.float32], steps: Sequence[int]) -> list[float]:
    """Median contrast of a plane, float32 [s, s], at a scale for each step; every step-th pixel is looked at.

    The scales are those of a Laplacian pyramid (Burt & Adelson 1983, IEEE Trans. Commun. 31, 532).
    """
    found = []
    here = plane
    for step in steps:
        coarser = np.asarray(cv2.pyrDown(here), np.float32)
        band = np.asarray(cv2.pyrUp(coarser, dstsize=here.shape[::-1]), np.float32)
        cv2.absdiff(here, band, dst=band)  # in place: new memory costs more than the difference
        few = band[::step, ::step].ravel()
        few.partition(few.size // 2)
        found.append(float(few[few.size // 2]))
        here = coarser
    return found


def statistics_of(measured: Sequence[Floats]) -> Doubles:
    """The statistics of N measured images, float64 [N, 6]: logarithms, with an offset that keeps 0 finite."""
    found: Doubles = np.log(np.array(measured, np.float64).reshape(-1, STATISTICS) + _OFFSETS)
    return found


def find_usual(training: Doubles, validation: Doubles) -> Familiar:
    """Learn what the pictures of a data set look like; as :func:`gztrain.predict.catalogue.doubt.find_familiar`.

    Args:
        training: statistics of training galaxies, float64 [M, 6].
        validation: those of galaxies of the validation fold, float64 [V, 6].
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
