"""Metrics against scikit-learn on random masked labels, tables by hand, and what is said of a constant predictor."""

import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from gzcore.errors import GzError
from gztrain.data.dataset import Scheme
from gztrain.data.label_counts import count_labels
from gztrain.evaluation.baselines import Baseline, make_baseline
from gztrain.evaluation.columns import Column, by_columns
from gztrain.evaluation.figures import COUNTS, METRICS
from gztrain.evaluation.metrics import SCHEMA, as_document, describe, judge
from gztrain.evaluation.predictions import Predictions
from gztrain.evaluation.prevalence import Prevalence, corrected
from gztrain.evaluation.summary import summarise
from tests.gztrain.synthetic import ALL_SCHEMES, documented_keys, paths, scheme_of, some_predictions, with_votes

checked = settings(deadline=None, derandomize=True, max_examples=40)


def predictions_of(scheme: str, rows: list[tuple[list[float], list[int], int]]) -> Predictions:
    """Predictions of a single question, a galaxy a row: probabilities, labels, and whether it is known."""
    probabilities, labels, known = zip(*rows, strict=True)
    mask = np.repeat(np.array(known)[:, None], len(labels[0]), axis=1)
    ids = tuple(map(str, range(len(rows))))
    return Predictions(ids, np.float32(probabilities), np.array(labels), mask, scheme_of(scheme).names)


def baseline_of(predictions: Predictions, scheme: Scheme) -> Baseline:
    return make_baseline(count_labels(scheme, predictions.labels, predictions.mask), scheme)


def judged(predictions: Predictions, scheme: Scheme, bootstrap: int = 0, seed: int = 0) -> dict[str, Any]:
    return judge(predictions, scheme, baseline=baseline_of(predictions, scheme), bootstrap=bootstrap, seed=seed)


# ---------------------------------------------------------------- against scikit-learn


@st.composite
def masked_predictions(draw: st.DrawFn) -> tuple[Predictions, Scheme]:
    """Random probabilities, with or without ties, and random labels, masked question by question or label by label."""
    scheme = scheme_of(draw(st.sampled_from(ALL_SCHEMES)))
    number, seed, steps = draw(st.integers(1, 60)), draw(st.integers(0, 10**6)), draw(st.sampled_from((0, 1, 4, 20)))
    predictions = some_predictions(scheme, number, seed, steps)
    if draw(st.booleans()):
        rng = np.random.default_rng(seed)
        mask = (rng.random(predictions.mask.shape) < draw(st.sampled_from((0.0, 0.3, 1.0)))).astype(np.int64)
        labels = (rng.random(mask.shape) < draw(st.sampled_from((0.0, 0.5, 1.0)))).astype(np.int64)
        predictions = replace(predictions, mask=mask, labels=labels)
    return predictions, scheme


def near(value: float | None, defined: bool = True) -> Any:  # noqa: FBT001, FBT002
    return pytest.approx(value, rel=1e-6, abs=1e-7) if defined else None


def assert_as_sklearn(found: dict[str, Any], probabilities: np.ndarray, labels: np.ndarray) -> None:
    """Figures of pooled values, each [M]."""
    said, known = (probabilities > 0.5).astype(int), len(labels) > 0
    both, true = known and 0 < labels.sum() < len(labels), known and labels.any()
    tn, fp, fn, tp = sk.confusion_matrix(labels, said, labels=[0, 1]).ravel() if known else (0, 0, 0, 0)
    assert [found[name] for name in COUNTS] == [tp, tn, fp, fn]
    assert (found["known_labels"], found["positives"]) == (len(labels), labels.sum())
    errors = probabilities.astype(np.float64) - labels
    assert found["binary_accuracy"] == near(sk.accuracy_score(labels, said) if known else None, known)
    assert found["precision"] == near(sk.precision_score(labels, said) if said.any() else 0, said.any())
    assert found["recall"] == near(sk.recall_score(labels, said) if true else 0, true)
    assert found["auc"] == near(sk.roc_auc_score(labels, probabilities) if both else None, both)
    assert found["average_precision"] == near(sk.average_precision_score(labels, probabilities) if true else 0, true)
    assert found["mean_absolute_error"] == near(abs(errors).mean() if known else 0, known)
    assert found["root_mean_squared_error"] == near(np.sqrt((errors**2).mean()) if known else 0, known)
    clipped = probabilities.astype(np.float64).clip(1e-7, 1 - 1e-7)
    assert found["loss"] == near(sk.log_loss(labels, clipped, labels=[0, 1]) if known else 0, known)


