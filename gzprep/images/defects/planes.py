"""The planes of an image that the detectors look at. Each plane is computed on first use, then shared.

A plane is a uint8 array of one value a pixel, such as the luma. Every plane is turned and mirrored so that its brighter
half lies at the top, and then at the left. So an image and its turned or mirrored copies give the same planes, and
therefore the same scores, bit for bit.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

import cv2
import numpy as np

from gzcore.images import Pixels

_COLOURS = 3
_Derived = TypeVar("_Derived")


class Planes:
    """Planes of a uint8 image [H, W], [H, W, 1], [H, W, 3] or [H, W, 4], RGB in that order.

    Attributes:
        image: uint8 [H, W] or [H, W, 3 or 4], as it came.
    """

    def __init__(self, image: Pixels) -> None:
        self.image = image[..., 0] if image.ndim == _COLOURS and image.shape[2] < _COLOURS else image
        self._cache: dict[Callable[[Planes], Any], Any] = {}

    def cached(self, derive: Callable[["Planes"], _Derived]) -> _Derived:
        """The result of ``derive`` for this image. It is computed on first use and kept."""
        if derive not in self._cache:
            self._cache[derive] = derive(self)
        result: _Derived = self._cache[derive]
        return result

    @property
    def has_colour(self) -> bool:
        """Whether the image has colour channels."""
        return self.image.ndim == _COLOURS

    @cached_property
    def luma(self) -> Pixels:
        """Luma of the original image, not turned, uint8 [H, W]."""
        if not self.has_colour:
            return np.ascontiguousarray(self.image)
        code = cv2.COLOR_RGBA2GRAY if self.image.shape[2] > _COLOURS else cv2.COLOR_RGB2GRAY
        return np.asarray(cv2.cvtColor(self.image, code))

    @cached_property
    def _turn(self) -> tuple[bool, bool, bool]:
        """Whether to mirror up-down, to mirror left-right, and to transpose after that."""
        tall, wide = (length // 2 for length in self.luma.shape)
        down = _heavier_half(self.luma[:tall], self.luma[-tall:])
        across = _heavier_half(self.luma[:, :wide], self.luma[:, -wide:])
        return down < 0, across < 0, abs(across) > abs(down)

    def _turned(self, plane: Pixels) -> Pixels:
        up_down, left_right, transpose = self._turn
        if up_down or left_right:
            plane = np.asarray(cv2.flip(plane, -1 if up_down and left_right else int(left_right)))
        return np.asarray(cv2.transpose(plane)) if transpose else plane

    def to_image(self, x: float, y: float) -> tuple[float, float]:
        """Convert a point of the turned full-size planes into the coordinates of the original image, px."""
        height, width = self.image.shape[:2]
        up_down, left_right, transpose = self._turn
        x, y = (y, x) if transpose else (x, y)
        return width - 1 - x if left_right else x, height - 1 - y if up_down else y

    @cached_property
    def grey(self) -> Pixels:
        """Luma, turned, uint8 [h, w]."""
        return self._turned(self.luma)

    @cached_property
    def darkest(self) -> Pixels:
        """The darkest luma of each 2 x 2 px, uint8 [h // 2, w // 2]: a thin dark line stays as dark as it is."""
        return self._turned(pooled(cv2.min, self._without_odd_end(self.luma)))

    @cached_property
    def small(self) -> Pixels:
        """The image, a mean over 2 x 2 px, uint8 [h // 2, w // 2] or [h // 2, w // 2, 3 or 4]."""
        return self._turned(halved(self._without_odd_end(self.image)))

    def _without_odd_end(self, plane: Pixels) -> Pixels:
        """The plane without its odd row and column. The one left out is the last one after turning, for every turn."""
        height, width = plane.shape[:2]
        up_down, left_right, _ = self._turn
        top, left = height % 2 * up_down, width % 2 * left_right
        return plane[top : top + height // 2 * 2, left : left + width // 2 * 2]

    @cached_property
    def ranked(self) -> tuple[Pixels, Pixels]:
        """The largest and the middle colour of each pixel of :attr:`small`, uint8 [h // 2, w // 2]."""
        if not self.has_colour:
            return self.small, self.small
        red, green, blue = colours(self.small)
        high, low = cv2.max(red, green), cv2.min(red, green)
        middle = cv2.max(low, cv2.min(high, blue))
        return np.asarray(cv2.max(high, blue)), np.asarray(middle)


def _heavier_half(first: Pixels, second: Pixels) -> int:
    """Sum of one half of a plane, less the sum of the other half."""
    return int(cv2.sumElems(first)[0] - cv2.sumElems(second)[0])


def colours(image: Pixels) -> tuple[Pixels, Pixels, Pixels]:
    """Red, green and blue of an image [h, w, 3 or 4], uint8 [h, w] each."""
    height, width, channels = image.shape
    planes = np.empty((channels, height, width), np.uint8)  # splitting into memory of OpenCV's own is slower
    red, green, blue = cv2.split(image, list(planes))[:_COLOURS]
    return np.asarray(red), np.asarray(green), np.asarray(blue)


def pooled(pick: Callable[[Pixels, Pixels], Any], plane: Pixels) -> Pixels:
    """Minimum or maximum of each 2 x 2 px, as ``pick`` says; an odd row or column at the end is left out."""
    columns: Pixels = np.asarray(cv2.transpose(_of_two_rows(pick, plane)), np.uint8)
    return np.asarray(cv2.transpose(_of_two_rows(pick, columns)), np.uint8)


def _of_two_rows(pick: Callable[[Pixels, Pixels], Any], plane: Pixels) -> Pixels:
    return np.asarray(pick(plane[0 : len(plane) // 2 * 2 : 2], plane[1::2]))


def halved(image: Pixels) -> Pixels:
    """Means over 2 x 2 px; an odd row or column at the end is left out."""
    height, width = image.shape[:2]
    even = image[: height // 2 * 2, : width // 2 * 2]
    return np.asarray(cv2.resize(even, (width // 2, height // 2), interpolation=cv2.INTER_AREA))
