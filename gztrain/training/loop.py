"""The training loop: steps, epochs, stages. A run that is killed at any point can be resumed with the same result."""

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gzcore.errors import GzError, Stopped
from gztrain.config import TrainConfig
from gztrain.data.stream import ahead
from gztrain.models.blocks import shares_of_rate, train_last
from gztrain.runs.arrays import Array
from gztrain.runs.history import HistoryLine
from gztrain.training.backends import Backend, Learner, StepPlan, Task
from gztrain.training.callbacks import Callbacks
from gztrain.training.checkpoint import Snapshot, assign_values, values_of
from gztrain.training.feed import Feed, StepInput
from gztrain.training.journal import Clock, Journal
from gztrain.training.optimizer import Rate, make_optimizer, make_rate, rate_of
from gztrain.training.schedule import FINE_TUNE, Progress, TrainingStage, Validation
from gztrain.training.stop import StopSwitch
from gztrain.training.validation import Validator


@dataclass(frozen=True)
class Machine:
    """The module of the Keras backend, and the plan of its steps."""

    backend: Backend
    plan: StepPlan


@dataclass(frozen=True, eq=False)
class LoopParts:
    """The parts of a loop; see their classes. ``backbone`` is the part that a stage may freeze, or None.

    ``model`` is what callbacks get: uint8 images [B, crop, crop, 3] to logits, with the variables of the body.
    """

    config: TrainConfig
    stages: tuple[TrainingStage, ...]
    machine: Machine
    task: Task
    model: Any
    backbone: Any
    feed: Feed
    validator: Validator
    journal: Journal
    stop: StopSwitch
    callbacks: Callbacks


