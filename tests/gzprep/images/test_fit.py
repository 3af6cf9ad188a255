"""Images of any size: what each fit makes of them, and which are refused."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gzcore.images import WrongShape
from gzprep.config import Recipe, from_mapping
from gzprep.images.fit import Size, border, check_size, fitted, padded


def recipe(crop: int = 8, **images: Any) -> Recipe:
    return from_mapping({"crop": {"size": crop}, "images": images})


def made(pixels: np.ndarray, rules: Recipe, arcsec: float | None = None) -> np.ndarray:
    size = check_size(Size(*pixels.shape[:2]), rules, arcsec)
    return padded(fitted(pixels, size, rules), rules)


def ramp(height: int, width: int) -> np.ndarray:
    """Each pixel tells its row and its column."""
    pixels = np.full((height, width, 4), 255, np.uint8)
    pixels[..., 0], pixels[..., 1] = np.arange(height)[:, None], np.arange(width)
    return pixels


def test_exact_is_the_image_itself() -> None:
    image = ramp(20, 20)
    assert made(image, recipe(frame=20)) is image


def test_any_keeps_each_at_its_size() -> None:
    image = ramp(20, 31)
    assert made(image, recipe(frame="any")) is image


def test_crop_cuts_the_middle() -> None:
    assert np.array_equal(made(ramp(30, 40), recipe(frame=20, fit="crop")), ramp(30, 40)[5:25, 10:30])


def test_of_an_odd_rest_the_far_side_has_one_more() -> None:
    assert np.array_equal(made(ramp(21, 23), recipe(frame=20, fit="crop")), ramp(21, 23)[:20, 1:21])


def test_pad_puts_opaque_black_around() -> None:
    image, rules = ramp(17, 30), recipe(frame=20, fit="pad")
    out = made(image, rules)
    assert np.array_equal(out[1:18], image[:, 5:25])
    assert (out[[0, 18, 19]] == (0, 0, 0, 255)).all()
    assert border(image[:, 5:25], rules) == (1, 0)


def test_resize_keeps_the_proportions() -> None:
    image = np.full((60, 40, 4), 255, np.uint8)
    image[20:40, :, :3] = 0  # a square in the middle stays one
    out = made(image, recipe(frame=20, fit="resize"))
    assert out.shape == (20, 20, 4)
    assert (out[6:14, :, 0] == 0).all()
    assert (out[[0, 1, 18, 19], :, 0] == 255).all()


def test_resize_enlarges_too() -> None:
    assert made(ramp(10, 10), recipe(frame=20, fit="resize")).shape == (20, 20, 4)


def test_a_mean_of_four_pixels_is_one() -> None:
    image = np.zeros((32, 32, 4), np.uint8)
    image[::2, ::2] = 40
    assert (made(image, recipe(frame=16, fit="resize")) == 10).all()


SCALES = {  # own arcsec, arcsec wanted, side before, side of the part that is not black
    "the same": (0.4, 0.4, 20, 20),
    "coarser": (0.4, 0.8, 40, 20),
    "much coarser, black around": (0.4, 0.8, 30, 15),
    "finer, cut": (0.4, 0.2, 20, 20),
}


@pytest.mark.parametrize(("own", "wanted", "before", "after"), SCALES.values(), ids=SCALES)
def test_scale_makes_the_same_arcsec_a_pixel(own: float, wanted: float, before: int, after: int) -> None:
    image = np.full((before, before, 4), 255, np.uint8)
    out = made(image, recipe(frame=20, fit="scale", arcsec=wanted), own)
    assert out.shape == (20, 20, 4)
    assert (out[..., 0] > 0).any(axis=0).sum() == after
    assert np.array_equal(out, made(image, recipe(frame=20, fit="scale", arcsec=wanted, own_arcsec=own)))


def test_the_scale_of_the_file_counts_more_than_that_of_the_recipe() -> None:
    rules = recipe(frame=20, fit="scale", arcsec=0.4, own_arcsec=0.1)
    assert check_size(Size(20, 20), rules, 0.8) == Size(40, 40)


REFUSED = {
    "exact": ({"frame": 20}, Size(20, 21), "21 x 20 px, expected 20 x 20"),
    "crop of a smaller one": ({"frame": 20, "fit": "crop"}, Size(30, 19), "19 x 30 px, expected at least 20 x 20"),
    "any below the crop": ({"frame": "any"}, Size(7, 9), "9 x 7 px, expected at least 8 x 8"),
    "no scale": ({"fit": "scale", "arcsec": 1}, Size(20, 20), "images.own_arcsec"),
    "huge once enlarged": ({"fit": "scale", "arcsec": 0.001, "own_arcsec": 1}, Size(20, 20), "would become 20000 x"),
    "a strip": ({"frame": 500, "fit": "resize"}, Size(16, 300), "would become 9375 x 500"),
}


@pytest.mark.parametrize(("images", "size", "told"), REFUSED.values(), ids=REFUSED)
def test_refused_before_anything_is_decoded(images: dict[str, Any], size: Size, told: str) -> None:
    with pytest.raises(WrongShape, match=told):
        check_size(size, recipe(**images))


@given(
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    frame=st.integers(16, 64),
    fit=st.sampled_from(["pad", "scale"]),
)
def test_pad_and_scale_take_every_size(height: int, width: int, frame: int, fit: str) -> None:
    keys = {"arcsec": 0.5, "own_arcsec": 0.4} if fit == "scale" else {}
    assert made(ramp(height, width), recipe(frame=frame, fit=fit, **keys)).shape == (frame, frame, 4)
