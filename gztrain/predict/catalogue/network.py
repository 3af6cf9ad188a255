"""The network of a run, with all that a catalogue is made of: probabilities, logits and features in one pass."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from gzcore.images import Pixels
from gztrain.data.labels import Floats
from gztrain.predict.crops import filled_up


@dataclass(frozen=True, eq=False)
class Seen:
    """What the network says of N images.

    Attributes:
        probabilities: calibrated, float32 [N, L].
        logits: what the loss was computed from, float32 [N, O]; None for an ensemble in one model.
        features: what the last layer decides from, float32 [N, D]; None for an ensemble in one model.
    """

    probabilities: Floats
    logits: Floats | None
    features: Floats | None


class Network:
    """A model that looks at each image once, and gives more than probabilities."""

    def __init__(self, model: keras.Model) -> None:
        self._parts = _opened(model)
        self._model = self._parts or model

    def __call__(self, images: Pixels, batch: int) -> Seen:
        """Look at N images, uint8 [N, S, S, 3], N at most ``batch``; the model always gets ``batch`` of them."""
        padded = filled_up(images, batch)
        found = self._model.predict_on_batch(padded)
        if self._parts is None:
            return Seen(np.asarray(found, np.float32)[: len(images)], None, None)
        probabilities, logits, features = (np.asarray(part, np.float32)[: len(images)] for part in found)
        return Seen(probabilities, logits, features)


def _opened(model: keras.Model) -> keras.Model | None:
    """The model with two more outputs; None where it is not one network, as that of an ensemble."""
    names = [operation.name for operation in model.operations]
    if "body" not in names:
        return None
    body, after = model.get_layer("body"), model.operations[names.index("body") + 1 :]
    last = body.get_layer("logits")
    whole = keras.Model(body.inputs, [body.output, last.input], name="body")
    images = keras.Input(model.input_shape[1:], dtype="uint8", name="image")
    logits, features = whole(model.get_layer("stem")(images))
    probabilities = keras.Model(_first(after[0].input), model.output, name="tail")(logits)
    return keras.Model(images, [probabilities, keras.ops.cast(logits, "float32"), keras.ops.cast(features, "float32")])


def _first(tensors: Any) -> Any:  # noqa: ANN401 -- a tensor, or a list of them
    return tensors[0] if isinstance(tensors, list | tuple) else tensors
