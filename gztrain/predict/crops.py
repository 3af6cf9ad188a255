"""Image files to crops: the middle pixels of a galaxy image, cut as the data set's view 0 was.

An image is judged by what its header declares before any pixel is decoded: a small file may claim to be a huge image.
"""

import io
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL import Image

from gzcore.errors import GzError, UsageError
from gzcore.machine import OPEN_TO_READ

Pixels = npt.NDArray[np.uint8]
SUFFIXES = (".jpeg", ".jpg", ".png")
"""What is taken from a folder, in upper case too; a file that is named by itself may be called anything."""
MAX_FILE_BYTES = 64_000_000
MAX_PIXELS = 16_000_000
"""A frame of 4,000 x 4,000 px; those of Galaxy Zoo 2 have 424 x 424."""
_JPEG_MAGIC = b"\xff\xd8"
_COLOUR_JPEG = ("YCbCr", "RGB")
_PNG_DEPTH_AT = 24  # byte of the header chunk with the bits of a channel: Pillow halves 16 of them without a word
_FORMATS = ("JPEG", "PNG")
Image.MAX_IMAGE_PIXELS = None  # sizes are judged by the header here, before anything is decoded


@dataclass(frozen=True, slots=True)
class Crop:
    """What an image file came to.

    Attributes:
        path: the file.
        pixels: uint8 [crop, crop, 3], RGB; None where the image cannot be used.
        reason: why it cannot, in words; None where it can.
    """

    path: Path
    pixels: Pixels | None
    reason: str | None = None


class _Unusable(Exception):
    """The message says why an image cannot be used."""


def find_images(places: Iterable[Path]) -> list[Path]:
    """List images and the images of folders, recursively; each once, sorted by path.

    Raises:
        UsageError: one of the places does not exist.
        GzError: no image was found.
    """
    places = list(places)
    found = sorted({path for place in places for path in _images_at(place)})
    if not found:
        where = ", ".join(map(str, places))
        raise GzError(f"There are no images in {where}; files that end in {', '.join(SUFFIXES)} are looked for.")
    return found


def _images_at(place: Path) -> Iterator[Path]:
    if not place.exists():
        raise UsageError(f"There is no image or folder {place}.")
    if not place.is_dir():
        yield place
        return
    for folder, _, names in os.walk(place):  # links to folders are not followed: they may lead back
        yield from (Path(folder, name) for name in names if name.lower().endswith(SUFFIXES))


def read_crop(path: Path, crop: int) -> Crop:
    """Read an image and cut its middle out; an image that cannot be used becomes a reason."""
    try:
        data = _read_regular(path)
        _check_header(data, crop)
        return Crop(path, centre_crop(_decode(data), crop))
    except _Unusable as error:
        return Crop(path, None, str(error))
    except OSError as error:
        return Crop(path, None, f"the file cannot be read: {(error.strerror or str(error)).lower()}")


def centre_crop(frame: Pixels, crop: int) -> Pixels:
    """The middle ``crop`` x ``crop`` px of a uint8 [H, W, 3] frame, in memory of its own."""
    top, left = ((side - crop) // 2 for side in frame.shape[:2])
    return frame[top : top + crop, left : left + crop].copy()


def _read_regular(path: Path) -> bytes:
    """Read a plain file of a reasonable size: a pipe would never end, and a device might not either."""
    descriptor = os.open(path, OPEN_TO_READ)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise _Unusable("it is no regular file")
        if status.st_size > MAX_FILE_BYTES:
            raise _Unusable(f"the file has {status.st_size} bytes; an image has {MAX_FILE_BYTES} at most")
        return os.read(descriptor, status.st_size)
    finally:
        os.close(descriptor)


def _check_header(data: bytes, crop: int) -> None:
    height, width, mode = _jpeg_header(data) or _pillow_header(data)
    if min(height, width) < crop:
        raise _Unusable(f"{width} x {height} px, too small for a crop of {crop}")
    if height * width > MAX_PIXELS:
        raise _Unusable(f"{width} x {height} px, more than {MAX_PIXELS} in all")
    if mode != "RGB":
        raise _Unusable(f"mode {mode}, expected 8-bit RGB")


def _jpeg_header(data: bytes) -> tuple[int, int, str] | None:
    """Height, width and mode of a JPEG as simplejpeg reads them; None for what it does not know."""
    if not data.startswith(_JPEG_MAGIC):
        return None
    try:
        height, width, mode, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError:
        return None
    return height, width, "RGB" if mode in _COLOUR_JPEG else mode


def _pillow_header(data: bytes) -> tuple[int, int, str]:
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            deep = image.mode == "RGB" and image.format == "PNG" and data[_PNG_DEPTH_AT] > 8
            return image.height, image.width, "RGB of 16 bits" if deep else image.mode
    except (OSError, SyntaxError, ValueError):
        raise _Unusable("the file is empty" if not data else "the file is not an image (JPEG or PNG)") from None


def _decode(data: bytes) -> Pixels:
    """Decode strictly to uint8 [H, W, 3]: a damaged JPEG raises, where others would fill its holes with grey."""
    try:
        if _jpeg_header(data):
            pixels: Pixels = simplejpeg.decode_jpeg(data, "RGB", strict=True)
            return pixels
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as error:
        reason = (str(error).strip() or "damaged").splitlines()[0].rstrip(".").lower()
        raise _Unusable(f"the image cannot be decoded: {reason}") from None
