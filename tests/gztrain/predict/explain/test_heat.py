"""Grad-CAM and rollout against hand-worked networks; where every family of models is cut.

``tests/gztrain/test_on_jax.py`` runs those that are marked `both_backends` on JAX.
"""

import keras
import numpy as np
import pytest

from gztrain.models import ModelSpec, build
from gztrain.models.stem import Downscale
from gztrain.predict.explain.explain import open_heat
from gztrain.predict.explain.grad_cam import GradCam, cam
from gztrain.predict.explain.rollout import roll_out


def corner_network() -> keras.Model:
    """Two maps: the red and the green of an image; the one label is twice the mean red less the mean green."""
    images = keras.Input((8, 8, 3), dtype="uint8", name="image")
    stem = keras.layers.Rescaling(1 / 255, name="stem")
    inside = keras.Input((8, 8, 3))
    maps = keras.layers.Conv2D(2, 1, use_bias=False, name="maps")(inside)
    logits = keras.layers.Dense(1, use_bias=False, name="logits")(keras.layers.GlobalAveragePooling2D()(maps))
    body = keras.Model(inside, logits, name="body")
    body.get_layer("maps").set_weights([np.array([[[[1, 0], [0, 1], [0, 0]]]], np.float32)])
    body.get_layer("logits").set_weights([np.array([[2], [-1]], np.float32)])
    return keras.Model(images, keras.layers.Activation("sigmoid")(body(stem(images))))


@pytest.fixture
def two_corners() -> np.ndarray:
    """A red pixel above on the left, a green one below on the right."""
    image = np.zeros((1, 8, 8, 3), np.uint8)
    image[0, 0, 0, 0] = image[0, 7, 7, 1] = 255
    return image


@pytest.mark.both_backends
def test_heat_is_where_the_filter_fires_and_for_the_other_answer_where_it_speaks_against(
    two_corners: np.ndarray,
) -> None:
    heat = open_heat(corner_network())
    assert isinstance(heat, GradCam)
    found = heat.heat(two_corners, np.array([[[1]], [[-1]]], np.float32))
    # The logit is 2 mean(red) - mean(green), so the gradient of each pixel is 2 / 64 and -1 / 64.
    expected = np.zeros((2, 1, 8, 8), np.float32)
    expected[0, 0, 0, 0], expected[1, 0, 7, 7] = 2 / 64, 1 / 64
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_an_answer_of_exactly_100_percent_has_the_same_map(two_corners: np.ndarray) -> None:
    sure = corner_network()
    sure.get_layer("body").get_layer("logits").set_weights([np.array([[64e3], [-32e3]], np.float32)])
    assert np.asarray(sure(two_corners))[0, 0] == 1
    heat = open_heat(sure)
    assert heat is not None
    found = heat.heat(two_corners, np.array([[[1]], [[-1]]], np.float32))
    assert found[0, 0, 0, 0] == pytest.approx(1000, rel=1e-3)
    assert found[1, 0, 7, 7] == pytest.approx(500, rel=1e-3)


def test_what_speaks_against_an_answer_is_no_heat() -> None:
    maps = np.array([[[[1.0, 3.0]], [[2.0, 0.0]]]], np.float32)  # two pixels, two maps
    gradients = np.broadcast_to(np.array([1.0, -1.0], np.float32), maps.shape)
    np.testing.assert_array_equal(cam(maps, gradients), [[[0.0], [2.0]]])


def test_rollout_by_hand() -> None:
    swap = np.array([[[0, 1], [1, 0]]], np.float32)
    first = np.array([[[1, 0], [1, 0]]], np.float32)
    # Each block keeps one half: [[.5, .5], [.5, .5]] after [[1, 0], [.5, .5]] is [[.75, .25], [.75, .25]].
    np.testing.assert_allclose(roll_out([first, swap], np.array([[0.5, 0.5]], np.float32)), [[0.75, 0.25]])
    np.testing.assert_allclose(roll_out([swap, first], np.array([[1.0, 0.0]], np.float32)), [[0.5, 0.5]])


def with_backbone(*, pooled: bool) -> keras.Model:
    """A network with a nested backbone that gives maps, as those of the report, or features, as ConvNeXt does."""
    inside = keras.Input((16, 16, 3))
    maps = keras.layers.Conv2D(4, 3, strides=2)(inside)
    normed = keras.layers.LayerNormalization()(keras.layers.GlobalAveragePooling2D()(maps))
    backbone = keras.Model(inside, normed if pooled else maps, name="backbone")
    small = keras.Input((16, 16, 3))
    found = backbone(keras.layers.Rescaling(1 / 255)(small))
    features = found if pooled else keras.layers.GlobalMaxPooling2D()(found)
    body = keras.Model(small, keras.layers.Dense(3, name="logits")(features), name="body")
    images = keras.Input((32, 32, 3), dtype="uint8", name="image")
    return keras.Model(images, keras.layers.Activation("sigmoid")(body(Downscale(16, name="stem")(images))))


def network(name: str) -> keras.Model:
    """A small network of a family, with probabilities."""
    if name in {"maps", "features"}:
        return with_backbone(pooled=name == "features")
    galaxy = build(ModelSpec(name, size=32, weights="none"), 32, 3).model
    return keras.Model(galaxy.input, keras.layers.Activation("sigmoid")(galaxy.output))


@pytest.mark.both_backends
@pytest.mark.parametrize(
    ("model", "name", "maps"),
    [
        ("maps", "Grad-CAM", (7, 7)),
        ("features", "Grad-CAM", (7, 7)),
        ("small", "Grad-CAM", (2, 2)),
        ("cct", "attention rollout", (8, 8)),
    ],
)
def test_each_family_has_maps_and_its_two_halves_are_the_network(model: str, name: str, maps: tuple[int, int]) -> None:
    whole = network(model)
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    heat = open_heat(whole)
    assert heat is not None
    found = heat.heat(images, np.ones((1, 2, 3), np.float32))
    assert heat.name == name
    assert found.shape == (1, 2, *maps)
    if isinstance(heat, GradCam):
        halves = heat.tail(heat.back(heat.front(images, training=False), training=False), training=False)
        np.testing.assert_allclose(np.asarray(halves), np.asarray(whole(images, training=False)), atol=1e-6)
    else:
        np.testing.assert_allclose(found.mean(axis=(2, 3)), 1, rtol=1e-5)


def test_an_ensemble_in_one_model_has_no_maps() -> None:
    images = keras.Input((8, 8, 3), name="image")
    assert open_heat(keras.Model(images, keras.layers.Flatten()(images))) is None
