"""How sure a figure is: galaxies drawn again with replacement, many times, and ranked fast enough for that.

A resample is a count for each galaxy, and every figure a function of counts: nothing is copied, and the sorting that
AUC and average precision need is done once.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gztrain.data.labels import Doubles, Floats, Ints

LEVEL = 0.95
"""Share of the resamples that an interval holds."""
_ROOM = 1 << 22
"""Numbers held at a time for one array: 32 MB."""


def resamples(galaxies: int, number: int, seed: int, width: int = 1) -> Iterator[Doubles]:
    """Draw galaxies with replacement.

    Args:
        galaxies: how many there are to draw from, and are drawn each time, N.
        number: of resamples.
        seed: the same one gives the same resamples.
        width: numbers a galaxy that the caller will hold for each resample; they decide how many come at a time.

    Yields:
        How often each galaxy was drawn, float64 [R, N] of whole numbers; the R add up to ``number``.
    """
    rng = np.random.default_rng(seed)
    step = max(1, _ROOM // (galaxies * width))
    for start in range(0, number, step):
        size = min(step, number - start)
        drawn = rng.integers(galaxies, size=(size, galaxies)) + galaxies * np.arange(size)[:, None]
        yield np.bincount(drawn.ravel(), minlength=size * galaxies).reshape(size, galaxies).astype(np.float64)


def interval(values: Doubles) -> list[float] | None:
    """Low and high of a figure over the resamples in which it is defined, by percentiles; None if it never is."""
    known = values[np.isfinite(values)]
    if not known.size:
        return None
    return [float(bound) for bound in np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])]


@dataclass(frozen=True, eq=False)
class Ranking:
    """True and false pairs of score and galaxy, sorted once, largest score first.

    Attributes:
        hits: galaxies of the true ones, int64 [T].
        misses: galaxies of the false ones, int64 [F].
        hits_down_to: for each hit, how many hits have its score or a larger one, int64 [T].
        misses_above: for each hit, how many misses have a larger score, int64 [T].
        misses_down_to: for each hit, how many misses have its score or a larger one, int64 [T].
    """

    hits: Ints
    misses: Ints
    hits_down_to: Ints
    misses_above: Ints
    misses_down_to: Ints

    def figures(self, counts: Doubles) -> tuple[Doubles, Doubles]:
        """AUC and average precision of R resamples.

        Ties count half in the one and are one threshold in the other, as in scikit-learn.

        Args:
            counts: how often each galaxy was drawn, float64 [R, N].

        Returns:
            Two of float64 [R]; NaN where no hit was drawn, or (AUC) no miss.
        """
        drawn = counts[:, self.hits]
        hits, misses = _running_sums(drawn), _running_sums(counts[:, self.misses])
        false = misses[:, self.misses_down_to]
        true = hits[:, self.hits_down_to]
        lost = np.einsum("rt,rt->r", drawn, misses[:, self.misses_above] + false) / 2
        precision = true / np.maximum(true + false, 1)  # 1: nothing drawn down to here, nor this hit
        with np.errstate(invalid="ignore", divide="ignore"):
            auc = 1 - lost / (hits[:, -1] * misses[:, -1])
            return auc, np.einsum("rt,rt->r", drawn, precision) / hits[:, -1]


def _running_sums(drawn: Doubles) -> Doubles:
    """Sums of the first 0, 1 ... M of M counts, [R, M] to [R, M + 1]."""
    sums = np.zeros((len(drawn), drawn.shape[1] + 1))
    np.cumsum(drawn, axis=1, out=sums[:, 1:])
    return sums


def rank(scores: Floats, truths: Ints, galaxies: Ints) -> Ranking:
    """Sort pairs of score and truth, each [M], for :meth:`Ranking.figures`; ``galaxies`` says whose each pair is."""
    order = np.argsort(-scores, kind="stable")
    sunk, is_hit = -scores[order], truths[order] == 1  # ascending, as searchsorted wants it
    hits, misses = sunk[is_hit], sunk[~is_hit]
    return Ranking(
        hits=galaxies[order][is_hit],
        misses=galaxies[order][~is_hit],
        hits_down_to=np.searchsorted(hits, hits, "right"),
        misses_above=np.searchsorted(misses, hits, "left"),
        misses_down_to=np.searchsorted(misses, hits, "right"),
    )
