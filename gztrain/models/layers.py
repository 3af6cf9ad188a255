"""Layers that several families share: preprocessing, encoder blocks, heads.

Images are float32 [B, S, S, 3], RGB, 0..255; tokens are [B, N, dim]. Keras' own layers are used wherever possible.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

Tensor = Any
"""A symbolic tensor of either backend."""

_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_SD = (0.229, 0.224, 0.225)
_CAFFE_MEAN = (123.68, 116.779, 103.939)
_CLIP = 1e-7
"""Keras' epsilon: probabilities are kept at this distance from 0 and 1."""
GALAXY_MEAN = (0.094, 0.084, 0.058)
"""Mean of R, G, B as shares of 255, over the 224 px crops of 600 real galaxies of GZ2, averaged to 64 px."""
GALAXY_SD = (0.143, 0.119, 0.097)
"""Standard deviation over the same pixels."""
NORMS: dict[str, tuple[Sequence[float], Sequence[float]]] = {
    "caffe": (_CAFFE_MEAN, (1.0, 1.0, 1.0)),
    "tf": ((127.5,) * 3, (127.5,) * 3),
    "torch": ([255 * m for m in _IMAGENET_MEAN], [255 * s for s in _IMAGENET_SD]),
    "galaxy": ([255 * m for m in GALAXY_MEAN], [255 * s for s in GALAXY_SD]),
}
"""Mean and scale of R, G, B, in grey levels; the first three are those of keras.applications.imagenet_utils."""


@keras.saving.register_keras_serializable("gztrain")
class Preprocess(layers.Layer):
    """(image - mean) / scale, always in float32; ``caffe`` also swaps RGB to BGR.

    Args:
        mode: one of ``NORMS``.
    """

    def __init__(self, mode: str, **kwargs: Any) -> None:  # noqa: ANN401 -- Keras' own options
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.mode = mode

    def call(self, images: Tensor) -> Tensor:
        """Normalise float32 [B, S, S, 3], 0..255."""
        mean, scale = (ops.convert_to_tensor(values, "float32") for values in NORMS[self.mode])
        images = (images - mean) / scale
        return ops.flip(images, axis=-1) if self.mode == "caffe" else images

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """The input shape."""
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        """Arguments to create this layer again."""
        return {**super().get_config(), "mode": self.mode}


@keras.saving.register_keras_serializable("gztrain")
class PositionEmbedding(layers.Layer):
    """Adds a learned vector to each token, one for each position in the sequence.

    Args:
        stddev: standard deviation of the initial vectors.
    """

    def __init__(self, stddev: float, **kwargs: Any) -> None:  # noqa: ANN401 -- Keras' own options
        super().__init__(**kwargs)
        self.stddev = stddev

    def build(self, input_shape: Sequence[int]) -> None:
        """Create one vector for each position."""
        start = keras.initializers.TruncatedNormal(stddev=self.stddev)
        self.positions = self.add_weight(name="positions", shape=tuple(input_shape[1:]), initializer=start)

    def call(self, tokens: Tensor) -> Tensor:
        """[B, N, dim] to [B, N, dim]."""
        return tokens + self.positions

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """The input shape."""
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        """Arguments to create this layer again."""
        return {**super().get_config(), "stddev": self.stddev}


