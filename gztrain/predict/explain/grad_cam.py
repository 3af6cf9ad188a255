"""Grad-CAM: where the last feature maps make an answer more probable (Selvaraju et al. 2017, arXiv:1610.02391)."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from gzcore.images import Pixels
from gztrain.data.labels import Floats
from gztrain.models.body import unpack
from gztrain.predict.explain.gradient import log_odds_gradient

_MAP_RANK = 4
"""Feature maps are [B, H, W, C]."""


@dataclass(frozen=True, eq=False)
class GradCam:
    """A network cut in two at its last feature maps.

    Attributes:
        front: uint8 [B, S, S, 3] to the maps, float32 [B, H, W, C].
        back: the maps to logits, float32 [B, O].
        tail: logits to probabilities, float32 [B, L].
    """

    front: keras.Model
    back: keras.Model
    tail: keras.Model

    name = "Grad-CAM"
    by_answer = True

    def heat(self, images: Pixels, answers: Floats) -> Floats:
        """What makes some answers more probable.

        Args:
            images: uint8 [N, S, S, 3].
            answers: Q answers for each image, as weights of the labels, float32 [Q, N, L]: 1 for the label that was
                chosen, -1 for a label whose other answer was chosen.

        Returns:
            float32 [Q, N, H, W], 0 or more. It is 0 everywhere if nothing in the maps makes an answer more probable.
        """
        maps = np.asarray(self.front(images, training=False), np.float32)
        return np.stack([cam(maps, log_odds_gradient(self.back, self.tail, maps, weights)) for weights in answers])


def cam(maps: Floats, gradients: Floats) -> Floats:
    """Maps, weighted by their mean gradients, added up; what is below 0 becomes 0 (equations 1 and 2).

    Args:
        maps: float32 [N, H, W, C].
        gradients: of the same shape.

    Returns:
        float32 [N, H, W].
    """
    weights = gradients.mean(axis=(1, 2))
    heat: Floats = np.maximum(np.einsum("nhwc,nc->nhw", maps, weights), 0)
    return heat


def cut_at_maps(model: keras.Model) -> GradCam:
    """Cut the model of a run at its last feature maps.

    Raises:
        ValueError: it is not one network, or it has no feature maps.
    """
    galaxy = unpack(model)
    maps, back = split(galaxy.body)
    images = keras.Input(model.input_shape[1:], dtype="uint8", name="image")
    front = keras.Model(images, keras.Model(galaxy.body.inputs, maps, name="front")(galaxy.stem(images)))
    return GradCam(front, back, tail_of(model))


def tail_of(model: keras.Model) -> keras.Model:
    """What follows the body in the model of a run: logits to calibrated probabilities."""
    names = [operation.name for operation in model.operations]
    after = model.operations[names.index("body") + 1]
    return keras.Model(_only(after.input), model.output, name="tail")


def split(model: keras.Model) -> tuple[Any, keras.Model]:
    """Find the last feature maps of a body: the tensor, and a model from there to the logits.

    A backbone that gives features in place of maps is looked into.

    Raises:
        ValueError: it has none.
    """
    operations = model.operations
    for place in range(len(operations) - 1, 0, -1):
        layer = operations[place]
        given = _only(operations[place + 1].input) if place + 1 < len(operations) else _only(model.output)
        if isinstance(layer, keras.Model) and len(given.shape) != _MAP_RANK:
            maps, rest = split(layer)
            before = keras.Model(layer.inputs, maps, name="before_maps")(_only(operations[place - 1].output))
            shape = keras.Input(maps.shape[1:], name="maps")
            return before, keras.Model(shape, keras.Model(given, model.output)(rest(shape)))
        here = given if isinstance(layer, keras.Model) else _only(layer.output)
        if len(here.shape) == _MAP_RANK:
            return here, keras.Model(here, model.output, name="after_maps")
    raise ValueError("no feature maps")


def _only(tensors: Any) -> Any:  # noqa: ANN401 -- a tensor, or a list of them
    return tensors[0] if isinstance(tensors, list | tuple) else tensors
