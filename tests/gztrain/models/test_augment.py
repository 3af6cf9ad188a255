"""Symmetries against numpy, the affine warp against SciPy; chance is in the draws alone.

``tests/gztrain/test_on_jax.py`` runs those that are marked `both_backends` on JAX: both equal the same references.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.ndimage import map_coordinates

from gztrain.models.augment import augment
from gztrain.models.spec import Augment, Range

Images = npt.NDArray[np.float32]
checked = settings(deadline=None, derandomize=True, max_examples=30)
BOTH = Augment(symmetries=True, affine=True)


def warp(rotate: Range, zoom: Range, shift: Range) -> Augment:
    return Augment(symmetries=False, affine=True, rotate=rotate, zoom=zoom, shift=shift)


STILL = warp((0, 0), (1, 1), (0, 0))


def images_of(size: int, count: int = 3) -> Images:
    return np.random.default_rng(size).uniform(0, 255, (count, size, size, 3)).astype(np.float32)


def draws_of(count: int, seed: int = 0) -> Images:
    return np.random.default_rng(seed).random((count, 6), dtype=np.float32)


def run(images: Images, draws: Images, rules: Augment) -> Images:
    found: Images = keras.ops.convert_to_numpy(augmentation(rules)(images, keras.ops.convert_to_tensor(draws)))
    return found


@cache
def augmentation(rules: Augment) -> Callable[[Any, Any], Any]:
    """A whole augmentation; JAX compiles it as one, which is quicker than to compile each operation alone."""
    whole = partial(augment, rules=rules)
    if keras.backend.backend() != "jax":
        return whole
    import jax

    compiled: Callable[[Any, Any], Any] = jax.jit(whole)
    return compiled


# ---------------------------------------------------------------- the eight symmetries

SYMMETRIES: dict[str, Callable[[Images], Images]] = {
    "as it was": lambda image: image,
    "a quarter": lambda image: np.rot90(image, 1),
    "a half": lambda image: np.rot90(image, 2),
    "three quarters": lambda image: np.rot90(image, 3),
    "mirrored": lambda image: image.transpose(1, 0, 2),
    "mirrored, a quarter": lambda image: np.rot90(image.transpose(1, 0, 2), 1),
    "mirrored, a half": lambda image: np.rot90(image.transpose(1, 0, 2), 2),
    "mirrored, three quarters": lambda image: np.rot90(image.transpose(1, 0, 2), 3),
}


@pytest.mark.both_backends
@pytest.mark.parametrize("place", range(8), ids=SYMMETRIES)
@pytest.mark.parametrize("within", [0.0, 0.5, 0.999])
def test_each_eighth_of_the_first_draw_is_one_symmetry(place: int, within: float) -> None:
    images, draws = images_of(5), draws_of(3)
    draws[:, 0] = (place + within) / 8
    found = run(images, draws, Augment())
    expected = [SYMMETRIES[list(SYMMETRIES)[place]](image) for image in images]
    assert np.array_equal(found, expected)


@pytest.mark.both_backends
def test_the_eight_are_different_and_as_likely() -> None:
    image = images_of(4, 1).repeat(8000, axis=0)
    found = run(image, draws_of(8000, 1), Augment())
    _, counts = np.unique(found.reshape(8000, -1), axis=0, return_counts=True)
    assert len(counts) == 8
    assert np.abs(counts - 1000).max() < 150  # five standard deviations


@pytest.mark.both_backends
def test_each_image_has_its_own() -> None:
    images, draws = images_of(6, 8), draws_of(8)
    draws[:, 0] = np.arange(8) / 8
    found = run(images, draws, Augment())
    for one, image, turn in zip(found, images, SYMMETRIES.values(), strict=True):
        assert np.array_equal(one, turn(image))


# ---------------------------------------------------------------- the affine warp


def warped(image: Images, draws: Images, ranges: Augment) -> npt.NDArray[np.float64]:
    """The definition: about the centre, counter-clockwise, larger by zoom, then moved right and down."""
    size = len(image)
    (low, high), middle = np.log(ranges.zoom), (size - 1) / 2
    angle = np.deg2rad(ranges.rotate[0] + (ranges.rotate[1] - ranges.rotate[0]) * float(draws[1]))
    zoom = np.exp(low + (high - low) * float(draws[2]))
    right, down = (size * (ranges.shift[0] + (ranges.shift[1] - ranges.shift[0]) * float(draw)) for draw in draws[3:5])
    y, x = np.mgrid[:size, :size] - middle
    x, y = x - right, y - down
    columns = (np.cos(angle) * x - np.sin(angle) * y) / zoom + middle
    rows = (np.sin(angle) * x + np.cos(angle) * y) / zoom + middle
    channels = [
        map_coordinates(channel, (rows, columns), order=1, mode="reflect") for channel in image.T.swapaxes(1, 2)
    ]
    return np.stack(channels, axis=-1)


RANGES = {
    "default": Augment(symmetries=False, affine=True),
    "far out": warp((-180, 180), (0.3, 3.0), (-0.5, 0.5)),
    "tiny": warp((0, 0), (0.05, 0.05), (0, 0)),
    "still": STILL,
}


@pytest.mark.both_backends
@pytest.mark.parametrize("ranges", RANGES.values(), ids=RANGES)
@pytest.mark.parametrize("size", [7, 32])
def test_the_warp_is_bilinear_with_mirrored_edges(ranges: Augment, size: int) -> None:
    images, draws = images_of(size, 6), draws_of(6, 2)
    found = run(images, draws, ranges)
    expected = [warped(image.astype(np.float64), draw, ranges) for image, draw in zip(images, draws, strict=True)]
    # Noise is the worst case: a coordinate rounded by 1e-6 px moves a value by 3e-4.
    np.testing.assert_allclose(found, expected, atol=0.02)


@pytest.mark.both_backends
def test_no_movement_changes_nothing() -> None:
    images = images_of(16)
    np.testing.assert_allclose(run(images, draws_of(3), STILL), images, atol=1e-3)


@pytest.mark.both_backends
def test_a_quarter_is_counter_clockwise() -> None:
    images, quarter = images_of(9), warp((90, 90), (1, 1), (0, 0))
    found = run(images, draws_of(3), quarter)
    np.testing.assert_allclose(found, np.rot90(images, 1, axes=(1, 2)), atol=0.01)


@pytest.mark.both_backends
def test_a_shift_moves_the_galaxy_right_and_down() -> None:
    images, moved = images_of(8), warp((0, 0), (1, 1), (0.25, 0.25))
    found = run(images, draws_of(3), moved)
    np.testing.assert_allclose(found[:, 2:, 2:], images[:, :-2, :-2], atol=0.01)


# ---------------------------------------------------------------- both


@pytest.mark.slow
@given(st.integers(0, 10_000), st.integers(1, 6))
@checked
def test_values_stay_between_the_darkest_and_the_brightest(seed: int, count: int) -> None:
    images = images_of(12, count)
    found = run(images, draws_of(count, seed), BOTH)
    assert found.shape == images.shape
    assert images.min() - 0.01 <= found.min()
    assert found.max() <= images.max() + 0.01


@pytest.mark.both_backends
def test_an_image_does_not_depend_on_its_batch() -> None:
    images, draws = images_of(10, 5), draws_of(5)
    together = run(images, draws, BOTH)
    alone = [run(images[place : place + 1], draws[place : place + 1], BOTH)[0] for place in range(5)]
    np.testing.assert_allclose(together, alone, atol=1e-2)
    assert np.array_equal(together, run(images, draws, BOTH))


@pytest.mark.both_backends
def test_without_augmentation_images_stay_as_they_are() -> None:
    images = images_of(6)
    assert run(images, draws_of(3), Augment(symmetries=False)) is not None
    assert np.array_equal(run(images, draws_of(3), Augment(symmetries=False)), images)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_it_compiles_for_batches_of_any_size() -> None:
    """On TensorFlow; on JAX all tests compile it."""
    import tensorflow as tf

    shapes = [tf.TensorSpec((None, 10, 10, 3)), tf.TensorSpec((None, 6))]
    compiled = tf.function(lambda images, draws: augment(images, draws, rules=BOTH), input_signature=shapes)
    for count in (1, 4):
        images, draws = images_of(10, count), draws_of(count)
        found = keras.ops.convert_to_numpy(compiled(images, draws))
        np.testing.assert_allclose(found, run(images, draws, BOTH), atol=0.05)


@pytest.mark.parametrize(
    "wrong",
    [
        {"zoom": (0.0, 1.0)},
        {"zoom": (1.0, 1e300)},
        {"rotate": (0, 1e308)},
        {"zoom": (1.1, 0.9)},
        {"rotate": (10, -10)},
        {"shift": (-0.6, 0.6)},
        {"rotat": (0, 1)},
    ],
    ids=str,
)
def test_ranges_are_checked_at_birth(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Augment(**wrong)