class Loop:
    """A run in progress. Its whole state is ``progress``, the state of the learner, and that of the callbacks."""

    def __init__(self, parts: LoopParts, snapshot: Snapshot | None) -> None:
        self._parts, self._callbacks = parts, parts.callbacks
        self._kept = snapshot or Snapshot(Progress(settable=bool(parts.callbacks)), (), ())
        self.progress = self._kept.progress
        self._optimizer_values: tuple[Array, ...] = self._kept.optimizer
        if snapshot is not None:
            assign_values(parts.task.body.variables, snapshot.model, parts.journal.checkpoints.last)
        self._pending: list[Any] = list(self.progress.losses)
        self._damaged = self.progress.damaged
        self._reported = 0
        self._clock = Clock()
        self._logs: dict[str, float] = {}
        self._live = self._touched = False
        self._learner: Learner
        self._optimizer: Any
        self._rate: Rate

    def run(self) -> Progress:
        """Train until the last stage has ended.

        Raises:
            Stopped: the user pressed Ctrl-C; a checkpoint was written.
            GzError: the loss is not a finite number, or a callback failed.
        """
        parts = self._parts
        epochs = sum(stage.epochs for stage in parts.stages)
        parts.journal.watch.expect(epochs * parts.feed.steps, self.progress.position.steps)
        while self.progress.position.stage < len(parts.stages):
            self._begin_stage()
            if not self._callbacks.began:
                self._begin_callbacks(epochs)
            while self._goes_on():
                self._epoch()
            self._end_stage()
        return self.progress

    @property
    def _stage(self) -> TrainingStage:
        return self._parts.stages[self.progress.position.stage]

    def _goes_on(self) -> bool:
        waited = self.progress.best.waited >= self._parts.config.stages.patience
        return self.progress.position.epoch < self._stage.epochs and not waited and not self.progress.stopped

    # ------------------------------------------------------------ stages

    def _begin_stage(self) -> None:
        """Freeze the backbone if the stage says so, and create an optimizer for the trainable variables."""
        parts, stage = self._parts, self._stage
        if parts.backbone is not None:
            parts.backbone.trainable = not stage.frozen
            if stage.blocks is not None:
                trained, blocks = train_last(parts.backbone, stage.blocks)
                parts.journal.watch.tell(
                    f"Stage {stage.name} trains {trained} of {blocks} blocks, the last, and the head."
                )
        self._rate = make_rate(parts.config.optimizer, stage.rate, stage.epochs, parts.feed.steps)
        variables = parts.task.body.trainable_variables
        settable = self.progress.settable and self._rate.constant
        shares = rate_shares(parts, stage)
        self._optimizer = make_optimizer(
            parts.config.optimizer, self._rate, variables, settable=settable, shares=shares
        )
        if self._optimizer_values:
            assign_values(self._optimizer.variables, self._optimizer_values, parts.journal.checkpoints.last)
            self._optimizer_values = ()
        self._learner = parts.machine.backend.make_learner(parts.task, self._optimizer, parts.machine.plan)
        self._live = True
        if self._callbacks:
            parts.model.compile(optimizer=self._optimizer)  # callbacks look for it there

    def _begin_callbacks(self, epochs: int) -> None:
        parts, kept = self._parts, self._kept
        parts.model.jax_state_sync = self._show_state  # Keras calls it on JAX before a callback gets the model
        self._callbacks.begin(parts.model, epochs, parts.feed.steps)
        if kept.progress.position.step:
            self._callbacks.call("on_epoch_begin", kept.progress.position.passes)
        if kept.progress.position.steps:
            note = self._callbacks.restore(kept.progress.callbacks, kept.callbacks)
            if note is not None:
                parts.journal.watch.tell(note)

    def _end_stage(self) -> None:
        """Restore the best weights, and move to the start of the next stage."""
        progress, parts = self.progress, self._parts
        self._live = False  # from here on, the variables are the state
        if progress.best.steps:
            best = parts.journal.checkpoints.load_best(progress.best.steps)
            assign_values(parts.task.body.variables, best, parts.journal.checkpoints.best(progress.best.steps))
        position = progress.position.after_stage()
        if progress.stopped:
            position = replace(position, stage=len(parts.stages))
        done = position.stage == len(parts.stages)
        if done:
            self._callbacks.call("on_train_end", self._logs)
            parts.journal.checkpoints.keep_end()
        self.progress = replace(progress, position=position, best=progress.best.begin_stage(), done=done)
        self._save(())

    # ------------------------------------------------------------ steps

    def _epoch(self) -> None:
        parts, position = self._parts, self.progress.position
        self._clock = Clock()
        if not position.step:
            self._callbacks.call("on_epoch_begin", position.passes)
        batches, asked = parts.feed.epoch(position.passes, position.step), self._callbacks.ask_for_batches
        with ahead(batches, self._put) as on_device:
            for batch, damaged in self._clock.waiting(on_device):
                self._train(batch, asked=asked)
                self._damaged += damaged
                self._after_step()
                if self._callbacks.stopped:
                    break
        self._after_epoch()

    def _put(self, step: StepInput) -> tuple[Any, int]:
        return self._learner.put(step.arrays), step.damaged

    def _train(self, batch: Any, *, asked: bool) -> None:  # noqa: ANN401 -- arrays of the backend
        """Do a step; callbacks that ask for steps get the mean loss of the epoch so far, as in Keras."""
        step = self.progress.position.step
        if asked:
            self._callbacks.call("on_train_batch_begin", step)
        self._pending.append(self._current().train(batch))
        if asked:
            self._pending = _floats(self._pending)
            mean = (self.progress.epoch_loss + math.fsum(self._pending)) / (step + 1)
            self._callbacks.call("on_train_batch_end", step, {"loss": mean})

    def _after_step(self) -> None:
        self.progress = replace(self.progress, position=self.progress.position.after_step())
        position, log = self.progress.position, self._parts.config.log
        if position.step < self._parts.feed.steps and not self._callbacks.stopped:
            if len(self._pending) >= log.every:
                self._write_line(None)
            if position.step % log.checkpoint == 0:
                self._checkpoint()
        if self._parts.stop.pressed:
            self._checkpoint()
            raise Stopped(f"Stopped after step {position.steps}; the same command with --resume goes on from there.")

    def _after_epoch(self) -> None:
        """Validate, write a line of the history, and keep the model if it is the best."""
        parts, progress = self._parts, self.progress
        speed = self._clock.read(len(self._pending) * parts.feed.batch)
        with self._averaged():
            self._callbacks.call("on_test_begin")
            validation = parts.validator.validate(self._current())
            self._callbacks.call("on_test_end", _named(validation))
            self._write_line(validation, speed)
            self._report_damage()
            best = progress.best.judge(validation, progress.position.steps, parts.config.stages.monitor)
            if best.steps == progress.position.steps:
                self._current().sync()
                parts.journal.checkpoints.save_best(best.steps, values_of(parts.task.body.variables))
            self._end_epoch(validation)
        position = progress.position.after_epoch()
        self.progress = replace(
            self.progress, position=position, best=best, epoch_loss=0.0, stopped=self._callbacks.stopped
        )
        self._checkpoint()

    def _end_epoch(self, validation: Validation) -> None:
        position = self.progress.position
        self._logs = {
            "loss": self.progress.epoch_loss / position.step,
            "learning_rate": self._rate_now(),
            **{f"val_{name}": value for name, value in _named(validation).items()},
        }
        self._callbacks.call("on_epoch_end", position.passes, dict(self._logs))

    # ------------------------------------------------------------ state

    def _current(self) -> Learner:
        """The learner of this stage, with what callbacks have changed."""
        if self._touched:
            self._learner.reload()
            self._touched = False
        return self._learner

    def _show_state(self) -> None:
        """Bring the state of the learner into the variables, which a callback may then read and change."""
        if self._live and not self._touched:
            self._learner.sync()
            self._touched = True

    @contextlib.contextmanager
    def _averaged(self) -> Iterator[None]:
        """Context in which the weights are the average over the steps of this stage, if the recipe asks for that."""
        if not self._parts.config.optimizer.ema:
            yield
            return
        learner, variables = self._current(), self._parts.task.body.trainable_variables
        learner.sync()
        own = values_of(variables)
        self._optimizer.finalize_variable_values(variables)
        learner.reload()
        yield
        self._current().sync()
        assign_values(variables, own, self._parts.journal.checkpoints.last)
        learner.reload()

    def _checkpoint(self) -> None:
        self._current().sync()
        self._pending = _floats(self._pending)
        self.progress = replace(self.progress, losses=tuple(self._pending), damaged=self._damaged)
        self._save(values_of(self._optimizer.variables))

    def _save(self, optimizer: tuple[Array, ...]) -> None:
        """Write a checkpoint; what callbacks kept earlier is kept where there are none now."""
        kept = (self.progress.callbacks, self._kept.callbacks)
        states, arrays = self._callbacks.states() if self._callbacks else kept
        self.progress = replace(self.progress, callbacks=states)
        model = values_of(self._parts.task.body.variables)
        self._parts.journal.checkpoints.save(Snapshot(self.progress, model, optimizer, arrays))

    # ------------------------------------------------------------ what is told

    def _report_damage(self) -> None:
        """Tell the user how many damaged records were left out, if there are more than last time."""
        damage = self._parts.feed.reader.damage
        if len(damage) > self._reported:
            self._reported = len(damage)
            self._parts.journal.watch.tell(damage.sentence())

    def _rate_now(self) -> float:
        """Learning rate of the last step."""
        if self.progress.settable and self._rate.constant:
            return rate_of(self._optimizer)
        position = self.progress.position
        return float(self._rate.at(position.epoch * self._parts.feed.steps + position.step - 1))

    def _write_line(self, validation: Validation | None, speed: tuple[float, float] | None = None) -> None:
        """Write the mean of the losses since the last line. Reading the losses waits for the device."""
        parts, position = self._parts, self.progress.position
        losses, damaged = _floats(self._pending), self._damaged
        self._pending, self._damaged = [], 0
        _check(losses, position.steps)
        self.progress = replace(self.progress, epoch_loss=self.progress.epoch_loss + math.fsum(losses))
        samples_per_s, waiting = speed or self._clock.read(len(losses) * parts.feed.batch)
        line = HistoryLine(
            stage=self._stage.name,
            epoch=position.epoch + 1,
            step=position.steps,
            rate=self._rate_now(),
            loss=float(np.mean(losses)),
            val_loss=validation.loss if validation else None,
            val_auc=validation.auc if validation and not math.isnan(validation.auc) else None,
            samples_per_s=round(samples_per_s, 1),
            waiting=round(waiting, 3),
            damaged=damaged,
            val_damaged=validation.damaged if validation else None,
        )
        parts.journal.write(line)


def _named(validation: Validation) -> dict[str, float]:
    """What callbacks get of a validation, by the names that Keras uses."""
    figures = {"loss": validation.loss, "auc": validation.auc, "binary_accuracy": validation.accuracy}
    return {name: value for name, value in figures.items() if value is not None}


def _check(losses: list[float], steps: int) -> None:
    """Check that training has not diverged.

    Raises:
        GzError: a loss is not a finite number.
    """
    if not all(map(math.isfinite, losses)):
        raise GzError(
            f"The loss is {losses[-1]} after step {steps}: training has diverged; choose a smaller rate (--rate), or "
            "limit the gradient (--set optimizer.clip=1)."
        )


def _floats(losses: list[Any]) -> list[float]:
    return [float(np.asarray(loss)) for loss in losses]


def rate_shares(parts: LoopParts, stage: TrainingStage) -> dict[str, float]:
    """Shares of the rate of a stage, by the path of a variable; empty where all have the same rate.

    Blocks that begin with random numbers all learn at the full rate: only those of a pretrained model differ.
    """
    decay = parts.config.optimizer.layer_decay
    if parts.backbone is None or stage.name != FINE_TUNE or decay == 1:
        return {}
    return shares_of_rate(parts.backbone, decay)
