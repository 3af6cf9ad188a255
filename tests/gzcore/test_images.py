"""Bytes to pixels: what is accepted, what is refused, and that nothing but ``UnreadableImage`` ever gets out."""

import io
import random
import resource
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import simplejpeg
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gzcore.errors import GzError
from gzcore.images import Header, Pixels, UnreadableImage, UnusableImage, decode, read_file, read_header
from tests.golden.regenerate_records import draw_frame

cv2.setNumThreads(1)


def drawn(side: int = 48, seed: int = 1) -> Pixels:
    """uint8 [side, side, 3]."""
    return np.ascontiguousarray(draw_frame(side, seed)[..., :3])


def saved(mode: str, kind: str, **options: object) -> bytes:
    """The drawn image as Pillow writes it; 48 x 40 px."""
    file = io.BytesIO()
    Image.fromarray(drawn()[:40]).convert(mode).save(file, kind, **options)
    return file.getvalue()


def jpeg(subsampling: str = "420", side: int = 48) -> bytes:
    """The drawn image as simplejpeg writes it; 48 x 40 px unless told."""
    height = side * 5 // 6
    return bytes(simplejpeg.encode_jpeg(drawn(side)[:height], 90, "RGB", subsampling))


def png_16_bit_rgb() -> bytes:
    _, data = cv2.imencode(".png", drawn()[:40].astype(np.uint16) * 257)
    return data.tobytes()


def error_of(data: bytes) -> str:
    """Why the bytes cannot be used; fails where they can, or where something else is raised."""
    with pytest.raises(UnreadableImage) as caught:  # noqa: PT012 -- either of the two may refuse
        read_header(data)
        decode(data)
    return str(caught.value)


# headers


@pytest.mark.parametrize(
    ("data", "mode"),
    [
        pytest.param(jpeg("420"), "YCbCr", id="JPEG 4:2:0"),
        pytest.param(jpeg("422"), "YCbCr", id="JPEG 4:2:2"),
        pytest.param(jpeg("444"), "YCbCr", id="JPEG 4:4:4"),
        pytest.param(saved("RGB", "JPEG"), "YCbCr", id="JPEG of Pillow"),
        pytest.param(saved("RGB", "JPEG", progressive=True), "YCbCr", id="progressive JPEG"),
        pytest.param(saved("RGB", "JPEG", keep_rgb=True), "RGB", id="JPEG stored as RGB"),
        pytest.param(saved("RGB", "PNG"), "RGB", id="PNG"),
    ],
)
def test_header_of_a_colour_image(data: bytes, mode: str) -> None:
    assert read_header(data) == Header(height=40, width=48, colour=True, mode=mode)


@pytest.mark.parametrize(
    ("data", "mode"),
    [
        pytest.param(saved("L", "JPEG"), "Gray", id="grey JPEG"),
        pytest.param(saved("CMYK", "JPEG"), "CMYK", id="CMYK JPEG"),
        pytest.param(saved("P", "PNG"), "P", id="PNG with a palette"),
        pytest.param(saved("RGBA", "PNG"), "RGBA", id="PNG with alpha"),
        pytest.param(saved("L", "PNG"), "L", id="grey PNG"),
        pytest.param(saved("LA", "PNG"), "LA", id="grey PNG with alpha"),
        pytest.param(saved("1", "PNG"), "1", id="PNG of one bit"),
        pytest.param(saved("I;16", "PNG"), "I;16", id="grey PNG of 16 bits"),
    ],
)
def test_header_of_an_image_of_another_mode(data: bytes, mode: str) -> None:
    assert read_header(data) == Header(height=40, width=48, colour=False, mode=mode)


def test_a_16_bit_colour_png_is_not_8_bit_rgb() -> None:
    """Pillow halves its bits without a word: the mode it names is RGB."""
    header = read_header(png_16_bit_rgb())
    assert (header.height, header.width, header.colour) == (40, 48, False)


def with_jpeg_size(data: bytes, height: int, width: int) -> bytes:
    """Write another size into the header of a JPEG."""
    start = data.index(b"\xff\xc0") + 5
    return data[:start] + struct.pack(">HH", height, width) + data[start + 4 :]


def with_png_size(data: bytes, height: int, width: int) -> bytes:
    """Write another size into the header of a PNG, with the right checksum."""
    chunk = b"IHDR" + struct.pack(">II", width, height) + data[24:29]
    return data[:12] + chunk + struct.pack(">I", zlib.crc32(chunk)) + data[33:]


@pytest.mark.parametrize("size", [(65500, 65500), (1, 65500), (424, 425)])
def test_header_of_a_jpeg_that_claims_a_size(size: tuple[int, int]) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    header = read_header(with_jpeg_size(jpeg(), *size))
    assert (header.height, header.width) == size
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB; its pixels would take 12.9 GB


@pytest.mark.parametrize("side", [5000, 10000, 20000, 100000])
def test_a_png_that_claims_to_be_huge_is_read_or_refused_without_a_warning(side: int) -> None:
    """Between 89 and 179 megapixels Pillow warns, above it refuses; a warning is an error in these tests."""
    try:
        header = read_header(with_png_size(saved("RGB", "PNG"), side, side))
    except UnreadableImage:
        assert side > 10000
    else:
        assert (header.height, header.width) == (side, side)


# pixels


