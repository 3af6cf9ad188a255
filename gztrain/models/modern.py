"""Two newer backbones of keras.applications: EfficientNetV2 (Tan and Le 2021) and ConvNeXt (Liu 2022).

They keep their own head: the global mean (which ConvNeXt normalises), then logits.
"""

import keras
from keras import applications

from gztrain.models.backbones import Backbone, make_backbone
from gztrain.models.layers import Preprocess, images_of, logits
from gztrain.models.plan import ModelPlan

_OPTIONS = (("include_preprocessing", False), ("pooling", "avg"))  # preprocessing is a layer of ours, in float32
BACKBONES = {
    "efficientnetv2b0": Backbone(applications.EfficientNetV2B0, "torch", _OPTIONS),
    "convnexttiny": Backbone(applications.ConvNeXtTiny, "torch", _OPTIONS),
}


def build(plan: ModelPlan) -> keras.Model:
    """Build the body: float32 [B, size, size, 3], 0..255, to logits [B, outputs]."""
    backbone = BACKBONES[plan.entry.name]
    images = images_of(plan.size)
    features = make_backbone(plan, backbone)(Preprocess(backbone.mode)(images))
    return keras.Model(images, logits(features, plan.outputs, plan.dropout), name="body")
