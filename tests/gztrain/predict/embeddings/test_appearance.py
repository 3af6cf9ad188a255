"""Defects of images that no network has to see stand out by statistics of their pixels."""

import numpy as np
import pytest

from gzcore.images import Pixels
from gztrain.predict.embeddings.appearance import (
    LOW,
    NAMES,
    STATISTICS,
    appearance,
    combined,
    oddness,
    statistics,
)
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


def nothing(image: Pixels) -> None:
    image[:] = 0


def second_galaxy(image: Pixels) -> None:
    image[:] = np.clip(image.astype(int) + np.roll(galaxy(99), 14, axis=(0, 1)), 0, 255)


@pytest.mark.parametrize(
    "spoil",
    [band, line, half, nothing, second_galaxy],
    ids=["black band", "coloured line", "half missing", "no light", "merger"],
)
def test_a_defect_is_the_oddest_of_fifty(spoil: object) -> None:
    images = [galaxy(number) for number in range(50)]
    spoil(images[7])  # type: ignore[operator]
    odd = oddness(np.array([statistics(image) for image in images]))
    assert combined(np.zeros(50), odd).argmax() == 7


def test_the_turned_image_has_the_same_asymmetry() -> None:
    image = galaxy(0)
    image[20:30, 20:30] = 90
    np.testing.assert_allclose(statistics(image), statistics(image[::-1, ::-1]), atol=1e-9)


def test_without_a_picture_there_are_no_statistics() -> None:
    for missing in (b"", b"no JPEG"):
        assert np.isnan(appearance(missing)).all()
    assert np.isfinite(appearance(thumbnail(galaxy(0)))).all()
    assert np.isfinite(statistics(np.zeros((96, 96, 3), np.uint8))).all()


def test_the_features_alone_count_where_there_is_no_picture() -> None:
    found = np.vstack([np.full(STATISTICS, np.nan), np.random.default_rng(0).normal(size=(20, STATISTICS))])
    odd = oddness(found)
    assert np.isnan(odd[0]).all()
    assert np.isfinite(combined(np.arange(21.0), odd)).all()
    assert np.isnan(oddness(found[:2])).all()


def test_the_asymmetry_is_that_about_the_peak_and_not_about_the_middle_of_the_image() -> None:
    moved = np.roll(galaxy(0), (5, -4), axis=(0, 1))
    place = NAMES.index("asymmetry")
    assert abs(statistics(moved)[place] - statistics(galaxy(0))[place]) < 0.02
    second_galaxy(moved)
    assert statistics(moved)[place] > 4 * statistics(galaxy(0))[place]


@pytest.mark.parametrize("sides", [(8, 8), (9, 40), (96, 96)], ids=str)
def test_small_pictures_have_all_statistics(sides: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*sides, 3)).astype(np.uint8)
    assert np.isfinite(statistics(image)).all()


def test_equal_images_are_equally_odd() -> None:
    assert (oddness(np.ones((5, STATISTICS))) == 0).all()
    assert (combined(np.ones(5), oddness(np.ones((5, STATISTICS)))) == 0).all()


def test_a_tail_is_measured_in_units_of_its_own_length() -> None:
    """Of 0, 1 ... 10 the median is 5, and the 90 % quantile 9: 10 is at 5/4. Low tails count for two statistics."""
    found = np.zeros((11, STATISTICS))
    found[:, 0], found[:, LOW[0]] = np.arange(11), 1000 * np.arange(11)
    odd = oddness(found)
    np.testing.assert_allclose(odd[[0, 5, 9, 10], 0], [0, 0, 1, 1.25])
    np.testing.assert_allclose(odd[[0, 1, 5, 9], STATISTICS], [1.25, 1, 0, 0])
    expected = np.sqrt((1.25**2 * 3) / (STATISTICS + 3))
    np.testing.assert_allclose(combined(np.arange(11), odd)[10], expected)