@checked
@given(masked_predictions())
def test_figures_are_those_of_scikit_learn(drawn: tuple[Predictions, Scheme]) -> None:
    predictions, scheme = drawn
    found = describe(predictions, scheme)
    p, labels, known = predictions.probabilities, predictions.labels, predictions.mask == 1
    assert_as_sklearn(found, p[known], labels[known])
    for place, name in enumerate(scheme.names):
        column = known[:, place]
        assert_as_sklearn(found["per_label"][name], p[column, place], labels[column, place])
    for question, block in zip(scheme.questions, scheme.blocks, strict=True):
        assert_as_sklearn(
            found["per_question"][question.name], p[:, block][known[:, block]], labels[:, block][known[:, block]]
        )


@checked
@given(masked_predictions())
def test_means_over_labels_are_those_of_scikit_learn(drawn: tuple[Predictions, Scheme]) -> None:
    predictions, scheme = drawn
    found = describe(predictions, scheme)
    columns = [predictions.mask[:, place] == 1 for place in range(len(scheme.names))]
    pairs = [(predictions.labels[c, i], predictions.probabilities[c, i]) for i, c in enumerate(columns)]
    f1 = [sk.f1_score(y, p > 0.5) for y, p in pairs if y.any() or (p > 0.5).any()]
    auc = [sk.roc_auc_score(y, p) for y, p in pairs if 0 < y.sum() < len(y)]
    precision = [sk.average_precision_score(y, p) for y, p in pairs if y.any()]
    assert found["f1"] == near(np.mean(f1) if f1 else 0, bool(f1))
    assert found["auc_macro"] == near(np.mean(auc) if auc else 0, bool(auc))
    assert found["average_precision_macro"] == near(np.mean(precision) if precision else 0, bool(precision))


@checked
@given(masked_predictions())
def test_accuracy_and_confusion_are_those_of_scikit_learn(drawn: tuple[Predictions, Scheme]) -> None:
    predictions, scheme = drawn
    found, right, asked = describe(predictions, scheme), 0, 0
    for question, block in zip(scheme.questions, scheme.blocks, strict=True):
        known = predictions.mask[:, block].all(axis=1)
        true, said = (_classes(part[known][:, block]) for part in (predictions.labels, predictions.probabilities))
        entry, size = found["per_question"][question.name], len(found["per_question"][question.name]["classes"])
        expected = sk.confusion_matrix(true, said, labels=range(size)) if known.any() else np.zeros((size, size))
        assert entry["confusion"] == expected.tolist()
        assert entry["accuracy"] == near(sk.accuracy_score(true, said) if known.any() else 0, bool(known.any()))
        assert entry["known_questions"] == known.sum()
        right, asked = right + (true == said).sum(), asked + known.sum()
    assert found["accuracy"] == near(right / max(asked, 1), asked > 0)
    assert found["known_questions"] == asked


def _classes(values: np.ndarray) -> np.ndarray:
    """Class of each row: with one label, 0 is the label and 1 its twin."""
    return np.array([int(row[0] <= 0.5) if len(row) == 1 else int(np.argmax(row)) for row in values], int)


@checked
@given(masked_predictions())
def test_counts_are_whole_and_add_up(drawn: tuple[Predictions, Scheme]) -> None:
    predictions, scheme = drawn
    found = describe(predictions, scheme)
    assert all(isinstance(found[name], int) for name in COUNTS)
    assert sum(found[name] for name in COUNTS) == predictions.mask.sum() == found["known_labels"]
    for parts in ("per_label", "per_question"):
        for name in (*COUNTS, "known_labels", "positives"):
            assert sum(entry[name] for entry in found[parts].values()) == found[name]


