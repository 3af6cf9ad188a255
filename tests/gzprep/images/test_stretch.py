"""Numbers to grey levels: hand-worked values of each stretch, and Lupton's against astropy's own function."""

import numpy as np
import pytest

from gzcore.images.fits import open_fits
from gzprep.config import from_mapping
from gzprep.images.stretch import stretched
from tests import fits_images


def levels(values: list[float], **fits: object) -> list[int]:
    """Grey levels of a row of values in one band."""
    image = open_fits(fits_images.one(np.array([values], np.float32)))
    images = from_mapping({"images": {"fits": {"bands": [0], **fits}}}).images
    pixels = stretched(image, images).pixels
    assert (pixels[..., 0] == pixels[..., 2]).all()
    return [int(level) for level in pixels[0, :, 0]]


LINEAR = {
    "from 0 to 1": ([0.0, 0.5, 1.0], {}, [0, 128, 255]),
    "beyond": ([-3.0, 1.5, 0.1], {}, [0, 255, 26]),
    "another range": ([-1.0, 0.0, 3.0], {"min": -1, "max": 3}, [0, 64, 255]),
    "no numbers": ([np.nan, 1.0, 0.0, 1.0], {}, [0, 255, 0, 255]),
    "infinite": ([np.inf, 1.0, 1.0, 0.0], {}, [0, 255, 255, 0]),
}


@pytest.mark.parametrize(("values", "fits", "expected"), LINEAR.values(), ids=LINEAR)
def test_linear(values: list[float], fits: dict[str, object], expected: list[int]) -> None:
    assert levels(values, stretch="linear", **fits) == expected


def test_asinh() -> None:
    """255 asinh(10 / 2) / asinh(10) = 255 * 2.31244 / 2.99822 = 196.7."""
    assert levels([0.0, 0.5, 1.0, 2.0], stretch="asinh", q=10) == [0, 197, 255, 255]


def test_asinh_of_a_small_q_is_linear() -> None:
    assert levels([0.0, 0.25, 0.5, 1.0], stretch="asinh", q=0.001) == [0, 64, 128, 255]


def test_lupton_is_that_of_astropy() -> None:
    from astropy.visualization import make_lupton_rgb

    data = fits_images.sky(30, 40)
    images = from_mapping({"images": {"fits": {"bands": "2,1,0", "stretch": "lupton", "min": -0.01, "q": 5}}}).images
    made = stretched(open_fits(fits_images.one(data)), images)
    expected = make_lupton_rgb(data[2], data[1], data[0], minimum=-0.01, stretch=0.5, Q=5)
    assert np.array_equal(made.pixels[::-1, :, :3], expected)
    assert made.below_black == (data < np.float32(-0.01)).any(axis=0).sum()


def test_a_pixel_that_is_lost_in_one_band_is_black_in_all() -> None:
    data = np.ones((3, 4, 4), np.float32)
    data[1, 0, 0] = np.nan
    images = from_mapping({"images": {"fits": {"stretch": "lupton"}}}).images
    made = stretched(open_fits(fits_images.one(data)), images)
    assert made.pixels[3, 0, :3].tolist() == [0, 0, 0]
    assert made.pixels[0, 0, :3].min() > 0
    assert made.not_numbers == 1


def test_scaled_integers_are_scaled() -> None:
    image = open_fits(fits_images.one(np.array([[0, 100]], np.int16), BSCALE=0.01, BZERO=0.0))
    images = from_mapping({"images": {"fits": {"bands": [0], "stretch": "linear"}}}).images
    assert image.kind == "scaled int16"
    assert stretched(image, images).pixels[0, :, 0].tolist() == [0, 255]
