"""How an image was made, in six statistics: the grain of green and of a colour, and how much of it is black.

The features of a network leave out what no question depends on, such as the noise of the camera. So images of another
survey, or simulated ones, may have usual features. These statistics hardly depend on what the galaxy is.

The finest grain is left out on purpose: the shards of a data set are JPEG files that were cut out of JPEG files, and
encoding changes the finest grain of colours.
"""

import threading
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
LOOK = 4
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
_AT_A_TIME = 5_000_000
"""Bytes of images that are measured together, 33 of 224 px: fewer take longer, and more gain nothing."""
_GREY = 128
"""Integers to a grey level where grain is looked for; a difference of 255 grey levels still has 16 bits."""
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
    if not len(images):
        return np.empty((0, STATISTICS), np.float32)
    few = max(1, _AT_A_TIME // images[0].nbytes)
    return np.concatenate([_measure(images[start : start + few]) for start in range(0, len(images), few)])


def _measure(images: Pixels) -> Floats:
    """As :func:`measure`, of a few images: they take each step together, and other threads wait for none."""
    green, blue = _small_planes(images)
    colour = np.subtract(green, blue, dtype=np.int16, out=_again("colour", green.shape, np.int16))
    coarser = _halved("half", green).astype(np.int16)
    found: list[Floats | Doubles] = [*_grain(colour, (_STEP, 1)), *_grain(coarser, (1, 1)), *_shares_of_zeros(images)]
    return np.stack(found, axis=1).astype(np.float32)


def _small_planes(images: Pixels) -> list[Pixels]:
    """Green and blue of the upper and the lower quarter of N images, one below the other, small; uint8 [N, h, w].

    They are mostly sky, which shows grain best, in half the time. Two by two pixels become one, again until the planes
    are small: OpenCV averages others than two by two far more slowly.
    """
    block = 2
    while images.shape[1] // block >= _SIDE:
        block *= 2
    side = images.shape[1] // block * block
    quarter = side // 4 // block * block
    ends = (slice(quarter), slice(side - quarter, side)) if quarter else (slice(side),)
    strips = _again("strips", (len(images), sum(end.stop - (end.start or 0) for end in ends), side, 3))
    np.concatenate([images[:, end, :side] for end in ends], axis=1, out=strips)
    planes = _planes("planes", strips)[1:]
    while block > 1:
        planes = [_halved(name, plane) for name, plane in zip(("green", "blue"), planes, strict=True)]
        block //= 2
    return planes


def _planes(name: str, images: Pixels) -> list[Pixels]:
    """Red, green and blue of N images, uint8 [N, h, w] each; they last until those of the same name are asked for."""
    memory = [_again(f"{name} {channel}", images.shape[:3]) for channel in range(3)]
    cv2.split(_one(images), [_one(plane) for plane in memory])
    return memory


def _shares_of_zeros(images: Pixels) -> Iterator[Doubles]:
    """Yield the share of pixels of some rows whose red is 0, of N images, then the share of those whose green is 0."""
    sample = images[:, :: max(1, images.shape[1] // _ROWS)]
    rows = _again("rows", sample.shape)
    rows[...] = sample
    for plane in _planes("rows", rows)[:2]:
        pixels = plane.reshape(len(plane), -1)
        zeros = cv2.reduce(cv2.compare(pixels, 0, cv2.CMP_EQ), 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S)  # type: ignore[call-overload]
        yield np.asarray(zeros, np.float64)[:, 0] / (255 * pixels.shape[1])


class _Memory(threading.local):
    """Arrays of a thread that are used again for each few images: new memory costs as much as the work in it."""

    def __init__(self) -> None:
        self.arrays: dict[object, npt.NDArray[Any]] = {}


_MEMORY = _Memory()


def _again(name: str, shape: tuple[int, ...], kind: type[np.generic] = np.uint8) -> npt.NDArray[Any]:
    """The array of that name for N images of a shape, whatever is in it; a new one where it holds fewer."""
    key = name, shape[1:]
    held = _MEMORY.arrays.get(key)
    if held is None or len(held) < shape[0]:
        held = _MEMORY.arrays[key] = np.empty(shape, kind)
    return held[: shape[0]]


def _one(images: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """N images one below the other, as one image."""
    return images.reshape(-1, *images.shape[2:])


def _halved(name: str, planes: Pixels) -> Pixels:
    """N planes with two by two pixels as one, in the memory of that name; what is left over at an edge is left out."""
    height, width = (side // 2 for side in planes.shape[1:])
    pairs = _one(np.ascontiguousarray(planes[:, : 2 * height, : 2 * width]))
    halved = _again(name, (len(planes), height, width))
    cv2.resize(pairs, (width, len(planes) * height), dst=_one(halved), interpolation=cv2.INTER_AREA)
    return halved


def _grain(planes: npt.NDArray[np.int16], steps: Sequence[int]) -> Iterator[Floats]:
    """Yield the median contrast of N planes, int16 [N, h, w], at a scale for each step, float32 [N].

    Every step-th pixel is looked at. The scales are those of a Laplacian pyramid (Burt & Adelson 1983, IEEE Trans.
    Commun. 31, 532). All planes are one tall image for OpenCV, with so much of each mirrored above and below it that no
    plane reaches into another. Integers take half the time of floats; a grey level is :data:`_GREY` of them.
    """
    planes = np.multiply(planes, _GREY, out=_again("grain", planes.shape, np.int16))
    for step in steps:
        number, height, width = planes.shape
        rows = _mirrored(height)
        fine, band = (_again(name, (number, len(rows), width), np.int16) for name in ("fine", "band"))
        coarser = _again("coarser", (number, len(rows) // 2, -(-width // 2)), np.int16)
        planes.take(rows, axis=1, out=fine, mode="clip")
        cv2.pyrDown(_one(fine), dst=_one(coarser))
        cv2.pyrUp(_one(coarser), dst=_one(band), dstsize=_one(band).shape[::-1])
        cv2.absdiff(_one(fine), _one(band), dst=_one(band))
        few = band[:, _APART : _APART + height : step, ::step].reshape(number, -1)
        middle = few.shape[1] // 2
        few.partition(middle, axis=1)
        yield np.divide(few[:, middle], _GREY, dtype=np.float32)
        planes = coarser[:, _APART // 2 : _APART // 2 + -(-height // 2)]


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
