"""Downscaling from the crop of a data set to the input size of a network: exact area averaging, on the device."""

from collections.abc import Sequence
from functools import reduce
from math import gcd
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import layers, ops

from gzcore.errors import UsageError

Floats = npt.NDArray[np.float32]
Places = npt.NDArray[np.int32]
Tensor = Any
"""A tensor of either backend."""


def area_weights(crop: int, size: int) -> Floats:
    """Share of each source pixel in each output pixel along one axis: float32 [size, crop], rows sum to 1."""
    edges, pixels = np.arange(size + 1) * crop, np.arange(crop) * size  # whole numbers on a common grid, so exact
    overlap = np.minimum(edges[1:, None], pixels + size) - np.maximum(edges[:-1, None], pixels)
    weights: Floats = (overlap.clip(0, None) / crop).astype(np.float32)
    return weights


def _taps(crop: int, size: int) -> tuple[Places, Floats]:
    """Indices and weights of the source rows that each output row averages: two arrays [taps, size]."""
    weights = area_weights(crop, size)
    taps = int((weights > 0).sum(axis=1).max())
    first = np.minimum((weights > 0).argmax(axis=1), crop - taps)
    rows = (first + np.arange(taps)[:, None]).astype(np.int32)
    return rows, np.take_along_axis(weights.T, rows, axis=0)


def _column_matrix(crop: int, size: int) -> Floats:
    """Matrix from p neighbouring RGB pixels to q, where crop / size = p / q in lowest terms: float32 [3 p, 3 q]."""
    shared = gcd(crop, size)
    weights = area_weights(crop // shared, size // shared)
    return np.kron(weights.T, np.eye(3, dtype=np.float32))


@keras.saving.register_keras_serializable("gztrain")
class Downscale(layers.Layer):
    """Area averaging of uint8 [B, crop, crop, 3] to float32 [B, size, size, 3], both 0..255.

    An output row is a weighted sum of a few source rows. Columns are averaged by a product with a small matrix. This is
    faster than two full matrix products. The layer always computes in float32. An image that has the right size already
    is only cast.

    Args:
        size: height and width of the output, px, at most those of the input.
    """

    def __init__(self, size: int, **kwargs: Any) -> None:  # noqa: ANN401 -- Keras' own options
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.size = size

    def build(self, input_shape: Sequence[int]) -> None:
        """Compute the weights."""
        self.crop = int(input_shape[1])
        if self.size > self.crop:
            raise UsageError(
                f"An image of {self.crop} px cannot be averaged to {self.size} px; choose a smaller --size."
            )
        self.rows, self.row_weights = _taps(self.crop, self.size)
        self.columns = _column_matrix(self.crop, self.size)

    def call(self, images: Tensor) -> Tensor:
        """Downscale a batch."""
        if self.size == self.crop:
            return ops.cast(images, "float32")
        return self._shrink_columns(self._shrink_rows(images))

    def _shrink_rows(self, images: Tensor) -> Tensor:
        # Rows are gathered as bytes and cast to float afterwards: a quarter of the memory traffic.
        lines = ops.reshape(images, (-1, self.crop, self.crop * 3))
        taps = (
            ops.cast(ops.take(lines, rows, axis=1), "float32") * weights[:, None]
            for rows, weights in zip(self.rows, self.row_weights, strict=True)
        )
        return reduce(ops.add, taps)

    def _shrink_columns(self, lines: Tensor) -> Tensor:
        groups = ops.reshape(lines, (-1, len(self.columns)))
        return ops.reshape(ops.matmul(groups, self.columns), (-1, self.size, self.size, 3))

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """[B, size, size, 3]."""
        return (input_shape[0], self.size, self.size, 3)

    def get_config(self) -> dict[str, Any]:
        """Arguments to create this layer again."""
        return {**super().get_config(), "size": self.size}
