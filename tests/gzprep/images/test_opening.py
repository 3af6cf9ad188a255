"""Images of every size, mode and kind: each is accepted as asked, or refused in a sentence that names the setting."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gzcore.images import UnusableImage, WrongMode
from gzprep.config import Recipe, read_recipe
from gzprep.images.fit import padded
from gzprep.images.opening import decode_any, decode_frame, header_of, rejection_of
from gzprep.prepare.rejects import Example, explain
from tests import fits_images


def picture(height: int, width: int, mode: str = "RGB", form: str = "PNG") -> bytes:
    values = np.random.default_rng(1).integers(0, 255, (height, width, 4), np.uint8)
    values[..., 3] = 255
    if mode == "I;16":
        image = Image.fromarray(values[..., 0].astype(np.uint16) * 257)
    else:
        image = Image.fromarray(values, "RGBA").convert(mode)
    stream = io.BytesIO()
    image.save(stream, form)
    return stream.getvalue()


def deep_colour(side: int) -> bytes:
    import cv2

    return cv2.imencode(".png", np.full((side, side, 3), 40_000, np.uint16))[1].tobytes()


def fits_with(*, lost: int = 0, negative: int = 0, planes: int = 3, side: int = 424, **header: Any) -> bytes:
    data = np.abs(fits_images.sky(side, side, planes))
    data[0].flat[:lost] = np.nan
    data[-1].flat[1000 : 1000 + negative] = -0.3
    return fits_images.one(data, **header)


LUPTON = ("images.fits.stretch=lupton",)
GRZ = ("images.fits.bands=z,r,g", "images.fits.stretch=asinh")
BOTH = ("images.fits.bands=r,r,g", "images.fits.stretch=asinh")
ONE = ("images.fits.bands=[1]", "images.fits.stretch=linear")
SCALE = ("images.fit=scale", "images.arcsec=0.524", *LUPTON)

ACCEPTED: dict[str, tuple[bytes, tuple[str, ...], int]] = {
    "424 px": (picture(424, 424), (), 424),
    "100 px, as they are": (picture(100, 100), ("images.frame=100", "crop.size=64"), 100),
    "100 px, any": (picture(100, 100), ("images.frame=any", "crop.size=64"), 100),
    "100 px, padded": (picture(100, 100), ("images.fit=pad",), 424),
    "100 px, resized": (picture(100, 100), ("images.fit=resize",), 424),
    "256 px, as they are": (picture(256, 256), ("images.frame=256",), 256),
    "256 px, resized": (picture(256, 256), ("images.fit=resize",), 424),
    "512 px, cropped": (picture(512, 512), ("images.fit=crop",), 424),
    "512 px, resized": (picture(512, 512), ("images.fit=resize",), 424),
    "512 px, scaled": (picture(512, 512), ("images.fit=scale", "images.arcsec=0.8", "images.own_arcsec=0.4"), 424),
    "300 x 400 px, cropped": (picture(400, 300), ("images.fit=crop", "images.frame=256"), 256),
    "300 x 400 px, padded": (picture(400, 300), ("images.fit=pad",), 424),
    "300 x 400 px, resized": (picture(400, 300, form="JPEG"), ("images.fit=resize",), 424),
    "grey": (picture(424, 424, "L"), ('images.modes=["RGB", "L"]',), 424),
    "grey, resized": (picture(300, 300, "L"), ('images.modes=["L"]', "images.fit=resize"), 424),
    "RGBA": (picture(424, 424, "RGBA"), ('images.modes=["RGBA"]',), 424),
    "FITS of 8 bits": (fits_images.one(np.full((3, 424, 424), 7, np.uint8)), (), 424),
    "FITS of 16 bits": (fits_images.one(np.full((3, 424, 424), 700, np.int16)), ("images.fits.stretch=linear",), 424),
    "FITS with NaN": (fits_with(lost=50), LUPTON, 424),
    "FITS with negative pixels": (fits_with(negative=50), LUPTON, 424),
    "FITS in gzip": (fits_images.one(fits_images.sky(424, 424), zipped=True), LUPTON, 424),
    "FITS, three bands by name": (fits_with(BANDS="grz"), GRZ, 424),
    "FITS, one of them by number": (
        fits_with(BANDS="grz"),
        ("images.fits.bands=[1]", "images.fits.stretch=linear"),
        424,
    ),
    "FITS, a stack of 2 bands": (fits_with(planes=2, BANDS="gr"), BOTH, 424),
    "FITS, grey": (fits_with(planes=1), ('images.modes=["RGB", "L"]', "images.fits.stretch=asinh"), 424),
    "FITS of 200 px, by its WCS": (fits_with(side=200, **fits_images.WCS), SCALE, 424),
}


@pytest.mark.slow
@pytest.mark.parametrize(("data", "settings", "side"), ACCEPTED.values(), ids=ACCEPTED)
def test_accepted_as_asked(data: bytes, settings: tuple[str, ...], side: int) -> None:
    recipe = read_recipe(None, settings)
    frame = padded(decode_frame(data, recipe).pixels, recipe)
    assert (frame.shape, frame.dtype) == ((side, side, 4), np.uint8)
    assert (frame[..., 3] == 255).all()
    assert header_of(data).height == decode_any(data, recipe).pixels.shape[0]


REFUSED: dict[str, tuple[bytes, tuple[str, ...], tuple[str, ...]]] = {
    "100 px": (
        picture(100, 100),
        (),
        ("100 x 100 px, expected 424 x 424", "images.frame=100 --crop 100", "images.fit"),
    ),
    "100 px, cropped": (picture(100, 100), ("images.fit=crop",), ("expected at least 424 x 424", "images.fit=pad")),
    "100 px, any": (picture(100, 100), ("images.frame=any",), ("expected at least 224 x 224", "--crop", "images.fit")),
    "256 px": (picture(256, 256), (), ("256 x 256 px", "--set images.frame=256.", "images.fit=resize")),
    "512 px": (picture(512, 512), (), ("512 x 512 px", "--set images.frame=512.", "images.fit=resize")),
    "300 x 400 px": (picture(400, 300), (), ("300 x 400 px", "images.fit=resize, or crop, pad", "images.frame=any")),
    "no scale": (picture(424, 424), ("images.fit=scale", "images.arcsec=1"), ("unknown scale", "images.own_arcsec")),
    "grey": (picture(424, 424, "L"), (), ("mode L", """'images.modes=["RGB","L"]'""")),
    "grey JPEG": (picture(424, 424, "L", "JPEG"), (), ("mode Gray", """'images.modes=["RGB","L"]'""")),
    "RGBA": (picture(424, 424, "RGBA"), (), ("mode RGBA", """'images.modes=["RGB","RGBA"]'""")),
    "16 bits": (deep_colour(424), (), ("RGB of 16 bits", "FITS", "images.fits.stretch=linear")),
    "16 bits, grey": (picture(424, 424, "I;16"), (), ("mode I;16", "images.fits.stretch=linear")),
    "FITS of floats": (fits_with(), (), ("FITS of float32", "--set images.fits.stretch=linear, asinh or lupton")),
    "FITS, a stack of 2 bands": (fits_with(planes=2), LUPTON, ("2 planes, 0, 1", "--set images.fits.bands=RED")),
    "FITS of 5 named bands": (fits_with(planes=5, BANDS="ugriz"), LUPTON, ("0 (u), 1 (g), 2 (r)", "images.fits.bands")),
    "FITS, a band it lacks": (fits_with(BANDS="gri"), GRZ, ("0 (g), 1 (r), 2 (i); images.fits.bands names 'z'",)),
    "FITS, grey": (fits_with(planes=1), LUPTON, ("one plane", """'images.modes=["RGB","L"]'""")),
    "FITS, mostly NaN": (fits_with(lost=90_000), LUPTON, ("90000 of its 179776 pixels are not numbers",)),
    "FITS of another size": (fits_with(side=200), LUPTON, ("200 x 200 px", "images.frame=200 --crop 200")),
    "FITS that ends too soon": (fits_with()[:90_000], LUPTON, ("cannot be decoded",)),
    "FITS without an image": (fits_images.one(np.zeros(7, np.float32)), LUPTON, ("no image of two or three axes",)),
    "damaged gzip": (fits_images.one(fits_images.sky(64, 64), zipped=True)[:40] + b"x" * 99, LUPTON, ("FITS",)),
}


@pytest.mark.parametrize(("data", "settings", "parts"), REFUSED.values(), ids=REFUSED)
def test_refused_with_the_setting_that_helps(data: bytes, settings: tuple[str, ...], parts: tuple[str, ...]) -> None:
    recipe = read_recipe(None, settings)
    with pytest.raises(UnusableImage) as caught:
        decode_frame(data, recipe)
    rejection = rejection_of(caught.value)
    told = explain(Example("42", "a.fits", rejection.reason, rejection.detail), "images", recipe, [rejection.detail])
    for part in parts:
        assert part in told
    assert told.count("\n") == 0


def test_lost_and_dark_pixels_are_counted() -> None:
    decoded = decode_frame(fits_with(lost=50, negative=30), read_recipe(None, LUPTON))
    assert (decoded.not_numbers, decoded.below_black, decoded.oddity) == (50, 30, "not_numbers")
    assert decoded.note == "50 pixels are not numbers, and black"


def test_the_scale_of_a_pixel_is_that_of_the_wcs() -> None:
    decoded = decode_frame(fits_with(**fits_images.WCS), read_recipe(None, LUPTON))
    assert decoded.arcsec == pytest.approx(0.262, rel=1e-6)
    assert decode_frame(fits_with(), read_recipe(None, LUPTON)).arcsec is None


def test_a_gzip_that_becomes_huge_is_not_unpacked() -> None:
    import gzip

    bomb = gzip.compress(b"SIMPLE  =" + bytes(80_000_000))
    with pytest.raises(UnusableImage, match="64000000 at most"):
        decode_frame(bomb, read_recipe(None, LUPTON))


def test_a_header_that_claims_a_huge_image() -> None:
    data = fits_images.one(np.zeros((20, 20), np.float32)).replace(
        b"NAXIS1  =                   20", b"NAXIS1  =              2000000"
    )
    with pytest.raises(UnusableImage, match="2000000 x 20 px"):
        decode_frame(data, read_recipe(None, ("images.frame=any", *LUPTON)))


def test_astropy_is_asked_for_where_it_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from gzcore.errors import GzError

    data = fits_with()
    monkeypatch.setitem(sys.modules, "astropy.io", None)
    with pytest.raises(GzError, match=r"pip install 'gzprep\[fits\]'"):
        decode_frame(data, Recipe())


def test_planes_are_found_by_number_name_and_letter_case() -> None:
    named = fits_images.units(
        [(np.full((20, 20), level, np.uint8), {"EXTNAME": name}) for level, name in ((3, "G"), (9, "R"))]
    )
    recipe = read_recipe(None, ("images.frame=20", "crop.size=8", "images.fits.bands=r,g,0"))
    assert decode_frame(named, recipe).pixels[0, 0].tolist() == [9, 3, 3, 255]


def test_a_name_that_two_planes_have_says_nothing() -> None:
    named = fits_images.units([(np.zeros((20, 20), np.uint8), {"EXTNAME": "SCI"})] * 2)
    with pytest.raises(WrongMode, match="2 planes have that name"):
        decode_frame(named, read_recipe(None, ("images.frame=20", "crop.size=8", "images.fits.bands=SCI")))


def test_the_first_row_of_fits_is_the_lowest() -> None:
    data = np.zeros((20, 20), np.uint8)
    data[0] = 200
    recipe = read_recipe(None, ("images.frame=20", "crop.size=8", "images.fits.bands=[0]"))
    assert (decode_frame(fits_images.one(data), recipe).pixels[-1, :, 0] == 200).all()
