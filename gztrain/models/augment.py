"""Augmentation on the device: the eight symmetries of the square, and rotation with zoom and shift (F36, F37).

Images are float32 [B, S, S, 3]. The random numbers of a batch are draws, float32 [B, 6] in [0, 1), one row for each
image. So the same draws give the same images on every backend, in any batch. Draw 0 chooses the symmetry, 1 the angle,
2 the zoom, 3 and 4 the shift in x and y; 5 is not used.

Both gather whole pixels by their index. Of the ways that were measured this is the fastest that is fast on TensorFlow
and on JAX.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from keras import ops

from gztrain.models.spec import Augment, Range

Tensor = Any
"""A tensor of either backend, or a numpy array."""
SYMMETRIES = 8


def augment(images: Tensor, draws: Tensor, *, rules: Augment) -> Tensor:
    """Augment a batch: float32 [B, S, S, 3] and draws [B, 6] to the same shape, by keras.ops alone."""
    if rules.symmetries:
        images = symmetries(images, draws[:, 0])
    if rules.affine:
        images = affine(images, draws, rules)
    return images


def symmetry_table(size: int) -> npt.NDArray[np.int32]:
    """For each symmetry and output pixel, the index of its source pixel: int32 [8, size * size].

    Rows 0 to 3 turn by 0 to 3 quarters; rows 4 to 7 also mirror.
    """
    places = np.arange(size * size, dtype=np.int32).reshape(size, size)
    turned = [np.rot90(square, quarters) for square in (places, places.T) for quarters in range(4)]
    return np.stack([square.ravel() for square in turned])


def symmetries(images: Tensor, draw: Tensor) -> Tensor:
    """Turn and mirror each image by its draw, float32 [B] in [0, 1); pixel values do not change."""
    size = images.shape[1]
    choice = ops.clip(ops.cast(draw * SYMMETRIES, "int32"), 0, SYMMETRIES - 1)
    places = ops.take(symmetry_table(size), choice, axis=0)
    return ops.reshape(_pixels(images, places), ops.shape(images))


def affine(images: Tensor, draws: Tensor, rules: Augment) -> Tensor:
    """Rotate and zoom about the centre, then shift, with bilinear interpolation; the image is mirrored at its edges."""
    size = images.shape[1]
    x, y = _sources(draws, rules, size)
    x, y = _mirror(x, size), _mirror(y, size)
    left, above = (ops.cast(ops.minimum(ops.floor(axis), size - 2), "int32") for axis in (x, y))
    right, below = ((axis - ops.cast(near, "float32"))[..., None] for axis, near in ((x, left), (y, above)))
    corner = above * size + left
    upper = _blend(_pixels(images, corner), _pixels(images, corner + 1), right)
    lower = _blend(_pixels(images, corner + size), _pixels(images, corner + size + 1), right)
    return ops.cast(_blend(upper, lower, below), images.dtype)


def _sources(draws: Tensor, rules: Augment, size: int) -> tuple[Tensor, Tensor]:
    """Source coordinates of each output pixel: x and y, float32 [B, S, S]."""
    angle = _between(draws[:, 1], rules.rotate) * (math.pi / 180)
    zoom = ops.exp(_between(draws[:, 2], (math.log(rules.zoom[0]), math.log(rules.zoom[1]))))
    shift_x, shift_y = (_between(draws[:, place], rules.shift) * size for place in (3, 4))
    across, along = (value[:, None, None] for value in (ops.sin(angle) / zoom, ops.cos(angle) / zoom))
    middle = (size - 1) / 2
    place = np.arange(size, dtype=np.float32) - np.float32(middle)
    x, y = place[None, None, :] - shift_x[:, None, None], place[None, :, None] - shift_y[:, None, None]
    return along * x - across * y + middle, across * x + along * y + middle


def _between(draw: Tensor, bounds: Range) -> Tensor:
    return bounds[0] + (bounds[1] - bounds[0]) * draw


def _mirror(place: Tensor, size: int) -> Tensor:
    """Mirror a coordinate at the outer edges of the first and last pixel, until it lies in [0, size - 1]."""
    folded = ops.mod(place + 0.5, 2.0 * size)
    return ops.clip(ops.minimum(folded, 2.0 * size - folded) - 0.5, 0.0, size - 1.0)


def _pixels(images: Tensor, places: Tensor) -> Tensor:
    """Pixels [B, ..., 3] at places, int32 [B, ...], within each image."""
    batch, area = ops.shape(images)[0], images.shape[1] * images.shape[2]
    first = ops.reshape(ops.arange(batch, dtype="int32") * area, (-1, *(1,) * (len(places.shape) - 1)))
    return ops.take(ops.reshape(images, (-1, 3)), places + first, axis=0)


def _blend(first: Tensor, second: Tensor, share: Tensor) -> Tensor:
    return first + (second - first) * share
