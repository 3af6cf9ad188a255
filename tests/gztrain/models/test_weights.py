"""Weights: from a file, from Keras' cache, and the sentence where there are none. Nothing here asks the network."""

import urllib.error
from collections.abc import Callable
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras import applications
from keras.src.legacy.saving import legacy_h5_format
from keras.src.utils import file_utils

from gzcore.errors import GzError, UsageError
from gztrain.models import MODELS, ModelSpec, build
from gztrain.models.body import GalaxyModel

pytestmark = pytest.mark.slow


def with_weights(weights: str | Path | None, name: str = "mobilenetv3small", outputs: int = 22) -> GalaxyModel:
    head = "plain" if name == "mobilenetv3small" else None
    return build(ModelSpec(name, None if weights is None else str(weights), 32, head=head), 32, outputs)


def equal(first: keras.Model | None, second: keras.Model | None) -> bool:
    assert first is not None
    assert second is not None
    return all(np.array_equal(one, two) for one, two in zip(first.get_weights(), second.get_weights(), strict=True))


# ---------------------------------------------------------------- a file


def test_a_backbone_from_a_file(tmp_path: Path) -> None:
    one, other = with_weights("none"), with_weights("none")
    assert one.backbone is not None
    one.backbone.save_weights(tmp_path / "b.weights.h5")
    assert not equal(one.backbone, other.backbone)
    assert equal(one.backbone, with_weights(tmp_path / "b.weights.h5", outputs=3).backbone)


def test_a_backbone_as_keras_applications_writes_it(tmp_path: Path) -> None:
    source = applications.MobileNetV3Small(weights=None, include_top=False, input_shape=(64, 64, 3))
    write_as_keras_does(source, tmp_path / "notop.h5")
    assert equal(source, with_weights(tmp_path / "notop.h5").backbone)


def write_as_keras_does(model: keras.Model, file: Path) -> None:
    with h5py.File(file, "w") as out:
        legacy_h5_format.save_weights_to_hdf5_group(out, model)


def test_a_body_from_a_file(tmp_path: Path) -> None:
    one = with_weights("none", "small")
    one.body.save_weights(tmp_path / "s.weights.h5")
    assert equal(one.body, with_weights(tmp_path / "s.weights.h5", "small").body)


@pytest.mark.parametrize("name", ["small", "mobilenetv3small"])
def test_a_whole_model_from_a_run(name: str, tmp_path: Path) -> None:
    one = with_weights("none", name)
    keras.Model(one.model.input, keras.ops.sigmoid(one.model.output)).save(tmp_path / "model.keras")
    assert equal(one.model, with_weights(tmp_path / "model.keras", name).model)


def test_a_run_on_another_scheme_gives_all_but_the_logits(tmp_path: Path) -> None:
    one = with_weights("none")
    one.model.save(tmp_path / "model.keras")
    other = with_weights(tmp_path / "model.keras", outputs=3)
    assert equal(one.backbone, other.backbone)
    assert other.model.output_shape == (None, 3)


def another_model(folder: Path) -> Path:
    with_weights("none", "small").model.save(folder / "small.keras")
    return folder / "small.keras"


def another_backbone(folder: Path) -> Path:
    write_as_keras_does(keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]), folder / "other.h5")
    return folder / "other.h5"


def another_body(folder: Path) -> Path:
    with_weights("none", "small").body.save_weights(folder / "s.weights.h5")
    return folder / "s.weights.h5"


def no_weights(folder: Path) -> Path:
    (folder / "no.h5").write_bytes(b"galaxy")
    return folder / "no.h5"


def no_model(folder: Path) -> Path:
    (folder / "no.keras").write_bytes(b"galaxy")
    return folder / "no.keras"


@pytest.mark.parametrize("make", [another_model, another_backbone, another_body, no_weights, no_model])
def test_a_file_that_does_not_fit_is_reported(make: Callable[[Path], Path], tmp_path: Path) -> None:
    file = make(tmp_path)
    with pytest.raises(GzError, match=rf"The weights in {file} do not fit \(.+\); choose the model") as told:
        with_weights(file)
    assert "\n" not in str(told.value)


def test_a_missing_weights_file_is_reported() -> None:
    with pytest.raises(UsageError, match=r"no weights file nowhere\.h5"):
        with_weights("nowhere.h5")


# ---------------------------------------------------------------- ImageNet


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keras' cache of weights, empty, on a machine without network."""

    def no_network(*_: object) -> None:
        raise urllib.error.URLError("no route to host")

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(file_utils.config, "keras_home", lambda: str(tmp_path))
    monkeypatch.setattr(file_utils, "urlretrieve", no_network)
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


@pytest.mark.parametrize("weights", [None, "imagenet"])
def test_offline_one_sentence_says_which_file_to_put_where(weights: str | None, cache: Path) -> None:
    file = MODELS["mobilenetv3small"].weights_file
    with pytest.raises(GzError) as told:
        with_weights(weights)
    sentence = str(told.value)
    assert sentence.startswith("No ImageNet weights for mobilenetv3small (URL fetch failure on ")
    assert sentence.endswith(f"; put {file} into {cache}, or use --weights FILE or --weights none")
    assert "\n" not in sentence
    assert told.value.exit_code == 1


def test_a_damaged_file_in_the_cache_is_reported(cache: Path) -> None:
    (cache / str(MODELS["mobilenetv3small"].weights_file)).write_bytes(b"half a download")
    with pytest.raises(GzError, match="No ImageNet weights for mobilenetv3small"):
        with_weights("imagenet")


SHOWN = {"resnet50", "mobilenetv3small", "efficientnetv2b0"}
"""In every `make test`: a name for each way that Keras writes its files' names."""
WITH_IMAGENET = [
    pytest.param(name, marks=[] if name in SHOWN else [pytest.mark.thorough])
    for name, entry in MODELS.items()
    if entry.has_imagenet
]


@pytest.mark.parametrize("name", WITH_IMAGENET)
def test_the_file_is_the_one_that_keras_asks_for(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def get_file(fname: str, *_: object, **__: object) -> str:
        asked.append(fname)
        raise OSError("asked")

    monkeypatch.setattr(file_utils, "get_file", get_file)
    with pytest.raises(GzError, match=r"\(asked\)"):
        build(ModelSpec(name, "imagenet", MODELS[name].min_size, head="plain"), 96, 22)
    assert asked == [MODELS[name].weights_file]


def test_cached_weights_are_loaded_without_a_word_on_standard_output(
    cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = applications.MobileNetV3Small(weights=None, include_top=False, input_shape=(224, 224, 3))
    write_as_keras_does(source, cache / str(MODELS["mobilenetv3small"].weights_file))
    monkeypatch.setattr(file_utils, "validate_file", lambda *_, **__: True)
    assert equal(source, with_weights(None).backbone)
    assert not capsys.readouterr().out


def test_a_model_without_imagenet_weights_starts_from_scratch() -> None:
    assert with_weights(None, "small").backbone is None
