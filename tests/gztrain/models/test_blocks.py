"""Blocks of backbones by Keras' names of layers, and what is trained of them."""

import keras
import pytest

from gztrain.models.blocks import block_numbers, shares_of_rate, train_last

NAMES = {
    "resnet": [
        ("conv1_conv", 0),
        ("conv1_relu", 0),
        ("pool1_pool", 0),
        ("conv2_block1_1_conv", 1),
        ("conv5_block3_out", 2),
    ],
    "vgg": [("block1_conv1", 1), ("block1_pool", 1), ("block2_conv1", 2)],
    "xception": [("block13_sepconv2", 1), ("conv2d_3", 1), ("block14_sepconv1", 2)],
    "efficientnet": [
        ("stem_conv", 0),
        ("block1a_project_conv", 1),
        ("block1b_add", 1),
        ("block2a_bn", 2),
        ("top_conv", 2),
    ],
    "mobilenet": [
        *[("conv", 0), ("expanded_conv_depthwise", 1), ("expanded_conv_1_squeeze_excite_conv_1", 2)],
        *[("expanded_conv_10_project", 3), ("conv_1", 3)],
    ],
    "convnext": [
        *[("convnext_pico_stem", 0), ("convnext_pico_stage_0_block_1_gelu", 1)],
        *[("convnext_pico_downsampling_block_0", 2), ("convnext_pico_stage_1_block_0_identity", 2), ("layer_norm", 2)],
    ],
    "inception": [("conv2d", 0), ("mixed0", 0), ("conv2d_9", 1), ("mixed9_0", 1), ("mixed1", 1)],
}


@pytest.mark.parametrize("family", NAMES)
def test_layers_belong_to_the_blocks_that_the_paper_numbers(family: str) -> None:
    names, expected = zip(*NAMES[family], strict=True)
    assert block_numbers(names) == [number - min(expected) for number in expected]


def backbone() -> keras.Model:
    images = keras.Input((8, 8, 3))
    x = images
    for block in (1, 2, 3):
        x = keras.layers.Conv2D(2, 1, name=f"block{block}_conv1")(x)
        x = keras.layers.BatchNormalization(name=f"block{block}_bn")(x)
    return keras.Model(images, x)


@pytest.mark.parametrize(
    ("wanted", "trained", "first"), [(0, 0, None), (1, 1, "block3"), (2, 2, "block2"), (9, 3, "block1")]
)
def test_the_last_blocks_are_trained_with_their_batch_norm(wanted: int, trained: int, first: str | None) -> None:
    model = backbone()
    assert train_last(model, wanted) == (trained, 3)
    names = [layer.name for layer in model.layers if layer.trainable_variables]
    assert (names[0].partition("_")[0] if names else None) == first
    assert len(model.trainable_variables) == 4 * min(wanted, 3)


def test_each_block_has_a_share_of_the_rate_of_the_next() -> None:
    shares = shares_of_rate(backbone(), 0.5)
    assert {path.partition("/")[0]: share for path, share in shares.items() if "conv" in path} == {
        "block1_conv1": 0.125,
        "block2_conv1": 0.25,
        "block3_conv1": 0.5,
    }
