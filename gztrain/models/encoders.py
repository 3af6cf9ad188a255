"""Encoders that were trained on galaxies elsewhere: ConvNeXt weights in timm's layout, such as those of Zoobot.

Every array of the file is accounted for: it becomes a weight of the backbone, or it belongs to the last layer of the
original model, which is not used here. An array that is missing or left over is named.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from gzcore.console import brief
from gzcore.errors import GzError
from gzcore.storage.documents import BadDocument, parse_json, read_bytes
from gztrain.models.hub import CONFIG, WEIGHT_FILES
from gztrain.models.layers import NORMS
from gztrain.models.torch_file import Arrays, read_torch_file

TORCH_ENDINGS = (".bin", ".pt", ".pth", ".safetensors")
_TIMM_NAMES = {"convnextpico": "convnext_pico", "convnextnano": "convnext_nano", "convnexttiny": "convnext_tiny"}
"""Our models that timm has, too, by our names."""
_PREFIXES = ("encoder.", "model.", "module.")
"""What programs put before the names of a whole network."""
_LAST_LAYER = re.compile(r"head\.fc\.(weight|bias)")
_PARTS = (
    (r"stem_conv", "stem.0"),
    (r"stem_layernorm", "stem.1"),
    (r"downsampling_layernorm_(\d)", "stages.{0}.downsample.0"),
    (r"downsampling_conv_(\d)", "stages.{0}.downsample.1"),
    (r"stage_(\d)_block_(\d+)_depthwise_conv", "stages.{0}.blocks.{1}.conv_dw"),
    (r"stage_(\d)_block_(\d+)_layernorm", "stages.{0}.blocks.{1}.norm"),
    (r"stage_(\d)_block_(\d+)_pointwise_conv_1", "stages.{0}.blocks.{1}.mlp.fc1"),
    (r"stage_(\d)_block_(\d+)_pointwise_conv_2", "stages.{0}.blocks.{1}.mlp.fc2"),
    (r"stage_(\d)_block_(\d+)_layer_scale", "stages.{0}.blocks.{1}"),
    (r"layer_normalization(_\d+)?", "head.norm"),
)
"""Layers of Keras' ConvNeXt, after the name of the model, and timm's names of the same."""
_KINDS = {"kernel": "weight", "gamma": "weight", "beta": "bias", "bias": "bias"}


def load_encoder(backbone: keras.Model, name: str, source: Path) -> None:
    """Load an encoder into a backbone, in place.

    Args:
        backbone: of the model ``name``, as :func:`gztrain.models.build` made it.
        name: name of the model in the registry.
        source: a weights file of PyTorch, or a folder with one and with timm's ``config.json``.

    Raises:
        GzError: it cannot be read, is another network, or has an array too few or too many.
    """
    if name not in _TIMM_NAMES:
        raise GzError(f"The weights {source} are for one of {', '.join(_TIMM_NAMES)}, and the model is {name}.")
    file, config = find_files(source)
    _check_architecture(config, name, source)
    arrays = _plain_names(_read(file))
    for weight, value in _matched(backbone, arrays, file):
        weight.assign(value)
    _fold_normalization(backbone, config)


def find_files(source: Path) -> tuple[Path, Mapping[str, Any]]:
    """The weights file of an encoder, and its config; the config of a file alone is empty.

    Raises:
        GzError: the folder has no weights, or its config is no JSON.
    """
    if not source.is_dir():
        return source, {}
    file = next((source / name for name in WEIGHT_FILES if (source / name).is_file()), None)
    if file is None:
        raise GzError(f"The folder {source} has no weights; one of {', '.join(WEIGHT_FILES)} is expected in it.")
    if not (source / CONFIG).is_file():
        return file, {}
    try:
        config = parse_json(read_bytes(source / CONFIG))
    except (OSError, BadDocument) as error:
        raise GzError(f"{source / CONFIG} cannot be read ({brief(error)}); get the folder again.") from None
    return file, config if isinstance(config, dict) else {}


def _read(file: Path) -> Arrays:
    if file.suffix != ".safetensors":
        return read_torch_file(file)
    try:
        from safetensors.numpy import load_file
    except ImportError:
        raise GzError(f"{file} needs safetensors: pip install 'gzprep[hub]'. Or get pytorch_model.bin.") from None
    try:
        return dict(load_file(file))
    except Exception as error:  # the library has its own exception, which is not of Python's kinds
        raise GzError(f"The weights {file} cannot be read ({brief(error)}).") from None


def _check_architecture(config: Mapping[str, Any], name: str, source: Path) -> None:
    said = str(config.get("architecture", "")).split(".")[0]
    if said and said != _TIMM_NAMES[name]:
        ours = [model for model, timm in _TIMM_NAMES.items() if timm == said]
        advice = f"use --model {ours[0]}" if ours else f"gztrain reads {', '.join(_TIMM_NAMES.values())}"
        raise GzError(f"The encoder {source} is a {said}, and the model is {name}; {advice}.")


def _plain_names(arrays: Arrays) -> Arrays:
    for prefix in _PREFIXES:
        if all(name.startswith(prefix) for name in arrays):
            return {name.removeprefix(prefix): array for name, array in arrays.items()}
    return arrays


# ------------------------------------------------------------ from timm's names to Keras' weights


def timm_name(path: str, model: str) -> str:
    """What timm calls a weight of Keras' ConvNeXt.

    Args:
        path: of the weight, such as ``convnext_nano_stem/convnext_nano_stem_conv/kernel``.
        model: name of the Keras model, such as ``convnext_nano``.
    """
    *_, layer, kind = path.split("/")
    layer = layer.removeprefix(f"{model}_")
    for pattern, name in _PARTS:
        found = re.fullmatch(pattern, layer)
        if found:
            numbers = [int(number) for number in found.groups() if number and number.isdigit()]
            if layer.startswith("downsampling"):
                numbers[0] += 1  # timm counts the stages that they lead to, Keras the steps between
            return f"{name.format(*numbers)}.{_KINDS.get(kind, 'gamma')}"
    raise ValueError(f"no weight of ConvNeXt has the path {path}")


def timm_names(backbone: keras.Model) -> dict[str, keras.Variable]:
    """All weights of a ConvNeXt backbone by timm's names."""
    return {timm_name(weight.path, backbone.name): weight for weight in backbone.weights}