# ---------------------------------------------------------------- by hand


def test_a_question_of_one_label_by_hand() -> None:
    predictions = predictions_of(
        "q1", [([0.9], [1], 1), ([0.6], [0], 1), ([0.4], [1], 1), ([0.2], [0], 1), ([0.1], [0], 1), ([0.99], [0], 0)]
    )
    found = describe(predictions, scheme_of("q1"))
    expected = {
        "galaxies": 6,
        "loss": -np.log([0.9, 0.4, 0.4, 0.8, 0.9]).mean(),
        "accuracy": 3 / 5,
        "mean_absolute_error": (0.1 + 0.6 + 0.6 + 0.2 + 0.1) / 5,
        "root_mean_squared_error": np.sqrt((0.01 + 0.36 + 0.36 + 0.04 + 0.01) / 5),
        "binary_accuracy": 3 / 5,
        "auc": 5 / 6,  # of 2 x 3 pairs, one (0.4 against 0.6) is the wrong way round
        "precision": 1 / 2,
        "recall": 1 / 2,
        "f1": 1 / 2,
        "true_positives": 1,
        "true_negatives": 2,
        "false_positives": 1,
        "false_negatives": 1,
        "average_precision": (1 + 2 / 3) / 2,
        "known_labels": 5,
        "known_questions": 5,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-6)
    entry = found["per_question"]["disk-edge-on-gz2"]
    assert (entry["title"], entry["classes"]) == ("A disk viewed edge-on?", ["yes", "no"])
    assert entry["confusion"] == [[1, 1], [1, 2]]


def test_a_question_of_three_labels_by_hand() -> None:
    """The largest of three wins, though none is above one half; binary accuracy sees it otherwise."""
    predictions = predictions_of(
        "q6",
        [
            ([0.4, 0.3, 0.3], [1, 0, 0], 1),
            ([0.2, 0.7, 0.1], [0, 1, 0], 1),
            ([0.6, 0.7, 0.2], [1, 0, 0], 1),
            ([0.3, 0.3, 0.4], [0, 0, 1], 0),
        ],
    )
    found = describe(predictions, scheme_of("q6"))
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert [found[name] for name in COUNTS] == [2, 5, 1, 1]
    assert found["binary_accuracy"] == pytest.approx(7 / 9)
    assert found["precision"] == pytest.approx(2 / 3)
    assert found["recall"] == pytest.approx(2 / 3)
    # round: 1 of 2 found, none wrong: 2/3; in-between: 1 found, 1 wrong: 2/3; cigar: none there, none said: undefined
    assert found["f1"] == pytest.approx(2 / 3)
    assert found["per_label"]["how-rounded-gz2_cigar"]["f1"] is None
    assert found["per_question"]["how-rounded-gz2"]["confusion"] == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]


def test_one_half_is_below_the_threshold_everywhere() -> None:
    predictions = predictions_of("q1", [([0.5], [1], 1), ([0.5], [0], 1)])
    found = describe(predictions, scheme_of("q1"))
    assert [found[name] for name in COUNTS] == [0, 1, 0, 1]
    assert found["accuracy"] == found["binary_accuracy"] == 0.5
    assert found["per_question"]["disk-edge-on-gz2"]["confusion"] == [[0, 1], [0, 1]]


# ---------------------------------------------------------------- where little is known


def test_a_label_that_is_never_known_is_null() -> None:
    scheme = scheme_of("hubble")
    predictions = some_predictions(scheme, 30)
    predictions.mask[:, 2] = predictions.labels[:, 2] = 0
    found = judged(predictions, scheme, bootstrap=20)
    entry = found["per_label"]["bar-gz2_yes"]
    assert (entry["known_labels"], entry["auc"], entry["f1"], entry["loss"], entry["recall"]) == (
        0,
        None,
        None,
        None,
        None,
    )
    assert found["intervals"]["per_label"]["bar-gz2_yes"]["auc"] is None
    assert found["per_question"]["bar-gz2"]["accuracy"] is None
    assert found["per_question"]["bar-gz2"]["confusion"] == [[0, 0], [0, 0]]
    others = [found["per_label"][name]["auc"] for name in scheme.names if name != "bar-gz2_yes"]
    assert found["auc_macro"] == pytest.approx(np.mean(others))


