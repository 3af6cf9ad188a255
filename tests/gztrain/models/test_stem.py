"""Area averaging, against a mean over a common grid."""

from math import lcm
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gzcore.errors import UsageError
from gztrain.models.stem import Downscale, area_weights

checked = settings(deadline=None, derandomize=True, max_examples=60)


def shrink(images: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.float32]:
    found: npt.NDArray[np.float32] = keras.ops.convert_to_numpy(Downscale(size)(images))
    return found


def on_common_grid(images: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.float64]:
    """The definition: split every pixel until both grids fit, then take means."""
    batch, crop, _, channels = images.shape
    fine = lcm(crop, size)
    split = images.repeat(fine // crop, axis=1).repeat(fine // crop, axis=2).astype(np.float64)
    return split.reshape(batch, size, fine // size, size, fine // size, channels).mean(axis=(2, 4))


def random_images(crop: int, seed: int = 0) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (2, crop, crop, 3), np.uint8)


@given(st.integers(1, 24), st.integers(1, 24), st.integers(0, 99))
@checked
def test_any_ratio_is_a_mean_over_areas(one: int, other: int, seed: int) -> None:
    size, crop = sorted((one, other))
    images = random_images(crop, seed)
    np.testing.assert_allclose(shrink(images, size), on_common_grid(images, size), atol=1e-3)


@pytest.mark.both_backends
@pytest.mark.parametrize(("crop", "size"), [(224, 64), (224, 112), (256, 64), (424, 224), (224, 71)])
def test_sizes_in_use_keep_the_mean(crop: int, size: int) -> None:
    images = random_images(crop)
    found = shrink(images, size)
    assert found.shape == (2, size, size, 3)
    np.testing.assert_allclose(found.mean(axis=(1, 2)), images.mean(axis=(1, 2)), atol=1e-2)
    assert found.dtype == np.float32
    assert found.min() >= 0
    assert found.max() <= 255.001


@pytest.mark.parametrize("level", [0, 1, 255])
def test_a_flat_image_stays_flat(level: int) -> None:
    flat = np.full((1, 50, 50, 3), level, np.uint8)
    np.testing.assert_allclose(shrink(flat, 17), level, rtol=1e-5)


def test_the_same_size_passes_through() -> None:
    images = random_images(40)
    assert np.array_equal(shrink(images, 40), images.astype(np.float32))


def test_channels_and_axes_stay_apart() -> None:
    image = np.zeros((1, 8, 8, 3), np.uint8)
    image[0, 1, 6, 2] = 200
    found = shrink(image, 4)
    assert found[0, 0, 3, 2] == pytest.approx(50)
    assert np.count_nonzero(found) == 1


def test_weights_sum_to_one() -> None:
    np.testing.assert_allclose(area_weights(224, 65).sum(axis=1), 1, rtol=1e-5)
    assert (area_weights(8, 4) == np.kron(np.eye(4), [0.5, 0.5])).all()


def test_enlarging_is_refused() -> None:
    with pytest.raises(UsageError, match="An image of 8 px cannot be averaged to 9 px"):
        shrink(random_images(8), 9)


def test_it_is_saved_and_loaded(tmp_path: Path) -> None:
    images = keras.Input((48, 48, 3), dtype="uint8")
    model = keras.Model(images, Downscale(32)(images))
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    assert np.array_equal(loaded(random_images(48)), model(random_images(48)))
