"""Vision transformers: the six of the 2024 report (F42), after the ViT example of Keras (Dosovitskiy 2021).

Patches are projected to ``dim`` values, a learned position is added to each, and encoder blocks follow. Every attention
head has key_dim = dim, as in the report (not dim / heads). There is no class token. The head ``report`` flattens all
tokens and feeds them to its dense layers; the head ``plain`` takes their mean.

Parameters, for N patches of p px, width d, h heads, L blocks, dense layers m1, m2 and K outputs (``report``):

    patches      3 p^2 d + d                projection
                 N d                        positions
    block        4 h d^2 + 3 h d + d        queries, keys, values [d, h d] and their biases, output [h d, d]
                 4 d^2 + 3 d                feed-forward d -> 2 d -> d
                 4 d                        two norms
    head         2 d                        norm
                 N d m1 + m1 + m1 m2 + m2   dense layers
                 m2 K + K                   logits

By hand for vit-64-8-12 at 256 px: N = 256, p = 16, d = 64, h = 8, L = 12, m = 2048, 1024, K = 22.
Patches 49,152 + 64 + 16,384 = 65,600. A block: 131,072 + 1,536 + 64 = 132,672; 16,384 + 192 = 16,576; 256; in all
149,504; twelve of them 1,794,048. Head: 128; 33,554,432 + 2,048 + 2,097,152 + 1,024 = 35,654,656; 22,528 + 22 = 22,550;
in all 35,677,334. Sum 37,536,982.
"""

from dataclasses import dataclass

import keras
from keras import layers

from gztrain.models.layers import (
    PositionEmbedding,
    Preprocess,
    Tensor,
    dense_head,
    encoder_block,
    images_of,
    logits,
    normalise,
)
from gztrain.models.plan import ModelPlan

_ENCODER_DROPOUT = 0.1
_POSITION_SD = 0.02


@dataclass(frozen=True)
class Preset:
    """Width of the tokens, number of attention heads, number of blocks."""

    dim: int
    heads: int
    blocks: int


PRESETS = {
    "vit-64-8-12": Preset(64, 8, 12),
    "vit-64-12-12": Preset(64, 12, 12),
    "vit-64-16-12": Preset(64, 16, 12),
    "vit-64-16-16": Preset(64, 16, 16),
    "vit-128-12-12": Preset(128, 12, 12),
    "vit-64-12-12-wide": Preset(64, 12, 12),
}


def build(plan: ModelPlan) -> keras.Model:
    """Build the body: float32 [B, size, size, 3], 0..255, to logits [B, outputs]."""
    preset = PRESETS[plan.entry.name]
    images = images_of(plan.size)
    tokens = _tokens(Preprocess("galaxy")(images), preset.dim, int(plan.patch or 1))
    for _ in range(preset.blocks):
        tokens = encoder_block(
            tokens, heads=preset.heads, key_dim=preset.dim, units=2 * preset.dim, dropout=_ENCODER_DROPOUT
        )
    tokens = normalise(tokens)
    if plan.head == "report":
        features = dense_head(layers.Flatten()(tokens), plan.entry.dense, "gelu", plan.dropout)
        return keras.Model(images, logits(features, plan.outputs), name="body")
    features = layers.GlobalAveragePooling1D()(tokens)
    return keras.Model(images, logits(features, plan.outputs, plan.dropout), name="body")


def _tokens(images: Tensor, dim: int, patch: int) -> Tensor:
    """Project patches and add their positions: [B, S, S, 3] to [B, (S / patch)^2, dim]."""
    maps = layers.Conv2D(dim, patch, strides=patch, name="patches")(images)
    tokens = layers.Reshape((-1, dim))(maps)
    return PositionEmbedding(_POSITION_SD, name="positions")(tokens)