@pytest.mark.parametrize("label", [0, 1])
def test_a_label_of_a_single_class(label: int) -> None:
    predictions = predictions_of("q1", [([0.9], [label], 1), ([0.2], [label], 1)])
    found = judged(predictions, scheme_of("q1"), bootstrap=10)
    assert found["auc"] is None
    assert found["auc_macro"] is None
    assert found["average_precision"] == (1 if label else None)
    assert (found["precision"], found["recall"]) == ((1, 0.5) if label else (0, None))
    assert found["verdict"].startswith("The output depends on the image; no label has both classes here")


def test_one_galaxy_shows_nothing() -> None:
    found = judged(predictions_of("q1", [([0.9], [1], 1)]), scheme_of("q1"), bootstrap=10)
    assert found["constant"] is None
    assert found["verdict"] == "One galaxy cannot show whether the output depends on the image."
    assert found["intervals"]["accuracy"] == [1, 1]


def test_nothing_is_known_at_all() -> None:
    scheme = scheme_of("all")
    predictions = some_predictions(scheme, 5)
    predictions.mask[:] = 0
    found = judged(predictions, scheme, bootstrap=5)
    assert [found[name] for name in METRICS] == [None] * 9 + [0] * 4
    json.dumps(found, allow_nan=False)


@pytest.mark.slow
@checked
@given(masked_predictions())
def test_json_holds_no_nan(drawn: tuple[Predictions, Scheme]) -> None:
    predictions, scheme = drawn
    text = json.dumps(judged(predictions, scheme, bootstrap=3), allow_nan=False)
    assert json.loads(text)["galaxies"] == len(predictions.ids)


def test_predictions_of_another_scheme() -> None:
    scheme, predictions = scheme_of("q1"), some_predictions(scheme_of("q0"), 3)
    with pytest.raises(GzError, match=r"Scheme q1 has the labels disk-edge-on-gz2_yes; the predictions are of smooth"):
        judge(predictions, scheme, baseline=Baseline(np.zeros(1), np.zeros(1)))


def test_no_galaxy_at_all() -> None:
    scheme = scheme_of("q1")
    with pytest.raises(GzError, match="no galaxy to evaluate on"):
        judge(some_predictions(scheme, 0), scheme, baseline=Baseline(np.zeros(1), np.zeros(1)))


# ---------------------------------------------------------------- beside what can be had without looking


@pytest.mark.slow
def test_every_figure_stands_beside_those_of_the_baselines() -> None:
    scheme = scheme_of("all")
    predictions = some_predictions(scheme, 300)
    found = judged(predictions, scheme)
    for baseline in found["baselines"].values():
        assert shape_of(baseline) == shape_of(describe(predictions, scheme))
        assert all(entry["auc"] == 0.5 for entry in baseline["per_label"].values())
        assert all(entry["spread"] == 0 for entry in baseline["per_label"].values())
    assert found["baselines"]["image_free"]["auc"] > 0.6  # pooled: frequent labels rank above rare ones
    assert found["baselines"]["image_free"]["loss"] < found["baselines"]["majority"]["loss"]


def shape_of(value: Any) -> Any:
    return {key: shape_of(item) for key, item in value.items()} if isinstance(value, dict) else None


def test_the_majority_is_right_as_often_as_its_answer_is_true() -> None:
    scheme = scheme_of("q6")
    predictions = some_predictions(scheme, 200)
    found = judged(predictions, scheme)
    shares = predictions.labels[predictions.mask[:, 0] == 1].mean(axis=0)
    assert found["baselines"]["majority"]["accuracy"] == pytest.approx(shares.max())
    assert found["baselines"]["image_free"]["accuracy"] == pytest.approx(shares.max())
    assert found["baselines"]["image_free"]["loss"] == pytest.approx(
        -np.mean(shares * np.log(shares) + (1 - shares) * np.log(1 - shares)), rel=1e-5
    )


