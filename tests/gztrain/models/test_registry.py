"""The list of models: promised names, and parameters by formulas worked out by hand and by what Keras publishes."""

import subprocess
import sys
from itertools import pairwise

import pytest
from keras import applications

from gztrain.models import MODELS, ModelSpec, build, describe
from gztrain.models.plan import CCT_STRIDES
from tests.gztrain.models.parameter_counts import VITS, cct_count, cvt_count, vit_count

OUTPUTS = 22


def test_the_formulas_give_the_sums_of_the_docstrings() -> None:
    """The sums of the docstrings of vit.py, cct.py and cvt.py."""
    assert vit_count("vit-64-8-12", 256, 16, OUTPUTS) == 37_536_982
    assert cct_count(256, 16, OUTPUTS) == 278_551
    assert cvt_count(OUTPUTS) == 1_235_862


@pytest.mark.parametrize("name", VITS)
def test_what_is_listed_for_vit(name: str) -> None:
    assert MODELS[name].parameters == vit_count(name, 256, 16, OUTPUTS)


@pytest.mark.parametrize("stride", CCT_STRIDES)
def test_cct_at_every_stride(stride: int) -> None:
    assert MODELS["cct"].parameters == cct_count(256, 16, OUTPUTS)
    assert build(ModelSpec("cct", size=64, patch=stride), 96, 5).model.count_params() == cct_count(64, stride, 5)


def test_what_is_listed_for_cvt() -> None:
    assert MODELS["cvt"].parameters == cvt_count(OUTPUTS)


# name: parameters with the layers for 1,000 classes, as Keras publishes them, and those of these layers
PUBLISHED = {
    "resnet50": (25_636_712, 2048 * 1000 + 1000),
    "resnet50v2": (25_613_800, 2048 * 1000 + 1000),
    "xception": (22_910_480, 2048 * 1000 + 1000),
    "inceptionv3": (23_851_784, 2048 * 1000 + 1000),
    "vgg16": (138_357_544, 25088 * 4096 + 4096 + 4096 * 4096 + 4096 + 4096 * 1000 + 1000),
    "vgg19": (143_667_240, 25088 * 4096 + 4096 + 4096 * 4096 + 4096 + 4096 * 1000 + 1000),
    "mobilenetv3small": (2_554_968, 576 * 1024 + 1024 + 1024 * 1000 + 1000),
    "mobilenetv3large": (5_507_432, 960 * 1280 + 1280 + 1280 * 1000 + 1000),
    "efficientnetv2b0": (7_200_312, 1280 * 1000 + 1000),
    "convnexttiny": (28_589_128, 768 * 1000 + 1000),
}


def convnext_count(depths: tuple[int, ...], widths: tuple[int, ...]) -> int:
    """Parameters of a ConvNeXt without its last layer, by hand (Liu 2022)."""
    stem = 4 * 4 * 3 * widths[0] + widths[0] + 2 * widths[0]
    steps = sum(2 * before + 2 * 2 * before * after + after for before, after in pairwise(widths))
    blocks = sum(depth * (8 * width**2 + 58 * width) for depth, width in zip(depths, widths, strict=True))
    return stem + steps + blocks + 2 * widths[-1]


CONVNEXTS = {
    "convnextpico": ((2, 2, 6, 2), (64, 128, 256, 512)),
    "convnextnano": ((2, 2, 8, 2), (80, 160, 320, 640)),
    "convnexttiny": ((3, 3, 9, 3), (96, 192, 384, 768)),
}
"""Depths and widths, as timm has them. Keras publishes no count for the first two."""


@pytest.mark.parametrize("name", CONVNEXTS)
def test_convnext_in_every_size(name: str) -> None:
    assert MODELS[name].backbone_parameters == convnext_count(*CONVNEXTS[name])


@pytest.mark.parametrize(
    "name", [name for name, entry in MODELS.items() if entry.two_stage and name not in {"convnextpico", "convnextnano"}]
)
def test_backbones(name: str) -> None:
    total, top = PUBLISHED[name]
    assert MODELS[name].backbone_parameters == total - top


@pytest.mark.slow
def test_a_count_straight_from_keras() -> None:
    model = applications.MobileNetV3Small(weights=None, include_top=False, input_shape=(32, 32, 3))
    assert model.count_params() == MODELS["mobilenetv3small"].backbone_parameters


NAMES = (
    "resnet50 resnet50v2 xception inceptionv3 vgg16 vgg19 mobilenetv3small mobilenetv3large "
    "vit-64-8-12 vit-64-12-12 vit-64-16-12 vit-64-16-16 vit-128-12-12 vit-64-12-12-wide "
    "cct cvt efficientnetv2b0 convnextpico convnextnano convnexttiny small"
)


def test_the_names_are_those_that_were_promised() -> None:
    assert set(MODELS) == set(NAMES.split())
    assert all(name == entry.name for name, entry in MODELS.items())


def test_the_list_is_made_without_keras() -> None:
    code = "import sys; from gztrain.models import describe; describe(); sys.exit('keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_list_says_what_each_model_is() -> None:
    rows = {row.name: row for row in describe()}
    assert list(rows) == list(MODELS)
    assert rows["resnet50"].imagenet
    assert not rows["vit-64-8-12"].imagenet
    assert rows["small"].size == 64
    assert rows["xception"].min_size == 71
    assert all(row.parameters > (row.backbone_parameters or 0) > -1 for row in rows.values())
