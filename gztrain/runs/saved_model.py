"""Loads model.keras. The file may come from a stranger: nothing in it is run, and what is wrong becomes a sentence."""

import json
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gzcore.errors import GzError
from gztrain.environment import quiet_imports
from gztrain.runs.data_set import DataRecord

ORIGIN = "gztrain.json"
"""File of a Keras archive that says what the model was trained on."""
_OURS = "gztrain>"
"""How the registered names of our own layers begin."""
_CODE = ("Lambda", "__lambda__")
"""Classes of a Keras archive that hold Python code."""
_LONGEST = 64 << 20
"""Bytes of the description of a model; a longer one is not read. That of the largest model has 0.3 MB."""


def load_model(path: Path) -> Any:  # noqa: ANN401 -- a keras.Model
    """Load a model that gztrain saved.

    Raises:
        GzError: the file is missing or damaged, or it holds code or layers that gztrain does not know.
    """
    if not path.is_file():
        raise GzError(f"There is no model {path}: the run has not ended; go on with gztrain fit --resume.")
    check_archive(path)
    import keras

    from gztrain.models import layers, stem

    _ = layers, stem  # importing them registers their layers with Keras
    try:
        with quiet_imports():
            return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # a damaged archive ends in errors of zip, HDF5, Keras or the backend
        raise GzError(_unloadable(path, error)) from error


def add_origin(path: Path, data: DataRecord, labels: Sequence[str]) -> None:
    """Write into a Keras archive what its images and outputs are, as ``gztrain.json``, so that it can stand alone.

    Keras does not read this file.

    Args:
        path: the archive.
        data: the data set that the model was trained on.
        labels: names of its outputs, in order.
    """
    origin = {
        "labels": list(labels),
        "crop": data.crop,
        "frame": data.frame,
        "pixel_scale": data.pixel_scale,
        "recipe_hash": data.recipe_hash,
        "data_hash": data.data_hash,
    }
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(ORIGIN, json.dumps(origin, indent=2) + "\n")


def check_archive(path: Path) -> None:
    """Refuse a model that holds code, or that is made of what neither Keras nor gztrain has.

    Raises:
        GzError: it does, or its description cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive, archive.open("config.json") as file:
            text = file.read(_LONGEST + 1)
        if len(text) > _LONGEST:
            raise GzError(f"The model {path} cannot be loaded (its description has more than {_LONGEST} bytes).")
        description = json.loads(text)
    except RecursionError:
        raise GzError(f"The model {path} cannot be loaded (its description is nested too deep).") from None
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise GzError(_unloadable(path, error)) from None
    for entry in _described(description):
        _check_class(path, entry)


def _described(description: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 -- any JSON
    """Every object of a description that names a class, however deep."""
    waiting = [description]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(value.values())
            if "class_name" in value:
                yield value
        elif isinstance(value, list):
            waiting.extend(value)


def _check_class(path: Path, entry: dict[str, Any]) -> None:
    name, module = str(entry["class_name"]), str(entry.get("module") or "")
    if name in _CODE:
        raise GzError(f"The model {path} holds Python code (a {name} layer); gztrain does not run code from a file.")
    ours = str(entry.get("registered_name") or "").startswith(_OURS)
    if not (ours or module in ("", "keras", "builtins") or module.startswith("keras.")):
        raise GzError(f"The model {path} has a part {module}.{name}, which is neither of Keras nor of gztrain.")


def _unloadable(path: Path, error: Exception) -> str:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return f"The model {path} cannot be loaded ({reason[:300]}); train it again."
