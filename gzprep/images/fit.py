"""An image of any size is made to fit the frame of the recipe: it is cut, resized, or black is put around it.

The sides of a galaxy stay in proportion: nothing is squeezed. Detectors look at an image before black is put around it,
for a black border is no defect.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from gzcore.images import Pixels, WrongShape
from gzprep.config import LARGEST, Recipe
from gzprep.images.geometry import crop_offset


@dataclass(frozen=True, slots=True)
class Size:
    """Height and width, px."""

    height: int
    width: int

    def __str__(self) -> str:
        return f"{self.width} x {self.height}"

    @property
    def least(self) -> int:
        """The shorter side."""
        return min(self.height, self.width)

    def times(self, factor: float) -> "Size":
        """The size after resizing, in whole pixels."""
        return Size(max(1, round(self.height * factor)), max(1, round(self.width * factor)))


def check_size(size: Size, recipe: Recipe, arcsec: float | None = None) -> Size:
    """Refuse an image that cannot be made to fit, before its pixels are decoded.

    Args:
        size: as the header declares it.
        recipe: frame, fit, and the crop that the image must hold.
        arcsec: its arcsec a pixel, if it says that; else that of the recipe counts.

    Returns:
        Its size after resizing, before it is cut.

    Raises:
        WrongShape: the sentence says what came, what was expected and which setting allows it.
    """
    images = recipe.images
    side = recipe.crop.size if images.frame == "any" else images.frame
    if images.fit == "exact" and images.frame != "any" and size != Size(side, side):
        raise WrongShape(f"{size} px, expected {side} x {side}")
    resized = size.times(_factor(size, recipe, arcsec))
    if images.fit in {"exact", "crop"} and resized.least < side:
        raise WrongShape(f"{size} px, expected at least {side} x {side}")
    if max(resized.height, resized.width) > LARGEST:
        raise WrongShape(f"{size} px, which would become {resized} px; {LARGEST} px a side are the most")
    return resized


def _factor(size: Size, recipe: Recipe, arcsec: float | None) -> float:
    images = recipe.images
    if images.fit == "resize" and images.frame != "any":
        return images.frame / size.least
    if images.fit != "scale":
        return 1.0
    own = arcsec or images.own_arcsec
    if not own:
        raise WrongShape(
            f"{size} px of an unknown scale; fit = scale needs a WCS in the file, or images.own_arcsec for all images"
        )
    return own / images.arcsec


def fitted(pixels: Pixels, resized: Size, recipe: Recipe) -> Pixels:
    """Resize an image and cut it to the frame; a side that is too short stays so (:func:`padded`).

    Args:
        pixels: uint8 [H, W, 4].
        resized: what :func:`check_size` returned.
        recipe: the frame; ``any`` cuts nothing.

    Returns:
        uint8 [h, w, 4]; the image itself where nothing is to be done.
    """
    height, width = pixels.shape[:2]
    if (height, width) != (resized.height, resized.width):
        smaller = resized.height < height
        how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR  # neither rings beside bright stars
        pixels = np.asarray(cv2.resize(pixels, (resized.width, resized.height), interpolation=how))
    side = recipe.images.frame
    if side == "any" or pixels.shape[:2] == (side, side):
        return pixels
    top, left = (max(0, crop_offset(length, side)) for length in pixels.shape[:2])
    return np.ascontiguousarray(pixels[top : top + side, left : left + side])


def border(pixels: Pixels, recipe: Recipe) -> tuple[int, int]:
    """Rows above and columns left of an image that :func:`padded` adds."""
    side = padded_side(recipe)
    top, left = (max(0, (side - length) // 2) for length in pixels.shape[:2])
    return top, left


def padded_side(recipe: Recipe) -> int:
    """The side that an image has at least once it is padded; 0 where nothing is padded."""
    if recipe.images.fit not in {"pad", "scale"}:
        return 0
    return recipe.crop.size if recipe.images.frame == "any" else recipe.images.frame


def padded(pixels: Pixels, recipe: Recipe) -> Pixels:
    """Put black around an image with a side that is too short; an odd row or column is added at the far side.

    Args:
        pixels: uint8 [H, W, 4], opaque.
        recipe: frame and fit.

    Returns:
        uint8 [h, w, 4]; the image itself where nothing is to be done.
    """
    side, (top, left) = padded_side(recipe), border(pixels, recipe)
    height, width = pixels.shape[:2]
    below, right = max(0, side - height - top), max(0, side - width - left)
    if not (top or left or below or right):
        return pixels
    black = (0, 0, 0, 255)
    return np.asarray(cv2.copyMakeBorder(pixels, top, below, left, right, cv2.BORDER_CONSTANT, value=black))
