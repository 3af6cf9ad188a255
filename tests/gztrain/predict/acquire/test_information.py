"""What a vote would teach, on numbers worked out by hand; networks by dropout."""

import keras
import numpy as np
import pytest

from gzcore.dataset.tree import Question
from gzcore.errors import GzError
from gztrain.data.dataset import Scheme
from gztrain.predict.acquire.dropout import DropoutNetworks
from gztrain.predict.acquire.information import acquisition, information

TREE = Scheme(
    "two",
    (
        Question(0, "smooth", "Smooth?", ("yes", "no")),
        Question(1, "bar", "A bar?", ("yes",), twin="no", parent=("smooth", "no")),
    ),
    (0, 1, 2),
    ("smooth_yes", "smooth_no", "bar_yes"),
    (0, 1, 2, 3),
)


@pytest.mark.parametrize(
    ("shares", "bits"),
    [
        pytest.param([[1, 0], [0, 1]], 1, id="each is sure of another answer"),
        pytest.param([[0.5, 0.5], [0.5, 0.5]], 0, id="both doubt, and agree"),
        pytest.param([[1, 0], [1, 0]], 0, id="both are sure, and agree"),
        pytest.param([[0.9, 0.1], [0.1, 0.9]], 1 - 0.46899559358928117, id="each is nearly sure"),
        pytest.param([[1, 0, 0], [0, 1, 0], [0, 0, 1]], np.log2(3), id="three answers"),
    ],
)
def test_information_by_hand(shares: list[list[float]], bits: float) -> None:
    assert information(np.array(shares, float)[:, None]) == pytest.approx([bits], abs=1e-9)


def test_questions_are_weighted_by_the_chance_that_they_are_asked() -> None:
    # Two networks. They agree on smooth (0.75 and 0.25), and contradict each other about the bar.
    samples = np.array([[[0.75, 0.25, 1]], [[0.75, 0.25, 0]]], np.float32)
    found = acquisition(samples, TREE)
    np.testing.assert_allclose(found.asked, [[1, 0.25]], atol=1e-7)
    np.testing.assert_allclose(found.information, [[0, 1]], atol=1e-6)
    np.testing.assert_allclose(found.score, [0.25 * 1 / 1.25], atol=1e-6)


def with_dropout(rate: float) -> keras.Model:
    images = keras.Input((4, 4, 3), dtype="uint8")
    flat = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(images))
    normed = keras.layers.BatchNormalization()(flat)
    return keras.Model(images, keras.layers.Dense(2, "sigmoid")(keras.layers.Dropout(rate)(normed)))


def test_networks_by_dropout_differ_and_each_is_one_function_of_the_image() -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 4, 4, 3), dtype=np.uint8)
    networks = DropoutNetworks(with_dropout(0.5), 3, seed=0)
    found = networks(images)
    assert found.shape == (3, 3, 2)
    assert np.abs(found[0] - found[1]).max() > 1e-3
    np.testing.assert_allclose(networks(images[1:2]), found[:, 1:2], atol=1e-6)  # whatever stands beside it


def test_a_network_without_dropout_is_refused_with_a_way_out() -> None:
    with pytest.raises(GzError, match="name two runs or more"):
        DropoutNetworks(with_dropout(0), 3, seed=0)
