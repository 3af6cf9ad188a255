"""Encoded crops to pixels, without TensorFlow."""

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg

from gztrain.data.frames import BadRecord

Pixels = npt.NDArray[np.uint8]
_JPEG = b"\xff\xd8\xff"


def decode_into(pixels: Pixels, image: bytes) -> None:
    """Decode a JPEG or PNG into an array of its size.

    JPEGs are decoded with the accurate integer DCT and smooth upsampling of colour: to the last bit what TensorFlow
    makes of them with ``dct_method="INTEGER_ACCURATE"``.

    Args:
        pixels: uint8 [H, W, 3], RGB, C-contiguous; overwritten.
        image: the encoded image.

    Raises:
        BadRecord: the image is damaged, or of another size.
    """
    try:
        shape = _decode_jpeg(pixels, image) if image.startswith(_JPEG) else _decode_other(pixels, image)
    except (ValueError, cv2.error) as error:
        raise BadRecord(f"its image cannot be decoded ({str(error).strip().rstrip('.')})") from None
    if shape != pixels.shape:
        raise BadRecord(f"its image has the shape {_times(shape)}, not {_times(pixels.shape)}")


def _decode_jpeg(pixels: Pixels, image: bytes) -> tuple[int, ...]:
    shape: tuple[int, ...] = simplejpeg.decode_jpeg(image, "RGB", buffer=pixels).shape
    return shape


def _decode_other(pixels: Pixels, image: bytes) -> tuple[int, ...]:
    decoded = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR_RGB)
    if decoded is None:
        raise ValueError("it is neither a whole JPEG nor a whole PNG")
    if decoded.shape == pixels.shape:
        pixels[...] = decoded
    return (*decoded.shape,)


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
