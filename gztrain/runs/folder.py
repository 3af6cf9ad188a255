"""The run folder: its files, the checks before it is written to, and the run as other commands read it.

``config.json`` is written first, ``model.keras`` and ``metrics.json`` last. A folder with metrics.json is complete.
"""

import contextlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field

from gzcore.console import brief
from gzcore.dataset.layout import MANIFEST
from gzcore.dataset.tree import Question
from gzcore.errors import GzError, UsageError
from gzcore.storage import locks
from gzcore.storage.atomic import write_json, writing
from gzcore.storage.documents import BadDocument, fit, read_document
from gzcore.storage.places import Place
from gztrain import __version__
from gztrain.config import TrainConfig, as_mapping, from_mapping
from gztrain.data.dataset import Scheme
from gztrain.data.label_counts import LabelCounts, counts_from
from gztrain.data.labels import Policy
from gztrain.runs.data_set import DataRecord, record_from
from gztrain.runs.saved_model import load_model
from gztrain.runs.schema import RunDocument
from gztrain.runs.versions import versions_of

FORMAT = 1
"""Version of the run folder's format."""
_LOCK = ".gztrain"
"""Folder of the file ``lock`` in a run folder."""
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
    def galaxies(self) -> Path:
        """The galaxies that trained and validated; see :mod:`gztrain.runs.galaxies`."""
        return self.root / "galaxies.parquet"

    @property
    def ensemble(self) -> Path:
        """The members of an ensemble; see :mod:`gztrain.evaluation.ensemble`."""
        return self.root / "ensemble.json"

    @property
    def card(self) -> Path:
        """The model card; see :mod:`gztrain.evaluation.model_card`."""
        return self.root / "MODEL_CARD.md"

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

    def locked(self) -> contextlib.AbstractContextManager[None]:
        """Hold the lock of the folder, so that one command at a time trains into it.

        The system lets go of it when the process ends, however it ends. Only a folder of this machine has a lock.

        Raises:
            GzError: another command holds it, or it cannot be made.
        """
        return locks.locked(self.root, _LOCK, "choose another run folder")

    def in_turn(self) -> contextlib.AbstractContextManager[None]:
        """Wait until no other command is adding figures to this run.

        Raises:
            GzError: the lock cannot be made.
        """
        return locks.in_turn(self.root / _LOCK, "figures")

    def has_run(self) -> bool:
        """Whether the folder has a run, complete or not."""
        return self.config.exists() or self.metrics.exists() or any(self.root.glob("fold-[0-9]*/config.json"))

    def clear(self) -> None:
        """Remove all files that runs write, and no other files.

        Raises:
            GzError: another command trains into one of the folds, and nothing is removed; or a file cannot be removed.
        """
        with contextlib.ExitStack() as held, writing(self.root):
            for fold in self.root.glob("fold-[0-9]*"):
                held.enter_context(RunFolder(fold).locked())
            for path in (self.config, self.galaxies, self.ensemble, self.history):
                path.unlink(missing_ok=True)
            self.clear_results()
            for folder in (self.checkpoint, self.tensorboard, *self.root.glob("fold-[0-9]*")):
                shutil.rmtree(folder, ignore_errors=True)

    def clear_results(self) -> None:
        """Remove what was made of the trained model, and the model.

        Raises:
            GzError: a file cannot be removed.
        """
        with writing(self.root):
            for path in (self.metrics, self.card, self.model, self.report, *self.root.glob("predictions*.parquet")):
                path.unlink(missing_ok=True)
            shutil.rmtree(self.figures, ignore_errors=True)


