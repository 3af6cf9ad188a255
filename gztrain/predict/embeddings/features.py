"""The features of a trained model: the numbers that its last layer decides from."""

from typing import Any

import keras
import numpy as np

from gzcore.errors import GzError
from gzcore.images import Pixels
from gztrain.data.labels import Floats
from gztrain.models.body import unpack
from gztrain.models.layers import symmetries
from gztrain.predict.crops import filled_up


def feature_model(model: keras.Model, *, all_sides: bool = True) -> keras.Model:
    """A model that gives features in place of probabilities.

    Args:
        model: of a run: uint8 [B, S, S, 3] to probabilities.
        all_sides: take the mean over the eight symmetries of the square, so that a galaxy has the same features
            however it lies in the image.

    Returns:
        A model: uint8 [B, S, S, 3] to features, float32 [B, D].

    Raises:
        GzError: it is not one network, but for example an ensemble.
    """
    try:
        galaxy = unpack(model)
        last = galaxy.body.get_layer("logits")
    except ValueError:
        raise GzError("The run has no single network, so it has no features; take a member of the ensemble.") from None
    body = keras.Model(galaxy.body.inputs, last.input, name="features")
    images = keras.Input(model.input_shape[1:], dtype="uint8", name="image")
    small = galaxy.stem(images)
    sides = symmetries(small) if all_sides else [small]
    found = [keras.ops.cast(body(side), "float32") for side in sides]
    return keras.Model(images, keras.layers.Average()(found) if all_sides else found[0], name="embedding")


def embed_batch(model: Any, images: Pixels, batch: int) -> Floats:  # noqa: ANN401 -- a keras.Model
    """Features of at most ``batch`` images, float32 [N, D]; the model always gets ``batch``, so it is compiled once."""
    padded = filled_up(images, batch)
    return np.asarray(model.predict_on_batch(padded), np.float32)[: len(images)]
