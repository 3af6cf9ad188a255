"""Questions beside the commonest answer and a second panel: by hand, by simulation, and where votes are not known."""

from dataclasses import replace

import numpy as np
import pytest

from gztrain.data.label_counts import count_labels
from gztrain.evaluation.baselines import make_baseline
from gztrain.evaluation.comparisons import compare, entropy, volunteers
from gztrain.evaluation.panel import Panel, panel_of
from gztrain.evaluation.predictions import Predictions
from tests.gztrain.synthetic import scheme_of, some_galaxies, some_predictions, with_votes

EDGE_ON = "disk-edge-on-gz2"


def asked(votes: list[tuple[int, int]], given: list[float]) -> Predictions:
    """Predictions of one question with yes and no, from votes for both."""
    counts = np.array(votes, np.float64)
    totals = counts.sum(axis=1)
    labels, ids = (counts[:, :1] > counts[:, 1:]).astype(np.int64), tuple(map(str, range(len(votes))))
    panel = Panel((counts / totals[:, None]).astype(np.float32), np.float32(totals[:, None]), np.zeros_like(labels))
    return Predictions(
        ids, np.float32(given)[:, None], labels, np.ones_like(labels), scheme_of("q1").names, panel=panel
    )


def compared(predictions: Predictions, scheme_name: str = "q1", bootstrap: int = 0) -> tuple[dict, dict]:
    scheme = scheme_of(scheme_name)
    baseline = make_baseline(count_labels(scheme, predictions.labels, predictions.mask), scheme)
    return compare(predictions, scheme, baseline, bootstrap=bootstrap, seed=0)


def test_a_ceiling_by_hand() -> None:
    """One vote of one: 2/3. Two of two: 3/5 and half of the tie's 3/10, so 3/4. Their mean is 17/24."""
    found = compared(asked([(1, 0), (0, 2)], [0.9, 0.8]))[0][EDGE_ON]
    assert found["ceiling"] == pytest.approx(17 / 24)
    assert found["ceiling_galaxies"] == 2
    assert found["above_ceiling"] == pytest.approx(1 / 2 - 17 / 24)  # the second is wrong
    assert found["above_commonest"] == 0  # the labels are even, so a constant answer has 1/2, too


def test_a_ceiling_is_the_score_of_simulated_panels() -> None:
    """Galaxies with fractions from the prior, a first panel and a second panel of 15 each."""
    rng = np.random.default_rng(0)
    fractions = rng.random(3000)
    first, second = rng.binomial(15, fractions), rng.binomial(15, fractions)
    predictions = asked([(int(yes), 15 - int(yes)) for yes in first], [0.5] * 3000)
    figures, intervals = compared(predictions, bootstrap=100)
    score = ((first > 7) == (second > 7)).mean()
    assert figures[EDGE_ON]["ceiling"] == pytest.approx(score, abs=0.02)
    low, high = intervals[EDGE_ON]["ceiling"]
    assert low < score < high


def test_an_interval_of_the_ceiling_is_as_wide_as_the_scores_of_second_panels() -> None:
    """All galaxies have 7 votes of 9, so each score is a share of N coins, whose spread is sqrt(p (1 - p) / N)."""
    number = 400
    figures, intervals = compared(asked([(7, 2)] * number, [0.9] * number), bootstrap=400)
    chance = figures[EDGE_ON]["ceiling"]
    low, high = intervals[EDGE_ON]["ceiling"]
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(chance * (1 - chance) / number), rel=0.12)


def test_intervals_are_paired() -> None:
    """A model that says what the commonest answer says differs from it by nothing, on whatever galaxies."""
    predictions = asked([(9, 1)] * 30 + [(1, 9)] * 10, [0.9] * 40)
    figures, intervals = compared(predictions, bootstrap=50)
    assert figures[EDGE_ON]["above_commonest"] == 0
    assert intervals[EDGE_ON]["above_commonest"] == [0, 0]


def test_without_votes_there_is_no_ceiling() -> None:
    predictions = replace(asked([(9, 1)], [0.9]), panel=None)
    found = compared(predictions, bootstrap=5)
    assert (found[0][EDGE_ON]["ceiling"], found[0][EDGE_ON]["ceiling_galaxies"]) == (None, 0)
    assert found[1][EDGE_ON]["ceiling"] is None
    assert volunteers(predictions, scheme_of("q1"), make_baseline_of(predictions)) == {EDGE_ON: None}


