"""The built-in operations made by albumentations' own transforms, from the parameters that a record stores.

Our faster path fuses the geometry of a view into one warp, and adds noise from prepared tables. This one does the same
step by step, with another library's code: :func:`difference` says how far the two are apart.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from gzcore.images import Pixels
from gzprep.images.codec import to_rgb
from gzprep.images.geometry import leaves_frame, reach_of
from gzprep.images.pipeline import import_albumentations
from gzprep.images.views import NOTES, Op, View, noise_map, sigma_of

Json = dict[str, Any]
NEAR = 2
"""Grey levels that the two ways may differ by."""
LEAST_SHARE = 0.995
"""Share of pixels that may not differ by more."""
_MOST_REACH = 4096
"""Px from the middle of a frame; a view that shows more would need a frame of 200 MB."""
_WARP = {"interpolation": cv2.INTER_LINEAR, "border_mode": cv2.BORDER_REFLECT_101, "p": 1.0}


@dataclass(frozen=True, slots=True)
class Difference:
    """How far two images are apart.

    Attributes:
        pixels: number of pixels.
        near: those whose channels all differ by 2 grey levels at most.
        largest: grey levels.
    """

    pixels: int
    near: int
    largest: int


def view_of(index: int, operations: Sequence[Json]) -> View:
    """The view that a record describes; what was done to its frame before, and notes, are left out."""
    drawn = [operation for operation in operations if operation["op"] not in NOTES]
    return View(index, tuple(Op(op["op"], {key: op[key] for key in op if key != "op"}) for op in drawn))


def can_make(view: View, crop: int) -> bool:
    """Whether albumentations has every operation of a view: it has no non-local means. And it must fit into memory."""
    small = reach_of(view.geometry, crop) <= _MOST_REACH
    return small and all(op.params.get("method") != "non-local-means" for op in view.pixel_ops)


def render_by_albumentations(frame: Pixels, view: View, crop: int) -> Pixels:
    """Make a view by albumentations' transforms alone.

    Args:
        frame: uint8 [H, W, 4], the whole source image.
        view: what to do; one that :func:`can_make`.
        crop: size, px.

    Returns:
        uint8 [crop, crop, 3], RGB.
    """
    library = import_albumentations()
    image = _beyond(library, to_rgb(frame), view, crop)
    for transform in [*_geometric(library, view), library.CenterCrop(crop, crop, p=1.0)]:
        image = transform(image=image)["image"]
    for op in view.pixel_ops:
        image = _PIXEL_OPS[op.name](library, image, **op.params)
    return np.ascontiguousarray(image)


def _beyond(library: Any, image: Pixels, view: View, crop: int) -> Pixels:  # noqa: ANN401 -- albumentations
    """Continue the frame by reflection where a view shows more than the frame has.

    A shift followed by a rotation would reflect an edge that the shift has filled already.
    """
    height, width = image.shape[:2]
    if not any(view.geometry.shift) or not leaves_frame(view.geometry, height, width, crop):
        return image
    reach = reach_of(view.geometry, crop) - min(height, width) / 2
    return library.Pad(padding=math.ceil(reach) + 2, border_mode=cv2.BORDER_REFLECT_101, p=1.0)(image=image)["image"]  # type: ignore[no-any-return]


def _geometric(library: Any, view: View) -> list[Any]:  # noqa: ANN401 -- albumentations
    geometry = view.geometry
    transforms = []
    if any(geometry.shift):
        x, y = map(int, geometry.shift)
        transforms.append(library.Affine(translate_px={"x": x, "y": y}, **_WARP))
    if geometry.degrees or geometry.zoom != 1.0:
        turned = 180.0 if geometry.zoom < 0 else 0.0
        transforms.append(library.Affine(scale=abs(geometry.zoom), rotate=geometry.degrees + turned, **_WARP))
    if geometry.flip is not None:
        flip = library.HorizontalFlip if geometry.flip == "horizontal" else library.VerticalFlip
        transforms.append(flip(p=1.0))
    return transforms


def _blur(library: Any, image: Pixels, kernel: int) -> Pixels:  # noqa: ANN401 -- albumentations
    if kernel == 1:
        return image
    sigma = sigma_of(kernel)
    blur = library.GaussianBlur(blur_limit=(kernel, kernel), sigma_limit=(sigma, sigma), p=1.0)
    return blur(image=image)["image"]  # type: ignore[no-any-return]


def _noise(library: Any, image: Pixels, sigma: float, lot: int) -> Pixels:  # noqa: ANN401 -- albumentations
    return library.GaussNoise(p=1.0).apply(image, noise_map=noise_map(image.shape, sigma, lot))  # type: ignore[no-any-return]


def _median(library: Any, image: Pixels, method: str) -> Pixels:  # noqa: ANN401 -- albumentations
    del method  # the only one that albumentations has
    return library.MedianBlur(blur_limit=(3, 3), p=1.0)(image=image)["image"]  # type: ignore[no-any-return]


_PIXEL_OPS: dict[str, Callable[..., Pixels]] = {"blur": _blur, "noise": _noise, "denoise": _median}


def difference(one: Pixels, other: Pixels) -> Difference:
    """How far two images of one size are apart, uint8 [H, W, 3]."""
    apart = np.abs(one.astype(np.int16) - other).max(axis=2)
    return Difference(apart.size, int((apart <= NEAR).sum()), int(apart.max()))
