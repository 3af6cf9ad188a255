"""Augmentation on the device: the eight symmetries of the square, and rotation with zoom and shift (F36, F37).

Images are float32 [B, S, S, 3]; chance comes in as draws, float32 [B, 6] in [0, 1), one row an image, so that the same
draws give the same images on every backend, whatever the batch. Draw 0 chooses the symmetry, 1 the angle, 2 the zoom,
3 and 4 the shift in x and y; 5 is free.

Both are gathers of whole pixels, which measured fastest over the two backends. At 64 px on two cores, us an image,
TensorFlow / JAX: symmetries 36 / 8 (a chain of ``where`` 289 / 5); affine 160 / 40 (``keras.ops.image`` 154 / 756).
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
    """Which pixel each pixel comes from: int32 [8, size * size]; row k turns by k quarters, the last four mirrored."""
    places = np.arange(size * size, dtype=np.int32).reshape(size, size)
    turned = [np.rot90(square, quarters) for square in (places, places.T) for quarters in range(4)]
    return np.stack([square.ravel() for square in turned])


def symmetries(images: Tensor, draw: Tensor) -> Tensor:
    """Turn and mirror each image as its draw, float32 [B] in [0, 1), says: exactly, no pixel value changes."""
    size = images.shape[1]
    choice = ops.clip(ops.cast(draw * SYMMETRIES, "int32"), 0, SYMMETRIES - 1)
    places = ops.take(symmetry_table(size), choice, axis=0)
    return ops.reshape(_pixels(images, places), ops.shape(images))


def affine(images: Tensor, draws: Tensor, rules: Augment) -> Tensor:
    """Rotate and zoom about the centre, then shift: bilinear; what lies outside mirrors what lies inside."""
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
    """Where in the source each output pixel comes from: x and y, float32 [B, S, S]."""
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
    """Fold a coordinate back into [0, size - 1]: mirrored at the edges of the outermost pixels, however far out."""
    folded = ops.mod(place + 0.5, 2.0 * size)
    return ops.clip(ops.minimum(folded, 2.0 * size - folded) - 0.5, 0.0, size - 1.0)


def _pixels(images: Tensor, places: Tensor) -> Tensor:
    """Pixels [B, ..., 3] at places, int32 [B, ...], within each image."""
    batch, area = ops.shape(images)[0], images.shape[1] * images.shape[2]
    first = ops.reshape(ops.arange(batch, dtype="int32") * area, (-1, *(1,) * (len(places.shape) - 1)))
    return ops.take(ops.reshape(images, (-1, 3)), places + first, axis=0)


def _blend(first: Tensor, second: Tensor, share: Tensor) -> Tensor:
    return first + (second - first) * share