@pytest.mark.parametrize("subsampling", ["420", "422", "444"])
def test_decoded_jpeg_is_that_of_pillow(subsampling: str) -> None:
    data = jpeg(subsampling)
    image = decode(data, "RGBA")
    assert (image.shape, image.dtype) == ((40, 48, 4), np.uint8)
    assert (image[..., 3] == 255).all()
    theirs = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
    assert abs(image[..., :3] - theirs).max() <= 3  # another libjpeg


def test_progressive_and_baseline_are_the_same_picture() -> None:
    baseline, progressive = (saved("RGB", "JPEG", quality=90, progressive=flag) for flag in (False, True))
    assert b"\xff\xc2" in progressive
    np.testing.assert_array_equal(decode(progressive), decode(baseline))


def test_decoded_png_is_exact() -> None:
    image = decode(saved("RGB", "PNG"), "RGBA")
    np.testing.assert_array_equal(image[..., :3], drawn()[:40])
    assert (image[..., 3] == 255).all()


# refusals


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"", "the file is empty", id="nothing"),
        pytest.param(b"<!DOCTYPE html><html><body>404</body></html>", "a web page", id="an error page"),
        pytest.param(b"\n\n  <html>", "a web page", id="an error page after blank lines"),
        pytest.param(b"<?xml version='1.0'?><Error/>", "a web page", id="an object store's error"),
        pytest.param(b"not found", "not an image", id="text"),
        pytest.param(b"\x00" * 5000, "not an image", id="zeros"),
        pytest.param(b"\xff\xd8", "not an image", id="start of a JPEG"),
        pytest.param(b"\xff\xd8\xff\xd9", "not an image", id="a JPEG of nothing"),
        pytest.param(b"\xff\xd8\xff\xe0" + b"\x00" * 100, "not an image", id="a JPEG of zeros"),
        pytest.param(b"\x89PNG\r\n\x1a\n", "not an image", id="start of a PNG"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + b"\x00" * 100, "not an image", id="a PNG of zeros"),
    ],
)
def test_what_is_not_an_image(data: bytes, words: str) -> None:
    with pytest.raises(UnreadableImage, match=words):
        read_header(data)


SMALL_JPEG = jpeg(side=36)


@pytest.mark.parametrize("cut", range(0, len(SMALL_JPEG), max(len(SMALL_JPEG) // 100, 1)))
def test_a_jpeg_cut_short_is_refused(cut: int) -> None:
    error_of(SMALL_JPEG[:cut])


@pytest.mark.parametrize("lost", [1, 2, 3, 4, 10])
def test_a_jpeg_without_its_end_is_refused(lost: int) -> None:
    error_of(SMALL_JPEG[:-lost])


@pytest.mark.parametrize("cut", range(0, 40 * 48, 37))
def test_a_progressive_jpeg_cut_short_is_refused(cut: int) -> None:
    data = saved("RGB", "JPEG", progressive=True)
    if cut < len(data):
        error_of(data[:cut])


def test_bytes_after_the_end_of_a_jpeg_do_not_matter() -> None:
    np.testing.assert_array_equal(decode(SMALL_JPEG + b"\0" * 7), decode(SMALL_JPEG))


def test_a_png_cut_short_is_refused() -> None:
    data = saved("RGB", "PNG")
    pixels_end = data.rindex(b"IEND") - 8  # what follows: checksum, and an end without pixels
    for cut in range(0, pixels_end, 41):
        error_of(data[:cut])


NOISE = random.Random(1).randbytes(2048)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda data, at: data[:at] + b"\xff\xd9" + data[at:], id="an early end"),
        pytest.param(lambda data, at: data[:at] + bytes(2048) + data[at + 2048 :], id="a sector of zeros"),
        pytest.param(lambda data, at: data[:at] + data[at + 2048 :], id="a hole"),
        pytest.param(lambda data, at: data[:at] + NOISE + data[at + 2048 :], id="a sector of another file"),
    ],
)
def test_a_jpeg_damaged_in_its_middle_is_refused(damage: Callable[[bytes, int], bytes]) -> None:
    """Pillow fills what it cannot read with grey and says nothing."""
    data = jpeg(side=424)
    error_of(damage(data, len(data) // 2))


@settings(deadline=None)
@given(
    st.binary(max_size=200),
    st.sampled_from([b"", b"\xff\xd8", b"\xff\xd8\xff\xe0\x00\x10JFIF\0", b"\x89PNG\r\n\x1a\n"]),
)
def test_random_bytes_are_refused(data: bytes, magic: bytes) -> None:
    error_of(magic + data)


FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "PPM", "TIFF", "TGA", "PCX", "ICO", "JPEG2000", "AVIF", "DDS")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("kind", FORMATS)
def test_a_damaged_file_of_any_format_is_read_or_refused(kind: str) -> None:
    """Whatever a folder of images holds: a bad file is a result, not a crash."""
    whole = saved("RGB", kind)
    rng = random.Random(2)
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(rng.choice((1, 1, 2, 5))):
            data[rng.randrange(min(len(data), rng.choice((64, 400, 1 << 20))))] = rng.randrange(256)
        try:
            header = read_header(bytes(data))
            if max(header.height, header.width) < 1000:  # what prepare checks before it decodes
                decode(bytes(data))
        except UnreadableImage:
            pass


def test_an_image_is_not_blamed_for_used_up_file_handles(tmp_path: Path) -> None:
    """It would be rejected, and the galaxy would be missing from the data set."""
    path = tmp_path / "image.jpg"
    path.write_bytes(b"some bytes")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        with pytest.raises(GzError, match="Too many files are open") as raised:
            read_file(path)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert not isinstance(raised.value, UnusableImage)
    assert read_file(path) == b"some bytes"