def _matched(backbone: keras.Model, arrays: Arrays, file: Path) -> list[tuple[keras.Variable, Any]]:
    """Each weight with its array; raises GzError where one has none, or where an array has no weight."""
    wanted = timm_names(backbone)
    missing = [name for name in wanted if name not in arrays]
    extra = [name for name in arrays if name not in wanted and not _LAST_LAYER.fullmatch(name)]
    for names, what in ((missing, "lack the array"), (extra, "have the array")):
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise GzError(f"The weights {file} {what} {names[0][:80]!r}{more}, so they are of another network.")
    return [(weight, _turned(arrays[name], weight, name, file)) for name, weight in wanted.items()]


def _turned(array: Any, weight: keras.Variable, name: str, file: Path) -> Any:  # noqa: ANN401 -- a numpy array
    """An array with its axes in Keras' order: PyTorch has outputs first, Keras last."""
    array = np.asarray(array, np.float32)
    if array.ndim == 4 and len(weight.shape) == 2:  # timm's 1 x 1 convolutions are dense layers here
        array = array.reshape(array.shape[:2])
    if array.ndim == 4:
        array = array.transpose(2, 3, 1, 0)
    elif array.ndim == 2:
        array = array.T
    if array.shape != tuple(weight.shape):
        raise GzError(
            f"The weights {file} have {name!r} of shape {array.shape}; {tuple(weight.shape)} is expected, so they are "
            "of another network."
        )
    return array


def _fold_normalization(backbone: keras.Model, config: Mapping[str, Any]) -> None:
    """Let the first convolution expect images as the encoder was trained on them, where its config says how.

    We normalise by ImageNet's mean m and standard deviation s; the encoder expects M and S. With y = (x - m) / s it
    expects (s y + m - M) / S: a change of the weights of the first convolution, which has no padding.
    """
    said = config.get("pretrained_cfg", config)
    pair = said.get("mean"), said.get("std")
    if not all(isinstance(value, list | tuple) and len(value) == 3 for value in pair):
        return
    mean, scale = (np.asarray(value, np.float64) for value in NORMS["torch"])
    theirs, spread = (255 * np.asarray(value, np.float64) for value in pair)
    kernel, bias = (timm_names(backbone)[f"stem.0.{kind}"] for kind in ("weight", "bias"))
    values = np.asarray(keras.ops.convert_to_numpy(kernel), np.float64)
    shift = (values * ((mean - theirs) / spread)[:, None]).sum((0, 1, 2))
    bias.assign(np.asarray(keras.ops.convert_to_numpy(bias), np.float64) + shift)
    kernel.assign(values * (scale / spread)[:, None])
