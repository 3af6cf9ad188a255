"""The built-in operations against albumentations' own transforms."""

import json
from typing import Any

import numpy as np
import pytest

from gzcore.images import Pixels, decode
from gzprep.config import Views
from gzprep.images.geometry import leaves_frame
from gzprep.images.reference import LEAST_SHARE, can_make, difference, render_by_albumentations, view_of
from gzprep.images.views import Op, Rules, View, describe, draw_views, noise, noise_map, render
from tests.golden.regenerate_records import draw_frame

REPORT = Views(zoom=(-0.9, 1.5), zoom_draw="uniform", translate=(-15.0, 15.0), noise_sigma=(1.0, 1.0))
CASES: dict[str, tuple[tuple[Op, ...], int]] = {
    "nothing": ((Op("none", {}),), 0),
    "shift": ((Op("translate", {"shift": [7, -3]}),), 0),
    "flip": ((Op("flip", {"flip": "vertical"}),), 0),
    "rotation": ((Op("rotate", {"degrees": 33.0}),), 1),
    "zoom": ((Op("zoom", {"zoom": 224 / 204}),), 2),
    "blur": ((Op("blur", {"kernel": 7}),), 0),
    "blur of 3 px": ((Op("blur", {"kernel": 3}),), 1),
    "a blur of 1 px": ((Op("blur", {"kernel": 1}),), 0),
    "noise": ((Op("noise", {"sigma": 8.0, "lot": 12345}),), 0),
    "median": ((Op("denoise", {"method": "median"}),), 0),
}


def frame(side: int) -> Pixels:
    """A smooth galaxy with noise, as a telescope gives it."""
    y, x = np.mgrid[:side, :side] - side / 2.1
    disk = 200 * np.exp(-np.hypot(x, 2 * y) / (side / 12))[..., None] * np.array([1, 0.8, 0.6, 0])
    image = disk + np.random.default_rng(0).normal(12, 2, (side, side, 4))
    return image.clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize(("ops", "most"), CASES.values(), ids=CASES.keys())
def test_one_operation(ops: tuple[Op, ...], most: int) -> None:
    source, view = frame(424), View(1, ops)
    assert difference(render(source, view, 224), render_by_albumentations(source, view, 224)).largest <= most


@pytest.mark.parametrize("rules", [Views(), REPORT], ids=["gz2-cnn", "gz2-report"])
@pytest.mark.parametrize(("side", "crop"), [(424, 224), (301, 140), (300, 141)])
def test_what_is_drawn(rules: Views, side: int, crop: int) -> None:
    """Odd sides too; and views that show more than the frame has, where edges are reflected."""
    source, outside = frame(side), 0
    for view in draw_views(Rules(rules, crop), 3, "a"):
        found = difference(render(source, view, crop), render_by_albumentations(source, view, crop))
        assert found.near >= LEAST_SHARE * found.pixels, view
        outside += leaves_frame(view.geometry, side, side, crop)
    assert outside > 0 or rules is not REPORT


@pytest.mark.slow
def test_real_galaxies(real_data: Any) -> None:
    paths = sorted((real_data / "gz2" / "images").glob("*/*.jpg"))[::150]
    for path in paths:
        source = decode(path.read_bytes(), "RGBA")
        for view in draw_views(Rules(Views(), 224), 0, path.stem):
            found = difference(render(source, view, 224), render_by_albumentations(source, view, 224))
            assert found.near == found.pixels, (path, view)


def test_a_view_comes_back_from_its_record() -> None:
    repairs = (Op("inpaint", {"defect": "black_line", "x0": 1.0}),)
    for view in draw_views(Rules(REPORT, 224), 0, "a"):
        assert view_of(view.index, json.loads(describe(view, 424, 424, 224, repairs))) == view


def test_what_albumentations_lacks() -> None:
    assert can_make(View(1, (Op("denoise", {"method": "median"}),)), 224)
    assert not can_make(View(1, (Op("denoise", {"method": "non-local-means"}),)), 224)
    assert not can_make(View(1, (Op("zoom", {"zoom": 0.05}),)), 1000)  # shows 14,000 px


def test_a_difference_is_counted_by_pixels() -> None:
    one = np.full((2, 2, 3), 100, np.uint8)
    other = one.copy()
    other[0, 0] = (100, 102, 98)
    other[1, 1] = (97, 100, 100)
    found = difference(one, other)
    assert (found.pixels, found.near, found.largest) == (4, 3, 3)


@pytest.mark.parametrize("offset", [0, 12345, 1 << 20])
def test_the_map_of_noise_is_what_noise_adds(offset: int) -> None:
    image = np.ascontiguousarray(draw_frame(64, 1)[..., :3])
    added = (image + noise_map(image.shape, 5.0, offset)).clip(0, 255).astype(np.uint8)
    np.testing.assert_array_equal(noise(image, 5.0, offset), added)
