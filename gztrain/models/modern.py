"""Two later backbones of keras.applications: EfficientNetV2 (Tan and Le 2021) and ConvNeXt (Liu 2022).

The head is their own: global mean (which ConvNeXt normalises), logits.
"""

import keras
from keras import applications

from gztrain.models.backbones import Backbone, make_backbone
from gztrain.models.layers import Preprocess, images_of, logits
from gztrain.models.plan import Plan

_OPTIONS = (("include_preprocessing", False), ("pooling", "avg"))  # preprocessing in float32 before it, as for all
BACKBONES = {
    "efficientnetv2b0": Backbone(applications.EfficientNetV2B0, "torch", _OPTIONS),
    "convnexttiny": Backbone(applications.ConvNeXtTiny, "torch", _OPTIONS),
}


def build(plan: Plan) -> keras.Model:
    """Build the body: float32 [B, size, size, 3], 0..255, to logits [B, outputs]."""
    backbone = BACKBONES[plan.entry.name]
    images = images_of(plan.size)
    features = make_backbone(plan, backbone)(Preprocess(backbone.mode)(images))
    return keras.Model(images, logits(features, plan.outputs, plan.dropout), name="body")