@keras.saving.register_keras_serializable("gztrain")
class Temperature(layers.Layer):
    """Divides the logits of each question by a temperature (Guo et al. 2017); probabilities in, probabilities out.

    Above 1, a temperature moves probabilities towards one half. It moves none across it, and so changes no answer.

    Args:
        widths: number of labels of each question, in the order of the outputs.
        temperatures: one for each question, above 0.
        joint: for each question, whether its labels share a softmax; else each has a sigmoid of its own.
    """

    def __init__(
        self,
        widths: Sequence[int],
        temperatures: Sequence[float],
        joint: Sequence[bool],
        **kwargs: Any,  # noqa: ANN401 -- Keras' own options
    ) -> None:
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.widths, self.temperatures, self.joint = list(widths), list(temperatures), list(joint)

    def call(self, probabilities: Tensor) -> Tensor:
        """Float32 [B, L] to [B, L], 0 to 1."""
        given = ops.clip(probabilities, _CLIP, 1 - _CLIP)
        parts, first = [], 0
        for width, temperature, joint in zip(self.widths, self.temperatures, self.joint, strict=True):
            parts.append(_temper(given[:, first : first + width], temperature, joint=joint))
            first += width
        return ops.concatenate(parts, axis=-1)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """The input shape."""
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        """Arguments to create this layer again."""
        own = {"widths": self.widths, "temperatures": self.temperatures, "joint": self.joint}
        return {**super().get_config(), **own}


def _temper(given: Tensor, temperature: float, *, joint: bool) -> Tensor:
    if joint:
        return ops.softmax(ops.log(given) / temperature, axis=-1)
    return ops.sigmoid((ops.log(given) - ops.log(1 - given)) / temperature)


def images_of(size: int) -> Tensor:
    """The input of a body: float32 [B, size, size, 3], 0..255."""
    return keras.Input((size, size, 3), dtype="float32", name="images")


def normalise(x: Tensor) -> Tensor:
    """Layer normalisation with the epsilon that is usual for transformers."""
    return layers.LayerNormalization(epsilon=1e-6)(x)


def add_path(x: Tensor, branch: Tensor, drop_path: float) -> Tensor:
    """A residual connection. In training, its branch is dropped for a share of the images (Huang 2016)."""
    if drop_path:
        branch = layers.Dropout(drop_path, noise_shape=(None, *(1,) * (len(x.shape) - 1)))(branch)
    return layers.add([x, branch])


def feed_forward(x: Tensor, units: int, dropout: float) -> Tensor:
    """Two dense layers applied to each token, with GELU between them (Dosovitskiy 2021)."""
    y = layers.Dense(units, activation="gelu")(x)
    y = layers.Dense(x.shape[-1])(layers.Dropout(dropout)(y))
    return layers.Dropout(dropout)(y)


def encoder_block(  # noqa: PLR0913 -- the numbers that describe a block
    x: Tensor, *, heads: int, key_dim: int, units: int, dropout: float, drop_path: float = 0.0
) -> Tensor:
    """A pre-norm transformer block on tokens: attention, then a feed-forward net, each with its residual.

    With width d, h heads of k = key_dim and u units it has 4 d h k + 3 h k + d (attention), 4 d (two norms)
    and 2 d u + u + d (feed-forward) parameters.
    """
    y = normalise(x)
    y = layers.MultiHeadAttention(heads, key_dim, dropout=dropout)(y, y)
    x = add_path(x, y, drop_path)
    return add_path(x, feed_forward(normalise(x), units, dropout), drop_path)


def dense_head(x: Tensor, units: Sequence[int], activation: str, dropout: float) -> Tensor:
    """Dense layers on features [B, F], with dropout before each."""
    for width in units:
        x = layers.Dense(width, activation=activation)(_drop(x, dropout))
    return x


def logits(x: Tensor, outputs: int, dropout: float = 0.0) -> Tensor:
    """The last layer, always in float32: [B, F] to [B, outputs]."""
    return layers.Dense(outputs, dtype="float32", name="logits")(_drop(x, dropout))


def _drop(x: Tensor, rate: float) -> Tensor:
    return layers.Dropout(rate)(x) if rate else x


def symmetries(images: Tensor) -> list[Tensor]:
    """Images [B, S, S, C] in the eight symmetries of the square; the first are unchanged."""
    flipped = ops.flip(images, axis=2)
    upright = [images, flipped, ops.flip(images, axis=1), ops.flip(flipped, axis=1)]
    return [*upright, *(ops.transpose(view, (0, 2, 1, 3)) for view in upright)]
