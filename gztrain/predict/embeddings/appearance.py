"""What an image looks like to no network: a few statistics of its pixels, and how unusual they are.

A network that learned from sound galaxies may see nothing in a black band or a bright line, for no question depends on
them. These statistics do: steps between rows and columns, pure colours, holes in the middle, grain. The asymmetry is
that of Conselice 2003 (ApJS 147, 1), by which mergers are found.
"""

import cv2
import numpy as np
import numpy.typing as npt

from gzcore.images import Pixels

Doubles = npt.NDArray[np.float64]
STATISTICS = 11
SHRINK = 0.2
"""Share of the mean variance that replaces that of each axis: rare axes are not blown up."""
CLIP = 3.0
"""Robust deviations beyond which a value does not widen the covariance."""


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
    turned = np.abs(light - light[::-1, ::-1]).sum() / (np.abs(light - sky).sum() + 100)
    bright = float((light > sky + 5 * noise).mean())
    return np.array(
        [
            *_steps(light),
            np.log(pure + 2),
            turned,
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


def oddness(found: Doubles) -> Doubles:
    """How unusual each row of statistics is among all, float64 [N]; NaN where a row has none.

    The distance of Mahalanobis from the medians, with a covariance that is shrunk and that outliers do not widen; the
    fourth root of the mean fourth power along its axes, so that one unusual statistic is enough.

    Args:
        found: float64 [N, 11]; NaN in rows without an image.
    """
    known = np.isfinite(found).all(axis=1)
    distances = np.full(len(found), np.nan)
    if known.sum() < 3:
        return distances
    scaled = _robust(found[known])
    usual = np.clip(scaled, -CLIP, CLIP)
    variances, axes = np.linalg.eigh(np.cov(usual.T))
    variances = variances * (1 - SHRINK) + SHRINK * max(float(variances.mean()), 1e-12)
    along = (scaled - usual.mean(axis=0)) @ axes / np.sqrt(variances)
    distances[known] = (along**4).mean(axis=1) ** 0.25
    return distances


def _robust(values: Doubles) -> Doubles:
    """Values less their median, in units of the scaled median deviation."""
    centred = values - np.median(values, axis=0)
    spread = 1.4826 * np.median(np.abs(centred), axis=0)
    result: Doubles = centred / np.where(spread > 1e-9, spread, np.maximum(values.std(axis=0), 1e-9))
    return result


def combined(features: npt.NDArray[np.floating], looks: Doubles) -> Doubles:
    """One distance from two: each is 0 at its median and 1 at its 90 % quantile, and they are added, float64 [N].

    Where there is no picture (NaN), the features alone count.
    """
    scaled = _scaled(features.astype(np.float64))
    known = np.isfinite(looks)
    if known.any():
        scaled[known] += _scaled(looks[known])
    return scaled


def _scaled(values: Doubles) -> Doubles:
    middle, high = np.quantile(values, (0.5, 0.9))
    result: Doubles = (values - middle) / max(float(high - middle), 1e-12)
    return result
