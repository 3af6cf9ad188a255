"""The bytes of an image to the frame that detectors look at: header, guards, pixels, fit. See :mod:`gzcore.images`."""

from dataclasses import replace

import cv2

from gzcore.images import (
    MAX_PIXELS,
    Decoded,
    Header,
    Oddity,
    UnusableImage,
    WrongMode,
    WrongShape,
    decode_noted,
    read_header,
)
from gzcore.images.fits import FitsImage, is_fits, open_fits
from gzprep.catalogue.galaxy import Reason, Rejection, RejectionStage
from gzprep.config import Recipe
from gzprep.images.fit import Size, check_size, fitted
from gzprep.images.stretch import stretched

OPAQUE = 255
FITS = "FITS"
"""The mode of a FITS image."""


def decode_frame(data: bytes, recipe: Recipe) -> Decoded:
    """Decode an image whose header declares what the recipe allows, and make it fit.

    Args:
        data: the bytes of the file.
        recipe: size and fit, the kinds of pixels that it may have, the stretch of FITS.

    Returns:
        uint8 [side, side, 4]: red, green, blue and 255. A side may be shorter; :func:`gzprep.images.fit.padded` adds
        what is missing once detectors have looked at it.

    Raises:
        WrongShape: the header declares another size; nothing was decoded.
        WrongMode: the header declares other pixels; nothing was decoded. Or a pixel is not opaque.
        UnreadableImage: the bytes are not an image, or it is damaged.
    """
    images = recipe.images
    if is_fits(data):
        fits = open_fits(data)
        resized = check_size(Size(fits.height, fits.width), recipe, fits.arcsec)
        decoded = _of_fits(fits, recipe)
    else:
        header = read_header(data)
        resized = check_header(header, recipe)
        most = images.frame**2 if images.fit == "exact" and images.frame != "any" else MAX_PIXELS
        decoded = decode_noted(data, "RGBA", most=most)
        if header.kind == "RGBA" and (decoded.pixels[..., 3] != OPAQUE).any():
            raise WrongMode("an alpha channel that is not opaque everywhere, expected opaque pixels")
    return decoded if images.fit == "exact" else replace(decoded, pixels=fitted(decoded.pixels, resized, recipe))


def decode_any(data: bytes, recipe: Recipe, most: int = MAX_PIXELS) -> Decoded:
    """Decode an image of any size and mode, uint8 [H, W, 4]; FITS with the recipe's stretch.

    Raises:
        WrongShape: the header declares more than ``most`` pixels.
        WrongMode: FITS that the recipe has no stretch or bands for.
        UnreadableImage: the bytes are not an image, or it is damaged.
    """
    return _of_fits(open_fits(data), recipe) if is_fits(data) else decode_noted(data, "RGBA", most)


def _of_fits(image: FitsImage, recipe: Recipe) -> Decoded:
    made = stretched(image, recipe.images)
    note = f"{made.not_numbers} pixels are not numbers, and black" if made.not_numbers else ""
    oddity: Oddity = "not_numbers" if made.not_numbers else ""
    return Decoded(made.pixels, oddity, note, made.below_black, made.not_numbers, image.arcsec)


def as_shown(data: bytes, recipe: Recipe) -> bytes:
    """An image as a browser can show it: FITS as a PNG of its grey levels, any other as it is.

    Raises:
        UnusableImage: a FITS image cannot be decoded.
    """
    if not is_fits(data):
        return data
    pixels = cv2.cvtColor(decode_any(data, recipe).pixels, cv2.COLOR_RGBA2BGR)
    return cv2.imencode(".png", pixels)[1].tobytes()


def header_of(data: bytes) -> Header:
    """Size and mode of an image, FITS among them.

    Raises:
        UnreadableImage: the bytes are not an image.
    """
    if not is_fits(data):
        return read_header(data)
    image = open_fits(data)
    return Header(image.height, image.width, colour=False, mode=FITS, arcsec=image.arcsec)


def check_header(header: Header, recipe: Recipe) -> Size:
    """Refuse an image of another size or with other pixels than the recipe allows.

    Returns:
        Its size once it is resized.

    Raises:
        WrongShape, WrongMode: the sentence says what came and what was expected.
    """
    resized = check_size(Size(header.height, header.width), recipe, header.arcsec)
    if header.mode != FITS:
        header.check_mode(recipe.images.modes)
    return resized


def rejection_of(error: UnusableImage) -> Rejection:
    """The rejection of a galaxy whose image cannot be used."""
    reasons = {WrongShape: Reason.WRONG_SHAPE, WrongMode: Reason.WRONG_MODE}
    return Rejection(RejectionStage.READ, reasons.get(type(error), Reason.UNREADABLE), str(error))
