"""How an image was made: statistics worked out by hand, pictures of another camera, and files of older versions."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from gzcore.images import Pixels
from gztrain.predict.catalogue.doubt import find_familiar, nearest_distances
from gztrain.predict.catalogue.fitted_file import FORMAT, Fitted, read_fitted, write_fitted
from gztrain.predict.catalogue.intervals import LEVEL
from gztrain.predict.catalogue.make import notes
from gztrain.predict.catalogue.picture import (
    _GREY,
    LOOK,
    STATISTICS,
    _grain,
    _mirrored,
    find_usual,
    measure,
    statistics_of,
)
from tests.gztrain.synthetic import scheme_of


def sky(number: int, smooth: float = 1.0, side: int = 64) -> Pixels:
    """Noise of a camera, and a round galaxy, uint8 [64, 64, 3]."""
    rng = np.random.default_rng(number)
    rows, columns = np.mgrid[:side, :side] - side / 2
    light = rng.uniform(50, 200) * np.exp(-(rows**2 + columns**2) / rng.uniform(50, 200))
    noise = cv2.GaussianBlur(rng.normal(0, 12, (side, side, 3)), (0, 0), smooth)
    return np.clip(8 + noise + light[..., None], 0, 255).astype(np.uint8)


def numbers(images: list[Pixels]) -> np.ndarray:
    return statistics_of([measure(np.stack(images))])


def test_a_flat_image_has_no_grain() -> None:
    """All of green is 0."""
    image = np.full((64, 64, 3), (7, 0, 5), np.uint8)
    np.testing.assert_allclose(measure(image[None])[0], [0] * 5 + [1], atol=1e-5)
    np.testing.assert_allclose(numbers([image])[0], np.log([0.3] * 4 + [0.003, 1.003]), atol=1e-4)


@pytest.mark.parametrize("side", [8, 9, 15, 64, 250])
def test_images_of_any_size_from_8_px_have_all_statistics(side: int) -> None:
    (found,) = numbers([sky(0, side=side)])
    assert found.shape == (STATISTICS,)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("side", [8, 33, 64, 321])
def test_what_is_found_of_an_image_does_not_depend_on_the_others(side: int) -> None:
    images = np.stack([sky(n, side=side) for n in range(35)])
    together = measure(images)
    np.testing.assert_array_equal(np.concatenate([measure(image[None]) for image in images]), together)
    np.testing.assert_array_equal(measure(images[::-1]), together[::-1])
    assert measure(images[:0]).shape == (0, STATISTICS)


@pytest.mark.parametrize(("side", "block"), [(64, 2), (65, 2), (224, 2), (318, 2), (424, 4), (512, 4), (1000, 8)])
def test_squares_of_pixels_become_one(side: int, block: int) -> None:
    """What is left over at two edges is left out."""
    blocks = sky(0, side=side // block)
    image = np.zeros((side, side, 3), np.uint8)
    inside = np.repeat(np.repeat(blocks, block, axis=0), block, axis=1)
    image[: len(inside), : len(inside)] = inside
    pairs = np.repeat(np.repeat(blocks, 2, axis=0), 2, axis=1)
    np.testing.assert_array_equal(measure(image[None])[:, :4], measure(pairs[None])[:, :4])


SIDES = [(40, (1,)), (41, (3, 1)), (64, (3, 1, 1)), (7, (1, 1)), (2, (1,)), (1, (1,))]


@pytest.mark.parametrize(("side", "steps"), SIDES)
def test_grain_is_that_of_the_pyramid_of_each_plane_alone(side: int, steps: tuple[int, ...]) -> None:
    planes = some_planes(side)
    for place, found in enumerate(_grain(planes, steps)):
        alone = [contrast(plane * _GREY, place, steps[place], mirrored=4) for plane in planes]
        np.testing.assert_array_equal(found * _GREY, alone)


@pytest.mark.parametrize(("side", "steps"), SIDES[:3])
def test_mirrored_rows_change_grain_little(side: int, steps: tuple[int, ...]) -> None:
    """Only the last rows differ from what OpenCV makes, which mirrors an image that it enlarges in another way."""
    planes = some_planes(side)
    for place, found in enumerate(_grain(planes, steps)):
        alone = [contrast(plane, place, steps[place], mirrored=0) for plane in planes.astype(np.float32)]
        np.testing.assert_allclose(found, alone, rtol=0.05)


@pytest.mark.parametrize(("side", "steps"), SIDES[:3])
def test_grain_of_integers_is_that_of_floats(side: int, steps: tuple[int, ...]) -> None:
    """Within a hundredth of a grey level: it is rounded three times to a 128th, and a median moves no more."""
    planes = some_planes(side)
    for place, found in enumerate(_grain(planes, steps)):
        alone = [contrast(plane, place, steps[place], mirrored=4) for plane in planes.astype(np.float32)]
        np.testing.assert_allclose(found, alone, rtol=0, atol=0.01 * (place + 1))


@pytest.mark.parametrize("value", [-255, 255])
def test_the_largest_differences_of_colours_are_measured(value: int) -> None:
    """Squares of opposite colours, of four by four pixels, as large as a plane can differ."""
    rows, columns = np.mgrid[:64, :64] // 4
    plane = np.where((rows + columns) % 2, value, -value).astype(np.int16)
    (found,) = _grain(plane[None], (1,))
    np.testing.assert_allclose(found, contrast(plane.astype(np.float32), 0, 1, mirrored=4), atol=0.01)


def some_planes(side: int) -> np.ndarray:
    return np.random.default_rng(side).normal(0, 9, (5, side, side + 3)).astype(np.int16)


def contrast(plane: np.ndarray, scale: int, step: int, mirrored: int) -> float:
    """The median of a scale of a Laplacian pyramid of one plane, of which some rows are mirrored before.

    A plane of int16 is looked at in integers, as OpenCV rounds them.
    """
    for _ in range(scale + 1):
        height = len(plane)
        below = mirrored + height % 2 if mirrored else 0
        fine = cv2.copyMakeBorder(plane, mirrored, below, 0, 0, cv2.BORDER_REFLECT_101)
        coarser = cv2.pyrDown(fine)
        band = cv2.absdiff(fine, cv2.pyrUp(coarser, dstsize=fine.shape[::-1]))[mirrored : mirrored + height]
        plane = coarser[mirrored // 2 : mirrored // 2 + -(-height // 2)]
    few = np.sort(band[::step, ::step].ravel())
    return float(few[len(few) // 2])


@pytest.mark.parametrize("height", range(1, 12))
def test_rows_are_mirrored_as_opencv_does(height: int) -> None:
    column = np.arange(height, dtype=np.uint8)[:, None]
    below = 4 + height % 2
    expected = cv2.copyMakeBorder(column, 4, below, 0, 0, cv2.BORDER_REFLECT_101).ravel()
    assert len(expected) % 2 == 0
    np.testing.assert_array_equal(_mirrored(height), expected)


@pytest.mark.parametrize("references", [3, 5, 70])
def test_the_distance_is_that_to_the_fifth_nearest(references: int) -> None:
    """Or to the farthest, where there are fewer; a point that is no number has none."""
    points, among = (np.random.default_rng(n).normal(size=(n, 4)).astype(np.float32) for n in (150, references))
    points[7, 2] = np.nan
    each = np.sort(np.linalg.norm(points[:, None] - among, axis=2), axis=1)[:, min(5, references) - 1]
    np.testing.assert_allclose(nearest_distances(points, among), each, rtol=1e-5)


@pytest.mark.parametrize(
    ("channels", "colour", "green"), [((1, 1, 1), 0, 1), ((1, 0, 0), 0, 0), ((0, 0, 1), 1, 0), ((0, 1, -1), 2, 1)]
)
def test_grain_of_colour_is_told_from_that_of_green(
    channels: tuple[int, int, int], colour: float, green: float
) -> None:
    """Both at twice the finest scale: what the noise of a channel adds is in proportion."""
    noise = np.random.default_rng(0).normal(0, 8, (256, 256, 1))
    one, found = (
        measure((60 + noise * some).clip(0, 255).astype(np.uint8)[None])[0, 1:3] for some in ((0, 1, 0), channels)
    )
    np.testing.assert_allclose(found, one * (colour, green), rtol=0.1, atol=0.02)


def test_pictures_of_another_camera_are_far_from_all_and_those_of_the_same_are_not() -> None:
    usual = find_usual(numbers([sky(n) for n in range(80)]), numbers([sky(n) for n in range(80, 120)]))
    same, other = ([sky(n, smooth) for n in range(120, 160)] for smooth in (1.0, 1.5))
    quantiles = [usual.quantiles(usual.distances(numbers(images))) for images in (same, other)]
    assert (quantiles[0] > 0.95).mean() <= 0.2
    assert (quantiles[1] > 0.95).mean() >= 0.9


def test_what_all_galaxies_share_has_no_axis_of_its_own() -> None:
    values = np.random.default_rng(0).normal(size=(30, STATISTICS))
    values[:, 3] = 1.5
    usual = find_usual(values, values[:5])
    assert np.isfinite(usual.distances(values)).all()
    assert np.isfinite(find_usual(np.ones((3, STATISTICS)), np.ones((1, STATISTICS))).usual).all()


@pytest.mark.parametrize("version", ["this", "older"])
def test_a_file_of_an_older_version_is_read_without_pictures(tmp_path: Path, version: str) -> None:
    features = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    pictures = np.random.default_rng(1).normal(size=(9, STATISTICS))
    told = {
        "format": FORMAT,
        "model": "m",
        "level": LEVEL,
        "method": "dirichlet",
        "usual_votes": 40.0,
        "coverage": None,
        "pictures": LOOK,
    }
    picture = None if version == "older" else find_usual(pictures, pictures[:3])
    write_fitted(tmp_path / "c.npz", Fitted(None, find_familiar([features], features[:3]), 40.0, told, picture))
    found = read_fitted(tmp_path / "c.npz", "m", scheme_of("reduced"))
    assert found is not None
    assert found.familiar is not None
    assert (found.picture is None) == (version == "older")
    if picture is not None and found.picture is not None:
        np.testing.assert_array_equal(found.picture.distances(pictures), picture.distances(pictures))


@pytest.mark.parametrize(
    ("statistics", "look", "read"),
    [(STATISTICS, LOOK, True), (9, LOOK, False), (9, True, False), (STATISTICS, True, False), (STATISTICS, 1, False)],
)
def test_pictures_that_were_measured_in_another_way_are_learned_again(
    tmp_path: Path, statistics: int, look: int, *, read: bool
) -> None:
    """A version before wrote True, whether it took nine statistics or six."""
    told = {"format": FORMAT, "model": "m", "level": LEVEL, "usual_votes": 40.0, "coverage": None, "pictures": look}
    pictures = np.random.default_rng(1).normal(size=(9, statistics))
    fitted = Fitted(None, None, 40.0, {**told, "method": "dirichlet"}, find_usual(pictures, pictures[:3]))
    write_fitted(tmp_path / "c.npz", fitted)
    assert (read_fitted(tmp_path / "c.npz", "m", scheme_of("reduced")) is not None) == read


def test_a_sentence_says_that_an_older_file_has_no_pictures() -> None:
    counts = dict.fromkeys(("from_before", "not_found", "unusable", "other_size"), 0)
    said = list(notes({**counts, "older": "r/catalogue.npz", "told": {"COVERAGE": "."}}, "images"))
    assert "an older version wrote r/catalogue.npz" in said[0]
