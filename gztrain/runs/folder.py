"""The run folder: its files, the checks before it is written to, and the run as other commands read it.

``config.json`` is written first, ``model.keras`` and ``metrics.json`` last. A folder with metrics.json is complete.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from gzcore.dataset.tree import Question
from gzcore.errors import GzError, UsageError
from gzcore.recipe.overlay import leaves
from gzcore.storage.atomic import write_json, writing
from gzcore.storage.places import Place, as_place
from gztrain import __version__
from gztrain.config import FREE, TrainConfig, as_mapping, from_mapping
from gztrain.data.dataset import Dataset, Scheme
from gztrain.environment import quiet_imports

FORMAT = 1
"""Version of the run folder's format."""
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Paths of a run folder."""

    root: Path

    @property
    def config(self) -> Path:
        """The config of the run, its data set and its labels."""
        return self.root / "config.json"

    @property
    def history(self) -> Path:
        """Loss step by step, validation epoch by epoch; see :mod:`gztrain.runs.history`."""
        return self.root / "history.csv"

    @property
    def tensorboard(self) -> Path:
        """The same values for TensorBoard."""
        return self.root / "tensorboard"

    @property
    def checkpoint(self) -> Path:
        """The checkpoints, from which ``--resume`` continues."""
        return self.root / "checkpoint"

    @property
    def model(self) -> Path:
        """The best model: uint8 [B, crop, crop, 3] to label probabilities, float32 [B, L]."""
        return self.root / "model.keras"

    @property
    def metrics(self) -> Path:
        """The figures of the evaluation, by split."""
        return self.root / "metrics.json"

    @property
    def predictions(self) -> Path:
        """Predictions for the split that was evaluated last."""
        return self.root / "predictions.parquet"

    def predictions_of(self, split: str) -> Path:
        """Predictions for a split, ``val`` or ``test``."""
        return self.root / f"predictions-{split}.parquet"

    @property
    def ensemble(self) -> Path:
        """The members of an ensemble; see :mod:`gztrain.evaluation.ensemble`."""
        return self.root / "ensemble.json"

    @property
    def figures(self) -> Path:
        """Plots, drawn by ``gztrain report``."""
        return self.root / "figures"

    @property
    def report(self) -> Path:
        """The report of this run, written by ``gztrain report``."""
        return self.root / "report.html"

    def fold(self, number: int) -> "RunFolder":
        """The run folder of one fold of a cross-validation."""
        return RunFolder(self.root / f"fold-{number}")

    def has_run(self) -> bool:
        """Whether the folder has a run, complete or not."""
        return self.config.exists() or self.metrics.exists() or any(self.root.glob("fold-[0-9]*/config.json"))

    def clear(self) -> None:
        """Remove all files that runs write, and no other files."""
        with writing(self.root):
            for path in (self.config, self.ensemble, self.history, self.model, self.metrics, self.report):
                path.unlink(missing_ok=True)
            for path in self.root.glob("predictions*.parquet"):
                path.unlink()
            for folder in (self.checkpoint, self.tensorboard, self.figures, *self.root.glob("fold-[0-9]*")):
                shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True, eq=False)
class Run:
    """A run that has been opened, as evaluate, predict, export, ensemble and report use it.

    Attributes:
        folder: its folder.
        config: its config.
        scheme: its labels, in the order of the model's outputs.
        dataset: the dataset folder that it was trained on; the folder may have moved since.
        recipe_hash: of that data set.
        crop: height and width of the model's images, px.
        backend: the Keras backend that trained it. Any backend can use the model.
    """

    folder: RunFolder
    config: TrainConfig
    scheme: Scheme
    dataset: Place
    recipe_hash: str
    crop: int
    backend: str

    @cached_property
    def _model(self) -> Any:  # noqa: ANN401 -- a keras.Model
        return load_model(self.folder.model)

    def model(self) -> Any:  # noqa: ANN401 -- a keras.Model
        """The best model, loaded on first use: uint8 [B, crop, crop, 3] to label probabilities, float32 [B, L].

        Raises:
            GzError: the run is not complete, or the file is damaged.
        """
        return self._model


def load_model(path: Path) -> Any:  # noqa: ANN401 -- a keras.Model
    """Load a model that gztrain saved.

    Raises:
        GzError: the file is missing or damaged.
    """
    import keras

    from gztrain.models import layers, stem

    _ = layers, stem  # importing them registers their layers with Keras
    if not path.is_file():
        raise GzError(f"There is no model {path}: the run has not ended; go on with gztrain fit --resume.")
    try:
        with quiet_imports():
            return keras.saving.load_model(path, compile=False)
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise GzError(f"The model {path} cannot be loaded ({reason}); train it again.") from error


def write_config(folder: RunFolder, config: TrainConfig, dataset: Dataset, scheme: Scheme, backend: str) -> None:
    """Write config.json."""
    with writing(folder.root):
        folder.root.mkdir(parents=True, exist_ok=True)
    document = {
        "format": FORMAT,
        "gztrain": __version__,
        "backend": backend,
        "dataset": {"path": str(dataset.place.resolve()), "recipe_hash": recipe_hash(dataset), "crop": dataset.crop},
        "scheme": asdict(scheme),
        "config": as_mapping(config),
    }
    write_json(folder.config, document)


def recipe_hash(dataset: Dataset) -> str:
    """The recipe hash of a data set, from its manifest."""
    return str(dataset.manifest.get("recipe_hash", ""))


def open_run(path: Path) -> Run:
    """Open a run folder. Only its config is read.

    Raises:
        GzError: there is no run, or its config is damaged or of a newer format.
    """
    folder = RunFolder(path)
    document = _read_config(folder)
    try:
        data = document["dataset"]
        return Run(
            folder=folder,
            config=from_mapping(document["config"], str(folder.config)),
            scheme=_scheme(document["scheme"]),
            dataset=as_place(data["path"]),
            recipe_hash=data["recipe_hash"],
            crop=data["crop"],
            backend=document["backend"],
        )
    except (KeyError, TypeError, UsageError) as error:
        raise GzError(f"{folder.config} is damaged ({error}); train the run again with --overwrite.") from None


def _read_config(folder: RunFolder) -> Json:
    try:
        document = json.loads(folder.config.read_text(encoding="utf-8"))
        version = int(document["format"])
    except FileNotFoundError:
        raise GzError(_missing(folder)) from None
    except OSError as error:
        raise GzError(f"{folder.config} cannot be read ({error.strerror}).") from None
    except (ValueError, KeyError, TypeError):
        raise GzError(f"{folder.config} is damaged; train the run again with --overwrite.") from None
    if version > FORMAT:
        raise GzError(
            f"{folder.root} has format {version}; this gztrain knows formats up to {FORMAT}. Install a newer one."
        )
    return dict(document)


def _missing(folder: RunFolder) -> str:
    folds = sorted(path.name for path in folder.root.glob("fold-[0-9]*"))
    if folds:
        return (
            f"{folder.root} is a cross-validation of several runs; name one of them, such as {folder.root / folds[0]}."
        )
    return f"There is no run in {folder.root}; gztrain fit OUT --run {folder.root} makes one."


def _scheme(values: Mapping[str, Any]) -> Scheme:
    questions = tuple(_question(question) for question in values["questions"])
    places, fractions = tuple(values["places"]), tuple(values["fraction_places"])
    return Scheme(values["name"], questions, places, tuple(values["names"]), fractions)


def _question(values: Mapping[str, Any]) -> Question:
    parent = values["parent"]
    chosen = {**values, "used": tuple(values["used"]), "parent": None if parent is None else tuple(parent)}
    return Question(**chosen)


def check_same(run: Run, config: TrainConfig, dataset: Dataset, backend: str) -> None:
    """Check that a run is resumed with the config, the data and the backend that it began with.

    Raises:
        UsageError: a setting that affects the result differs, or the backend differs.
        GzError: the data set differs.
    """
    before, now = leaves(as_mapping(run.config)), leaves(as_mapping(config))
    changed = next((key for key in now if key not in FREE and before.get(key) != now[key]), None)
    if changed is not None:
        raise UsageError(
            f"The run in {run.folder.root} has {changed} = {before.get(changed)!r}, and {now[changed]!r} was asked "
            "for; resume it as it is, or start over with --overwrite."
        )
    if run.backend != backend:
        raise UsageError(
            f"The run in {run.folder.root} was begun on {run.backend}, and Keras now uses {backend}; "
            f"set KERAS_BACKEND={run.backend} to go on, or start over with --overwrite."
        )
    if run.recipe_hash != recipe_hash(dataset):
        raise GzError(
            f"The run in {run.folder.root} was begun on other data than {dataset.place} holds now "
            f"(recipe {run.recipe_hash[:12]}, now {recipe_hash(dataset)[:12]}); start over with --overwrite."
        )
