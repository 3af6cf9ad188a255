"""Bytes to pixels and back. Source images are uint8 [H, W, 4] inside: RGB and an idle fourth channel.

OpenCV 5 warps four channels 1.4 times faster than three, and simplejpeg decodes into four no slower.
What is stored is RGB, three channels.
"""

import io
from dataclasses import dataclass

import cv2
import numpy as np
import simplejpeg
from PIL import Image, UnidentifiedImageError

from gzprep.config import Crop
from gzprep.geometry import Pixels

_JPEG_MAGIC = b"\xff\xd8"
_COLOUR_JPEG = ("YCbCr", "RGB")
_PNG_LEVEL = 6


class UnreadableImage(Exception):
    """The bytes are not an image, or end too soon. The message says which."""


@dataclass(frozen=True, slots=True)
class Header:
    """What an image file says of itself before its pixels are decoded.

    Attributes:
        height, width: px.
        colour: whether its pixels are 8-bit RGB once decoded.
        mode: the mode as the file says it, for the message.
    """

    height: int
    width: int
    colour: bool
    mode: str


def read_header(data: bytes) -> Header:
    """Read size and mode of an encoded image without decoding its pixels.

    Raises:
        UnreadableImage: the bytes are no image that we know.
    """
    if data.startswith(_JPEG_MAGIC):
        try:
            height, width, mode, _ = simplejpeg.decode_jpeg_header(data)
            return Header(height, width, mode in _COLOUR_JPEG, mode)
        except ValueError:
            pass  # an unusual subsampling: Pillow knows more of them
    return _pillow_header(data)


def _pillow_header(data: bytes) -> Header:
    if not data:
        raise UnreadableImage("the file is empty")
    try:
        with Image.open(io.BytesIO(data)) as image:
            return Header(image.height, image.width, image.mode == "RGB", image.mode)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UnreadableImage(_not_an_image(data)) from error


def _not_an_image(data: bytes) -> str:
    start = data[:512].lstrip().lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "the file is a web page, not an image"
    return "the file is not an image"


def decode(data: bytes) -> Pixels:
    """Decode an image whose header was found good.

    Returns:
        uint8 [H, W, 4]: red, green, blue and 255.

    Raises:
        UnreadableImage: the pixels end too soon or are damaged.
    """
    if data.startswith(_JPEG_MAGIC):
        try:
            pixels: Pixels = simplejpeg.decode_jpeg(data, "RGBA", strict=True)
        except ValueError as error:
            return _pillow_decode(data, str(error).strip().lower())
        return pixels
    return _pillow_decode(data, "damaged")


def _pillow_decode(data: bytes, fault: str) -> Pixels:
    try:
        with Image.open(io.BytesIO(data)) as image:
            return np.asarray(image.convert("RGBA"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UnreadableImage(f"the image cannot be decoded ({fault})") from error


def to_rgb(image: Pixels) -> Pixels:
    """Drop the fourth channel of a uint8 [H, W, 4] image; the result owns its memory."""
    return cv2.cvtColor(image, cv2.COLOR_RGBA2RGB)  # type: ignore[return-value]


def encode(image: Pixels, crop: Crop) -> bytes:
    """Encode a uint8 [H, W, 3] RGB image as the recipe says."""
    if crop.encoding == "jpeg":
        return bytes(simplejpeg.encode_jpeg(image, crop.quality, "RGB", "420"))
    _, data = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), (cv2.IMWRITE_PNG_COMPRESSION, _PNG_LEVEL))
    return data.tobytes()


def decode_rgb(data: bytes) -> Pixels:
    """Decode an image of our own making to uint8 [H, W, 3] RGB."""
    return to_rgb(decode(data))
