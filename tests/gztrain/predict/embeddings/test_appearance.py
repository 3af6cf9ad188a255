"""Defects of images that no network has to see stand out by statistics of their pixels."""

import numpy as np
import pytest

from gzcore.images import Pixels
from gztrain.predict.embeddings.appearance import STATISTICS, appearance, combined, oddness, statistics
from gztrain.predict.embeddings.embed import thumbnail


def galaxy(number: int) -> Pixels:
    """A round galaxy on a noisy sky, uint8 [96, 96, 3]."""
    rng = np.random.default_rng(number)
    rows, columns = np.mgrid[:96, :96]
    light = rng.uniform(100, 200) * np.exp(-((columns - 48) ** 2 + (rows - 48) ** 2) / rng.uniform(100, 300))
    return np.clip(rng.normal(10, 2, (96, 96, 3)) + light[..., None] * (1, 0.9, 0.8), 0, 255).astype(np.uint8)


def band(image: Pixels) -> None:
    image[43:53] = 0


def line(image: Pixels) -> None:
    image[np.arange(96), np.arange(96)] = (40, 255, 40)


def half(image: Pixels) -> None:
    image[48:] = 128


@pytest.mark.parametrize("spoil", [band, line, half], ids=["black band", "coloured line", "half missing"])
def test_a_defect_is_the_oddest_of_fifty(spoil: object) -> None:
    images = [galaxy(number) for number in range(50)]
    spoil(images[7])  # type: ignore[operator]
    odd = oddness(np.array([statistics(image) for image in images]))
    assert odd.argmax() == 7


def test_the_turned_image_has_the_same_asymmetry() -> None:
    image = galaxy(0)
    image[20:30, 20:30] = 90
    np.testing.assert_allclose(statistics(image), statistics(image[::-1, ::-1]), atol=1e-9)


def test_without_a_picture_there_are_no_statistics() -> None:
    for nothing in (b"", b"no JPEG"):
        assert np.isnan(appearance(nothing)).all()
    assert np.isfinite(appearance(thumbnail(galaxy(0)))).all()
    assert np.isfinite(statistics(np.zeros((96, 96, 3), np.uint8))).all()


def test_the_features_alone_count_where_there_is_no_picture() -> None:
    found = np.vstack([np.full(STATISTICS, np.nan), np.random.default_rng(0).normal(size=(20, STATISTICS))])
    odd = oddness(found)
    assert np.isnan(odd[0])
    assert np.isfinite(combined(np.arange(21.0), odd)).all()
    assert np.isnan(oddness(found[:2])).all()


def test_equal_images_are_equally_odd() -> None:
    odd = oddness(np.ones((5, STATISTICS)))
    np.testing.assert_array_equal(odd, np.zeros(5))


def test_distances_are_scaled_before_they_are_added() -> None:
    both = combined(np.arange(11.0), np.arange(11.0) * 1000)
    np.testing.assert_allclose(both[[5, 9]], [0, 2])
