"""Encoded crops to pixels, without TensorFlow. The declared size of an image is checked before it is decoded."""

import cv2
import numpy as np
import simplejpeg

from gzcore.dataset.tfrecord import DamagedRecord
from gzcore.images import Pixels, UnreadableImage, read_header

_JPEG = b"\xff\xd8\xff"


def decode_into(pixels: Pixels, image: bytes) -> None:
    """Decode a JPEG or PNG into an array of its size.

    JPEGs are decoded with the accurate integer DCT and smooth upsampling of colour: to the last bit what TensorFlow
    makes of them with ``dct_method="INTEGER_ACCURATE"``.

    Args:
        pixels: uint8 [H, W, 3], RGB, C-contiguous; overwritten.
        image: the encoded image.

    Raises:
        DamagedRecord: the image is damaged, or of another size.
    """
    check_size(image, pixels.shape[0], pixels.shape[1])
    try:
        if image.startswith(_JPEG):
            simplejpeg.decode_jpeg(image, "RGB", buffer=pixels)
        else:
            pixels[...] = _decode_png(image)
    except (ValueError, cv2.error) as error:
        raise DamagedRecord(f"its image cannot be decoded ({str(error).strip().rstrip('.')})") from None


def check_size(image: bytes, height: int, width: int) -> None:
    """Judge the size that an image declares: 1 us for a JPEG, 10 us for a PNG.

    Raises:
        DamagedRecord: it is not an image, or of another size.
    """
    try:
        header = read_header(image)
    except UnreadableImage as error:
        raise DamagedRecord(f"its image cannot be decoded ({error})") from None
    if (header.height, header.width) != (height, width):
        raise DamagedRecord(f"its image has {header.width} x {header.height} px, not {width} x {height}")


def _decode_png(image: bytes) -> Pixels:
    decoded = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR_RGB)
    if decoded is None:
        raise ValueError("it is neither a whole JPEG nor a whole PNG")
    return decoded  # type: ignore[return-value]
