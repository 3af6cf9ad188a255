"""The protocol of a run as values: its stages, where it is, and what was best so far. Nothing here computes or waits.

Two stages (F41, F46). A model with pretrained weights learns its head first, with the backbone frozen, batch norm
included; any other is trained whole. Then all layers go on at a tenth of the rate. A stage ends after its epochs, or
when validation has not got better for some of them; the next one, and the end, start from the best epoch so far.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from gztrain.config import TrainConfig

Monitor = Literal["loss", "auc"]


@dataclass(frozen=True)
class Stage:
    """One stage.

    Attributes:
        name: ``head``, ``whole`` or ``fine-tune``.
        epochs: at most.
        rate: learning rate that it starts from.
        frozen: whether the backbone is left as it is.
    """

    name: str
    epochs: int
    rate: float
    frozen: bool


def plan_stages(config: TrainConfig, *, pretrained: bool) -> tuple[Stage, ...]:
    """Lay out the stages of a run; those of no epochs are left out."""
    stages, rate = config.stages, config.optimizer.rate
    first = Stage("head" if pretrained else "whole", stages.epochs, rate, frozen=pretrained)
    second = Stage("fine-tune", stages.fine_tune_epochs, rate * stages.fine_tune_rate, frozen=False)
    return tuple(stage for stage in (first, second) if stage.epochs)


@dataclass(frozen=True)
class Position:
    """Where a run is: so many epochs of this stage, and steps of the epoch that has begun, are done.

    Attributes:
        stage: place in the plan.
        epoch: epochs of the stage that are done.
        step: steps of the next one that are done.
        passes: epochs of all stages that are done; with the seed, it decides the order of the records.
        steps: steps of the whole run that are done.
    """

    stage: int = 0
    epoch: int = 0
    step: int = 0
    passes: int = 0
    steps: int = 0

    def after_step(self) -> "Position":
        """One step on."""
        return replace(self, step=self.step + 1, steps=self.steps + 1)

    def after_epoch(self) -> "Position":
        """At the start of the next epoch."""
        return replace(self, epoch=self.epoch + 1, step=0, passes=self.passes + 1)

    def after_stage(self) -> "Position":
        """At the start of the next stage."""
        return replace(self, stage=self.stage + 1, epoch=0, step=0)


@dataclass(frozen=True)
class Validation:
    """What an epoch came to on the validation galaxies.

    Attributes:
        loss: mean of the training loss, weights and all.
        auc: mean AUC of a label, of those with both classes; NaN where there is none.
        damaged: galaxies that were left out for their damage.
    """

    loss: float
    auc: float
    damaged: int = 0


@dataclass(frozen=True)
class Best:
    """The best epoch so far.

    Attributes:
        steps: of the run at its end; 0: there is none yet.
        validation: what it came to.
        waited: epochs since then, in this stage.
    """

    steps: int = 0
    validation: Validation = field(default_factory=lambda: Validation(math.inf, -math.inf))
    waited: int = 0

    def judge(self, found: Validation, steps: int, monitor: Monitor) -> "Best":
        """Take an epoch into account: it is the best now, or one more that was not."""
        if _better(found, self.validation, monitor):
            return Best(steps, found)
        return replace(self, waited=self.waited + 1)

    def begin_stage(self) -> "Best":
        """Patience starts anew with each stage; what was best remains."""
        return replace(self, waited=0)


def _better(found: Validation, best: Validation, monitor: Monitor) -> bool:
    """NaN is better than nothing at all, and than nothing else."""
    if best.loss == math.inf:
        return True
    if monitor == "auc" and not math.isnan(best.auc):
        return found.auc > best.auc
    return found.loss < best.loss


@dataclass(frozen=True)
class Progress:
    """Everything about a run that is not in its arrays: this, and a checkpoint's arrays, are the whole run.

    Attributes:
        position: where it is.
        best: what was best.
        losses: of the steps since the last line of the history.
        done: whether it has ended.
        damaged: records that these steps left out for their damage.
    """

    position: Position = field(default_factory=Position)
    best: Best = field(default_factory=Best)
    losses: tuple[float, ...] = ()
    done: bool = False
    damaged: int = 0


def progress_to_json(progress: Progress) -> dict[str, Any]:
    """As JSON has it; JSON's own inf and nan included, for it is ours alone."""
    return asdict(progress)


def progress_from_json(values: Mapping[str, Any]) -> Progress:
    """The way back."""
    best = dict(values["best"])
    validation = Validation(**best.pop("validation"))
    losses, damaged = tuple(values["losses"]), values.get("damaged", 0)
    return Progress(
        Position(**values["position"]), Best(validation=validation, **best), losses, values["done"], damaged
    )
