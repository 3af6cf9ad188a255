"""Bytes to pixels and back. Source images are uint8 [H, W, 4] inside: RGB and an idle fourth channel.

OpenCV 5 warps four channels 1.4 times faster than three, and simplejpeg decodes into four no slower.
What is stored is RGB, three channels.
"""

import io
from dataclasses import dataclass

import cv2
import numpy as np
import simplejpeg
from PIL import Image

from gzprep.config import Crop
from gzprep.images.geometry import Pixels

_JPEG_MAGIC = b"\xff\xd8"
_COLOUR_JPEG = ("YCbCr", "RGB")
_PNG_LEVEL = 6
_PNG_DEPTH_AT = 24  # byte of the header chunk with the bits of a channel: Pillow halves 16 of them without a word
_FORMATS = ("JPEG", "PNG")
Image.MAX_IMAGE_PIXELS = None  # sizes are judged by the header here, before anything is decoded


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
    return _jpeg_header(data) or _pillow_header(data)


def _jpeg_header(data: bytes) -> Header | None:
    """Header of a JPEG as simplejpeg reads it; None for other files, and for subsamplings it does not know."""
    if not data.startswith(_JPEG_MAGIC):
        return None
    try:
        height, width, mode, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError:
        return None
    return Header(height, width, mode in _COLOUR_JPEG, mode)


def _pillow_header(data: bytes) -> Header:
    if not data:
        raise UnreadableImage("the file is empty")
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            deep = image.mode == "RGB" and image.format == "PNG" and data[_PNG_DEPTH_AT] > 8
            mode = "RGB of 16 bits" if deep else image.mode
            return Header(image.height, image.width, mode == "RGB", mode)
    except (OSError, SyntaxError, ValueError) as error:
        raise UnreadableImage(_not_an_image(data)) from error


def _not_an_image(data: bytes) -> str:
    start = data[:512].lstrip().lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "the file is a web page, not an image"
    return "the file is not an image (JPEG or PNG)"


def decode(data: bytes) -> Pixels:
    """Decode an image whose header was found good.

    Returns:
        uint8 [H, W, 4]: red, green, blue and 255.

    Raises:
        UnreadableImage: the pixels end too soon or are damaged.
    """
    try:
        return _jpeg_pixels(data) if _jpeg_header(data) else _pillow_pixels(data)
    except (OSError, SyntaxError, ValueError) as error:
        reason = (str(error).strip() or "damaged").splitlines()[0].rstrip(".").lower()
        raise UnreadableImage(f"the image cannot be decoded: {reason}") from error


def _jpeg_pixels(data: bytes) -> Pixels:
    """Decode strictly: a damaged JPEG raises, where others would fill its holes with grey."""
    pixels: Pixels = simplejpeg.decode_jpeg(data, "RGBA", strict=True)
    return pixels


def _pillow_pixels(data: bytes) -> Pixels:
    with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
        return np.asarray(image.convert("RGBA"))


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
