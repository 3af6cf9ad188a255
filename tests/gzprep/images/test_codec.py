"""Pixels to bytes: lossless where that is asked for, the same bytes each time, channels in their order."""

import io

import cv2
import numpy as np
import pytest
import simplejpeg
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from gzcore.images import Pixels, decode
from gzprep.config import Crop
from gzprep.images.codec import encode, to_rgb
from tests.golden.regenerate_records import draw_frame

LOSSLESS = Crop(encoding="png")

cv2.setNumThreads(1)


def drawn(side: int = 48, seed: int = 1) -> Pixels:
    """uint8 [side, side, 3]."""
    return np.ascontiguousarray(draw_frame(side, seed)[..., :3])


def test_to_rgb_drops_the_fourth_channel_and_owns_its_memory() -> None:
    frame = draw_frame(32, 1)
    image = to_rgb(frame)
    np.testing.assert_array_equal(image, frame[..., :3])
    assert not np.shares_memory(image, frame)


COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}


@pytest.mark.parametrize("encoding", ["jpeg", "png"])
@pytest.mark.parametrize("name", COLOURS)
def test_channel_order(name: str, encoding: str) -> None:
    """Ours to ours, ours to Pillow, and Pillow to ours."""
    image = np.full((32, 32, 3), COLOURS[name], np.uint8)
    data = encode(image, Crop(encoding=encoding))
    by_pillow = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    file = io.BytesIO()
    Image.fromarray(image).save(file, encoding, quality=95)
    for pixels in (decode(data), by_pillow, decode(file.getvalue())):
        assert pixels.shape == (32, 32, 3)
        assert abs(pixels.astype(int) - image).max() <= 2
    assert decode(encode(decode(data), Crop(encoding=encoding))).argmax(axis=2).tolist() == (
        image.argmax(axis=2).tolist()
    )


@settings(deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(8, 20), st.integers(8, 20), st.just(3))))
def test_png_is_lossless(image: Pixels) -> None:
    data = encode(image, LOSSLESS)
    np.testing.assert_array_equal(decode(data), image)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), image)


@pytest.mark.parametrize("crop", [Crop(), Crop(quality=50), LOSSLESS])
def test_encoding_gives_the_same_bytes_again(crop: Crop) -> None:
    assert encode(drawn(), crop) == encode(drawn().copy(), crop)


def test_encoding_takes_a_slice_as_it_takes_a_copy() -> None:
    sliced = drawn(64)[8:40, 4:36]
    for crop in (Crop(), LOSSLESS):
        assert encode(sliced, crop) == encode(sliced.copy(), crop)


def test_jpeg_of_the_recipe_is_4_2_0_baseline_and_obeys_its_quality() -> None:
    small, large = encode(drawn(), Crop(quality=30)), encode(drawn(), Crop(quality=95))
    assert len(small) < 0.7 * len(large)
    assert simplejpeg.decode_jpeg_header(large)[2:] == ("YCbCr", "420")
    assert b"\xff\xc0" in large
