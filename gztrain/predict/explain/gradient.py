"""How an answer changes with the feature maps: the one step for which each Keras backend needs code of its own."""

from typing import Any

import keras
import numpy as np
from keras import ops

from gztrain.data.labels import Floats

Tensor = Any
"""A tensor of the backend in use."""
_CLIP = 1e-7
"""Probabilities are kept at this distance from 0 and 1, so that their log-odds are finite."""


_LARGEST = 12.0
"""Logits beyond this give a probability of exactly 1 or nearly so, from which log-odds cannot be told."""


def log_odds_gradient(back: keras.Model, tail: keras.Model, maps: Floats, weights: Floats) -> Floats:
    """Gradient of a weighted sum of log-odds with respect to feature maps.

    Log-odds are the logit of a sigmoid. A probability alone hardly changes where the network is sure. Where it is so
    sure that its answer has 100 %, all logits of the image are divided by a number, and the gradient is multiplied by
    it. That changes nothing for a sigmoid; of a softmax it takes a less certain model of the same ranking.

    Args:
        back: float32 [N, H, W, C] to logits, float32 [N, O].
        tail: logits to probabilities, float32 [N, L].
        maps: float32 [N, H, W, C].
        weights: of each label, float32 [N, L].

    Returns:
        float32 [N, H, W, C].
    """

    def score(tensor: Tensor) -> Tensor:
        logits = ops.cast(back(tensor, training=False), "float32")
        softer = ops.stop_gradient(ops.maximum(1.0, ops.max(ops.abs(logits), axis=1, keepdims=True) / _LARGEST))
        given = ops.clip(ops.cast(tail(logits / softer, training=False), "float32"), _CLIP, 1 - _CLIP)
        return ops.sum((ops.log(given) - ops.log(1 - given)) * softer * weights)

    return np.asarray(_gradient(score, maps), np.float32)


def _gradient(score: Any, maps: Floats) -> Tensor:  # noqa: ANN401 -- a function of one tensor
    tensor = ops.convert_to_tensor(maps)
    if keras.backend.backend() == "jax":
        import jax

        return jax.grad(score)(tensor)
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(tensor)
        total = score(tensor)
    return tape.gradient(total, tensor)
