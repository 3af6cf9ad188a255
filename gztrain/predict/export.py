"""``gztrain export``: a trained model for other programs, as TensorFlow's SavedModel and as ONNX.

Both take uint8 [B, crop, crop, 3] with a free B and give label probabilities, float32 [B, L]. They are compared with
the Keras model before they get their name, so that a folder that exists holds exports that agree.
"""

import glob
import importlib.util
import json
import logging
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gzcore.console import reason_of
from gzcore.errors import GzError, UsageError
from gzcore.storage.atomic import writing
from gztrain.runs.folder import Json, open_run

Images = npt.NDArray[np.uint8]
Probabilities = npt.NDArray[np.float32]
Classify = Callable[[Images], Probabilities]
TOLERANCE = 1e-4
"""Largest difference of a probability that we let pass; different kernels add up in different orders."""
_INPUT = "images"
_EXTRA = ("tf2onnx", "onnxruntime")


def export(run: Path, folder: Path) -> Json:
    """Export the model of a run into a folder, which appears whole or not at all.

    Args:
        run: run folder.
        folder: must not exist, or be empty.

    Returns:
        What ``signature.json`` says.

    Raises:
        GzError: this process cannot export, or the exports do not agree with the model; nothing is left behind.
        UsageError: the folder has something in it.
    """
    chosen = open_run(run)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is there already and is not empty; choose another folder for the exports.")
    check_able()
    model = chosen.model()
    parent = folder.absolute().parent
    with writing(parent):
        parent.mkdir(parents=True, exist_ok=True)
        prefix = f".export.{folder.name}."
        for left in parent.glob(f"{glob.escape(prefix)}*"):  # of the same command, if it was killed
            shutil.rmtree(left)
        with tempfile.TemporaryDirectory(prefix=prefix, dir=parent) as temporary:
            whole = Path(temporary) / "export"
            whole.mkdir()
            document = export_model(model, whole, chosen.scheme.names, frame=chosen.data.frame)
            if chosen.folder.card.is_file():
                shutil.copyfile(chosen.folder.card, whole / chosen.folder.card.name)
            whole.replace(folder)
    return document


def check_able() -> None:
    """Tell whether this process can export.

    Raises:
        GzError: the backend is not TensorFlow, or the export extra is not installed.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        raise GzError(
            f"Exports are made by TensorFlow, and KERAS_BACKEND is {keras.backend.backend()}; "
            "run the command again with KERAS_BACKEND=tensorflow: a run folder is the same for both."
        )
    missing = [name for name in _EXTRA if importlib.util.find_spec(name) is None]
    if missing:
        raise GzError(f"Exports need {' and '.join(missing)}; install them with: pip install 'gzprep[export]'.")


def export_model(model: Any, folder: Path, labels: tuple[str, ...], *, frame: int | None = None) -> Json:  # noqa: ANN401
    """Write ``saved_model/``, ``model.onnx`` and ``signature.json`` into a folder.

    Args:
        model: uint8 [B, crop, crop, 3] to probabilities.
        folder: an existing, empty folder.
        labels: names of the outputs, in order.
        frame: height and width of the images that the training crops were cut from, px; None where that is not known.

    Returns:
        What ``signature.json`` says.

    Raises:
        GzError: an export cannot be made, or does not agree with the model.
    """
    side, plain = int(model.input_shape[1]), without_groups(model)
    saved, onnx = folder / "saved_model", folder / "model.onnx"
    with _converting("SavedModel"):
        plain.export(str(saved), format="tf_saved_model", verbose=False, input_signature=_signature(side))
    with _converting("ONNX"):
        _teach_erfc()
        plain.export(str(onnx), format="onnx", verbose=False, input_signature=_signature(side))
    probes = list(probe_images(side))
    expected = [np.asarray(model(images, training=False)) for images in probes]
    found = {"SavedModel": _load_saved_model(saved), "ONNX": _load_onnx(onnx)}
    differences = {name: agreement(name, classify, probes, expected) for name, classify in found.items()}
    document = {
        "input": {"name": _INPUT, "dtype": "uint8", "shape": [None, side, side, 3], "range": [0, 255], "order": "RGB"},
        "frame": frame,
        "output": {"dtype": "float32", "labels": list(labels)},
        "largest_difference": differences,
    }
    (folder / "signature.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return document


def without_groups(model: Any) -> Any:  # noqa: ANN401 -- a keras.Model
    """The same model with its grouped convolutions as depthwise ones, if it has any (ConvNeXt does).

    Keras compiles grouped convolutions with XLA, and no converter can look into that.
    """
    import keras

    if not any(_is_depthwise(layer) for layer in _layers(model)):
        return model
    clone = keras.models.clone_model(model, clone_function=_as_depthwise, recursive=True)
    for ours, its in zip(model.weights, clone.weights, strict=True):
        values = keras.ops.convert_to_numpy(ours)
        its.assign(values if ours.shape == its.shape else values.swapaxes(2, 3))  # [k, k, 1, C] to [k, k, C, 1]
    return clone


def _layers(model: Any) -> Iterator[Any]:  # noqa: ANN401
    """Layers of a model, and of the models in it."""
    for layer in model.layers:
        yield layer
        if hasattr(layer, "layers"):
            yield from _layers(layer)


def _is_depthwise(layer: Any) -> bool:  # noqa: ANN401
    import keras

    return isinstance(layer, keras.layers.Conv2D) and layer.groups == layer.filters > 1 == layer.kernel.shape[2]


def _as_depthwise(layer: Any) -> Any:  # noqa: ANN401
    import keras

    if not _is_depthwise(layer):
        return layer.__class__.from_config(layer.get_config())
    same = ("name", "dtype", "kernel_size", "strides", "padding", "dilation_rate", "activation", "use_bias")
    config = layer.get_config()
    return keras.layers.DepthwiseConv2D(**{key: config[key] for key in same})


def _signature(side: int) -> list[Any]:
    import keras

    return [keras.InputSpec(shape=(None, side, side, 3), dtype="uint8", name=_INPUT)]


@contextmanager
def _converting(kind: str) -> Iterator[None]:
    """Keep the converters' chatter off the terminal, and tell what they cannot do in a sentence."""
    logger = logging.getLogger("tf2onnx")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # Keras looks for what numpy 2 has lost, for tf2onnx
            yield
    except (NotImplementedError, RuntimeError, ValueError) as error:
        raise GzError(f"This model cannot be exported as {kind}: {reason_of(error)}.") from error
    finally:
        logger.setLevel(level)


