"""What the detectors look at: planes of one image, each made when first asked for, then shared.

Every plane is turned and mirrored so that the heavier half lies at the top, the next one at the left: an image and
its turned or mirrored copy give the same planes, and therefore the same scores, bit for bit.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

import cv2
import numpy as np

from gzcore.images import Pixels

_COLOURS = 3
_Made = TypeVar("_Made")


class Sight:
    """Planes of a uint8 image [H, W], [H, W, 1], [H, W, 3] or [H, W, 4], RGB in that order.

    Attributes:
        image: uint8 [H, W] or [H, W, 3 or 4], as it came.
    """

    def __init__(self, image: Pixels) -> None:
        self.image = image[..., 0] if image.ndim == _COLOURS and image.shape[2] < _COLOURS else image
        self._made: dict[Callable[[Sight], Any], Any] = {}

    def once(self, make: Callable[["Sight"], _Made]) -> _Made:
        """What ``make`` makes of this image; made when first asked for, and kept."""
        if make not in self._made:
            self._made[make] = make(self)
        made: _Made = self._made[make]
        return made

    @property
    def has_colour(self) -> bool:
        """Whether there is any colour to look at."""
        return self.image.ndim == _COLOURS

    @cached_property
    def luma(self) -> Pixels:
        """Luma as it came, not turned, uint8 [H, W]."""
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

    def back(self, x: float, y: float) -> tuple[float, float]:
        """Take a point of the turned full-size planes, px, to the image as it came."""
        height, width = self.image.shape[:2]
        up_down, left_right, transpose = self._turn
        x, y = (y, x) if transpose else (x, y)
        return width - 1 - x if left_right else x, height - 1 - y if up_down else y

    @cached_property
    def grey(self) -> Pixels:
        """Luma, uint8 [h, w]."""
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
        """All of an even number of rows and columns: the odd one that is left over is the last one after turning."""
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
    """Sum of one half of a plane less that of the other."""
    return int(cv2.sumElems(first)[0] - cv2.sumElems(second)[0])


def colours(image: Pixels) -> tuple[Pixels, Pixels, Pixels]:
    """Red, green and blue of an image [h, w, 3 or 4], uint8 [h, w] each."""
    height, width, channels = image.shape
    planes = np.empty((channels, height, width), np.uint8)  # OpenCV takes four times as long to split into its own
    red, green, blue = cv2.split(image, list(planes))[:_COLOURS]
    return np.asarray(red), np.asarray(green), np.asarray(blue)


def pooled(pick: Callable[[Pixels, Pixels], Any], plane: Pixels) -> Pixels:
    """The smallest or the largest of each 2 x 2 px, as ``pick`` does; an odd row or column at the end is left out."""
    columns: Pixels = np.asarray(cv2.transpose(_of_two_rows(pick, plane)), np.uint8)
    return np.asarray(cv2.transpose(_of_two_rows(pick, columns)), np.uint8)


def _of_two_rows(pick: Callable[[Pixels, Pixels], Any], plane: Pixels) -> Pixels:
    return np.asarray(pick(plane[0 : len(plane) // 2 * 2 : 2], plane[1::2]))


def halved(image: Pixels) -> Pixels:
    """Means over 2 x 2 px; an odd row or column at the end is left out."""
    height, width = image.shape[:2]
    even = image[: height // 2 * 2, : width // 2 * 2]
    return np.asarray(cv2.resize(even, (width // 2, height // 2), interpolation=cv2.INTER_AREA))
