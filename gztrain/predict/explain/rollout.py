"""Attention rollout: how much of each patch reaches the last layer of a transformer (Abnar and Zuidema 2020).

arXiv:2005.00928. Every block mixes tokens by its attention, averaged over the heads, and keeps half of each token by
its residual. The product of these mixtures says where a token comes from. It does not depend on the answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from math import isqrt
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from gzcore.images import Pixels
from gztrain.data.labels import Floats
from gztrain.models.body import unpack

_AT_ONCE = 8
"""Images whose attention is in memory at a time."""
_RESIDUAL = 0.5
"""Share of a token that a block keeps, as in the paper."""


@dataclass(frozen=True, eq=False)
class Rollout:
    """A transformer that gives its attention.

    Attributes:
        tokens: uint8 [B, S, S, 3] to what each block attends to, a list of [B, T, d], and then the weights by which the
            last tokens are pooled, float32 [B, T].
        blocks: the attention layers.
    """

    tokens: keras.Model
    blocks: tuple[layers.MultiHeadAttention, ...]

    name = "attention rollout"
    by_answer = False

    def heat(self, images: Pixels, answers: Floats) -> Floats:
        """How much of each patch reaches the last layer, as float32 [1, N, H, W] whose mean is 1; for all answers."""
        del answers
        *tokens, pooling = self.tokens(images, training=False)
        found = np.concatenate(
            [
                roll_out(self._attention([part[start : start + _AT_ONCE] for part in tokens]), some)
                for start in range(0, len(images), _AT_ONCE)
                if len(some := np.asarray(pooling[start : start + _AT_ONCE], np.float32))
            ]
        )
        side = isqrt(found.shape[1])
        return np.asarray(found.reshape(1, len(found), side, side) * found.shape[1])

    def _attention(self, tokens: Sequence[Any]) -> list[Floats]:
        """Attention of each block, averaged over its heads, float32 [n, T, T]."""
        pairs = zip(self.blocks, map(ops.convert_to_tensor, tokens), strict=True)
        scores = (block(given, given, return_attention_scores=True, training=False)[1] for block, given in pairs)
        return [np.asarray(ops.mean(ops.cast(score, "float32"), axis=1)) for score in scores]


def roll_out(blocks: Sequence[Floats], pooling: Floats) -> Floats:
    """Multiply the mixtures of all blocks.

    Args:
        blocks: attention of each block, the first one first, float32 [B, N, N]; rows add up to 1.
        pooling: weights of the last tokens, float32 [B, N], adding up to 1.

    Returns:
        Share of each patch in the pooled tokens, float32 [B, N], adding up to 1.
    """
    same = np.eye(pooling.shape[1], dtype=np.float32)
    mixed = (_RESIDUAL * same + (1 - _RESIDUAL) * attention for attention in reversed(blocks))
    shares: Floats = reduce(lambda rows, block: rows @ block, mixed, pooling[:, None, :])[:, 0]
    return shares


def open_attention(model: keras.Model) -> Rollout:
    """Take the attention of a transformer, see :func:`is_square_of_patches`, out of the model of a run."""
    galaxy = unpack(model)
    blocks = _blocks(galaxy.body)
    tokens = [_tensors(block.input)[0] for block in blocks]
    outputs = [*tokens, _pooling(galaxy.body, tokens[-1])]
    images = keras.Input(model.input_shape[1:], dtype="uint8", name="image")
    found = keras.Model(galaxy.body.inputs, outputs)(galaxy.stem(images))
    return Rollout(keras.Model(images, found, name="tokens"), blocks)


def _pooling(body: keras.Model, tokens: Any) -> Any:  # noqa: ANN401 -- symbolic tensors
    """Weights of the last tokens: those of a layer ``scores`` (CCT), else all the same."""
    known = any(layer.name == "scores" for layer in body.layers)
    scores = body.get_layer("scores").output[..., 0] if known else ops.zeros_like(tokens[..., 0])
    return ops.softmax(ops.cast(scores, "float32"), axis=-1)


def is_square_of_patches(body: keras.Model) -> bool:
    """Whether a body is a transformer whose tokens attend to themselves: ViT and CCT do, CvT and CNNs do not."""
    blocks = _blocks(body)
    return bool(blocks) and all(len({id(tensor) for tensor in _tensors(block.input)}) == 1 for block in blocks)


def _blocks(body: keras.Model) -> tuple[layers.MultiHeadAttention, ...]:
    return tuple(layer for layer in body.layers if isinstance(layer, layers.MultiHeadAttention))


def _tensors(given: Any) -> list[Any]:  # noqa: ANN401 -- a tensor, or a list of them
    return list(given) if isinstance(given, list | tuple) else [given]
