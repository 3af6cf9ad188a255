"""Confidence intervals by the bootstrap: galaxies are drawn with replacement, many times.

A resample is stored as a count for each galaxy, and every figure is computed from these counts. So no data is copied,
and the sorting that AUC and average precision need is done once for all resamples.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gztrain.data.labels import Doubles, Floats, Ints

LEVEL = 0.95
"""Share of the resamples that lies within an interval."""
_ROOM = 1 << 22
"""Largest number of float64 values in one array, 32 MB: so many resamples are computed at a time."""


def resamples(galaxies: int, number: int, seed: int, width: int = 1) -> Iterator[Doubles]:
    """Draw galaxies with replacement.

    Args:
        galaxies: number of galaxies, N; as many are drawn for each resample.
        number: number of resamples.
        seed: the same seed gives the same resamples.
        width: how many values the caller keeps for each galaxy and resample. It limits how many resamples are yielded
            at a time.

    Yields:
        How often each galaxy was drawn, float64 [R, N] of whole numbers; all R add up to ``number``.
    """
    rng = np.random.default_rng(seed)
    step = max(1, _ROOM // (galaxies * width))
    for start in range(0, number, step):
        size = min(step, number - start)
        drawn = rng.integers(galaxies, size=(size, galaxies)) + galaxies * np.arange(size)[:, None]
        yield np.bincount(drawn.ravel(), minlength=size * galaxies).reshape(size, galaxies).astype(np.float64)


def interval(values: Doubles) -> list[float] | None:
    """Percentile interval [low, high] over the resamples in which a figure is defined; None if it never is."""
    known = values[np.isfinite(values)]
    if not known.size:
        return None
    return [float(bound) for bound in np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])]


@dataclass(frozen=True, eq=False)
class Ranking:
    """Pairs of score and galaxy, split into positives and negatives and sorted once, largest score first.

    Attributes:
        positives: index of the galaxy of each pair whose label is 1, int64 [T].
        negatives: index of the galaxy of each pair whose label is 0, int64 [F].
        positives_down_to: for each positive, how many positives have the same or a larger score, int64 [T].
        negatives_above: for each positive, how many negatives have a larger score, int64 [T].
        negatives_down_to: for each positive, how many negatives have the same or a larger score, int64 [T].
    """

    positives: Ints
    negatives: Ints
    positives_down_to: Ints
    negatives_above: Ints
    negatives_down_to: Ints

    def figures(self, counts: Doubles) -> tuple[Doubles, Doubles]:
        """AUC and average precision of R resamples.

        As in scikit-learn, a tie counts one half for AUC, and tied scores are one threshold for average precision.

        Args:
            counts: how often each galaxy was drawn, float64 [R, N].

        Returns:
            AUC and average precision, each float64 [R]. Both are NaN if no positive was drawn; AUC is also NaN if no
            negative was drawn.
        """
        drawn = counts[:, self.positives]
        positives, negatives = _running_sums(drawn), _running_sums(counts[:, self.negatives])
        false = negatives[:, self.negatives_down_to]
        true = positives[:, self.positives_down_to]
        misordered = np.einsum("rt,rt->r", drawn, negatives[:, self.negatives_above] + false) / 2
        precision = true / np.maximum(true + false, 1)  # 1 avoids 0 / 0; such a term has weight 0 below
        with np.errstate(invalid="ignore", divide="ignore"):
            auc = 1 - misordered / (positives[:, -1] * negatives[:, -1])
            return auc, np.einsum("rt,rt->r", drawn, precision) / positives[:, -1]


def _running_sums(drawn: Doubles) -> Doubles:
    """Sums of the first 0, 1, ..., M of M counts: [R, M] to [R, M + 1]."""
    sums = np.zeros((len(drawn), drawn.shape[1] + 1))
    np.cumsum(drawn, axis=1, out=sums[:, 1:])
    return sums


def rank(scores: Floats, labels: Ints, galaxies: Ints) -> Ranking:
    """Sort pairs of score and label for :meth:`Ranking.figures`.

    Args:
        scores: probabilities, float32 [M].
        labels: 0 or 1, int64 [M].
        galaxies: index of the galaxy of each pair, int64 [M].
    """
    order = np.argsort(-scores, kind="stable")
    ascending, is_positive = -scores[order], labels[order] == 1  # searchsorted needs ascending values
    positives, negatives = ascending[is_positive], ascending[~is_positive]
    return Ranking(
        positives=galaxies[order][is_positive],
        negatives=galaxies[order][~is_positive],
        positives_down_to=np.searchsorted(positives, positives, "right"),
        negatives_above=np.searchsorted(negatives, positives, "left"),
        negatives_down_to=np.searchsorted(negatives, positives, "right"),
    )
