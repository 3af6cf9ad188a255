"""Loads model.keras. The file may come from a stranger: nothing in it is run, and what is wrong becomes a sentence."""

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gzcore.errors import GzError, system_sentence
from gztrain.environment import quiet_imports
from gztrain.models.archive import ORIGIN, check_archive, unloadable
from gztrain.runs.data_set import DataRecord


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
        raise GzError(system_sentence(error) or unloadable(path, error)) from error


def add_temperatures(model: Any, settings: Mapping[str, Any]) -> Any:  # noqa: ANN401 -- keras.Models
    """The same model with a temperature for each question as its last layer; one that it has is replaced.

    Args:
        model: images to label probabilities.
        settings: arguments of :class:`gztrain.models.layers.Temperature`.
    """
    import keras

    from gztrain.models.layers import Temperature

    last = model.layers[-1]
    output = last.input if isinstance(last, Temperature) else model.output
    return keras.Model(model.input, Temperature(**settings, name="temperature")(output), name=model.name)


def temperatures_of(model: Any) -> list[float] | None:  # noqa: ANN401 -- a keras.Model
    """The temperature of each question; None for a model without, such as those of earlier versions."""
    found: list[float] | None = getattr(model.layers[-1], "temperatures", None)
    return found


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
