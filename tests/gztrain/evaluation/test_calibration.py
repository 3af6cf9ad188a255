"""Calibration error by hand and by simulation; temperatures that are found again, and change no answer."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from gztrain.evaluation.calibration import (
    calibration,
    ece,
    ece_of_perfect,
    fit_temperatures,
    layer_settings,
    temper,
)
from gztrain.evaluation.predictions import Predictions
from tests.gztrain.synthetic import scheme_of, some_predictions


def test_a_calibration_error_by_hand() -> None:
    """Two bins: 0.1 given and 1 of 2 true; 0.95 given and 2 of 2 true."""
    labels, scores = np.array([0, 1, 1, 1]), np.array([0.1, 0.1, 0.95, 0.95])
    assert ece(labels, scores) == pytest.approx(0.5 * 0.4 + 0.5 * 0.05)
    assert ece(labels[:0], scores[:0]) is None


def test_a_perfect_model_stays_within_its_limit() -> None:
    rng = np.random.default_rng(0)
    scores = rng.random(500)
    errors = np.array([ece((rng.random(500) < scores).astype(np.int64), scores) for _ in range(400)])
    assert 0.005 < (errors > ece_of_perfect(scores)).mean() < 0.06  # 0.025


def overconfident(scheme_name: str, factor: float, number: int = 3000) -> Predictions:
    """Labels drawn with some probabilities; logits that are ``factor`` times theirs are predicted."""
    scheme, rng = scheme_of(scheme_name), np.random.default_rng(0)
    true = rng.uniform(0.05, 0.95, (number, len(scheme.names)))
    labels = (rng.random(true.shape) < true).astype(np.int64)
    given = temper(true, 1 / factor, joint=False).astype(np.float32)
    return replace(some_predictions(scheme, number), probabilities=given, labels=labels, mask=np.ones_like(labels))


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_a_temperature_is_found_again(factor: float) -> None:
    scheme, predictions = scheme_of("reduced"), overconfident("reduced", factor)
    assert fit_temperatures(predictions, scheme, "bce") == pytest.approx([factor] * 6, rel=0.12)


def test_a_temperature_lowers_the_error_of_a_model_that_is_too_certain() -> None:
    """Fitted on the first half of the galaxies, judged on the second."""
    scheme, predictions = scheme_of("reduced"), overconfident("reduced", 3.0)
    halves = [part_of(predictions, part) for part in (slice(0, 1500), slice(1500, 3000))]
    temperatures = fit_temperatures(halves[0], scheme, "bce")
    columns = [
        temper(halves[1].probabilities[:, block], temperature, joint=False)
        for block, temperature in zip(scheme.blocks, temperatures, strict=True)
    ]
    mended = replace(halves[1], probabilities=np.concatenate(columns, axis=1).astype(np.float32))
    before, after = calibration(halves[1], scheme), calibration(mended, scheme)
    for name, figures in after.items():
        assert figures["ece"] < figures["ece_limit"] < before[name]["ece"]
        assert figures["brier"] < before[name]["brier"]


def part_of(predictions: Predictions, rows: slice) -> Predictions:
    arrays = {key: getattr(predictions, key)[rows] for key in ("probabilities", "labels", "mask")}
    return replace(predictions, ids=predictions.ids[rows], **arrays)


@pytest.mark.parametrize("case", ["nothing known", "few galaxies"])
def test_where_little_is_known_the_temperature_is_one(case: str) -> None:
    scheme, predictions = scheme_of("q0"), overconfident("q0", 1.3)
    few = part_of(predictions, slice(0, 6))
    mask = np.zeros_like(few.mask) if case == "nothing known" else few.mask
    assert fit_temperatures(replace(few, mask=mask), scheme, "bce") == (1.0,)


def test_four_galaxies_that_the_model_is_sure_and_wrong_about_do_not_make_the_others_worse() -> None:
    """196 probabilities of .02, and as many true labels as they say; four of a millionth whose labels are true.

    They ask for a temperature of 1.7 or more, which spoils the others. One on the way there does not.
    """
    scheme, predictions = scheme_of("q0"), overconfident("q0", 1.0, 200)
    given, labels = np.full((200, 1), 0.02, np.float32), np.zeros((200, 1), np.int64)
    given[:4], labels[:8] = 1e-6, 1
    hotter = temper(given, 1.7, joint=False)
    assert log_likelihood(labels, hotter) > log_likelihood(labels, given) + 10
    assert ece(labels.ravel(), hotter.ravel()) > 2 * ece(labels.ravel(), given.ravel())
    (found,) = fit_temperatures(replace(predictions, probabilities=given, labels=labels), scheme, "bce")
    mended = temper(given, found, joint=False)
    assert 1 < found < 1.4
    assert log_likelihood(labels, mended) > log_likelihood(labels, given)
    assert ece(labels.ravel(), mended.ravel()) < ece(labels.ravel(), given.ravel()) / 2


def test_a_temperature_that_would_only_raise_the_error_is_left_out() -> None:
    """200 probabilities of .01 and .99 are as the labels have it, but for two that are sure and wrong."""
    scheme, predictions = scheme_of("q0"), overconfident("q0", 1.0, 201)
    given, labels = np.full((201, 1), 0.01, np.float32), np.zeros((201, 1), np.int64)
    given[:100], labels[1:101] = 0.99, 1
    given[199:], labels[199:] = 1e-6, 1
    assert log_likelihood(labels, temper(given, 1.5, joint=False)) > log_likelihood(labels, given) + 5
    certain = replace(predictions, probabilities=given, labels=labels)
    assert fit_temperatures(certain, scheme, "bce") == (1.0,)


def log_likelihood(labels: np.ndarray, given: np.ndarray) -> float:
    return float(np.log(np.where(labels == 1, given, 1 - given)).sum())


@pytest.mark.parametrize("loss", ["bce", "softmax"])
def test_the_layer_is_the_formula_and_changes_no_answer(loss: str, tmp_path: Path) -> None:
    import keras

    from gztrain.models.layers import Temperature
    from gztrain.runs.saved_model import add_temperatures, load_model, temperatures_of

    scheme, temperatures = scheme_of("reduced"), (0.5, 1.0, 2.0, 1.5, 3.0, 0.8)
    p = np.random.default_rng(0).random((200, len(scheme.names))).astype(np.float32)
    if loss == "softmax":
        block = scheme.blocks[4]
        p[:, block] /= p[:, block].sum(axis=1, keepdims=True)
    settings = layer_settings(scheme, temperatures, loss)
    images = keras.Input((p.shape[1],))
    plain = keras.Model(images, keras.layers.Identity()(images), name="small")
    once = add_temperatures(plain, layer_settings(scheme, (9.0,) * 6, loss))
    add_temperatures(once, settings).save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    assert (temperatures_of(plain), temperatures_of(loaded)) == (None, list(temperatures))
    assert sum(isinstance(layer, Temperature) for layer in loaded.layers) == 1
    found = np.asarray(loaded(p))
    for place, block in enumerate(scheme.blocks):
        joint = loss == "softmax" and block.stop - block.start > 1
        assert found[:, block] == pytest.approx(temper(p[:, block], temperatures[place], joint=joint), abs=1e-5)
        assert (found[:, block].argmax(axis=1) == p[:, block].argmax(axis=1)).all()
        if not joint:
            assert ((found[:, block] > 0.5) == (p[:, block] > 0.5)).all()
            label = (np.arange(200) % 3 == 0).astype(int)
            assert roc_auc_score(label, found[:, block.start]) == roc_auc_score(label, p[:, block.start])
