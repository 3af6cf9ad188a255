"""Load weights from a file: those of a backbone, of a body, or of a model that was trained before."""

import warnings
from pathlib import Path

import keras

from gzcore.errors import GzError
from gztrain.models.archive import check_weights, inspect_archive
from gztrain.models.body import GalaxyModel
from gztrain.models.encoders import TORCH_ENDINGS, load_encoder

_LAST = 2  # the last two arrays are kernel and bias of the logits, whose shapes depend on the scheme


def load_weights(galaxy: GalaxyModel, file: Path) -> None:
    """Load weights into a model, in place.

    A ``.keras`` file is a whole model, such as ``model.keras`` of a run. If it was trained on another scheme, its
    logits are not loaded. An ``.h5`` file holds the weights of the backbone, as keras.applications writes them without
    the last layers; for a model without a backbone, those of the body. A file of PyTorch, or a folder with one, holds
    an encoder for the backbone; see :mod:`gztrain.models.encoders`.

    Raises:
        GzError: the file does not fit the model.
    """
    if file.is_dir() or file.suffix in TORCH_ENDINGS:
        if galaxy.backbone is None:
            raise GzError(f"{galaxy.model.name} has no backbone for the encoder {file}; use --model convnextnano.")
        load_encoder(galaxy.backbone, galaxy.model.name, file)
        return
    try:
        if file.suffix == ".keras":
            inspect_archive(file)
            _copy(keras.saving.load_model(file, compile=False, safe_mode=True), galaxy.model)
        else:
            check_weights(file)
            _read(file, galaxy.backbone or galaxy.body)
    except (ValueError, OSError, KeyError, UserWarning) as error:
        reason = " ".join(str(error).split()).split(". ")[0].rstrip(".")  # Keras explains at length
        raise GzError(
            f"The weights in {file} do not fit ({reason}); choose the model, size and head they were made for"
        ) from error


def _read(file: Path, model: keras.Model) -> None:
    with warnings.catch_warnings():  # Keras only warns when layers keep their random weights; that is an error here
        warnings.filterwarnings("error", "Skipping nested container|A total of", UserWarning)
        model.load_weights(file)


def _copy(source: keras.Model, target: keras.Model) -> None:
    new, old = source.weights, target.weights
    shapes = [[tuple(weight.shape) for weight in weights] for weights in (new, old)]
    if len(new) != len(old) or shapes[0][:-_LAST] != shapes[1][:-_LAST]:
        raise ValueError(f"it holds {len(new)} arrays for {len(old)}, or of other shapes")
    kept = len(new) if shapes[0] == shapes[1] else len(new) - _LAST
    for weight, value in zip(old[:kept], new[:kept], strict=True):
        weight.assign(value)
