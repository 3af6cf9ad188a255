"""A built network and its parts, as the trainer uses them."""

from dataclasses import dataclass

import keras


@dataclass(frozen=True)
class GalaxyModel:
    """One network and its parts. All parts share their weights.

    Attributes:
        model: uint8 [B, crop, crop, 3] to logits, float32 [B, outputs]: stem, then body.
        stem: uint8 [B, crop, crop, 3] to float32 [B, size, size, 3], 0..255.
        body: float32 [B, size, size, 3], 0..255, to logits: preprocessing, backbone, head.
        backbone: the part that is frozen in stage one, or None. ``backbone.trainable = False`` freezes batch norm too.
    """

    model: keras.Model
    stem: keras.layers.Layer
    body: keras.Model
    backbone: keras.Model | None


def unpack(model: keras.Model) -> GalaxyModel:
    """Find the parts of a model that :func:`gztrain.models.build` made, for example one loaded from a file."""
    body = model.get_layer("body")
    nested = [layer for layer in body.layers if isinstance(layer, keras.Model)]
    return GalaxyModel(model, model.get_layer("stem"), body, nested[0] if nested else None)
