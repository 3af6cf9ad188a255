"""Several networks from one that was trained with dropout (Gal and Ghahramani 2016, arXiv:1506.02142).

Each drops other units. One network drops the same units for every image, so what it says of an image does not depend on
the images beside it, and is the same each time: the units are a function of the seed and the number of the network.
"""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from gzcore.errors import GzError
from gzcore.hashing import identity_hash
from gzcore.images import Pixels
from gztrain.data.labels import Floats

_SCORES_RANK = 4
"""Attention is [B, heads, T, T]."""


class DropoutNetworks:
    """A model whose dropout stays on, while all else is as in predicting."""

    def __init__(self, model: keras.Model, samples: int, seed: int) -> None:
        """Prepare a model; it is not to be used otherwise afterwards.

        Args:
            model: images to probabilities.
            samples: how many networks to draw.
            seed: of the draws.

        Raises:
            GzError: it has no dropout.
        """
        model.trainable = False  # batch norm keeps its moments, though dropout is on
        self._model, self._samples, self._seed = model, samples, seed
        self._layers = [layer for layer in _all_layers(model) if _drops(layer)]
        if not self._layers:
            raise GzError(
                "The network has no dropout, so one run gives one opinion; name two runs or more, or train one with "
                "--set model.dropout=0.2."
            )
        for layer in self._layers:
            layer.noise_shape = (1, *(layer.noise_shape or (None,) * _rank(layer))[1:])

    def __call__(self, images: Pixels) -> Floats:
        """Probabilities by each network, float32 [M, N, L]."""
        return np.stack([self._sample(images, number) for number in range(self._samples)])

    def _sample(self, images: Pixels, number: int) -> Floats:
        for place, layer in enumerate(self._layers):
            start = identity_hash("dropout", self._seed, number, place) % (1 << 31)
            layer.seed_generator.state.assign(np.array([start, 0], np.uint32))
        return np.asarray(self._model(images, training=True), np.float32)


def _all_layers(layer: Any) -> Iterator[Any]:  # noqa: ANN401 -- a keras.Layer
    """A layer, and the layers in it."""
    for inside in getattr(layer, "_layers", ()):
        yield inside
        yield from _all_layers(inside)


def _drops(layer: Any) -> bool:  # noqa: ANN401
    return isinstance(layer, keras.layers.Dropout) and layer.rate > 0


def _rank(layer: Any) -> int:  # noqa: ANN401
    """Dimensions of what a layer gets. The layers within attention were never given a tensor that is known."""
    try:
        return len(layer.input.shape)
    except (AttributeError, ValueError):
        return _SCORES_RANK
