"""Counts of votes behind labels, and what a minimum of votes keeps."""

import math

import numpy as np
import pytest

from gzprep.report.certainty import Certainty, Curve
from tests.gzprep.report.galaxies import COLUMNS, TREE, batch


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
