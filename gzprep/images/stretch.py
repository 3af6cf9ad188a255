"""Numbers of a FITS image to grey levels, as the recipe says.

A pixel that is not a number in one of the bands is black. What lies below ``min`` is black, negative numbers of the sky
among them. Both are counted.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gzcore.images import Pixels, UnreadableImage, WrongMode
from gzcore.images.fits import FitsImage
from gzprep.config import Fits, Images

Floats = npt.NDArray[np.float32]
_MOST_LOST = 0.5
"""Share of pixels that may be no numbers."""


class Stretched(NamedTuple):
    """Grey levels of a FITS image.

    Attributes:
        pixels: uint8 [H, W, 4], opaque.
        not_numbers: pixels that are not a number in one of the bands.
        below_black: pixels that are below ``min`` in one of the bands.
    """

    pixels: Pixels
    not_numbers: int = 0
    below_black: int = 0


def stretched(image: FitsImage, images: Images) -> Stretched:
    """Read the bands of a FITS image and make grey levels of them.

    Raises:
        WrongMode: the recipe does not say how; the sentence names the setting.
        UnreadableImage: the file is damaged, or more than half of its pixels are not numbers.
    """
    rules = images.fits
    _check_planes(image, images)
    if rules.stretch == "none" and image.kind != "uint8":
        raise WrongMode(
            f"FITS of {image.kind}, which needs a stretch: --set images.fits.stretch=linear, asinh or lupton, with "
            "images.fits.min and max or scale"
        )
    planes = image.planes(rules.bands)
    if rules.stretch == "lupton" and len(planes) == 1:
        raise WrongMode("FITS of one plane, and images.fits.stretch = lupton needs three: choose asinh")
    if rules.stretch == "none":
        return Stretched(_opaque(planes))
    numbers = planes.astype(np.float32)
    lost = ~np.isfinite(numbers).all(axis=0)
    if lost.mean() > _MOST_LOST:
        raise UnreadableImage(f"{int(lost.sum())} of its {lost.size} pixels are not numbers, more than half")
    numbers[:, lost] = rules.min
    below = (numbers < rules.min).any(axis=0)
    return Stretched(_opaque(_STRETCHES[rules.stretch](numbers, rules)), int(lost.sum()), int(below.sum()))


def _check_planes(image: FitsImage, images: Images) -> None:
    count = len(image.names)
    if images.fits.bands:
        return
    if count == 1 and "L" not in images.modes:
        raise WrongMode('FITS of one plane, which is grey: --set \'images.modes=["RGB","L"]\' allows it')
    if count not in {1, 3}:
        raise WrongMode(
            f"FITS of {count} planes, {image.told}: --set images.fits.bands=RED,GREEN,BLUE says which to take; one may "
            "be taken twice"
        )


def _opaque(planes: Pixels) -> Pixels:
    """Planes uint8 [1 or 3, H, W] as uint8 [H, W, 4]; one alone is repeated."""
    out = np.full((*planes.shape[1:], 4), 255, np.uint8)
    out[..., :3] = np.moveaxis(planes, 0, -1)
    return out


def _from_0_to_1(numbers: Floats, rules: Fits) -> Floats:
    result: Floats = np.clip((numbers - np.float32(rules.min)) / np.float32(rules.max - rules.min), 0, 1)
    return result


def _levels(shares: Floats) -> Pixels:
    levels: Pixels = np.rint(shares * np.float32(255)).astype(np.uint8)
    return levels


def _linear(numbers: Floats, rules: Fits) -> Pixels:
    return _levels(_from_0_to_1(numbers, rules))


def _asinh(numbers: Floats, rules: Fits) -> Pixels:
    """asinh(q x) / asinh(q) of each band, x from 0 at ``min`` to 1 at ``max`` (Lupton et al. 1999, AJ 118, 1406)."""
    return _levels(np.arcsinh(np.float32(rules.q) * _from_0_to_1(numbers, rules)) / np.float32(np.arcsinh(rules.q)))


def _lupton(numbers: Floats, rules: Fits) -> Pixels:
    """Lupton et al. 2004, PASP 116, 133, as astropy has it."""
    from astropy.visualization import make_lupton_rgb

    red, green, blue = above = numbers - np.float32(rules.min)
    with np.errstate(invalid="ignore", divide="ignore"):
        rgb = make_lupton_rgb(*above, minimum=0, stretch=rules.scale, Q=rules.q)
    rgb[red + green + blue == 0] = 0  # astropy divides by this sum
    return np.ascontiguousarray(np.moveaxis(np.asarray(rgb, np.uint8), -1, 0))


_STRETCHES: dict[str, Callable[[Floats, Fits], Pixels]] = {"linear": _linear, "asinh": _asinh, "lupton": _lupton}
