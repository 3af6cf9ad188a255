"""Distances between galaxies: the nearest, the strangest, and a plane that keeps most of the differences.

Features differ in scale, and some say nearly the same. So they are centred and turned to their principal axes, and each
axis is scaled to variance 1 (whitening), except for axes that hold next to nothing. A distance is Euclidean there.
Every function reads the file in chunks.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from gztrain.data.labels import Floats
from gztrain.predict.embeddings.file import Embeddings

Doubles = npt.NDArray[np.float64]
FARTHEST = 1e15
"""No whitened value is farther from 0: its square, and a sum of 65,536 of them, fit into float32."""
KEPT_VARIANCE = 0.99
"""Axes are kept until they hold this share of the variance; the rest is noise that whitening would enlarge."""


@dataclass(frozen=True, eq=False)
class Axes:
    """Principal axes of the features.

    Attributes:
        mean: float64 [D].
        axes: float64 [D, A], principal axes, in the units of the features.
        spread: float64 [A], standard deviation along each.
    """

    mean: Doubles
    axes: Doubles
    spread: Doubles

    def whiten(self, features: Floats | Doubles) -> Floats:
        """Features [N, D] to float32 [N, A] with mean 0 and variance 1 along each axis.

        Values beyond 1e15 become 1e15, so that squares and their sums are numbers. NaN stays NaN; inf becomes
        1e15 or NaN.
        """
        with np.errstate(all="ignore"):
            return _short(self._along(features) / self.spread)

    def project(self, features: Floats | Doubles) -> Floats:
        """Features [N, D] along the axes, float32 [N, A], in the units of the features; cut off as by ``whiten``."""
        with np.errstate(all="ignore"):
            return _short(self._along(features))

    def _along(self, features: Floats | Doubles) -> Doubles:
        along: Doubles = (features - self.mean) @ self.axes
        return along


def _short(values: Doubles) -> Floats:
    return np.clip(values, -FARTHEST, FARTHEST).astype(np.float32)


def find_axes(chunks: Iterable[Floats]) -> Axes:
    """Find the principal axes that hold 99 % of the variance, from sums over one pass."""
    mean, covariance = _moments(chunks)
    variances, axes = np.linalg.eigh(covariance)
    variances, axes = np.maximum(variances[::-1], 0), axes[:, ::-1]
    share = np.cumsum(variances) / max(variances.sum(), np.finfo(float).tiny)
    kept = max(2, int(np.searchsorted(share, KEPT_VARIANCE)) + 1)
    spread = np.sqrt(variances[:kept])
    return Axes(mean, axes[:, :kept], np.where(spread > 0, spread, 1))


def _moments(chunks: Iterable[Floats]) -> tuple[Doubles, Doubles]:
    """Mean [D] and covariance [D, D], from sums of differences to the first row, which keep their digits."""
    chunks = iter(chunks)
    first = next(chunks).astype(np.float64)
    origin, number = first[0], 0
    total, products = np.zeros_like(origin), np.zeros((len(origin), len(origin)))
    for chunk in chain((first,), chunks):
        values = chunk - origin
        total += values.sum(0)
        products += values.T @ values
        number += len(values)
    mean = total / number
    return mean + origin, products / number - np.outer(mean, mean)


def nearest(file: Embeddings, axes: Axes, wanted: Floats, number: int) -> tuple[npt.NDArray[np.int64], Floats]:
    """The nearest rows of each wanted galaxy, by exact search.

    Args:
        file: the embeddings.
        axes: of the file.
        wanted: features of Q galaxies, float32 [Q, D].
        number: how many neighbours to give.

    Returns:
        Places of the rows, nearest first, int64 [Q, K]; their distances, float32 [Q, K]. K is at most ``number``.
    """
    queries = axes.whiten(wanted)
    places = np.empty((len(queries), 0), np.int64)
    found = np.empty((len(queries), 0), np.float32)
    start = 0
    for chunk in file.features():
        distances = _distances(queries, axes.whiten(chunk))
        here = np.broadcast_to(np.arange(start, start + len(chunk)), distances.shape)
        places, found = _smallest(np.hstack([places, here]), np.hstack([found, distances]), number)
        start += len(chunk)
    return places, found


def strangeness(file: Embeddings, axes: Axes) -> Floats:
    """How far each row is from the middle of all rows, float32 [N].

    It is the fourth root of the mean fourth power along the whitened axes. A galaxy that is far out along one axis is
    strange, even if it is like others along the rest. (Distances to neighbours miss a kind that occurs a few times; see
    ``benchmarks/likeness.py``.)
    """
    whitened = (axes.whiten(chunk).astype(np.float64) for chunk in file.features())
    return np.concatenate([(along**4).mean(1) ** 0.25 for along in whitened]).astype(np.float32)


def _distances(one: Floats, other: Floats) -> Floats:
    """Euclidean distances, float32 [N, M]."""
    squares = (one**2).sum(1)[:, None] + (other**2).sum(1)[None] - 2 * one @ other.T
    distances: Floats = np.sqrt(np.maximum(squares, 0))
    return distances


def _smallest(places: npt.NDArray[np.int64], distances: Floats, number: int) -> tuple[npt.NDArray[np.int64], Floats]:
    """The smallest distances of each row, sorted; of equal ones the row that comes first in the file."""
    order = np.argsort(distances, axis=1, kind="stable")[:, :number]
    return np.take_along_axis(places, order, 1), np.take_along_axis(distances, order, 1)
