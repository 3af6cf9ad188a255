"""Image files to crops: the middle pixels of a galaxy image, cut as the data set's view 0 was."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gzcore.errors import GzError, UsageError
from gzcore.images import Header, Pixels, UnusableImage, WrongShape, decode, read_file, read_header

SUFFIXES = (".jpeg", ".jpg", ".png")
"""What is taken from a folder, in upper case too; a file that is named by itself may be called anything."""


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
        data = read_file(path)
        _check(read_header(data), crop)
        return Crop(path, centre_crop(decode(data), crop))
    except UnusableImage as error:
        return Crop(path, None, str(error))


def _check(header: Header, crop: int) -> None:
    if min(header.height, header.width) < crop:
        raise WrongShape(f"{header.width} x {header.height} px, too small for a crop of {crop}")
    header.check_pixels()
    header.check_colour()


def centre_crop(frame: Pixels, crop: int) -> Pixels:
    """The middle ``crop`` x ``crop`` px of a uint8 [H, W, 3] frame, in memory of its own."""
    top, left = ((side - crop) // 2 for side in frame.shape[:2])
    return frame[top : top + crop, left : left + crop].copy()
