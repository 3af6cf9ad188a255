"""Agreement with a second panel, against hand-worked cases, exact sums and a simulation."""

import math

import numpy as np
import pytest

from gzcore.dataset.second_panel import agreements

BY_HAND = {
    "one vote of one: Beta(2, 1), E p = 2/3": ((1, 0), 2 / 3),
    "two of two: E p^2 = 3/5, and half of the tie's 3/10": ((2, 0), 3 / 5 + 3 / 20),
    "a tie is a coin": ((1, 1), 1 / 2),
    "the twin wins as surely": ((0, 2), 3 / 5 + 3 / 20),
    "no votes": ((0, 0), 1 / 2),
}


@pytest.mark.parametrize(("votes", "expected"), BY_HAND.values(), ids=BY_HAND)
def test_two_answers_by_hand(votes: tuple[int, int], expected: float) -> None:
    assert agreements(np.array([votes])) == pytest.approx([expected], abs=1e-12)


def test_two_answers_against_an_exact_sum() -> None:
    """Beta-binomial probabilities from factorials, for a panel of 9 that voted 6 to 3."""
    n, k = 9, 6
    chance = [
        math.comb(n, m) * math.factorial(m + k) * math.factorial(2 * n - m - k) * math.factorial(n + 1)
        / (math.factorial(k) * math.factorial(n - k) * math.factorial(2 * n + 1))
        for m in range(n + 1)
    ]  # fmt: skip
    assert sum(chance) == pytest.approx(1)
    assert agreements(np.array([(k, n - k)])) == pytest.approx([sum(chance[5:])], abs=1e-12)


def test_three_answers_with_one_vote() -> None:
    """Dirichlet(2, 1, 1): the second volunteer says the same with probability 2/4; 4,000 galaxies of 200 panels."""
    rows = np.tile([(1, 0, 0), (0, 1, 0), (0, 0, 1)], (1300, 1))
    assert agreements(rows).mean() == pytest.approx(0.5, abs=0.005)


def test_many_answers_agree_with_the_exact_formula_where_one_has_no_chance() -> None:
    """A third answer that gets next to nothing changes the agreement of a large panel little."""
    two, three = agreements(np.array([(60, 20)])), agreements(np.array([(60, 20, 0)] * 500))
    assert three.mean() == pytest.approx(two[0], abs=0.01)


def test_more_votes_are_more_agreement() -> None:
    panels = np.array([(2 * n, n) for n in range(1, 40)])
    assert (np.diff(agreements(panels)) > 0).all()


def test_two_answers_against_a_simulation() -> None:
    """Fractions of all volunteers are drawn first; those that give the first panel's votes have a second panel."""
    rng, n, k = np.random.default_rng(0), 12, 8
    fractions = rng.random(400_000)  # the uniform prior
    fractions = fractions[rng.binomial(n, fractions) == k]
    second = rng.binomial(n, fractions)
    same = (second > n / 2) + 0.5 * (second == n / 2)
    assert agreements(np.array([(k, n - k)])) == pytest.approx([same.mean()], abs=0.01)