def make_baseline_of(predictions: Predictions) -> object:
    scheme = scheme_of("q1")
    return make_baseline(count_labels(scheme, predictions.labels, predictions.mask), scheme)


def test_confusion_of_volunteers_by_hand() -> None:
    """Two galaxies are edge-on, one is not; single volunteers said otherwise in 1 of 10, 4 of 10 and 2 of 10 cases."""
    predictions = asked([(9, 1), (6, 4), (2, 8)], [0.9, 0.4, 0.1])
    found = volunteers(predictions, scheme_of("q1"), make_baseline_of(predictions))[EDGE_ON]
    assert found["confusion"] == [[1, 1], [0, 1]]
    assert np.array(found["soft_confusion"]) == pytest.approx(np.array([[1.5, 0.5], [0.2, 0.8]]))
    assert found["fraction_rmse"] == pytest.approx(np.sqrt((0 + 0.2**2 + 0.1**2) / 3), rel=1e-5)
    assert [part["galaxies"] for part in found["by_entropy"]] == [0, 0, 1, 1, 1]
    assert [part["error"] for part in found["by_entropy"]] == [None, None, 0, 0, 1]


@pytest.mark.parametrize(("shares", "expected"), [((1, 0), 0), ((0.5, 0.5), 1), ((1 / 3, 1 / 3, 1 / 3), 1)])
def test_entropy(shares: tuple[float, ...], expected: float) -> None:
    assert entropy(np.array([shares])) == pytest.approx([expected])


def test_predictions_with_votes_are_judged_alike_in_any_order() -> None:
    scheme = scheme_of("reduced")
    predictions = with_votes(some_predictions(scheme, 80), scheme)
    figures = compared(predictions, "reduced")[0]
    assert all(0.9 < part["ceiling"] < 1 for part in figures.values())


class Tree:
    """The part of a data set that votes need."""

    def __init__(self) -> None:
        self.questions = ALL
        self.fraction_names = tuple(name for question in ALL for name in question.fraction_columns)


ALL = tuple(scheme_of(f"q{number}").questions[0] for number in range(11))


def test_the_total_of_the_first_question_stands_in_for_others() -> None:
    """Of 40 volunteers, those who said "featured" were asked whether the galaxy is edge-on."""
    galaxies, tree = some_galaxies(200), Tree()
    votes = np.full_like(galaxies.votes, np.nan)
    votes[:, 0] = 40
    found = panel_of(replace(galaxies, votes=votes), scheme_of("q1"), tree)  # type: ignore[arg-type]
    known = np.isfinite(galaxies.fractions[:, 3]) & np.isfinite(galaxies.fractions[:, 1])
    expected = np.maximum(np.rint(40 * galaxies.fractions[known, 1]), 1)
    assert found.votes[known, 0].tolist() == expected.tolist()
    assert found.estimated[known].all()
    assert not found.estimated[~known].any()
    untouched = panel_of(galaxies, scheme_of("q1"), tree)  # type: ignore[arg-type]
    counted = np.isfinite(galaxies.votes[:, 1])
    assert (untouched.votes[counted, 0] == galaxies.votes[counted, 1]).all()


def test_those_who_said_smooth_or_featured_were_asked_for_oddities() -> None:
    """Two galaxies with 40 volunteers: 4 said artifact; and all did, so that none was asked."""
    galaxies, tree = some_galaxies(2), Tree()
    fractions, votes = galaxies.fractions.copy(), np.full_like(galaxies.votes, np.nan)
    odd = scheme_of("q5")
    votes[:, 0], fractions[:, :3] = 40, [(0.3, 0.6, 0.1), (0, 0, 1)]
    fractions[:, list(odd.fraction_places)] = [(0.5, 0.5), (np.nan, np.nan)]
    found = panel_of(replace(galaxies, fractions=fractions, votes=votes), odd, tree)  # type: ignore[arg-type]
    np.testing.assert_array_equal(found.votes[:, 0], (36, np.nan))
