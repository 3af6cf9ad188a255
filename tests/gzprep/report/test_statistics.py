"""Statistics of votes and labels against numpy on the same galaxies, whole and in pieces."""

import math
from dataclasses import replace

import numpy as np
import pytest

from gzcore.dataset.schema import LabelCounts
from gzcore.dataset.tree import Question
from gzprep.report.confident import MostConfident
from gzprep.report.correlation import Correlation
from gzprep.report.prevalence import Together, _holm, drifts
from gzprep.report.reach import Reach
from gzprep.report.rows import Columns, _along_the_tree
from tests.gzprep.report.galaxies import COLUMNS, TREE, batch, drawn

NAN = math.nan


def test_correlations_are_those_of_numpy() -> None:
    correlation = Correlation.empty(COLUMNS)
    batches = [drawn(200, seed) for seed in range(3)]
    for galaxies in batches:
        correlation.add(galaxies)
    fractions = np.concatenate([galaxies.fractions for galaxies in batches])
    asked, filled = correlation.asked(), correlation.zero_filled()
    np.testing.assert_allclose(filled, np.corrcoef(np.nan_to_num(fractions).T), atol=1e-10)
    for first in range(5):
        for second in range(5):
            both = np.isfinite(fractions[:, (first, second)]).all(axis=1)
            expected = np.corrcoef(fractions[both, first], fractions[both, second])[0, 1]
            assert asked[first, second] == pytest.approx(expected, abs=1e-10)


def test_two_answers_are_opposites_where_asked() -> None:
    correlation = Correlation.empty(COLUMNS)
    correlation.add(
        batch([(0.25, 0.75, *[NAN] * 3), (1.0, 0.0, *[NAN] * 3), (NAN,) * 5, (0.5, 0.5, *[NAN] * 3)], [(40, 0)] * 4)
    )
    ((question, asked, filled),) = correlation.two_answers()
    assert question is TREE[0]
    assert asked == pytest.approx(-1)
    assert filled == pytest.approx(np.corrcoef((0.25, 1, 0, 0.5), (0.75, 0, 0, 0.5))[0, 1])
    assert filled > -0.5


def test_reach_is_that_of_numpy() -> None:
    reach = Reach.empty(COLUMNS)
    batches = [drawn(200, seed) for seed in range(3)]
    for galaxies in batches:
        reach.add(galaxies)
    fractions = np.concatenate([galaxies.fractions for galaxies in batches])
    np.testing.assert_allclose(reach.asked, np.isfinite(fractions).sum(axis=0))
    np.testing.assert_allclose(reach.mean_asked(), np.nanmean(fractions, axis=0))
    np.testing.assert_allclose(reach.mean_zero_filled(), np.nan_to_num(fractions).mean(axis=0))
    np.testing.assert_allclose(reach.sure, (fractions >= 0.5).sum(axis=0))
    np.testing.assert_allclose(reach.unlikely, (fractions <= 0.2).sum(axis=0))


def test_enough_votes_are_mean_plus_two_deviations() -> None:
    reach = Reach.empty(COLUMNS)
    totals = np.array([(30, 3), (40, 5), (50, NAN), (44, 0)])
    reach.add(batch(np.full((4, 5), 0.5), totals))
    assert reach.enough_votes()[0] == pytest.approx(totals[:, 0].mean() + 2 * totals[:, 0].std())
    assert reach.enough_votes()[1] == pytest.approx(4 + 2 * 1)


TOTALS = {
    "the catalogue's own number wins": ((40, 9), (0.25, 0.75, 0.5, 0.5, 0.0), 9),
    "else those who gave the parent's answer": ((40, NAN), (0.25, 0.75, 0.5, 0.5, 0.0), 30),
    "rounded to whole votes": ((41, NAN), (0.244, 0.756, 0.5, 0.5, 0.0), 31),
    "no votes known at all": ((NAN, NAN), (0.25, 0.75, 0.5, 0.5, 0.0), NAN),
}


@pytest.mark.parametrize(("totals", "fractions", "expected"), TOTALS.values(), ids=TOTALS)
def test_votes_follow_from_the_tree(totals: tuple[float, ...], fractions: tuple[float, ...], expected: float) -> None:
    filled = _along_the_tree(np.array([totals], float), np.array([fractions]), COLUMNS)
    assert filled[0, 1] == pytest.approx(expected, nan_ok=True)


def test_a_derived_question_has_no_votes_of_its_own() -> None:
    columns = Columns(TREE, COLUMNS.labels, COLUMNS.stored - {"arms_one"})
    assert np.isnan(_along_the_tree(np.array([(40, NAN)]), np.array([(0.2, 0.8, 1, 0, 0)]), columns)[0, 1])


