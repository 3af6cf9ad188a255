"""Image files to pixels: the one way an image is opened, with one set of guards.

An image file is untrusted. It is read only if it is a regular file of a reasonable size; its header is judged before
any pixel is decoded, for a small file may claim to be a huge image; and it is decoded strictly, for other decoders fill
what they cannot read with grey. Whatever is wrong is told in the same words by every command.
"""

import errno
import io
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL import Image

from gzcore.errors import GzError, system_sentence
from gzcore.images.jpeg_end import stray_bytes
from gzcore.images.jpeg_header import tidied
from gzcore.machine import OPEN_TO_READ
from gzcore.storage.places import Url

Pixels = npt.NDArray[np.uint8]
Channels = Literal["RGB", "RGBA"]
Oddity = Literal["", "stray_bytes", "odd_header", "not_numbers"]

MAX_FILE_BYTES = 64_000_000
"""Larger files are not read: an uncompressed frame of 4,096 x 4,096 px has 50 MB."""
MAX_PIXELS = 16_000_000
"""Larger images are not decoded, unless the caller allows it: 4,000 x 4,000 px; Galaxy Zoo 2 has 424 x 424."""
MOST_SCANS = 500
"""A JPEG of more scans is not decoded: each costs time for every pixel, and twelve bytes of the file. An encoder writes
about ten; libjpeg-turbo's own fuzzers stop at 500 (TJPARAM_SCANLIMIT)."""
_JPEG_MAGIC = b"\xff\xd8"
_SCAN_MARKER = b"\xff\xda"
_COLOUR_JPEG = ("YCbCr", "RGB")
_PNG_DEPTH_AT = 24
"""Byte of a PNG's header with the bits of a channel (PNG specification, 11.2.2): Pillow halves 16 of them silently."""
_FORMATS = ("JPEG", "PNG")
_STRAY = "extraneous bytes before marker 0xd9"
"""A warning of the JPEG library that a file can have although all its pixels are there."""
_ODD_SCAN = "Invalid SOS parameters"
"""The same; nothing depends on these numbers in a baseline JPEG."""
_SHORTAGES = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
"""What this process has used up: no fault of the image, which another try may find sound."""
Image.MAX_IMAGE_PIXELS = None  # sizes are judged by the header here, before anything is decoded


class UnusableImage(Exception):
    """An image cannot be used. The message says why."""


class UnreadableImage(UnusableImage):
    """The file cannot be read, is not an image, or is damaged."""


class MissingImage(UnreadableImage):
    """There is no such file."""


class WrongShape(UnusableImage):
    """The header declares another size than expected."""


class WrongMode(UnusableImage):
    """The header declares another kind of pixels than expected, such as grey ones."""


@dataclass(frozen=True, slots=True)
class Header:
    """What an image file says of itself before its pixels are decoded.

    Attributes:
        height, width: px.
        colour: whether its pixels are 8-bit RGB once decoded.
        mode: the mode as the file says it, for the message.
        arcsec: of a pixel, where the file says it, as FITS does.
    """

    height: int
    width: int
    colour: bool
    mode: str
    arcsec: float | None = None

    def check_pixels(self, most: int = MAX_PIXELS) -> None:
        """Refuse an image of more than ``most`` pixels.

        Raises:
            WrongShape: it has more.
        """
        if self.height * self.width > most:
            raise WrongShape(f"{self.width} x {self.height} px, more than {most} in all")

    @property
    def kind(self) -> str:
        """``RGB``, ``L`` (grey) or ``RGBA`` where it has 8 bits a channel; else the mode as the file says it."""
        return "RGB" if self.colour else "L" if self.mode == "Gray" else self.mode

    def check_mode(self, modes: Sequence[str] = ("RGB",)) -> None:
        """Refuse an image with another kind of pixels.

        Args:
            modes: kinds that are allowed: ``RGB``, ``L``, ``RGBA``.

        Raises:
            WrongMode: it has another: grey, a palette, transparency, four inks or 16 bits a channel.
        """
        if self.kind not in modes:
            raise WrongMode(f"mode {self.mode}, expected {' or '.join(modes)} of 8 bits a channel")


# ---------------------------------------------------------------- from a file to bytes


def read_file(path: str | Path) -> bytes:
    """Read a regular file of a reasonable size: a pipe would never end, and a device might not either.

    Raises:
        MissingImage: there is no such file.
        UnreadableImage: it is not a regular file, too large, or the system cannot read it.
        GzError: this process has no file handles or no memory left, which is no fault of the image.
    """
    try:
        descriptor = os.open(path, OPEN_TO_READ)
        try:
            return os.read(descriptor, _regular_size(os.fstat(descriptor)))
        finally:
            os.close(descriptor)
    except FileNotFoundError as error:
        raise MissingImage(_unread(error)) from None
    except OSError as error:
        if error.errno in _SHORTAGES:
            raise GzError(system_sentence(error)) from None
        raise UnreadableImage(_unread(error)) from None


def _regular_size(status: os.stat_result) -> int:
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableImage("it is no regular file")
    return check_file_size(status.st_size)


def check_file_size(size: int) -> int:
    """Refuse an image of too many bytes, before they are read.

    Raises:
        UnreadableImage: it is too large.
    """
    if size > MAX_FILE_BYTES:
        raise UnreadableImage(f"the file has {size} bytes; an image has {MAX_FILE_BYTES} at most")
    return size


