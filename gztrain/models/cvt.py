"""The convolutional vision transformer (Wu 2021, arXiv:2103.15808): 32 channels, 8 heads, 8 blocks (F44).

There are three stages. Each has a strided convolution that produces the tokens, and blocks that keep the tokens on a
2-D map. Queries, keys and values are depthwise 3x3 convolutions of the map, with stride 2 for keys and values, each
followed by a linear map. There is no position embedding: the convolutions carry the position. The 2024 report says
"32 / 8 / 8". This is read as 32 channels in the first stage, 8 heads in the last and 8 blocks in all, distributed as
the 13 blocks of CvT-13; a head has 16 channels. The logits come from the mean of the last tokens; the authors use a
class token instead.

Parameters of stage i, for c channels from b, kernel k, h heads, L blocks (batch norm counts 4 a channel):

    tokens       k^2 b c + c + 2 c          convolution, norm
    block        3 (9 c + 4 c)              three depthwise convolutions without bias, each with batch norm
                 4 c^2 + 4 c                attention
                 8 c^2 + 5 c                feed-forward c -> 4 c -> c
                 4 c                        two norms
    head         2 c + c K + K              norm, logits, for c of the last stage

A block is 12 c^2 + 52 c. By hand for K = 22: stage 1 (k 7, b 3, c 32, L 1) 4,704 + 96 + 13,952 = 18,752; stage 2 (k 3,
b 32, c 64, L 2) 18,432 + 192 + 2 x 52,480 = 123,584; stage 3 (k 3, b 64, c 128, L 5) 73,728 + 384 + 5 x 203,264 =
1,090,432; head 256 + 2,838 = 3,094. Sum 1,235,862.
"""

from dataclasses import dataclass

import keras
from keras import layers

from gztrain.models.layers import Preprocess, Tensor, add_path, feed_forward, images_of, logits, normalise
from gztrain.models.plan import ModelPlan


@dataclass(frozen=True)
class CvtStage:
    """One stage: channels, kernel and stride of its convolution, and heads and number of its blocks."""

    channels: int
    kernel: int
    stride: int
    heads: int
    blocks: int
    drop_path: float = 0.0


STAGES = (CvtStage(32, 7, 4, 2, 1), CvtStage(64, 3, 2, 4, 2), CvtStage(128, 3, 2, 8, 5, 0.1))


def build(plan: ModelPlan) -> keras.Model:
    """Build the body: float32 [B, size, size, 3], 0..255, to logits [B, outputs]."""
    images = images_of(plan.size)
    x = Preprocess("galaxy")(images)
    for stage in STAGES:
        x = layers.Conv2D(stage.channels, stage.kernel, strides=stage.stride, padding="same")(x)
        x = normalise(x)
        for block in range(stage.blocks):
            x = _block(x, stage, stage.drop_path * block / max(stage.blocks - 1, 1))
    features = layers.GlobalAveragePooling2D()(normalise(x))
    return keras.Model(images, logits(features, plan.outputs, plan.dropout), name="body")


def _block(x: Tensor, stage: CvtStage, drop_path: float) -> Tensor:
    """Attention and feed-forward on a map [B, H, W, c], each with its residual."""
    y = normalise(x)
    queries, keys, values = (_project(y, stride) for stride in (1, 2, 2))
    attention = layers.MultiHeadAttention(stage.heads, stage.channels // stage.heads)
    y = layers.Reshape(x.shape[1:])(attention(queries, values, key=keys))
    x = add_path(x, y, drop_path)
    return add_path(x, feed_forward(normalise(x), 4 * stage.channels, 0.0), drop_path)


def _project(x: Tensor, stride: int) -> Tensor:
    """The convolutional projection before the linear one: [B, H, W, c] to [B, H W / stride^2, c]."""
    x = layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False)(x)
    return layers.Reshape((-1, x.shape[-1]))(layers.BatchNormalization()(x))