@pytest.mark.parametrize(
    ("shares", "expected"),
    [((0.25, 0.625, 0.125), 35), ((1.0, 0.0, 0.0), 40), ((NAN, NAN, NAN), NAN)],
    ids=["10 + 25 of 40", "all of them", "not asked"],
)
def test_votes_of_several_answers_that_lead_on_add_up(shares: tuple[float, ...], expected: float) -> None:
    tree = (
        Question(0, "shape", "Smooth?", ("smooth", "disk"), dropped="star"),
        Question(1, "odd", "Odd?", ("yes",), "no", parents=(("shape", "smooth"), ("shape", "disk"))),
    )
    columns = Columns(tree, ("shape_smooth", "shape_disk", "odd_yes"), frozenset({"shape_smooth", "odd_yes"}))
    filled = _along_the_tree(np.array([(40, NAN)]), np.array([(*shares, 0.5, 0.5)]), columns)
    assert filled[0, 1] == pytest.approx(expected, nan_ok=True)


def test_a_question_of_another_survey_has_no_votes_of_the_first_question() -> None:
    """In a folder that was joined from others, a second question that is always asked belongs to another survey."""
    columns = replace(COLUMNS, questions=(TREE[0], replace(TREE[1], parent=None, parents=())))
    totals = np.array([(40, NAN), (40, NAN)])
    filled = _along_the_tree(totals, np.array([(0.2, 0.8, NAN, NAN, NAN), (0.2, 0.8, 1, 0, 0)]), columns)
    np.testing.assert_array_equal(filled[:, 1], (NAN, 40))


def counts(known: int, positive: int) -> LabelCounts:
    return LabelCounts(galaxies=known, answered=(known,), asked=(positive,), report=(positive,))


DRIFT = {
    "the same share": ({"a": counts(1000, 300), "b": counts(500, 150)}, False),
    "within chance": ({"a": counts(1000, 300), "b": counts(500, 165)}, False),
    "more than chance": ({"a": counts(1000, 300), "b": counts(500, 230)}, True),
    "a group without galaxies": ({"a": counts(1000, 300), "b": counts(0, 0)}, False),
    "a label that is never given": ({"a": counts(1000, 0), "b": counts(500, 0)}, False),
    "too few for a test": ({"a": counts(10, 0), "b": counts(4, 2)}, False),
}


@pytest.mark.parametrize(("groups", "different"), DRIFT.values(), ids=DRIFT)
def test_which_differences_are_more_than_chance(groups: dict[str, LabelCounts], different: bool) -> None:  # noqa: FBT001
    (drift,) = drifts(["label"], groups)
    assert (drift.p < 0.05) is different


def test_holm_by_hand() -> None:
    np.testing.assert_allclose(_holm(np.array([0.01, 0.04, NAN, 0.03])), [0.03, 0.06, NAN, 0.06])


def test_labels_that_come_together_are_counted_without_rejected_galaxies() -> None:
    together = Together.empty(COLUMNS)
    fractions = [(1, 0, 1, 0, 0), (1, 0, 1, 0, 0), (1, 0, 0, 1, 0), (1, 0, NAN, NAN, NAN)]
    together.add(batch(fractions, [(9, 9)] * 4, verdicts=("accepted", "rejected", "flagged", "accepted")))
    assert together.pairs.tolist() == [[3, 1, 1], [1, 1, 0], [1, 0, 1]]


def test_the_surest_galaxies_have_enough_votes() -> None:
    confident = MostConfident(COLUMNS, np.array([20.0, NAN]))
    fractions = [(1.0, 0.0, 0.9, 0.1, 0), (0.7, 0.3, 0.2, 0.8, 0), (0.8, 0.2, NAN, NAN, NAN), (0.99, 0.01, 1, 0, 0)]
    totals = [(19, 3), (20, 3), (44, 3), (44, 3)]
    confident.add(batch(fractions, totals, verdicts=("accepted", "accepted", "accepted", "rejected")))
    assert [galaxy.id for galaxy in confident.ranked("shape_smooth")] == ["2", "1"]
    assert [galaxy.id for galaxy in confident.ranked("arms_one")] == ["0", "1"]
    assert confident.ranked("arms_many") == []


def test_batches_in_any_order_give_the_same_surest_galaxies() -> None:
    one, other = (MostConfident(COLUMNS, np.array([NAN, NAN])) for _ in range(2))
    batches = [drawn(50, seed) for seed in range(4)]
    for galaxies in batches:
        one.add(galaxies)
    for galaxies in reversed(batches):
        other.add(galaxies)
    fractions = [
        [[galaxy.fraction for galaxy in known.ranked(name)] for name in TREE[1].columns] for known in (one, other)
    ]
    assert fractions[0] == fractions[1]
