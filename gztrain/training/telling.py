"""What ``fit`` says before it begins and when it has ended. Plain values to sentences."""

import math

from gztrain.runs.folder import RunFolder
from gztrain.runs.history import read_history
from gztrain.training.job import TrainingJob
from gztrain.training.losses import UNWEIGHTED
from gztrain.training.schedule import Best

_POLICIES = {
    "asked": "a question that was not asked of a galaxy is left out",
    "debiased": "labels come from votes freed of the bias of distance; a question that was not asked is left out",
    "report": "every question counts for every galaxy",
}


def opening(job: TrainingJob, steps: int, devices: tuple[str, ...], backend: str, precision: str) -> tuple[str, ...]:
    """What is trained, on what, and how long an epoch is.

    Args:
        job: what is trained.
        steps: steps of an epoch.
        devices: that it is trained on.
        backend: the Keras backend.
        precision: Keras' dtype policy.
    """
    config = job.config
    views = f" in {1 + config.views} views each" if config.views else ""
    others = [fold for fold in job.dataset.folds if fold != config.fold]
    teach = f"{_galaxies(_count(job, validates=False))} of {_folds(others)} teach{views}: {len(job.training):,} images"
    validate = f"{_galaxies(_count(job, validates=True))} of fold {config.fold} validate"
    labels = f"{len(job.scheme.names)} labels of {len(job.scheme.questions)} questions (scheme {job.scheme.name})"
    stages = " and ".join(f"{stage.epochs} epochs ({stage.name})" for stage in job.stages)
    return (
        f"{teach}, {steps:,} steps of {config.stages.batch} in an epoch. {validate}.",
        f"{labels}, policy {config.labels}: {_POLICIES[config.labels]}.",
        f"Model {config.model.name} on {', '.join(devices)}, with {backend} in {precision}; at most {stages}.",
    )


def _count(job: TrainingJob, *, validates: bool) -> int:
    return sum((fold == job.config.fold) is validates for fold in job.galaxies.values())


def _galaxies(count: int) -> str:
    return f"{count:,} {'galaxy' if count == 1 else 'galaxies'}"


def _folds(folds: list[int]) -> str:
    return f"fold {folds[0]}" if len(folds) == 1 else f"folds {', '.join(map(str, folds[:-1]))} and {folds[-1]}"


def closing(job: TrainingJob, folder: RunFolder, best: Best) -> str:
    """Which epoch was kept, and what its figures are of."""
    if not best.steps:
        return "No epoch was asked for: the model is as it was made."
    row = next((row for row in read_history(folder.history) if row["step"] == best.steps and row["val_loss"]), None)
    loss = job.config.loss
    weights = "" if loss.name in UNWEIGHTED or loss.weights == "none" else f", weights {loss.weights}"
    figures = f"validation loss {best.validation.loss:.4f} ({loss.name}{weights})"
    if math.isfinite(best.validation.auc):
        figures += f", mean AUC over labels {best.validation.auc:.3f}"
    where = "The model" if row is None else f"Epoch {row['epoch']:.0f} of stage {row['stage']}"
    by = {"loss": "the one with the smallest loss", "auc": "the one with the largest AUC", "last": "the last one"}[
        job.config.stages.monitor
    ]
    on = f"{_galaxies(_count(job, validates=True) - best.validation.damaged)} of fold {job.config.fold}"
    return f"{where} is kept, {by}: {figures}, on {on}."