def constant(predictions: Predictions, noise: float = 0.0) -> Predictions:
    rng = np.random.default_rng(0)
    values = np.linspace(0.2, 0.8, predictions.probabilities.shape[1])
    probabilities = values + noise * rng.random(predictions.probabilities.shape)
    return replace(predictions, probabilities=probabilities.astype(np.float32))


@pytest.mark.parametrize("noise", [0.0, 1e-7, 5e-5])
def test_a_constant_predictor_is_called_one(noise: float) -> None:
    scheme = scheme_of("reduced")
    found = judged(constant(some_predictions(scheme, 100), noise), scheme, bootstrap=20)
    assert found["constant"] is True
    assert found["constant_labels"] == list(scheme.names)
    assert found["verdict"] == (
        "The output does not depend on the image: no probability moves by 0.0001 or more over 100 galaxies, "
        "so the figures show how frequent labels are, not what the model sees."
    )


def test_a_label_that_is_constant_is_named() -> None:
    scheme = scheme_of("hubble")
    predictions = some_predictions(scheme, 100)
    predictions.probabilities[:, 2] = 0.3
    found = judged(predictions, scheme, bootstrap=20)
    assert (found["constant"], found["constant_labels"]) == (False, ["bar-gz2_yes"])
    assert found["verdict"].startswith(
        "The output depends on the image, except that for bar-gz2_yes: mean AUC of a label 0."
    )


def test_a_predictor_that_sees_something() -> None:
    scheme = scheme_of("reduced")
    found = judged(some_predictions(scheme, 300), scheme, bootstrap=50)
    assert (found["constant"], found["constant_labels"]) == (False, [])
    assert re.fullmatch(
        r"The output depends on the image: mean AUC of a label 0\.8\d\d \(0\.\d{3} to 0\.\d{3}\), where a model that "
        r"ignores the image has 0\.500\. Accuracy 0\.\d{3}; the commonest answers alone have 0\.\d{3}\.",
        found["verdict"].splitlines()[0],
    )


def test_a_predictor_that_guesses() -> None:
    scheme = scheme_of("q2")
    predictions = some_predictions(scheme, 100)
    noise = np.random.default_rng(5).random((100, 1)).astype(np.float32)
    found = judged(replace(predictions, probabilities=noise), scheme, bootstrap=50)
    assert found["constant"] is False
    assert "but is not shown to rank galaxies better than chance: mean AUC of a label 0." in found["verdict"]


@pytest.mark.parametrize(
    ("positives", "expected"),
    [
        pytest.param([1], ", but is not shown to rank galaxies better than chance: mean AUC", id="one"),
        pytest.param([5], ": mean AUC of a label 1.000 (1.000 to 1.000), where a model that ignores", id="five"),
        pytest.param([1, 20, 20], ": mean AUC of a label 1.000 (1.000 to 1.000), where a model", id="one beside many"),
    ],
)
def test_few_cases_do_not_show_that_galaxies_are_ranked(positives: list[int], expected: str) -> None:
    """Each positive galaxy is ranked first, and so it is when galaxies are drawn again. One may be so by chance."""
    per_label = {
        f"l{place}": {"spread": 0.6, "auc": 1.0, "positives": count, "known_labels": 40}
        for place, count in enumerate(positives)
    }
    figures = {"galaxies": 40, "per_label": per_label, "auc_macro": 1.0, "accuracy": None}
    verdict = summarise(figures, {}, {"auc_macro": [1.0, 1.0]})["verdict"]
    assert verdict.startswith(f"The output depends on the image{expected}")


# ---------------------------------------------------------------- intervals


