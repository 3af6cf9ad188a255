"""A small CNN that trains from scratch on the processor of a laptop.

It has five blocks of convolution, batch norm and ReLU, with max pooling between them; then global mean and maximum, and
logits. At 64 px it needs 46 million multiplications for an image.
"""

import keras
from keras import layers

from gztrain.models.layers import Preprocess, Tensor, images_of, logits
from gztrain.models.plan import ModelPlan

WIDTHS = (32, 64, 96, 128)


def build(plan: ModelPlan) -> keras.Model:
    """Build the body: float32 [B, size, size, 3], 0..255, to logits [B, outputs]."""
    images = images_of(plan.size)
    x = Preprocess("galaxy")(images)
    for width in WIDTHS:
        x = layers.MaxPooling2D(2)(_convolution(x, width))
    x = _convolution(x, WIDTHS[-1])
    features = layers.concatenate([layers.GlobalAveragePooling2D()(x), layers.GlobalMaxPooling2D()(x)])
    return keras.Model(images, logits(features, plan.outputs, plan.dropout), name="body")


def _convolution(x: Tensor, width: int) -> Tensor:
    x = layers.Conv2D(width, 3, padding="same", use_bias=False, kernel_initializer="he_normal")(x)
    return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
