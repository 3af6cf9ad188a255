"""Fractions and intervals, worked out by hand, and on votes that are drawn."""

import numpy as np
import pytest

from gztrain.predict.catalogue.intervals import Scaling, conformal, dirichlet_bounds, fit_scaling, held, scale


@pytest.mark.parametrize(
    ("number", "expected"),
    [(9, 9.0), (10, 10.0), (19, 18.0), (99, 90.0), (8, float("inf")), (0, float("inf"))],
    ids=str,
)
def test_the_conformal_score_stands_at_place_level_times_n_plus_1(number: int, expected: float) -> None:
    assert conformal(np.arange(number, 0, -1.0), 0.9) == expected


def test_an_interval_reaches_so_many_scales_and_stays_between_0_and_1() -> None:
    """sqrt(0.2 * 0.8 + 0.01) = 0.41231; half of that is 0.20616. The second answer is not known well enough."""
    scaling = Scaling(1.0, np.zeros(2), np.array([0.5, np.inf]), 20)
    low, high = scaling.bounds(np.array([[0.2, 0.8]]))
    np.testing.assert_allclose(low, [[0.0, 0.0]], atol=1e-9)
    np.testing.assert_allclose(high, [[0.2 + 0.5 * np.sqrt(0.17), 1.0]])


def test_a_scaling_is_a_softmax_of_logarithms() -> None:
    """With slope 1: shares 0.8 and 0.2, and a third answer of weight 0.25: of 1.25 in all."""
    found = scale(np.array([[0.8, 0.2]]), 1.0, np.array([0.0, 0.0, np.log(0.25)]))
    np.testing.assert_allclose(found, [[0.64, 0.16, 0.2]])


def test_dirichlet_intervals_have_the_moments_of_the_beta_binomial() -> None:
    """c = (6, 2), s = 8, 16 votes: t = 16 * 9 / 24 - 1 = 5, so Beta(3.75, 1.25), whose quantiles scipy gives."""
    from scipy.stats import beta

    mean, low, high = dirichlet_bounds(np.array([[6.0, 2.0]]), 16.0)
    np.testing.assert_allclose(mean, [[0.75, 0.25]])
    np.testing.assert_allclose(low[0], [beta.ppf(0.05, 3.75, 1.25), beta.ppf(0.05, 1.25, 3.75)])
    np.testing.assert_allclose(high[0], [beta.ppf(0.95, 3.75, 1.25), beta.ppf(0.95, 1.25, 3.75)])


def drawn(number: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Chances to win that are more extreme than the fractions, and fractions of 40 votes."""
    rng = np.random.default_rng(seed)
    true = rng.uniform(0.05, 0.95, number)
    logits = 3 * np.log(true / (1 - true)) + rng.normal(0, 0.5, number)
    votes = rng.binomial(40, true) / 40
    return np.stack([1 / (1 + np.exp(-logits)), 1 / (1 + np.exp(logits))], 1), np.stack([votes, 1 - votes], 1)


@pytest.mark.slow
def test_intervals_hold_what_they_promise_on_new_galaxies() -> None:
    scaling = fit_scaling(*drawn(400, 0))
    shares, votes = drawn(2000, 1)
    fractions = scaling.fractions(shares)
    inside, known = held(*scaling.bounds(fractions), votes)
    assert known == 4000
    assert 0.86 <= inside / known <= 0.94
    assert abs((fractions - votes).mean(axis=0)).max() < 0.02
    assert np.abs(fractions - votes).mean() < 0.6 * np.abs(shares - votes).mean()


def test_too_few_galaxies_give_the_widest_intervals() -> None:
    scaling = fit_scaling(*drawn(5, 0))
    low, high = scaling.bounds(scaling.fractions(np.array([[0.9, 0.1]])))
    assert (low.tolist(), high.tolist()) == ([[0.0, 0.0]], [[1.0, 1.0]])