@dataclass(frozen=True, eq=False)
class Run:
    """A run that has been opened, as evaluate, predict, export, ensemble and report use it.

    Attributes:
        folder: its folder.
        config: its config.
        scheme: its labels, in the order of the model's outputs.
        data: the data set that it was trained on.
        backend: the Keras backend that trained it. Any backend can use the model.
        label_counts: labels of its training galaxies, under each label policy; empty in runs of earlier versions.
        extended: when it was extended, the step, and what its recipe had said before.
        versions: see :mod:`gztrain.runs.versions`; empty in runs of earlier versions.
    """

    folder: RunFolder
    config: TrainConfig
    scheme: Scheme
    data: DataRecord
    backend: str
    label_counts: Mapping[Policy, LabelCounts]
    extended: tuple[Json, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def dataset(self) -> Place:
        """The dataset folder that it was trained on; the folder may have moved since."""
        return self.data.place

    @property
    def crop(self) -> int:
        """Height and width of the model's images, px."""
        return self.data.crop

    @cached_property
    def _model(self) -> Any:  # noqa: ANN401 -- a keras.Model
        return load_model(self.folder.model)

    def model(self) -> Any:  # noqa: ANN401 -- a keras.Model
        """The best model, loaded on first use: uint8 [B, crop, crop, 3] to label probabilities, float32 [B, L].

        Raises:
            GzError: the run is not complete, or the file is damaged.
        """
        return self._model


def write_config(  # noqa: PLR0913 -- what a run is
    folder: RunFolder,
    config: TrainConfig,
    data: DataRecord,
    scheme: Scheme,
    backend: str,
    *,
    label_counts: Mapping[Policy, LabelCounts] | None = None,
    extended: Sequence[Json] = (),
) -> None:
    """Write config.json.

    Args:
        folder: the run folder.
        config: the recipe of the run.
        data: the data set that it is trained on.
        scheme: its labels.
        backend: the Keras backend that trains it.
        label_counts: labels of its training galaxies, for baselines, under each label policy.
        extended: see :class:`Run`.

    Raises:
        GzError: it cannot be written.
    """
    with writing(folder.root):
        folder.root.mkdir(parents=True, exist_ok=True)
    document = {
        "format": FORMAT,
        "gztrain": __version__,
        "backend": backend,
        "versions": versions_of(backend),
        "dataset": data.as_json(),
        "scheme": asdict(scheme),
        "label_counts": {policy: counts.as_json() for policy, counts in (label_counts or {}).items()},
        "config": as_mapping(config),
        **({"extended": list(extended)} if extended else {}),
    }
    write_json(folder.config, document)


_BEFORE = {"ties": "keep"}
"""What runs did, in effect, before these keys were there: they go on so."""


def open_run(path: Path) -> Run:
    """Open a run folder. Only its config is read.

    Raises:
        GzError: there is no run, or its config is damaged or of a newer format.
    """
    folder = RunFolder(path)
    document = _read_config(folder)
    try:
        scheme, counts = _scheme(document["scheme"]), document.get("label_counts", {})
        return Run(
            folder=folder,
            config=from_mapping({**_BEFORE, **document["config"]}, str(folder.config)),
            scheme=scheme,
            data=record_from(document["dataset"]),
            backend=document["backend"],
            label_counts={policy: counts_from(values, scheme) for policy, values in counts.items()},
            extended=tuple(document.get("extended", ())),
            versions=document.get("versions", {}),
        )
    except (KeyError, TypeError, ValueError, AttributeError, UsageError) as error:
        raise GzError(f"{folder.config} is damaged ({brief(error)}); train the run again with --overwrite.") from None


def _read_config(folder: RunFolder) -> Json:
    remedy = "train the run again with --overwrite"
    try:
        known, document = read_document(folder.config, _Formatted, remedy)
        if known.format > FORMAT:
            raise GzError(
                f"{folder.root} has format {known.format}; this gztrain knows formats up to {FORMAT}. Install a newer "
                "one."
            )
        fit(RunDocument, document)
    except FileNotFoundError:
        raise GzError(_missing(folder)) from None
    except BadDocument as error:
        raise GzError(f"{folder.config} is damaged ({brief(error)}); {remedy}.") from None
    return dict(document)


class _Formatted(BaseModel):
    """A document that says its format."""

    format: Annotated[int, Field(strict=True)]


def _missing(folder: RunFolder) -> str:
    folds = sorted(path.name for path in folder.root.glob("fold-[0-9]*"))
    if folds:
        return (
            f"{folder.root} is a cross-validation of several runs; name one of them, such as {folder.root / folds[0]}."
        )
    if (folder.root / MANIFEST).exists():
        return (
            f"{folder.root} is a data set, not a run; gztrain fit {folder.root} --run RUN trains on it, and makes the "
            "folder RUN. Name that one."
        )
    return f"There is no run in {folder.root}; gztrain fit OUT --run {folder.root} makes one."


def _scheme(values: Mapping[str, Any]) -> Scheme:
    questions = tuple(_question(question) for question in values["questions"])
    places, fractions = tuple(values["places"]), tuple(values["fraction_places"])
    return Scheme(values["name"], questions, places, tuple(values["names"]), fractions)


def _question(values: Mapping[str, Any]) -> Question:
    parent = values["parent"]
    chosen = {
        **values,
        "used": tuple(values["used"]),
        "parent": None if parent is None else tuple(parent),
        "parents": tuple(map(tuple, values.get("parents", ()))),  # older runs had none
        "sources": tuple(values.get("sources", ())),
    }
    return Question(**chosen)
