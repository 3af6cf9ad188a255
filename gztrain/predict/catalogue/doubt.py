"""How far an image is from the training set: the distance of its features to those of training galaxies.

Features are whitened along their principal axes (:mod:`gztrain.predict.embeddings.search`). The distance is that to
the fifth nearest of up to 1024 training galaxies (Sun et al. 2022 judge by the distance to the k-th nearest). Galaxies
of the validation fold, which the model did not learn from either, say which distances are usual.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from gztrain.data.labels import Doubles, Floats
from gztrain.predict.embeddings.search import Axes, find_axes

NEIGHBOUR = 5
REFERENCE = 1024
"""Training galaxies that are kept to compare with; more than a few hundred gain little (benchmarks/references.py)."""
_AT_A_TIME = 64
"""Points that are compared at a time: 256 kB of distances at most, which stay in near memory."""


@dataclass(frozen=True, eq=False)
class Familiar:
    """What the training set looks like to the model.

    Attributes:
        axes: principal axes of the features.
        points: whitened features of training galaxies, float32 [M, A].
        usual: distances of validation galaxies, sorted, float32 [V].
    """

    axes: Axes
    points: Floats
    usual: Floats

    def distances(self, features: Floats | Doubles) -> Floats:
        """Distance of each row of features, float32 [N, D], to its fifth nearest training galaxy, float32 [N]."""
        return nearest_distances(self.axes.whiten(features), self.points)

    def quantiles(self, distances: Floats) -> Doubles:
        """Share of the validation galaxies that are as near or nearer, float64 [N]; NaN if there are none."""
        if not len(self.usual):
            return np.full(len(distances), np.nan)
        shares: Doubles = np.searchsorted(self.usual, distances, side="right") / len(self.usual)
        return np.where(np.isfinite(distances), shares, np.nan)


def find_familiar(training: Iterable[Floats], validation: Floats) -> Familiar:
    """Learn what is familiar.

    Args:
        training: features of training galaxies, float32 [n, D] at a time.
        validation: features of galaxies of the validation fold, float32 [V, D].
    """
    features = np.concatenate(list(training))
    axes = find_axes([features])
    points = axes.whiten(features)
    usual = nearest_distances(axes.whiten(validation), points) if len(validation) else np.empty(0, np.float32)
    return Familiar(axes, points, np.sort(usual))


def nearest_distances(points: Floats, among: Floats) -> Floats:
    """Euclidean distance of each point, [N, A], to its fifth nearest of M others, float32 [N].

    |x - y|^2 = |x|^2 + |y|^2 - 2 xy: one product of matrices, ten times as fast as one distance after the other, in
    half the time of float64. A distance far below the lengths of its points loses digits, and a fifth nearest is none.
    """
    place = min(NEIGHBOUR, len(among)) - 1
    others = np.ascontiguousarray(among.T, np.float32)
    lengths = (others**2).sum(axis=0)
    found = np.empty(len(points), np.float32)
    for start in range(0, len(points), _AT_A_TIME):
        here = points[start : start + _AT_A_TIME].astype(np.float32)
        squares = (-2 * here) @ others
        squares += lengths
        squares.partition(place, axis=1)
        found[start : start + len(here)] = np.sqrt(np.maximum(squares[:, place] + (here**2).sum(axis=1), 0))
    return found
