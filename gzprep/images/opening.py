"""The bytes of an image to the frame that detectors look at: header, guards, pixels, fit. See :mod:`gzcore.images`."""

from gzcore.images import (
    MAX_PIXELS,
    Decoded,
    Header,
    UnusableImage,
    WrongMode,
    WrongShape,
    decode_noted,
    read_header,
)
from gzprep.catalogue.galaxy import Reason, Rejection, RejectionStage
from gzprep.config import Recipe
from gzprep.images.fit import Size, check_size, fitted

OPAQUE = 255


def decode_frame(data: bytes, recipe: Recipe) -> Decoded:
    """Decode an image whose header declares what the recipe allows, and make it fit.

    Args:
        data: the bytes of the file.
        recipe: size and fit, and the kinds of pixels that it may have.

    Returns:
        uint8 [side, side, 4]: red, green, blue and 255. A side may be shorter; :func:`gzprep.images.fit.padded` adds
        what is missing once detectors have looked at it.

    Raises:
        WrongShape: the header declares another size; nothing was decoded.
        WrongMode: the header declares other pixels; nothing was decoded. Or a pixel is not opaque.
        UnreadableImage: the bytes are not an image, or it is damaged.
    """
    header = read_header(data)
    resized = check_header(header, recipe)
    most = recipe.images.frame**2 if recipe.images.fit == "exact" and recipe.images.frame != "any" else MAX_PIXELS
    decoded = decode_noted(data, "RGBA", most=most)
    if header.kind == "RGBA" and (decoded.pixels[..., 3] != OPAQUE).any():
        raise WrongMode("an alpha channel that is not opaque everywhere, expected opaque pixels")
    if recipe.images.fit == "exact":
        return decoded
    return Decoded(fitted(decoded.pixels, resized, recipe), decoded.oddity, decoded.note)


def check_header(header: Header, recipe: Recipe) -> Size:
    """Refuse an image of another size or with other pixels than the recipe allows.

    Returns:
        Its size once it is resized.

    Raises:
        WrongShape, WrongMode: the sentence says what came and what was expected.
    """
    resized = check_size(Size(header.height, header.width), recipe)
    header.check_mode(recipe.images.modes)
    return resized


def rejection_of(error: UnusableImage) -> Rejection:
    """The rejection of a galaxy whose image cannot be used."""
    reasons = {WrongShape: Reason.WRONG_SHAPE, WrongMode: Reason.WRONG_MODE}
    return Rejection(RejectionStage.READ, reasons.get(type(error), Reason.UNREADABLE), str(error))
