"""Whether a second panel of volunteers, of the same size, would prefer the same answer as the first.

A panel of n volunteers gave k_1 ... k_K votes to the K answers of a question. With a uniform prior, the fractions of
all volunteers follow Dirichlet(k + 1), and the votes of a second panel of n follow the Dirichlet-multinomial
distribution (Gelman et al. 2013, Bayesian Data Analysis, sections 2.4 and 3.4). The agreement is the probability that
the second panel prefers the same answer. A tie counts as one half, since a label must then be chosen by chance.
"""

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]
_PANELS = 200
_MOST_PANELS_OF = 4000


def agreements(rows: Counts) -> Doubles:
    """Probability that a second panel prefers the same answer.

    For two answers it is exact. For more it is simulated with a fixed seed, so the result is the same each time.

    Args:
        rows: votes for each answer, int64 [U, K].

    Returns:
        Float64 [U], 0 to 1.
    """
    if rows.shape[1] == 2 or not len(rows):
        return _of_two(rows)
    chosen = np.arange(len(rows))
    if len(rows) > _MOST_PANELS_OF:  # then some of them stand for all: neighbours in this order have like counts
        chosen = np.linspace(0, len(rows) - 1, _MOST_PANELS_OF).astype(int)
    return np.interp(np.arange(len(rows)), chosen, _of_many(rows[chosen]))


def _of_two(rows: Counts) -> Doubles:
    """Exact, by the beta-binomial distribution."""
    from scipy.stats import betabinom

    n, k = rows.sum(axis=1), rows[:, 0]
    second = betabinom(n, k + 1, n - k + 1)
    tie = np.where(n % 2 == 0, second.pmf(n // 2), 0.0)
    first_wins = second.sf(n // 2) + tie / 2
    return np.where(2 * k > n, first_wins, np.where(2 * k < n, 1 - first_wins, 0.5))


def _of_many(rows: Counts) -> Doubles:
    """By 200 simulated second panels."""
    rng = np.random.default_rng(0)
    totals = rows.sum(axis=1)
    first = _winners(rows)
    agreed = np.zeros(len(rows))
    for _ in range(_PANELS):
        shares = rng.standard_gamma(rows + 1.0)
        second = _winners(rng.multinomial(totals, shares / shares.sum(axis=1, keepdims=True)))
        agreed += (first * second).sum(axis=1)
    return agreed / _PANELS


def _winners(rows: Counts) -> Doubles:
    """1 for the answer with the most votes; where several have as many, each gets its part. Float64 [U, K]."""
    largest = (rows == rows.max(axis=1, keepdims=True)).astype(np.float64)
    result: Doubles = largest / largest.sum(axis=1, keepdims=True)
    return result