@pytest.mark.slow
def test_intervals_are_those_of_galaxies_drawn_again() -> None:
    """The same resamples the long way: rows copied, and judged one after the other."""
    scheme = scheme_of("reduced")
    predictions = some_predictions(scheme, 40, steps=20)
    found = judged(predictions, scheme, bootstrap=25, seed=3)["intervals"]
    drawn = np.random.default_rng(3).integers(40, size=(25, 40))
    again = [describe(_rows(predictions, rows), scheme) for rows in drawn]
    for name in (
        "loss",
        "accuracy",
        "root_mean_squared_error",
        "auc",
        "auc_macro",
        "f1",
        "precision",
        "average_precision",
    ):
        assert found[name] == pytest.approx(_quantiles([one[name] for one in again])), name
    for label in scheme.names:
        values = [one["per_label"][label]["auc"] for one in again]
        assert found["per_label"][label]["auc"] == pytest.approx(_quantiles(values))
    for question in scheme.questions:
        values = [one["per_question"][question.name]["accuracy"] for one in again]
        assert found["per_question"][question.name]["accuracy"] == pytest.approx(_quantiles(values))


def _rows(predictions: Predictions, rows: np.ndarray) -> Predictions:
    arrays = {key: getattr(predictions, key)[rows] for key in ("probabilities", "labels", "mask")}
    return replace(predictions, ids=tuple(map(str, range(len(rows)))), **arrays)


def _quantiles(values: list[float | None]) -> list[float]:
    return np.quantile([value for value in values if value is not None], [0.025, 0.975]).tolist()


def test_intervals_depend_on_the_seed_alone() -> None:
    scheme = scheme_of("q6")
    predictions = some_predictions(scheme, 60)
    first, again, other = (judged(predictions, scheme, 50, seed)["intervals"] for seed in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.slow
def test_intervals_hold_the_figure_and_narrow_with_more_galaxies() -> None:
    scheme = scheme_of("all")
    widths = []
    for number in (100, 1600):
        found = judged(some_predictions(scheme, number), scheme, bootstrap=200)
        low, high = found["intervals"]["auc"]
        assert low < found["auc"] < high
        widths.append(high - low)
    assert 2.5 < widths[0] / widths[1] < 6  # 4: the square root of sixteen times as many


def test_no_intervals_on_request() -> None:
    scheme = scheme_of("q0")
    found = judged(some_predictions(scheme, 20), scheme, bootstrap=0)
    assert found["intervals"] == {}
    assert found["bootstrap"] == {"resamples": 0, "seed": 0, "level": 0.95}


# ---------------------------------------------------------------- the document


def test_a_document_holds_its_schema_and_splits() -> None:
    assert as_document("q0", {"val": {"loss": 1.0}}) == {
        "schema": SCHEMA,
        "scheme": "q0",
        "splits": {"val": {"loss": 1.0}},
    }


def test_the_thirteen_come_first_in_the_order_of_the_report() -> None:
    scheme = scheme_of("reduced")
    assert tuple(judged(some_predictions(scheme, 20), scheme))[:14] == ("galaxies", *METRICS)


@pytest.mark.slow
def test_every_key_is_documented_and_every_documented_key_exists() -> None:
    scheme = scheme_of("all")
    predictions = some_predictions(scheme, 30)
    found = judged(with_votes(predictions, scheme), scheme, bootstrap=5)
    shares = {"bar-gz2_yes": 0.5, "bar-gz2_no": 0.5}
    column = Column("COLUMN", numbers=False, values={"000": "x"})
    folds = {"numbers": [0, 1], "mean": {}, "sd": {}}
    temperatures = {question.name: 1.0 for question in scheme.questions}
    data = dict.fromkeys(("name", "path", "data_hash", "recipe_hash", "split", "same"))
    added = {
        "labels": "asked",
        "data_set": data,
        "damaged_records": 0,
        "temperatures": temperatures,
        "folds": folds,
        "members": [dict.fromkeys(("run", "questions", "accuracy", "auc_macro", "accuracy_gain", "auc_macro_gain"))],
        "by": by_columns(predictions, scheme, [column], (5, 0)),
        "prevalence": corrected(predictions, scheme, Prevalence("file", shares), (5, 0)),
    }  # by evaluate, crossval and ensemble
    document = as_document("all", {"val": {**added, **found}}, {"damaged_records": 0})
    assert documented_keys() == paths(document, scheme)
