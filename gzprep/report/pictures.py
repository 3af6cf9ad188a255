"""Small pictures of galaxies for the page: source frames, views from the shards, and what can be done to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import simplejpeg

from gzcore.console.theme import data_address
from gzcore.images import Pixels, UnusableImage
from gzprep.catalogue.galaxy import Rejection
from gzprep.config import Recipe
from gzprep.images.codec import to_rgb
from gzprep.images.opening import decode_any
from gzprep.images.sources import ImageName, ImageSource, Named, read_named

THUMBNAIL = 132
_QUALITY = 85
_GAP = 4
_PATCH = 16


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture for the template: its address, size on the page in px, and its content in words."""

    address: str
    width: int
    height: int
    alt: str
    caption: str = ""


@dataclass(frozen=True)
class SourceImages:
    """The source images of a data set, and the recipe that says how they are opened."""

    source: ImageSource
    recipe: Recipe


def name_of(row: Mapping[str, Any]) -> ImageName:
    """What the image of a row of the catalogue is found by."""
    return ImageName(row["id_str"], row["subfolder"] or "", row["filename"] or "")


def read_frame(images: SourceImages, name: Named) -> Pixels | None:
    """Read the source image of a galaxy, uint8 [H, W, 3], of its own size; None where it cannot be used.

    A catalogue is untrusted: a path that leaves the image folder is not opened.
    """
    data = read_named(name, images.source)
    if isinstance(data, Rejection):
        return None
    try:
        return to_rgb(decode_any(data, images.recipe).pixels)
    except UnusableImage:
        return None


def thumbnail(image: Pixels, side: int = THUMBNAIL) -> Pixels:
    """Shrink an image to a square of ``side`` px by averaging; an image that is not square is cut to its centre."""
    height, width = image.shape[:2]
    least = min(height, width)
    top, left = (height - least) // 2, (width - least) // 2
    square = image[top : top + least, left : left + least]
    return cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def strip(images: Sequence[Pixels]) -> Pixels:
    """Images of one height side by side, with a gap."""
    height = images[0].shape[0]
    gap = np.full((height, _GAP, 3), 127, np.uint8)
    pieces = [piece for image in images for piece in (image, gap)][:-1]
    return np.ascontiguousarray(np.concatenate(pieces, axis=1))


def as_picture(image: Pixels, alt: str, caption: str = "") -> Picture:
    """Encode an image for the page."""
    data = bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(image), _QUALITY, "RGB", "444"))
    return Picture(data_address(data, "image/jpeg"), image.shape[1], image.shape[0], alt, caption)


def centre(image: Pixels, side: int) -> Pixels:
    """Cut the centre out of an image; an image that is smaller is left as it is."""
    top, left = (max(0, (length - side) // 2) for length in image.shape[:2])
    return image[top : top + side, left : left + side]


def symmetries(image: Pixels) -> list[tuple[str, Pixels]]:
    """The 8 symmetries of a square image, with their names."""
    turned = [(f"turned {90 * quarter}\N{DEGREE SIGN}", np.rot90(image, quarter)) for quarter in range(4)]
    mirrored = [(f"mirrored, {name}", np.fliplr(pixels)) for name, pixels in turned]
    return [(name, np.ascontiguousarray(pixels)) for name, pixels in (*turned, *mirrored)]


def scaled(image: Pixels, factor: float, side: int) -> Pixels:
    """What a crop of ``side`` px shows after a zoom; black where the frame has ended."""
    height, width = image.shape[:2]
    matrix = np.array([[factor, 0, side / 2 - factor * width / 2], [0, factor, side / 2 - factor * height / 2]])
    return cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_LINEAR)  # type: ignore[return-value]


def shifted(image: Pixels, right: float, side: int) -> Pixels:
    """What a crop of ``side`` px shows after a shift to the right; black where the frame has ended."""
    height, width = image.shape[:2]
    matrix = np.array([[1.0, 0, side / 2 - width / 2 + right], [0, 1.0, side / 2 - height / 2]])
    return cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_LINEAR)  # type: ignore[return-value]


def patched(image: Pixels, patch: int = _PATCH) -> Pixels:
    """Cut a square image into patches, with a gap between them, as a vision transformer reads it."""
    count = image.shape[0] // patch
    step = patch + 2
    canvas = np.full((count * step, count * step, 3), 127, np.uint8)
    for row in range(count):
        for column in range(count):
            piece = image[row * patch : (row + 1) * patch, column * patch : (column + 1) * patch]
            canvas[row * step : row * step + patch, column * step : column * step + patch] = piece
    return canvas