def _teach_erfc() -> None:
    """Teach tf2onnx the complementary error function, in which TensorFlow writes GELU: ONNX has erf alone."""
    from tf2onnx import utils
    from tf2onnx.handler import tf_op

    class Erfc:
        @classmethod
        def version_9(cls, graph: Any, node: Any, **_: Any) -> None:  # noqa: ANN401
            shapes, dtypes = node.output_shapes, node.output_dtypes
            graph.remove_node(node.name)
            erf = graph.make_node("Erf", [node.input[0]], dtypes=dtypes, shapes=shapes)
            one = graph.make_const(utils.make_name("one"), np.ones((), utils.map_onnx_to_numpy_type(dtypes[0])))
            inputs = [one.output[0], erf.output[0]]
            graph.make_node("Sub", inputs, outputs=node.output, name=node.name, dtypes=dtypes, shapes=shapes)

    tf_op("Erfc")(Erfc)


def probe_images(side: int) -> Iterator[Images]:
    """Yield batches of images to compare on, of two sizes: noise, darkness, and disks as galaxies are."""
    rng = np.random.default_rng(0)
    yield rng.integers(0, 256, (1, side, side, 3), dtype=np.uint8)
    noise = rng.integers(0, 256, (2, side, side, 3), dtype=np.uint8)
    disks = [_disk(side, axis_ratio, tilt, rng) for axis_ratio, tilt in ((1.0, 0.0), (0.5, 0.7), (0.15, 2.0))]
    yield np.concatenate((noise, np.zeros((1, side, side, 3), np.uint8), np.stack(disks)))


def _disk(side: int, axis_ratio: float, tilt: float, rng: np.random.Generator) -> Images:
    """An exponential disk on a noisy sky, uint8 [side, side, 3]."""
    y, x = (np.mgrid[:side, :side] - (side - 1) / 2) / side
    along, across = np.cos(tilt) * x + np.sin(tilt) * y, np.cos(tilt) * y - np.sin(tilt) * x
    light = 230 * np.exp(-8 * np.hypot(along, across / axis_ratio))
    colour = light[..., None] * (1.0, 0.9, 0.75)
    image: Images = (colour + rng.normal(8, 4, colour.shape)).clip(0, 255).astype(np.uint8)
    return image


def agreement(name: str, classify: Classify, probes: list[Images], expected: list[Probabilities]) -> float:
    """Largest difference between an export and the model.

    Raises:
        GzError: it is more than :data:`TOLERANCE`.
    """
    pairs = zip(probes, expected, strict=True)
    worst = max(float(np.abs(classify(images) - truth).max()) for images, truth in pairs)
    if not worst <= TOLERANCE:  # so that NaN does not pass
        raise GzError(
            f"The {name} export differs from the model by {worst:.2g}, more than {TOLERANCE:g}; it was not kept."
        )
    return worst


def _load_saved_model(folder: Path) -> Classify:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(folder))
    return lambda images: np.asarray(loaded.serve(images))


def _load_onnx(path: Path) -> Classify:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # what it raises has no base in common
        raise GzError(f"onnxruntime does not take the ONNX export of this model: {reason_of(error)}.") from error
    return lambda images: np.asarray(session.run(None, {_INPUT: images})[0])
