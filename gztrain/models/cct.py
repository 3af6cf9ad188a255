"""The compact convolutional transformer (Hassani 2021, arXiv:2104.05704), width 64, 2 heads, 2 blocks (F43).

Two convolutions with pooling produce the tokens. A learned position is added to each. After the blocks, a learned
weighted mean over the sequence ("sequence pooling") feeds the logits. This is the authors' CCT-2 with the width of the
2024 report: MLP ratio 1, stochastic depth and attention dropout 0.1. As in the authors' code, the tokenizer has a
kernel of 3 px at stride 1 and of 7 px at stride 2. Each pooling halves the map again, so the whole tokenizer has a
stride of 4, 8 or 16 px.

Parameters, for width d, h heads of d / h, L blocks, kernels k1 and k2 of the tokenizer, N tokens and K outputs:

    tokenizer    3 k1^2 d + k2^2 d^2        no biases
                 N d                        positions
    block        4 d^2 + 4 d                attention
                 2 d^2 + 2 d                feed-forward d -> d -> d
                 4 d                        two norms
    head         2 d + d + 1                norm, weights of the pooling
                 d K + K                    logits

By hand for 256 px: stride 16, so k1 = k2 = 7, N = 256, d = 64, L = 2, K = 22. Tokenizer 9,408 + 200,704 + 16,384 =
226,496. A block 16,384 + 256 + 8,192 + 128 + 256 = 25,216; two of them 50,432. Head 128 + 65 + 1,430 = 1,623.
Sum 278,551.
"""

import keras
from keras import layers

from gztrain.models.layers import PositionEmbedding, Preprocess, Tensor, encoder_block, images_of, logits, normalise
from gztrain.models.plan import ModelPlan

DIM, HEADS, BLOCKS = 64, 2, 2
_DROPOUT = 0.1
_POSITION_SD = 0.2  # the authors' code
_CONVOLUTIONS = {4: ((3, 1), (3, 1)), 8: ((7, 2), (3, 1)), 16: ((7, 2), (7, 2))}
"""(kernel, stride) of the two convolutions, by the stride of the whole tokenizer."""


def build(plan: ModelPlan) -> keras.Model:
    """Build the body: float32 [B, size, size, 3], 0..255, to logits [B, outputs]."""
    images = images_of(plan.size)
    tokens = _tokens(Preprocess("galaxy")(images), int(plan.patch or 16))
    tokens = PositionEmbedding(_POSITION_SD, name="positions")(tokens)
    tokens = layers.Dropout(_DROPOUT)(tokens)
    for block in range(BLOCKS):
        path = _DROPOUT * block / (BLOCKS - 1)
        tokens = encoder_block(tokens, heads=HEADS, key_dim=DIM // HEADS, units=DIM, dropout=_DROPOUT, drop_path=path)
    features = _pool_sequence(normalise(tokens))
    return keras.Model(images, logits(features, plan.outputs, plan.dropout), name="body")


def _tokens(x: Tensor, stride: int) -> Tensor:
    """[B, S, S, 3] to [B, (S / stride)^2, DIM]."""
    for kernel, step in _CONVOLUTIONS[stride]:
        x = layers.Conv2D(
            DIM, kernel, strides=step, padding="same", activation="relu", use_bias=False, kernel_initializer="he_normal"
        )(x)
        x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
    return layers.Reshape((-1, DIM))(x)


def _pool_sequence(tokens: Tensor) -> Tensor:
    """A mean of the tokens, weighted by a learned score: [B, N, d] to [B, d]."""
    weights = layers.Softmax(axis=1)(layers.Dense(1, name="scores")(tokens))
    return layers.Flatten()(layers.Dot(axes=1)([weights, tokens]))
