"""From what a model gives to vote fractions, and an interval for each.

A model that learned labels gives the chance that an answer **wins**. That is no vote fraction: an answer that wins for
certain may have 70 % of the votes. So for each question a vector scaling (Guo et al. 2017) is fitted to the votes on
the validation fold: fraction = softmax(a log p + b). An answer that is no label has b alone.

Intervals come from split-conformal prediction with scaled residuals (Papadopoulos et al. 2008): a score is
|votes - fraction| / sqrt(fraction (1 - fraction) + 0.01), and its quantile on the validation fold says how far an
interval reaches. A model that learned vote counts (loss ``dirichlet``) gives concentrations, from which fractions and
intervals follow by formula.
"""

from dataclasses import dataclass

import numpy as np

from gztrain.data.labels import Doubles

LEVEL = 0.9
"""Share of the votes that intervals are to hold."""
_PARTS = 5
"""Residuals are of galaxies that the scaling was not fitted to: a fifth of them at a time."""
_FEWEST = 10
"""Galaxies with known votes that a scaling needs."""
_FLOOR = 0.01
_CLIP = 1e-6
_SLOPE_SD, _SHIFT_SD = 0.5, 2.0
"""Spread of a around 1, and of b around 0, before any galaxy is seen."""


@dataclass(frozen=True, eq=False)
class Scaling:
    """How the probabilities of a question become vote fractions.

    Attributes:
        slope: a.
        shifts: b of each answer, labels and twin first, float64 [A]; NaN where nothing is known of an answer.
        reach: how far an interval of each answer reaches, in units of the residuals' scale, float64 [A]; infinite where
            too few galaxies are known.
        galaxies: how many it was fitted to.
    """

    slope: float
    shifts: Doubles
    reach: Doubles
    galaxies: int

    def fractions(self, shares: Doubles) -> Doubles:
        """Vote fractions, float64 [N, A], from probabilities of labels and twin, [N, K]."""
        return scale(shares, self.slope, self.shifts)

    def bounds(self, fractions: Doubles) -> tuple[Doubles, Doubles]:
        """Lower and upper end of the interval of each fraction, float64 [N, A], 0 to 1."""
        width = np.where(np.isfinite(self.reach), self.reach, 0) * spread(fractions)
        low = np.where(np.isfinite(self.reach), np.clip(fractions - width, 0, 1), 0.0)
        return low, np.where(np.isfinite(self.reach), np.clip(fractions + width, 0, 1), 1.0)


def scale(shares: Doubles, slope: float, shifts: Doubles) -> Doubles:
    """softmax(slope log shares + shifts), float64 [N, A]; an answer beyond the K shares has its shift alone."""
    logs = np.zeros((len(shares), len(shifts)))
    logs[:, : shares.shape[1]] = slope * np.log(np.clip(shares, _CLIP, 1))
    known = np.isfinite(shifts)
    powers = np.exp(logs + np.where(known, shifts, -np.inf))
    fractions: Doubles = np.where(known, powers / powers.sum(axis=1, keepdims=True), np.nan)
    return fractions


def spread(fractions: Doubles) -> Doubles:
    """The scale of residuals: sqrt(f (1 - f) + 0.01), as volunteers who answer by chance scatter."""
    scatter: Doubles = np.sqrt(fractions * (1 - fractions) + _FLOOR)
    return scatter


def fit_scaling(shares: Doubles, votes: Doubles, level: float = LEVEL) -> Scaling:
    """Fit a scaling to the votes on galaxies that the model was not trained on.

    Args:
        shares: probabilities of labels and twin, float64 [N, K].
        votes: vote fractions of all answers, float64 [N, A]; rows that are not finite are left out.
        level: share of the votes that intervals are to hold.
    """
    known = np.isfinite(votes).all(axis=1) & np.isfinite(shares).all(axis=1)
    shares, votes = shares[known], votes[known]
    if len(votes) < _FEWEST:
        without = np.where(np.arange(votes.shape[1]) < shares.shape[1], 0.0, np.nan)
        return Scaling(1.0, without, np.full(votes.shape[1], np.inf), len(votes))
    slope, shifts = _fit(shares, votes)
    scores = _scores(shares, votes)
    return Scaling(slope, shifts, np.array([conformal(column, level) for column in scores.T]), len(votes))


def _scores(shares: Doubles, votes: Doubles) -> Doubles:
    """Scaled residuals of each galaxy under a scaling that was fitted to the others, float64 [N, A]."""
    part, scores = np.arange(len(votes)) % _PARTS, np.empty_like(votes)
    for number in range(_PARTS):
        here = part == number
        fractions = scale(shares[here], *_fit(shares[~here], votes[~here]))
        scores[here] = np.abs(votes[here] - fractions) / spread(fractions)
    return scores


def _fit(shares: Doubles, votes: Doubles) -> tuple[float, Doubles]:
    """The slope and shifts under which the votes are most probable, given a prior around 1 and 0."""
    from scipy.optimize import minimize

    def cost(values: Doubles) -> float:
        likelihood = (votes * np.log(np.maximum(scale(shares, values[0], values[1:]), _CLIP))).sum()
        prior = ((values[0] - 1) / _SLOPE_SD) ** 2 + np.sum((values[1:] / _SHIFT_SD) ** 2)
        return float(prior / 2 - likelihood)

    found = minimize(cost, np.array([1.0, *np.zeros(votes.shape[1])]), method="L-BFGS-B")
    return float(found.x[0]), np.asarray(found.x[1:], np.float64)


def conformal(scores: Doubles, level: float) -> float:
    """The score that a new one is at most, with a chance of ``level`` or more.

    It is the one in place ceil(level (n + 1)) when they are sorted (Vovk et al. 2005); infinite if there is none.
    """
    place = int(np.ceil(level * (len(scores) + 1) - 1e-9))
    return float(np.sort(scores)[place - 1]) if place <= len(scores) else float("inf")


def dirichlet_bounds(
    concentrations: Doubles, votes: Doubles | float, level: float = LEVEL
) -> tuple[Doubles, Doubles, Doubles]:
    """Fractions and intervals from the concentrations of a question.

    The share of n votes has the beta-binomial distribution, whose mean is m = c / s and whose variance is
    m (1 - m) (s + n) / (n (s + 1)), s the sum of the concentrations. The interval is that of the beta distribution with
    this mean and variance: its concentrations are m t and (1 - m) t, t = n (s + 1) / (s + n) - 1.

    Args:
        concentrations: float64 [N, A], above 0.
        votes: how many volunteers are asked, float64 [N] or one number; 2 or more are assumed.
        level: share of the votes that intervals are to hold.

    Returns:
        Fractions, lower and upper ends, float64 [N, A].
    """
    from scipy.special import betaincinv

    total = concentrations.sum(axis=1, keepdims=True)
    mean = concentrations / total
    number = np.maximum(np.reshape(np.broadcast_to(votes, len(total)), (-1, 1)), 2.0)
    size = number * (total + 1) / (total + number) - 1
    ends: list[Doubles] = [
        betaincinv(mean * size, (1 - mean) * size, share) for share in ((1 - level) / 2, (1 + level) / 2)
    ]
    return mean, ends[0], ends[1]


def held(low: Doubles, high: Doubles, votes: Doubles) -> tuple[int, int]:
    """How many known vote fractions lie in their intervals, and how many are known."""
    known = np.isfinite(votes) & np.isfinite(low)
    return int(((low - 1e-6 <= votes) & (votes <= high + 1e-6))[known].sum()), int(known.sum())
