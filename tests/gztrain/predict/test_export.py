"""Exports agree with the model, for a family of each kind; and what does not agree is not kept."""

import json
from pathlib import Path

import numpy as np
import pytest

from gzcore.errors import GzError, UsageError
from gztrain.data import open_reader, select
from gztrain.data.dataset import open_dataset
from gztrain.models.layers import Temperature
from gztrain.predict import export as module
from gztrain.predict.export import TOLERANCE, agreement, check_able, export, export_model, probe_images, without_groups
from gztrain.runs.folder import open_run
from tests.gztrain.run_folders import untrained_run

keras = pytest.importorskip("keras")
on_tensorflow = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="exports are TensorFlow's")
MODELS = {
    "small": {"model.size": 32},
    "cct": {"model.size": 32},
    "mobilenetv3small": {"model.size": 64, "model.head": "plain"},
}


@pytest.mark.slow
@on_tensorflow
@pytest.mark.parametrize(
    "name", ["cct", *(pytest.param(name, marks=pytest.mark.thorough) for name in ("small", "mobilenetv3small"))]
)
def test_exports_agree_with_the_model(dataset: Path, tmp_path: Path, name: str) -> None:
    import onnxruntime
    import tensorflow as tf

    run = untrained_run(tmp_path / "run", dataset, model=name, **MODELS[name])
    document = export(run.root, tmp_path / "out")
    chosen = open_run(run.root)
    selection = select(open_dataset(dataset), "test")
    images = next(iter(open_reader().batches(selection, np.arange(3), 3))).images
    expected = np.asarray(chosen.model()(images, training=False))
    assert np.ptp(expected, axis=0).min() > 0.01  # it looks at its input
    saved = tf.saved_model.load(str(tmp_path / "out" / "saved_model"))
    session = onnxruntime.InferenceSession(str(tmp_path / "out" / "model.onnx"))
    np.testing.assert_allclose(np.asarray(saved.serve(images)), expected, atol=TOLERANCE)
    np.testing.assert_allclose(session.run(None, {"images": images})[0], expected, atol=TOLERANCE)
    assert session.get_inputs()[0].type == "tensor(uint8)"
    assert json.loads((tmp_path / "out" / "signature.json").read_text()) == document
    assert document["output"]["labels"] == list(chosen.scheme.names)
    assert document["input"]["shape"] == [None, 64, 64, 3]
    assert set(document["largest_difference"]) == {"SavedModel", "ONNX"}


@pytest.mark.slow
@on_tensorflow
def test_grouped_convolutions_are_exported_as_depthwise_ones(tmp_path: Path) -> None:
    """As in ConvNeXt, deep in a model of models; with a bias, a stride and an activation to be kept."""
    layers = keras.layers
    inside = keras.Input((16, 16, 3))
    grouped = layers.Conv2D(6, 5, 2, "same", groups=6, activation="gelu", bias_initializer="normal", name="grouped")
    body = keras.Model(inside, layers.Flatten()(grouped(layers.Conv2D(6, 1)(inside))))
    images = keras.Input((16, 16, 3), dtype="uint8")
    model = keras.Model(images, layers.Dense(2, "sigmoid")(body(layers.Rescaling(1 / 255)(images))))
    document = export_model(model, tmp_path, ("a", "b"))
    assert max(document["largest_difference"].values()) < 1e-5
    plain = without_groups(model)
    probe = next(probe_images(16))
    np.testing.assert_allclose(plain(probe), model(probe), atol=1e-6)
    assert np.ptp(np.concatenate([model(images) for images in probe_images(16)])) > 0.01
    assert without_groups(plain) is plain
    assert type(plain.get_layer(body.name).get_layer("grouped")) is layers.DepthwiseConv2D


@pytest.mark.slow
@on_tensorflow
def test_the_temperatures_of_a_run_are_exported(tmp_path: Path) -> None:
    layers = keras.layers
    images = keras.Input((16, 16, 3), dtype="uint8")
    seen = layers.Flatten()(layers.Rescaling(1 / 255)(images))
    alone, joint = layers.Dense(2, "sigmoid")(seen), layers.Dense(3, "softmax")(seen)
    probabilities = layers.Concatenate()([alone, joint])
    tempered = Temperature([1, 1, 3], [2.5, 0.6, 1.7], [False, False, True])(probabilities)
    document = export_model(keras.Model(images, tempered), tmp_path, ("a", "b", "c", "d", "e"))
    assert max(document["largest_difference"].values()) < 1e-5


@on_tensorflow
def test_an_onnx_that_cannot_be_loaded_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"nothing")
    with pytest.raises(GzError, match="onnxruntime does not take the ONNX export"):
        module._load_onnx(tmp_path / "model.onnx")


@pytest.mark.slow
@on_tensorflow
def test_an_export_that_differs_is_not_kept(dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = untrained_run(tmp_path / "run", dataset)
    (tmp_path / ".export.out.abcdefgh" / "export").mkdir(parents=True)  # as a killed export leaves it
    load = module._load_onnx
    monkeypatch.setattr(module, "_load_onnx", lambda path: lambda images: load(path)(images) + np.float32(0.001))
    with pytest.raises(GzError, match=r"The ONNX export differs from the model by 0\.001"):
        export(run.root, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_agreement_is_the_largest_difference() -> None:
    probes = list(probe_images(16))
    assert [images.shape for images in probes] == [(1, 16, 16, 3), (6, 16, 16, 3)]
    expected = [np.zeros((len(images), 2), np.float32) for images in probes]

    def off_by(value: float) -> float:
        return agreement("X", lambda images: np.full((len(images), 2), value, np.float32), probes, expected)

    assert off_by(5e-5) == pytest.approx(5e-5)
    for value in (2e-4, np.nan):
        with pytest.raises(GzError, match="The X export differs"):
            off_by(value)


def test_probes_look_like_galaxies() -> None:
    """Bright in the middle, dark outside, redder than blue; one black, and noise."""
    noise, _, black, *disks = list(probe_images(64))[1]
    assert black.max() == 0
    assert noise.std() > 60
    for disk in disks:
        assert disk[28:36, 28:36].mean() > 4 * disk[:8, :8].mean()
        assert disk[..., 0].mean() > disk[..., 2].mean()


def test_other_backends_are_reported_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(GzError, match=r"KERAS_BACKEND is jax; run the command again with KERAS_BACKEND=tensorflow"):
        check_able()


@on_tensorflow
def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_EXTRA", ("tf2onnx", "onnx_of_nowhere"))
    with pytest.raises(GzError, match=r"Exports need onnx_of_nowhere; .* pip install 'gzprep\[export\]'"):
        check_able()


def test_a_folder_with_something_in_it_is_left_alone(dataset: Path, tmp_path: Path) -> None:
    run = untrained_run(tmp_path / "run", dataset)
    with pytest.raises(UsageError, match="is there already and is not empty"):
        export(run.root, run.root)
