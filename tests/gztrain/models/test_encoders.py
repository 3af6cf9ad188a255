"""Encoders in timm's layout: equal to a plain calculation, every array accounted for, and said in words if not."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import pytest

from gzcore.errors import GzError, UsageError
from gztrain.models import ModelSpec, build
from gztrain.models.encoders import timm_names
from gztrain.models.plan import make_model_plan
from tests.gztrain.models.timm_files import PICO, Arrays, forward, random_arrays, safetensors_bytes, write_encoder
from tests.loopback_hub import serve
from tests.running import ROOT

DEPTHS, WIDTHS = PICO
MEAN, SCALE = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
SIZE = 64


@pytest.fixture(scope="module")
def arrays() -> Arrays:
    return random_arrays(DEPTHS, WIDTHS, conv_mlp=True)


def spec(source: Path | str, name: str = "convnextpico") -> ModelSpec:
    return ModelSpec(name, weights=str(source), size=SIZE)


def features(source: Path, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """What the backbone makes of images, preprocessing included."""
    galaxy = build(spec(source), SIZE, 3)
    assert galaxy.backbone is not None
    body = galaxy.body
    whole = keras.Model(body.inputs, galaxy.backbone(body.layers[1](body.inputs[0])))
    return np.asarray(whole.predict_on_batch(images.astype(np.float32)))


def images() -> npt.NDArray[np.uint8]:
    return np.random.default_rng(5).integers(0, 256, (2, SIZE, SIZE, 3), dtype=np.uint8)


CONFIGS = {
    "no config of pixels": ('{"architecture": "convnext_pico.d1_in1k"}', MEAN, SCALE),
    "pixels from 0 to 1": (
        '{"architecture": "convnext_pico", "pretrained_cfg": {"mean": [0, 0, 0], "std": [1, 1, 1]}}',
        0,
        1,
    ),
    "another mean": (
        '{"architecture": "convnext_pico", "pretrained_cfg": {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4]}}',
        np.array([0.5, 0.4, 0.3]),
        np.array([0.2, 0.3, 0.4]),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("config", "mean", "scale"),
    [
        pytest.param(*given, id=name, marks=[] if name == "no config of pixels" else [pytest.mark.thorough])
        for name, given in CONFIGS.items()
    ],
)
def test_an_encoder_computes_what_the_paper_says(
    config: str, mean: npt.NDArray[np.float64], scale: npt.NDArray[np.float64], arrays: Arrays, tmp_path: Path
) -> None:
    expected = forward(arrays, (images() / 255 - mean) / scale, DEPTHS)
    found = features(write_encoder(tmp_path / "encoder", arrays, config), images())
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


@pytest.fixture(scope="module")
def galaxy() -> object:
    return build(ModelSpec("convnextpico", weights="none", size=32), 32, 3)


def test_every_weight_has_timms_name_and_every_name_a_weight(galaxy: object, arrays: Arrays) -> None:
    names = timm_names(galaxy.backbone)  # type: ignore[attr-defined]
    assert set(names) == set(arrays)
    assert len(names) == len(galaxy.backbone.weights)  # type: ignore[attr-defined]


def load(galaxy: object, source: Path) -> None:
    from gztrain.models.weights import load_weights

    load_weights(galaxy, source)  # type: ignore[arg-type]


@pytest.mark.slow
def test_the_three_ways_to_write_the_same_arrays_give_the_same_weights(
    galaxy: object, arrays: Arrays, tmp_path: Path
) -> None:
    """A folder with its classifier, names with a prefix and dense layers as such, and safetensors."""
    linear = {
        name: array[..., 0, 0] if ".mlp." in name and array.ndim == 4 else array for name, array in arrays.items()
    }
    classifier = {"head.fc.weight": np.zeros((5, WIDTHS[-1]), np.float32), "head.fc.bias": np.zeros(5, np.float32)}
    sources = [write_encoder(tmp_path / "a", arrays | classifier)]
    sources.append(write_encoder(tmp_path / "b", {f"encoder.{name}": array for name, array in linear.items()}))
    (tmp_path / "c.safetensors").write_bytes(safetensors_bytes(arrays))
    sources.append(tmp_path / "c.safetensors")
    backbone = galaxy.backbone  # type: ignore[attr-defined]
    for source in sources:
        backbone.set_weights([np.zeros(weight.shape) for weight in backbone.weights])
        load(galaxy, source)
        weight = timm_names(backbone)["stages.2.blocks.3.mlp.fc1.weight"]
        np.testing.assert_array_equal(weight.numpy(), arrays["stages.2.blocks.3.mlp.fc1.weight"][..., 0, 0].T)


def without(arrays: Arrays, name: str) -> Arrays:
    return {key: value for key, value in arrays.items() if key != name}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        pytest.param(lambda arrays: without(arrays, "stem.1.bias"), "lack the array 'stem.1.bias'", id="missing"),
        pytest.param(
            lambda arrays: arrays | {"stages.0.blocks.2.gamma": np.ones(64, np.float32)},
            "have the array 'stages.0.blocks.2.gamma'",
            id="extra",
        ),
        pytest.param(
            lambda arrays: arrays | {"head.norm.bias": np.ones(640, np.float32)},
            r"'head.norm.bias' of shape \(640,\); \(512,\) is expected",
            id="another shape",
        ),
    ],
)
def test_an_array_too_few_or_too_many_is_named(
    change: object, sentence: str, galaxy: object, arrays: Arrays, tmp_path: Path
) -> None:
    source = write_encoder(tmp_path / "encoder", change(arrays))  # type: ignore[operator]
    with pytest.raises(GzError, match=sentence):
        load(galaxy, source)


def test_another_network_is_named_with_the_model_that_takes_it(galaxy: object, tmp_path: Path) -> None:
    nano = write_encoder(tmp_path / "nano", {"a": np.zeros(1, np.float32)}, '{"architecture": "convnext_nano.in12k"}')
    with pytest.raises(GzError, match="is a convnext_nano, and the model is convnextpico; use --model convnextnano"):
        load(galaxy, nano)
    (nano / "config.json").write_text('{"architecture": "maxvit_tiny"}')
    with pytest.raises(GzError, match=r"is a maxvit_tiny, and .* gztrain reads convnext_pico, convnext_nano"):
        load(galaxy, nano)


def test_a_folder_without_weights_and_a_model_without_a_backbone_are_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(GzError, match=r"has no weights; one of model\.safetensors, pytorch_model\.bin"):
        build(spec(tmp_path / "empty"), SIZE, 3)
    with pytest.raises(GzError, match="has no backbone for the encoder"):
        build(spec(tmp_path / "empty", "small"), SIZE, 3)
    with pytest.raises(UsageError, match="--weights takes imagenet, none, a file, a folder of an encoder"):
        build(spec(tmp_path / "absent"), SIZE, 3)


# ------------------------------------------------------------ the hub


@pytest.mark.parametrize("address", ["hf://", "hf://name", "hf://a/b/c", "hf://../x", "hf://a/ b"])
def test_what_is_no_address_is_refused_before_anything_is_fetched(address: str) -> None:
    with pytest.raises(UsageError, match="expected hf://user/name"):
        make_model_plan(spec(address), SIZE, 3)


FETCH = """
import sys
from gzcore.errors import GzError
from gztrain.models.hub import fetch_encoder
print(fetch_encoder("someone/zoobot-pico"))
try:
    fetch_encoder("someone/absent")
except GzError as error:
    print(error)
"""


@pytest.mark.slow
def test_an_encoder_comes_from_the_hub(arrays: Arrays, tmp_path: Path) -> None:
    """The library itself fetches from a hub on loopback: the weights and the config, and nothing else."""
    folder = write_encoder(tmp_path / "served", arrays)
    (folder / "evil.py").write_text("raise SystemExit")
    with serve({"someone/zoobot-pico": folder}) as address:
        settings = {"HF_ENDPOINT": address, "HF_HUB_CACHE": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT)}
        child = subprocess.run(
            [sys.executable, "-c", FETCH], env={**os.environ, **settings}, capture_output=True, text=True, check=True
        )
    place, sentence = child.stdout.splitlines()
    assert sorted(path.name for path in Path(place).iterdir()) == ["config.json", "pytorch_model.bin"]
    assert (Path(place) / "pytorch_model.bin").read_bytes() == (folder / "pytorch_model.bin").read_bytes()
    assert "Walmsley et al. 2023" in child.stderr
    assert sentence.startswith("The encoder hf://someone/absent could not be fetched (")
