"""A loss with labels that are not known: what is left out, and that it is Keras' own where nothing is."""

import keras
import numpy as np
import pytest

import gztrain

NAN = np.nan
LABELS = np.array([[1, 0, NAN, 1], [NAN, NAN, NAN, 0], [0, 1, 1, NAN]], np.float32)
LOGITS = np.array([[2, -1, 9, 0.5], [-7, 3, 1, -2], [0.1, -0.3, 4, 8]], np.float32)
KNOWN = ~np.isnan(LABELS)

pytestmark = pytest.mark.both_backends


def value(labels: np.ndarray, predictions: np.ndarray, **options: object) -> float:
    return float(keras.ops.convert_to_numpy(gztrain.MaskedBinaryCrossentropy(**options)(labels, predictions)))


def plain(labels: np.ndarray, predictions: np.ndarray, **options: object) -> float:
    return float(keras.ops.convert_to_numpy(keras.losses.BinaryCrossentropy(**options)(labels, predictions)))


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("logits", [True, False], ids=["logits", "probabilities"])
def test_it_is_the_loss_of_the_known_labels_alone(logits: bool, smoothing: float) -> None:  # noqa: FBT001
    predictions = LOGITS if logits else 1 / (1 + np.exp(-LOGITS))
    options = {"from_logits": logits, "label_smoothing": smoothing}
    alone = plain(LABELS[KNOWN][None], predictions[KNOWN][None], **options)
    assert value(LABELS, predictions, **options) == pytest.approx(alone, rel=1e-5)


def test_where_all_labels_are_known_it_is_that_of_keras() -> None:
    whole = np.nan_to_num(LABELS)
    assert value(whole, LOGITS, from_logits=True) == pytest.approx(plain(whole, LOGITS, from_logits=True), rel=1e-6)


def test_predictions_for_masked_labels_do_not_matter() -> None:
    moved = np.where(KNOWN, LOGITS, 1e30)
    assert value(LABELS, moved, from_logits=True) == value(LABELS, LOGITS, from_logits=True)


def test_a_batch_without_labels_has_a_loss_of_zero() -> None:
    assert value(np.full_like(LABELS, NAN), LOGITS, from_logits=True) == 0


def test_training_with_masked_labels_is_finite_and_moves_nothing_for_them() -> None:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(4)])
    model.compile(keras.optimizers.SGD(0.1), loss=gztrain.MaskedBinaryCrossentropy(from_logits=True))
    before = model.get_weights()
    labels = np.where(np.arange(4) == 2, NAN, LABELS[:1].repeat(3, axis=0))
    model.fit(np.ones((3, 2), np.float32), labels, verbose=0)
    after = model.get_weights()
    assert all(np.isfinite(part).all() for part in after)
    np.testing.assert_array_equal(after[0][:, 2], before[0][:, 2])
    assert (after[0][:, 0] != before[0][:, 0]).all()


def test_it_is_saved_with_a_model_and_comes_back() -> None:
    loss = gztrain.MaskedBinaryCrossentropy(from_logits=True, label_smoothing=0.1)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert type(again) is gztrain.MaskedBinaryCrossentropy
    assert again.get_config() == loss.get_config()
