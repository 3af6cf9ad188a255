"""What an image looks like to no network: a few statistics of its pixels, and how unusual they are.

A network that learned from sound galaxies may see nothing in a black band or a bright line, for no question depends on
them. These statistics do: steps between rows and columns, pure colours, holes in the middle, grain. The asymmetry is
that of Conselice 2003 (ApJS 147, 1), by which mergers are found.

Unusual means: far out along the tail of a statistic, as a multiple of how far that tail reaches for one galaxy of ten.
So a statistic whose tail is long among ordinary galaxies takes no places from one whose tail is short.
"""

import cv2
import numpy as np
import numpy.typing as npt

from gzcore.images import Pixels

Doubles = npt.NDArray[np.float64]
NAMES = ("beside", "levels", "pure", "asymmetry", "hole", "sky", "noise", "grain", "edges", "brightest", "bright")
"""Of the statistics, in their order."""
STATISTICS = len(NAMES)
LOW = (NAMES.index("grain"), NAMES.index("brightest"))
"""Statistics of which low values are strange, too: a picture that is blurred, or has no light. (Few bright pixels are
those of a faint galaxy.)"""
MIDDLE, TAIL = 0.5, 0.9
"""Quantiles: a value is as unusual as its distance from the first, in units of that of the second from the first."""
_PEAK, _REACH = 10 / 96, 22 / 96
"""Shares of the side: how far the brightest pixel of a galaxy is from the middle, and half of the square turned."""


def appearance(thumbnail: bytes) -> Doubles:
    """Statistics of a small image, float64 [11]; most are logarithms. NaN if it cannot be decoded.

    Args:
        thumbnail: a JPEG, as the file of embeddings has it.
    """
    decoded = cv2.imdecode(np.frombuffer(thumbnail, np.uint8), cv2.IMREAD_COLOR) if thumbnail else None
    if decoded is None or min(decoded.shape[:2]) < 8:
        return np.full(STATISTICS, np.nan)
    return statistics(np.asarray(decoded, np.uint8))


def statistics(image: Pixels) -> Doubles:
    """The same, of uint8 [h, w, 3], colours in any order."""
    colours = np.sort(image.astype(np.float64), axis=2)
    light = colours.mean(axis=2)
    sky = float(np.median(light))
    noise = 1.4826 * float(np.median(np.abs(light - sky))) + 1
    grain = np.abs(cv2.Laplacian(light, cv2.CV_64F))
    pure = np.percentile(colours[..., 2] - colours[..., 1], 99.5)
    bright = float((light > sky + 5 * noise).mean())
    return np.array(
        [
            *_steps(light),
            np.log(pure + 2),
            _asymmetry(light - sky),
            _hole(light),
            np.log(sky + 2),
            np.log(noise),
            np.log(np.percentile(grain, 50) + 0.3),
            np.log(np.percentile(grain, 99) + 1),
            np.log(light.max() + 5),
            np.log(bright + 0.001),
        ]
    )


def _steps(light: Doubles) -> tuple[float, float]:
    """The greatest step between two rows or columns: beside the usual one, and in grey levels."""
    down, across = (np.abs(np.diff(light, axis=axis)).mean(axis=1 - axis) for axis in (0, 1))
    beside = max(down.max() / (np.median(down) + 0.5), across.max() / (np.median(across) + 0.5))
    levels = sum(float(np.abs(np.diff(light.mean(axis=axis))).max()) for axis in (0, 1))
    return float(np.log(beside + 1e-3)), float(np.log(levels + 1))


def _hole(light: Doubles) -> float:
    """How much darker the darkest pixel in the middle is than the brightest."""
    height, width = light.shape
    middle = light[int(0.41 * height) : int(0.59 * height) + 1, int(0.41 * width) : int(0.59 * width) + 1]
    return float(np.log((middle.max() + 5) / (middle.min() + 5)))


def _asymmetry(light: Doubles) -> float:
    """Difference to the image turned by 180 degrees, as a share of its light: the least of nine centres at the peak.

    Args:
        light: brightness above the sky, float64 [h, w].
    """
    smooth = np.asarray(cv2.GaussianBlur(light, (0, 0), 1.2), np.float64)
    height, width = smooth.shape
    near, reach = (max(1, int(share * min(height, width))) for share in (_PEAK, _REACH))
    top, left = height // 2 - near, width // 2 - near
    middle = smooth[top : top + 2 * near, left : left + 2 * near]
    row, column = np.add(np.unravel_index(int(middle.argmax()), middle.shape), (top, left))

    def square(down: int, right: int) -> Doubles:
        rows, columns = (slice(at - reach, at + reach + 1) for at in (row + down, column + right))
        found: Doubles = smooth[rows, columns]
        return found

    squares = (square(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1))
    least = min(float(np.abs(one - one[::-1, ::-1]).sum()) for one in squares)
    return least / (float(np.abs(square(0, 0)).sum()) + 100)


def oddness(found: Doubles) -> Doubles:
    """How far out each row is along the tails of the statistics, float64 [N, 13]; NaN where a row has none.

    0 is at the median or below, 1 at the 90 % quantile. The last two are the low tails of ``LOW``.

    Args:
        found: float64 [N, 11]; NaN in rows without an image.
    """
    known = np.isfinite(found).all(axis=1)
    odd = np.full((len(found), STATISTICS + len(LOW)), np.nan)
    if known.sum() >= 3:
        odd[known] = _tails(np.hstack([found[known], -found[known][:, LOW]]))
    return odd


def _tails(values: Doubles) -> Doubles:
    """How far out values are along the upper tail of their column, float64 [N, K]."""
    middle, high = np.quantile(values, (MIDDLE, TAIL), axis=0)
    reach = np.where(high - middle > 1e-9, high - middle, np.maximum(values.std(axis=0), 1e-9))
    tails: Doubles = np.maximum((values - middle) / reach, 0)
    return tails


def combined(features: npt.NDArray[np.floating], odd: Doubles) -> Doubles:
    """One distance from all tails and that of the features' distance: the root of their mean square, float64 [N].

    Where there is no picture (NaN), the features alone count.

    Args:
        features: distance of the features of each galaxy, [N].
        odd: of its picture, float64 [N, 13].
    """
    tails = np.hstack([_tails(features.astype(np.float64)[:, None]), odd])
    known = np.isfinite(tails)
    distances: Doubles = np.sqrt(np.where(known, tails**2, 0).sum(axis=1) / known.sum(axis=1))
    return distances
