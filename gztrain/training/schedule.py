"""The schedule of a run: its training stages, how far it has come, and its best epoch so far. Plain values only.

There are two stages (F41, F46). In the first, a model with pretrained weights trains its head, with the backbone and
its batch norm frozen; any other model is trained as a whole. In the second stage all layers are trained at a tenth of
the learning rate. A stage ends after its number of epochs, or earlier if validation has not improved for some epochs
(``patience``). Then the weights of the best epoch so far are restored.

The learning rate within a stage is computed in :mod:`gztrain.training.optimizer`.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from gztrain.config import TrainConfig

Monitor = Literal["loss", "auc", "last"]


@dataclass(frozen=True)
class TrainingStage:
    """One stage of the training.

    Attributes:
        name: ``head``, ``whole`` or ``fine-tune``.
        epochs: largest number of epochs.
        rate: learning rate at its start.
        frozen: whether the backbone is frozen.
        blocks: how many blocks of a backbone that is not frozen are trained, counted from its end; None: all.
    """

    name: str
    epochs: int
    rate: float
    frozen: bool
    blocks: int | None = None


FINE_TUNE = "fine-tune"
"""Name of the second stage."""


def plan_stages(config: TrainConfig, *, pretrained: bool) -> tuple[TrainingStage, ...]:
    """The stages of a run; a stage of 0 epochs is left out."""
    stages, rate = config.stages, config.optimizer.rate
    first = TrainingStage("head" if pretrained else "whole", stages.epochs, rate, frozen=pretrained)
    second = TrainingStage(
        FINE_TUNE, stages.fine_tune_epochs, rate * stages.fine_tune_rate, frozen=False, blocks=stages.unfreeze
    )
    return tuple(stage for stage in (first, second) if stage.epochs)


@dataclass(frozen=True)
class Position:
    """How far a run has come.

    Attributes:
        stage: index of the current stage.
        epoch: number of epochs of this stage that are complete.
        step: number of steps of the current epoch that are complete.
        passes: number of epochs of all stages that are complete; with the seed it decides the order of the records.
        steps: number of steps of the whole run that are complete.
    """

    stage: int = 0
    epoch: int = 0
    step: int = 0
    passes: int = 0
    steps: int = 0

    def after_step(self) -> "Position":
        """The position one step later."""
        return replace(self, step=self.step + 1, steps=self.steps + 1)

    def after_epoch(self) -> "Position":
        """The position at the start of the next epoch."""
        return replace(self, epoch=self.epoch + 1, step=0, passes=self.passes + 1)

    def after_stage(self) -> "Position":
        """The position at the start of the next stage."""
        return replace(self, stage=self.stage + 1, epoch=0, step=0)


@dataclass(frozen=True)
class Validation:
    """Result of an epoch on the validation galaxies.

    Attributes:
        loss: mean of the training loss, including label weights.
        auc: mean AUC over the labels with both classes; NaN if there is no such label.
        damaged: number of galaxies that were left out because their record is damaged.
        accuracy: share of the known labels that are on the right side of one half; None if none is known.
    """

    loss: float
    auc: float
    damaged: int = 0
    accuracy: float | None = None


@dataclass(frozen=True)
class Best:
    """The best epoch so far.

    Attributes:
        steps: steps of the run at the end of that epoch; 0 before the first epoch.
        validation: its result.
        waited: number of epochs of this stage since then.
    """

    steps: int = 0
    validation: Validation = field(default_factory=lambda: Validation(math.inf, -math.inf))
    waited: int = 0

    def judge(self, validation: Validation, steps: int, monitor: Monitor) -> "Best":
        """Compare a new epoch: either it becomes the best, or ``waited`` grows by one."""
        if _better(validation, self.validation, monitor):
            return Best(steps, validation)
        return replace(self, waited=self.waited + 1)

    def begin_stage(self) -> "Best":
        """Keep the best epoch, and count the epochs without improvement from 0 again."""
        return replace(self, waited=0)


def _better(new: Validation, best: Validation, monitor: Monitor) -> bool:
    """Whether a validation is better than the best so far.

    The first validation always is, even if it is NaN. Later, a NaN is never better. If the best AUC is NaN, the losses
    are compared. Under ``last``, the later one is.
    """
    if best.loss == math.inf or monitor == "last":
        return True
    if monitor == "auc" and not math.isnan(best.auc):
        return new.auc > best.auc
    return new.loss < best.loss


@dataclass(frozen=True)
class Progress:
    """The state of a run apart from its arrays. A checkpoint holds the arrays and this.

    Attributes:
        position: how far it has come.
        best: its best epoch.
        losses: of the steps since the last line of the history.
        done: whether the run is complete.
        damaged: number of damaged records that these steps left out.
        epoch_loss: sum of the losses of this epoch that stand in the history.
        stopped: whether a callback has ended the training.
        settable: whether callbacks may set the learning rate.
        callbacks: name and plain attributes of each callback; see :mod:`gztrain.training.callbacks`.
    """

    position: Position = field(default_factory=Position)
    best: Best = field(default_factory=Best)
    losses: tuple[float, ...] = ()
    done: bool = False
    damaged: int = 0
    epoch_loss: float = 0.0
    stopped: bool = False
    settable: bool = False
    callbacks: tuple[dict[str, Any], ...] = ()


def progress_to_json(progress: Progress) -> dict[str, Any]:
    """Convert to JSON values. They may include inf and nan, which only Python's json reads."""
    return asdict(progress)


def progress_from_json(values: Mapping[str, Any]) -> Progress:
    """Convert from JSON values."""
    best = dict(values["best"])
    validation = Validation(**best.pop("validation"))
    later = {key: values[key] for key in _LATER if key in values}  # keys that checkpoints of earlier versions lack
    later["callbacks"] = tuple(values.get("callbacks", ()))
    best_epoch = Best(validation=validation, **best)
    return Progress(Position(**values["position"]), best_epoch, tuple(values["losses"]), values["done"], **later)


_LATER = ("damaged", "epoch_loss", "stopped", "settable")
