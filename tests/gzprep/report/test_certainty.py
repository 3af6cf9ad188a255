"""Agreement with a second panel, against hand-worked cases and exact sums; counts of votes behind labels."""

import math

import numpy as np
import pytest

from gzprep.report.certainty import Certainty, Curve, agreements
from tests.gzprep.report.galaxies import COLUMNS, TREE, batch

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


def test_votes_behind_labels() -> None:
    certainty = Certainty(TREE[1], COLUMNS)
    nan = math.nan
    certainty.add(
        batch(
            [
                (0.2, 0.8, 1.0, 0.0, 0.0),  # 1 vote
                (0.2, 0.8, 0.5, 0.5, 0.0),  # 2 votes, a tie
                (0.2, 0.8, 0.1, 0.9, 0.0),  # 10 votes
                (0.2, 0.8, 0.1, 0.9, 0.0),  # number not known
                (1.0, 0.0, nan, nan, nan),  # not asked
            ],
            [(40, 1), (40, 2), (40, 10), (40, nan), (40, nan)],
        )
    )
    assert (certainty.labels, certainty.ties, certainty.unknown) == (4, 1, 1)
    assert [certainty.at_most(votes) for votes in (0, 1, 2, 9, 10)] == [0, 1, 2, 2, 3]
    curve = certainty.curve()
    assert curve.kept[[0, 1, 2, 9, 10]].tolist() == [3, 2, 1, 1, 0]
    assert np.isnan(curve.agreement[10:]).all()


def test_pieces_add_up_to_the_whole() -> None:
    rng = np.random.default_rng(1)
    fractions = np.column_stack([np.zeros((600, 2)), rng.multinomial(6, (0.5, 0.3, 0.2), 600) / 6])
    fractions[:, 1] = 1
    totals = np.tile((40.0, 6.0), (600, 1))
    whole, pieces = Certainty(TREE[1], COLUMNS), Certainty(TREE[1], COLUMNS)
    whole.add(batch(fractions, totals))
    for start in range(0, 600, 100):
        pieces.add(batch(fractions[start : start + 100], totals[start : start + 100]))
        pieces._compress()
    for ours, theirs in zip(whole.votes(), pieces.votes(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(("share", "expected"), [(0.5, 1), (0.8, 3), (0.95, None)])
def test_the_smallest_minimum_that_reaches_a_share(share: float, expected: int | None) -> None:
    curve = Curve(np.array([1, 2, 3, 4]), np.array([9, 5, 2, 0]), np.array([0.6, 0.7, 0.9, np.nan]))
    assert curve.first_above(share) == expected
