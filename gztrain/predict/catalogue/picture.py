"""How an image was made, in six statistics: the grain of green and of a colour, and how much of it is black.

The features of a network leave out what no question depends on, such as the noise of the camera. So images of another
survey, or simulated ones, may have usual features. These statistics hardly depend on what the galaxy is.

The finest grain is left out on purpose: the shards of a data set are JPEG files that were cut out of JPEG files, and
encoding changes the finest grain of colours.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from gzcore.images import Pixels
from gztrain.data.labels import Doubles, Floats, Ints
from gztrain.predict.catalogue.doubt import Familiar, nearest_distances
from gztrain.predict.embeddings.search import Axes

STATISTICS = 6
LOOK = 3
"""Number of this way to measure. With another number, what a run has learned of pictures is learned again."""
LEAST = 8
"""px; the least side of an image that has all scales."""
_SIDE = 160
"""px; the copy in which grain is looked for is smaller than this, and at most half as large as the image."""
_STEP = 3
"""Every so many-th pixel of that copy is looked at. It is no divisor of 8, the side of the blocks of a JPEG."""
_ROWS = 25
"""Rows, evenly spread, of which the pixels that are 0 are counted: at least so many, in a larger image."""
_APART = 4
"""Rows above and below a plane that are mirrored: a row of a scale is made of four rows on each side of it."""
_AT_A_TIME = 16
"""Images that are measured together: fewer take longer, and more gain nothing, or take twice the time."""
_OFFSETS = np.repeat((0.3, 0.003), (4, 2))
"""Grey levels, and shares, below which differences do not matter."""
_SHRINK = 0.1
"""Share of the mean variance that replaces that of each axis."""


def measure(images: Pixels) -> Floats:
    """Measure N images, uint8 [N, S, S, 3], RGB, S at least 8; what is found of one does not depend on the others.

    Returns:
        float32 [N, 6]: the median contrast of green less blue, at a scale and at twice that scale, then of green, at
        twice and four times that scale, in grey levels, all in the upper and the lower quarter; the shares of pixels
        whose red and whose green are 0, in some rows of the whole.
    """
    parts = [_measure(images[start : start + _AT_A_TIME]) for start in range(0, len(images), _AT_A_TIME)]
    return np.concatenate(parts) if parts else np.empty((0, STATISTICS), np.float32)


def _measure(images: Pixels) -> Floats:
    """As :func:`measure`, of a few images: they take each step together, and other threads wait for none."""
    small = _smaller(images)
    green, blue = _channel(small, 1), _channel(small, 2)
    colour = np.asarray(cv2.subtract(_one(green), _one(blue), dtype=cv2.CV_32F), np.float32).reshape(green.shape)
    coarser = _halved(green).astype(np.float32)
    sample = np.ascontiguousarray(images[:, :: max(1, images.shape[1] // _ROWS)])
    black = [_share_of_zeros(_channel(sample, channel)) for channel in (0, 1)]
    return np.stack([*_grain(colour, (_STEP, 1)), *_grain(coarser, (1, 1)), *black], axis=1).astype(np.float32)


def _one(images: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """N images one below the other, as one image."""
    return images.reshape(-1, *images.shape[2:])


def _channel(images: Pixels, channel: int) -> Pixels:
    """A channel of N images, uint8 [N, h, w]."""
    return np.asarray(cv2.extractChannel(_one(images), channel), np.uint8).reshape(images.shape[:3])


def _share_of_zeros(planes: Pixels) -> Doubles:
    """The share of pixels that are 0 of each of N planes, uint8 [N, h, w]."""
    rows = planes.reshape(len(planes), -1)
    zeros = cv2.reduce(cv2.compare(rows, 0, cv2.CMP_EQ), 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S)  # type: ignore[call-overload]
    return np.asarray(zeros, np.float64)[:, 0] / (255 * rows.shape[1])


def _smaller(images: Pixels) -> Pixels:
    """The upper and the lower quarter, one below the other, with two by two pixels as one, again until it is small.

    They are mostly sky, which shows grain best, in half the time. OpenCV averages others than two by two far more
    slowly.
    """
    block = 2
    while images.shape[1] // block >= _SIDE:
        block *= 2
    side = images.shape[1] // block
    quarter = side // 4 * block
    parts = [images[:, :quarter], images[:, side * block - quarter : side * block]] if quarter else [images]
    while block > 1:
        parts = [_halved(part) for part in parts]
        block //= 2
    return np.concatenate(parts, axis=1)


def _halved(images: Pixels) -> Pixels:
    """N images with two by two pixels as one; a row and a column that are left over are left out."""
    height, width = (side // 2 for side in images.shape[1:3])
    pairs = _one(np.ascontiguousarray(images[:, : 2 * height, : 2 * width]))
    halved = cv2.resize(pairs, (width, len(images) * height), interpolation=cv2.INTER_AREA)
    return np.asarray(halved, np.uint8).reshape(len(images), height, width, *images.shape[3:])


def _grain(planes: npt.NDArray[np.float32], steps: Sequence[int]) -> Iterator[npt.NDArray[np.float32]]:
    """Yield the median contrast of N planes, float32 [N, h, w], at a scale for each step, float32 [N].

    Every step-th pixel is looked at. The scales are those of a Laplacian pyramid (Burt & Adelson 1983, IEEE Trans.
    Commun. 31, 532). All planes are one tall image for OpenCV, with so much of each mirrored above and below it that no
    plane reaches into another.
    """
    number, height, width = planes.shape
    for step in steps:
        rows = _mirrored(height)
        tall = planes.take(rows, axis=1).reshape(-1, width)
        coarser = np.asarray(cv2.pyrDown(tall), np.float32)
        band = np.asarray(cv2.pyrUp(coarser, dstsize=(width, len(tall))), np.float32)
        cv2.absdiff(tall, band, dst=band)  # in place: new memory costs more than the difference
        own = band.reshape(number, -1, width)[:, _APART : _APART + height]
        few = own[:, ::step, ::step].reshape(number, -1)
        middle = few.shape[1] // 2
        few.partition(middle, axis=1)
        yield few[:, middle]
        height, width = -(-height // 2), coarser.shape[1]
        planes = coarser.reshape(number, -1, width)[:, _APART // 2 : _APART // 2 + height]


def _mirrored(height: int) -> Ints:
    """The rows of a plane with those mirrored above and below it, an even number: each is one of ``range(height)``."""
    places = np.abs(np.arange(-_APART, height + height % 2 + _APART))
    period = max(1, 2 * (height - 1))
    places %= period
    rows: Ints = np.minimum(places, period - places)
    return rows


def statistics_of(measured: Sequence[Floats]) -> Doubles:
    """The statistics of images that were measured in batches, float64 [N, 6].

    They are logarithms, with an offset that keeps 0 finite.
    """
    found: Doubles = np.log(np.concatenate(measured).astype(np.float64) + _OFFSETS)
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
