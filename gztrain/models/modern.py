"""Newer backbones of keras.applications: EfficientNetV2 (Tan and Le 2021) and ConvNeXt (Liu 2022) in three sizes.

They keep their own head: the global mean (which ConvNeXt normalises), then logits.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
from keras import applications
from keras.src.applications.convnext import ConvNeXt  # the constructor of every size; Keras exports the larger ones

from gztrain.models.backbones import Backbone, make_backbone
from gztrain.models.layers import Preprocess, images_of, logits
from gztrain.models.plan import ModelPlan

_OPTIONS = (("include_preprocessing", False), ("pooling", "avg"))  # preprocessing is a layer of ours, in float32


def _convnext(name: str, depths: tuple[int, ...], widths: tuple[int, ...]) -> Callable[..., Any]:
    """A ConvNeXt of a size that Keras has no name for; depths and widths are those of timm."""
    return partial(ConvNeXt, depths, widths, name=name)


BACKBONES = {
    "convnextpico": Backbone(_convnext("convnext_pico", (2, 2, 6, 2), (64, 128, 256, 512)), "torch", _OPTIONS),
    "convnextnano": Backbone(_convnext("convnext_nano", (2, 2, 8, 2), (80, 160, 320, 640)), "torch", _OPTIONS),
    "efficientnetv2b0": Backbone(applications.EfficientNetV2B0, "torch", _OPTIONS),
    "convnexttiny": Backbone(applications.ConvNeXtTiny, "torch", _OPTIONS),
}


def build(plan: ModelPlan) -> keras.Model:
    """Build the body: float32 [B, size, size, 3], 0..255, to logits [B, outputs]."""
    backbone = BACKBONES[plan.entry.name]
    images = images_of(plan.size)
    features = make_backbone(plan, backbone)(Preprocess(backbone.mode)(images))
    return keras.Model(images, logits(features, plan.outputs, plan.dropout), name="body")
