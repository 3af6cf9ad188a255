"""Image files to crops: the middle pixels of a galaxy image, cut as the data set's view 0 was."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from gzcore.errors import GzError, UsageError
from gzcore.images import Header, Pixels, UnusableImage, WrongShape, decode, read_file, read_header
from gzcore.images.neighbours import blank_neighbours, find_neighbours

SUFFIXES = (".jpeg", ".jpg", ".png")
"""What is taken from a folder, in upper case too; a file that is named by itself may be called anything."""
_NAMED = 5
"""Files that are not read are counted; so many are named."""


@dataclass(frozen=True, slots=True)
class Cut:
    """How the input of a model is cut out of an image.

    Attributes:
        crop: height and width of the model's images, px.
        frame: height and width of the images that the training crops were cut from, px; None where that is not known.
        resize: bring images of another size to the frame before they are cropped.
        mask: replace neighbours of the galaxy by sky, as it was done for the training.
    """

    crop: int
    frame: int | None = None
    resize: bool = False
    mask: bool = False

    def other_size(self, header: Header) -> bool | None:
        """Whether an image has another size than those of the training; None where that is not known."""
        return None if self.frame is None else (header.height, header.width) != (self.frame, self.frame)


@dataclass(frozen=True, slots=True)
class Crop:
    """What an image file came to.

    Attributes:
        path: the file, as it was named.
        pixels: uint8 [crop, crop, 3], RGB; None where the image cannot be used.
        reason: why it cannot, in words; None where it can.
        other_size: whether the image has another size than those of the training; None where that is not known.
    """

    path: str | Path
    pixels: Pixels | None
    reason: str | None = None
    other_size: bool | None = None


@dataclass(frozen=True, slots=True)
class FoundFiles:
    """The files at some places.

    Attributes:
        images: to be classified, each once, sorted by path.
        others: files of folders that are not read, because their names are not those of images; sorted by path.
    """

    images: list[Path]
    others: list[Path]


def find_files(places: Iterable[Path]) -> FoundFiles:
    """List images, and the files of folders, recursively.

    Raises:
        UsageError: one of the places does not exist.
        GzError: no image was found.
    """
    places = list(places)
    named = {place for place in places if not _is_folder(place)}
    inside = {path for place in places if place not in named for path in _files_below(place)} - named
    images = {path for path in inside if is_image_name(path.name)}
    found = FoundFiles(sorted(named | images), sorted(inside - images))
    if not found.images:
        raise GzError(no_images(", ".join(map(str, places)), [str(path) for path in found.others]))
    return found


def is_image_name(name: str) -> bool:
    """Whether a file in a folder is taken for an image."""
    return name.lower().endswith(SUFFIXES)


def no_images(where: str, others: Sequence[str]) -> str:
    """The sentence about a place without images."""
    there = f"; {unread(others)}" if others else "."
    return f"There are no images in {where}: files that end in {', '.join(SUFFIXES)} are looked for{there}"


def unread(others: Sequence[str]) -> str:
    """The sentence about files that are not read, with the names of the first."""
    names = ", ".join(readable(name) for name in others[:_NAMED])
    more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
    verb = "file was" if len(others) == 1 else "files were"
    return f"{len(others)} {verb} not read, because only JPEG and PNG are: {names}{more}."


def readable(path: Path | str) -> str:
    """The path as text; bytes that are no UTF-8, which a file name may hold, are spelled out."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _is_folder(place: Path) -> bool:
    if not place.exists():
        raise UsageError(f"There is no image or folder {place}.")
    return place.is_dir()


def _files_below(place: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(place):  # links to folders are not followed: they may lead back
        yield from (Path(folder, name) for name in names if not name.startswith(".") or is_image_name(name))


def read_crop(path: str | Path, cut: Cut) -> Crop:
    """Read an image and cut its middle out; an image that cannot be used becomes a reason."""
    other_size = None
    try:
        data = read_file(path)
        header = read_header(data)
        other_size = cut.other_size(header)
        resize = cut.resize and other_size is True
        _check(header, cut, resize=resize)
        frame = _resized(decode(data), cut.frame) if resize and cut.frame else decode(data)
        frame = blank_neighbours(frame, find_neighbours(frame), 0, Path(path).stem) if cut.mask else frame
        return Crop(path, centre_crop(frame, cut.crop), None, other_size)
    except UnusableImage as error:
        return Crop(path, None, str(error), other_size)


def _check(header: Header, cut: Cut, *, resize: bool) -> None:
    size = f"{header.width} x {header.height} px"
    if resize and header.height != header.width:
        raise WrongShape(f"{size}, not square, so that it cannot be resized to {cut.frame} x {cut.frame}")
    if not resize and min(header.height, header.width) < cut.crop:
        raise WrongShape(f"{size}, too small for a crop of {cut.crop}")
    header.check_pixels()
    header.check_mode()


def _resized(pixels: Pixels, side: int) -> Pixels:
    """An image in another size, by Pillow's bicubic filter, which averages when it makes an image smaller."""
    resized: Pixels = np.asarray(Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC))
    return resized


def centre_crop(frame: Pixels, crop: int) -> Pixels:
    """The middle ``crop`` x ``crop`` px of a uint8 [H, W, 3] frame, in memory of its own."""
    top, left = ((side - crop) // 2 for side in frame.shape[:2])
    return frame[top : top + crop, left : left + crop].copy()


def filled_up(images: Pixels, batch: int) -> Pixels:
    """N images, uint8 [N, S, S, 3], and black ones behind them, so that there are ``batch``; N is at most that.

    A model is compiled for one number of images, so it always gets that number. A whole batch is given back as it is.
    """
    if len(images) == batch:
        return images
    return np.pad(images, ((0, batch - len(images)), (0, 0), (0, 0), (0, 0)))