def _unread(error: OSError) -> str:
    if error.errno == errno.ENXIO:  # a socket
        return "it is no regular file"
    return f"the file cannot be read: {(error.strerror or str(error)).lower()}"


def read_object(url: Url) -> bytes:
    """Read an object of a bucket, of a reasonable size.

    Raises:
        MissingImage: there is no such object.
        UnreadableImage: it is too large.
        GzError: the service fails; that is an error and no verdict, for the image may be there.
    """
    try:
        data = url.read(0, MAX_FILE_BYTES + 1)
    except FileNotFoundError as error:
        raise MissingImage(_unread(error)) from None
    except OSError as error:
        raise UnreadableImage(_unread(error)) from None
    if len(data) > MAX_FILE_BYTES:
        raise UnreadableImage(f"the file has more than {MAX_FILE_BYTES} bytes; an image has {MAX_FILE_BYTES} at most")
    return data


# ---------------------------------------------------------------- from bytes to a header


def read_header(data: bytes) -> Header:
    """Read size and mode of an encoded image without decoding its pixels.

    Raises:
        UnreadableImage: the bytes are neither a JPEG nor a PNG.
    """
    header = _jpeg_header(data)
    if header is None and data.startswith(_JPEG_MAGIC):
        tidy = tidied(data)
        header = None if tidy is None else _jpeg_header(tidy)
    return header or _pillow_header(data)


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


# ---------------------------------------------------------------- from bytes to pixels


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """An image whose pixels are all certain.

    Attributes:
        pixels: uint8 [H, W, 3] or [H, W, 4].
        oddity: what is unusual about the file: ``stray_bytes``, ``odd_header``, ``not_numbers``, or as a rule nothing.
        note: the same in words.
        below_black, not_numbers: pixels of FITS that are below black, and that are black for they are no numbers.
        arcsec: of a pixel as it came, where the file says it.
    """

    pixels: Pixels
    oddity: Oddity = ""
    note: str = ""
    below_black: int = 0
    not_numbers: int = 0
    arcsec: float | None = None


def decode(data: bytes, channels: Channels = "RGB", most: int = MAX_PIXELS) -> Pixels:
    """Decode an image as :func:`decode_noted` does, and return the pixels alone."""
    return decode_noted(data, channels, most).pixels


def decode_noted(data: bytes, channels: Channels = "RGB", most: int = MAX_PIXELS) -> Decoded:
    """Decode an image strictly: a damaged one is an error, never grey.

    A JPEG that a decoder warns about is taken if all its pixels are certain: with stray bytes before its end marker
    (:mod:`gzcore.images.jpeg_end`), or with a header that is odd and not damaged (:mod:`gzcore.images.jpeg_header`).

    Args:
        data: a JPEG or a PNG.
        channels: ``RGB``; or ``RGBA``, where the fourth is 255 unless the file says otherwise.
        most: largest number of pixels to decode.

    Raises:
        WrongShape: the header declares more pixels; nothing was decoded.
        UnreadableImage: the bytes are not an image, end too soon or are damaged.
    """
    _check_scans(data)
    header = _jpeg_header(data)
    tidy = tidied(data) if header is None and data.startswith(_JPEG_MAGIC) else None
    if tidy is not None:
        return _with_odd_header(decode_noted(tidy, channels, most))
    (header or _pillow_header(data)).check_pixels(most)
    try:
        return Decoded(_pillow_pixels(data, channels)) if header is None else _jpeg_pixels(data, channels)
    except (OSError, SyntaxError, ValueError) as error:
        reason = (str(error).strip() or "damaged").splitlines()[0].rstrip(".").lower()
        raise UnreadableImage(f"the image cannot be decoded: {reason}") from error


def _check_scans(data: bytes) -> None:
    scans = data.count(_SCAN_MARKER) if data.startswith(_JPEG_MAGIC) else 0
    if scans > MOST_SCANS:
        raise UnreadableImage(f"the image cannot be decoded: {scans} scans, at most {MOST_SCANS} are read")


def _jpeg_pixels(data: bytes, channels: Channels) -> Decoded:
    try:
        return Decoded(simplejpeg.decode_jpeg(data, channels, strict=True))
    except ValueError as error:
        if _ODD_SCAN in str(error) and (tidy := tidied(data)) is not None:
            return _with_odd_header(_jpeg_pixels(tidy, channels))
        stray = stray_bytes(data) if _STRAY in str(error) else None
        if not stray:
            raise
    note = f"{stray} stray bytes before the end marker; every pixel is there"
    return Decoded(simplejpeg.decode_jpeg(data, channels, strict=False), "stray_bytes", note)


def _with_odd_header(decoded: Decoded) -> Decoded:
    note = f"an odd header, and {decoded.note}" if decoded.note else "an odd header; every pixel is there"
    return replace(decoded, oddity=decoded.oddity or "odd_header", note=note)


def _pillow_pixels(data: bytes, channels: Channels) -> Pixels:
    if data.startswith(_JPEG_MAGIC) and stray_bytes(data) is None:  # Pillow would fill with grey what is damaged
        raise ValueError("damaged, or of a rare kind whose pixels cannot be checked; save it as a PNG")
    with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
        return np.asarray(image.convert(channels))
