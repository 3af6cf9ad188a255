"""What can be asked of a model, and what is chosen or refused before Keras is loaded."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from gzcore.errors import UsageError
from gztrain.models import ModelSpec
from gztrain.models.plan import make_model_plan


@dataclass(frozen=True)
class Chosen:
    """A spec on a crop, and some of what must come of it."""

    spec: ModelSpec
    crop: int
    expected: dict[str, Any]


CHOSEN = {
    "the default is small": Chosen(ModelSpec(), 224, {"size": 64, "head": "plain", "weights": None, "patch": None}),
    "small on a smaller crop": Chosen(ModelSpec("small"), 48, {"size": 48}),
    "small at another size": Chosen(ModelSpec("small", size=96), 224, {"size": 96}),
    "a backbone": Chosen(ModelSpec("resnet50"), 224, {"size": 224, "head": "report", "weights": "imagenet"}),
    "a backbone from scratch": Chosen(ModelSpec("resnet50", weights="none"), 224, {"weights": None, "file": None}),
    "a plain head": Chosen(ModelSpec("vgg16", head="plain"), 224, {"head": "plain", "dropout": 0.2}),
    "the report's head has no dropout": Chosen(ModelSpec("vgg16"), 224, {"dropout": 0.0}),
    "that of its ViTs has": Chosen(ModelSpec("vit-64-8-12"), 256, {"dropout": 0.5, "patch": 16}),
    "dropout as asked": Chosen(ModelSpec("vit-64-8-12", dropout=0.0), 256, {"dropout": 0.0}),
    "a later backbone": Chosen(ModelSpec("convnexttiny"), 224, {"head": "plain", "weights": "imagenet"}),
    "the smallest input": Chosen(ModelSpec("inceptionv3", size=75), 224, {"size": 75}),
    "256 patches at 224 px": Chosen(ModelSpec("vit-128-12-12"), 224, {"patch": 14}),
    "256 patches at 64 px": Chosen(ModelSpec("vit-64-8-12", size=64), 256, {"patch": 4}),
    "fewer patches": Chosen(ModelSpec("vit-64-8-12", size=64, patch=8), 256, {"patch": 8}),
    "patches of a size that 16 does not divide": Chosen(ModelSpec("vit-64-8-12", size=60, patch=6), 256, {"patch": 6}),
    "cct at 256 px": Chosen(ModelSpec("cct"), 256, {"patch": 16, "head": "plain"}),
    "cct at 100 px": Chosen(ModelSpec("cct", size=100), 256, {"patch": 8}),
    "cct at 64 px": Chosen(ModelSpec("cct", size=64), 256, {"patch": 4}),
    "cct as asked": Chosen(ModelSpec("cct", size=64, patch=16), 256, {"patch": 16}),
    "cct on large images": Chosen(ModelSpec("cct"), 424, {"patch": 16}),
}


@pytest.mark.parametrize("case", CHOSEN.values(), ids=CHOSEN)
def test_defaults_depend_on_the_model_and_the_crop(case: Chosen) -> None:
    plan = make_model_plan(case.spec, case.crop, 22)
    assert {key: getattr(plan, key) for key in case.expected} == case.expected


def test_weights_may_be_a_file(tmp_path: Path) -> None:
    file = tmp_path / "w.h5"
    file.touch()
    plan = make_model_plan(ModelSpec("resnet50", weights=str(file)), 224, 22)
    assert (plan.weights, plan.file) == (None, file)


REFUSED = {
    "unknown, but near": (ModelSpec("resnet-50"), r"There is no model 'resnet-50'; did you mean resnet50\?"),
    "unknown": (ModelSpec("zzz"), "There is no model 'zzz'; choose from small, resnet50"),
    "larger than the crop": (ModelSpec(size=300), "--size 300 is larger than the crop of the data set, 224 px"),
    "too small": (ModelSpec("xception", size=70), "xception sees nothing below 71 px, and --size is 70"),
    "report's head of another": (
        ModelSpec("cct", head="report"),
        "no head .* for cct; use --head plain",
    ),
    "no such weights": (ModelSpec("cvt", weights="imagenet"), "no ImageNet weights for cvt; use --weights none or"),
    "no such file": (ModelSpec("cvt", weights="here.h5"), "no weights file here.h5; --weights takes imagenet, none"),
    "patches of a CNN": (ModelSpec("vgg16", patch=16), "vgg16 has no patches"),
    "patches of cvt": (ModelSpec("cvt", patch=16), "cvt has no patches"),
    "patches that do not divide": (
        ModelSpec("vit-64-8-12", patch=15),
        "Patches of 15 px do not divide an image",
    ),
    "16 does not divide": (ModelSpec("vit-64-8-12", size=100), "100 px do not divide into 16 .* --size 96 or --patch"),
    "strides of cct": (ModelSpec("cct", patch=6), "a stride of 4, 8 or 16 px, and --patch is 6"),
}


@pytest.mark.parametrize(("spec", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_go_together_is_refused(spec: ModelSpec, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        make_model_plan(spec, 224, 22)


def test_a_crop_below_the_backbone_is_told_from_a_size() -> None:
    with pytest.raises(UsageError, match="the crop of the data set is 48 px"):
        make_model_plan(ModelSpec("xception"), 48, 22)


@pytest.mark.parametrize(
    "wrong",
    [{"size": 0}, {"size": 64.5}, {"patch": -1}, {"head": "both"}, {"dropout": 1.0}, {"dropout": -0.1}, {"sise": 64}],
    ids=str,
)
def test_a_spec_is_checked_at_birth(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ModelSpec(**wrong)
