"""Every model, by name: ``build(ModelSpec("small"), crop=224, outputs=22)``.

Each family of models has a file with a function ``build`` of the same signature. A model takes uint8
[B, crop, crop, 3] and returns logits, float32 [B, outputs]; downscaling and preprocessing are part of it. Importing
this package does not load Keras.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from gztrain.models.plan import make_model_plan
from gztrain.models.registry import MODELS, Entry, ModelRow, describe
from gztrain.models.spec import ModelSpec

if TYPE_CHECKING:
    from gztrain.models.body import GalaxyModel

__all__ = ["MODELS", "Entry", "ModelRow", "ModelSpec", "build", "describe"]


def build(spec: ModelSpec, crop: int, outputs: int) -> "GalaxyModel":
    """Build a model.

    Args:
        spec: name and options of the model.
        crop: height and width of the images of the data set, px.
        outputs: number of logits.

    Raises:
        UsageError: the options do not go together.
        GzError: the weights are missing or do not fit the model.
    """
    import keras

    from gztrain.models.body import unpack
    from gztrain.models.hub import fetch_encoder
    from gztrain.models.stem import Downscale
    from gztrain.models.weights import load_weights

    plan = make_model_plan(spec, crop, outputs)
    body = import_module(f"gztrain.models.{plan.entry.family}").build(plan)
    images = keras.Input((crop, crop, 3), dtype="uint8", name="image")
    galaxy = unpack(keras.Model(images, body(Downscale(plan.size, name="stem")(images)), name=plan.entry.name))
    file = plan.file if plan.hub is None else fetch_encoder(plan.hub)
    if file is not None:
        load_weights(galaxy, file)
    return galaxy
