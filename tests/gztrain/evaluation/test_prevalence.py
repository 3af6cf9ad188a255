"""Figures for a population in which answers are more or less frequent, against hand-worked ones and scikit-learn."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from gzcore.errors import GzError
from gztrain.data.dataset import open_dataset
from gztrain.evaluation.predictions import Predictions
from gztrain.evaluation.prevalence import (
    Prevalence,
    about_prevalence,
    corrected,
    read_prevalence,
    target_shares,
    weights_of,
)
from tests.gztrain.synthetic import scheme_of, some_predictions

SMOOTH = "smooth-or-featured-gz2_smooth"
ROUND = tuple(f"how-rounded-gz2_{answer}" for answer in ("round", "in-between", "cigar"))


def of_one_label(rows: list[tuple[float, int]]) -> Predictions:
    probabilities, labels = (np.array(values)[:, None] for values in zip(*rows, strict=True))
    ids = tuple(map(str, range(len(rows))))
    return Predictions(ids, probabilities.astype(np.float32), labels, np.ones_like(labels), (SMOOTH,))


TEN = of_one_label([(0.8, 1)] * 3 + [(0.2, 1)] + [(0.8, 0)] * 2 + [(0.2, 0)] * 4)
"""Four galaxies are smooth, and three of them found; six are not, and four of them found."""


def test_a_rare_answer_by_hand() -> None:
    """In the sample 4 of 10 are smooth, in the population 1 of 10: the weights are 1/4 and 3/2.

    Accuracy 0.1 * 3/4 + 0.9 * 4/6 = 0.675. Said to be smooth: 3 * 1/4 = 0.75 that are and 2 * 3/2 = 3 that are not, so
    the precision is 0.75 / 3.75 = 0.2. ECE: in the bin of 0.8, 0.8 * 3.75 - 0.75 = 2.25; in that of 0.2, a weight of
    1/4 + 6 = 6.25, and 0.2 * 6.25 - 0.25 = 1; together 3.25 of 10. Brier: (0.04 * 0.75 + 0.64 * 3 + 0.64 * 0.25 + 0.04
    * 6) / 10. Galaxies that count: 10^2 / (4 / 16 + 6 * 9 / 4) = 7.27.
    """
    scheme = scheme_of("q0")
    part = corrected(TEN, scheme, Prevalence("f.csv", {SMOOTH: 0.1}), (200, 0))
    found = part["per_question"]["smooth-or-featured-gz2"]
    figures = {key: found[key] for key in ("accuracy", "ece", "brier", "effective_galaxies", "galaxies")}
    expected = {"accuracy": 0.675, "ece": 0.325, "brier": 0.235, "effective_galaxies": 100 / 13.75, "galaxies": 10}
    assert figures == pytest.approx(expected, abs=1e-6)
    smooth, featured = found["answers"]
    assert smooth == pytest.approx({"label": SMOOTH, "sample": 0.4, "population": 0.1, "precision": 0.2})
    assert (featured["population"], featured["precision"]) == (pytest.approx(0.9), None)
    low, high = found["intervals"]["accuracy"]
    assert low < 0.675 < high


def test_the_shares_of_the_sample_change_nothing() -> None:
    scheme = scheme_of("q0")
    found = corrected(TEN, scheme, Prevalence("f", {SMOOTH: 0.4}), (0, 0))["per_question"]["smooth-or-featured-gz2"]
    assert (found["accuracy"], found["effective_galaxies"]) == (pytest.approx(0.7), pytest.approx(10))
    assert found["intervals"] == {"accuracy": None}


def test_weights_leave_the_auc_of_a_label_as_it_is() -> None:
    predictions = some_predictions(scheme_of("q0"), 200)
    known = predictions.mask[:, 0] == 1
    labels, scores = predictions.labels[known, 0], predictions.probabilities[known, 0]
    weights = weights_of(1 - labels, np.array([0.03, 0.97]))
    assert weights is not None
    assert weights.mean() == pytest.approx(1)
    assert roc_auc_score(labels, scores, sample_weight=weights) == pytest.approx(roc_auc_score(labels, scores))


@pytest.mark.parametrize(
    ("given", "sample", "expected"),
    [
        pytest.param([0.2, 0.3, 0.5], [0.5, 0.3, 0.2], [0.2, 0.3, 0.5], id="all"),
        pytest.param([0.2, 0.3, None], [0.5, 0.3, 0.2], [0.2, 0.3, 0.5], id="what is left"),
        pytest.param([None, None, 0.5], [0.4, 0.2, 0.4], [1 / 3, 1 / 6, 0.5], id="as in the sample"),
        pytest.param([None, None, 1.0], [0.0, 0.0, 1.0], [0.0, 0.0, 1.0], id="nothing is left"),
        pytest.param([None, None, 0.5], [0.0, 0.0, 1.0], [np.nan, np.nan, 0.5], id="not known"),
    ],
)
def test_shares_of_three_answers(given: list[float | None], sample: list[float], expected: list[float]) -> None:
    (question,) = scheme_of("q6").questions
    shares = {name: share for name, share in zip(ROUND, given, strict=True) if share is not None}
    assert target_shares(question, np.array(sample), Prevalence("f", shares)) == pytest.approx(expected, nan_ok=True)


def test_an_answer_that_no_galaxy_has_is_named() -> None:
    scheme = scheme_of("q0")
    all_smooth = of_one_label([(0.8, 1), (0.2, 1)])
    found = corrected(all_smooth, scheme, Prevalence("f", {SMOOTH: 0.5}), (10, 0))["per_question"]
    of_question = found["smooth-or-featured-gz2"]
    assert of_question["absent"] == ["smooth-or-featured-gz2_featured-or-disk"]
    assert (of_question["accuracy"], of_question["intervals"]["accuracy"]) == (None, None)


def test_answers_whose_shares_cannot_be_told_apart_are_named() -> None:
    """All galaxies have the first of three answers; how the two others share what is left cannot be known."""
    labels = np.array([[1, 0, 0]] * 4)
    ids, scores = tuple("abcd"), np.full((4, 3), 1 / 3, np.float32)
    predictions = Predictions(ids, scores, labels, np.ones_like(labels), scheme_of("q6").names)
    part = corrected(predictions, scheme_of("q6"), Prevalence("f", {ROUND[0]: 0.5}), (10, 0))
    (sentence,) = about_prevalence(part)
    assert sentence.startswith(f"No galaxy has the answer {ROUND[1]}, {ROUND[2]}, so ")


def test_what_is_left_out_is_told() -> None:
    """Four of ten galaxies are smooth, and nothing in the population is; edge-on galaxies have no share."""
    part = corrected(TEN, scheme_of("q0"), Prevalence("f", {SMOOTH: 0}, ("bar-gz2_yes",)), (0, 0))
    left_out = (
        f"4 of 10 galaxies have the answer {SMOOTH}, which the population does not have, "
        "so they are left out of smooth-or-featured-gz2."
    )
    assert list(about_prevalence({**part, "uncorrected": ["disk-edge-on-gz2"]})) == [
        left_out,
        "f has no share of an answer to disk-edge-on-gz2.",
        "This run does not answer for bar-gz2_yes, so their shares were not used.",
    ]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("label,share\nsmooth,0.5\n", ("line 2", "no label 'smooth'", SMOOTH)),
        (f"label,share\n{SMOOTH},1.2\n", ("line 2", "is '1.2'", "from 0 to 1")),
        (f"label,share\n{SMOOTH},many\n", ("is 'many'",)),
        (f"label,share\n{SMOOTH},nan\n", ("is 'nan'",)),
        (f"label,share\n{SMOOTH},0.5\n{SMOOTH},0.5\n", ("line 3", "comes twice")),
        (f"label,share\n{SMOOTH},0.5\nsmooth-or-featured-gz2_featured-or-disk,0.4\n", ("add up to 0.9", "expected 1")),
        (f"label,share\n{ROUND[0]},0.7\n{ROUND[1]},0.7\n", ("add up to 1.4, more than 1",)),
        ("label,part\n", ("no columns label and share",)),
        ("label,share\nbar-gz2_yes,0.2\n", ("share of no label of the run",)),
        ("\xff", ("no columns",)),
    ],
)
def test_a_file_that_cannot_be_used(text: str, parts: tuple[str, ...], dataset: Path, tmp_path: Path) -> None:
    path = tmp_path / "shares.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(GzError) as error:
        read_prevalence(path, scheme_of("q0"), open_dataset(dataset))
    for part in parts:
        assert part in str(error.value)


def test_shares_of_other_questions_are_told_and_not_used(dataset: Path, tmp_path: Path) -> None:
    path = tmp_path / "shares.csv"
    path.write_text(f"label,share\n{SMOOTH},0.5\nbar-gz2_yes,0.2\n", encoding="utf-8-sig")
    found = read_prevalence(path, scheme_of("q0"), open_dataset(dataset))
    assert found == Prevalence("shares.csv", {SMOOTH: 0.5}, ("bar-gz2_yes",))
