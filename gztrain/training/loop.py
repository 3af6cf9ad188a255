"""The training loop: steps, epochs, stages. A run that is killed at any point can be resumed with the same result."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gzcore.errors import GzError, Stopped
from gztrain.config import TrainConfig
from gztrain.data.stream import ahead
from gztrain.runs.history import History, HistoryLine, Scalars
from gztrain.runs.watch import Watch
from gztrain.training.backends import Backend, Learner, StepPlan, Task
from gztrain.training.checkpoint import Array, Checkpoints, Snapshot, assign_values, values_of
from gztrain.training.feed import Feed, StepInput
from gztrain.training.optimizer import Rate, make_optimizer, make_rate
from gztrain.training.schedule import Progress, TrainingStage, Validation
from gztrain.training.stop import StopSwitch
from gztrain.training.validation import Validator


@dataclass(frozen=True)
class Machine:
    """The module of the Keras backend, and the plan of its steps."""

    backend: Backend
    plan: StepPlan


@dataclass(frozen=True, eq=False)
class Journal:
    """Where the progress of a run is recorded and shown."""

    checkpoints: Checkpoints
    history: History
    scalars: Scalars
    watch: Watch

    def write(self, line: HistoryLine) -> None:
        """Write a line to the history and to TensorBoard, and show it."""
        self.history.write(line)
        self.scalars.write(line)
        self.watch.advance(line)


@dataclass(frozen=True, eq=False)
class LoopParts:
    """The parts of a loop; see their classes. ``backbone`` is the part that a stage may freeze, or None."""

    config: TrainConfig
    stages: tuple[TrainingStage, ...]
    machine: Machine
    task: Task
    backbone: Any
    feed: Feed
    validator: Validator
    journal: Journal
    stop: StopSwitch


@dataclass
class Clock:
    """Measures how long the steps since the last line took, and how much of that was spent waiting for data."""

    began: float = field(default_factory=time.monotonic)
    waited: float = 0.0

    def waiting(self, items: Iterator[Any]) -> Iterator[Any]:
        """Yield the items, and add up the time spent waiting for them."""
        while True:
            before = time.monotonic()
            try:
                item = next(items)
            except StopIteration:
                return
            self.waited += time.monotonic() - before
            yield item

    def read(self, samples: int) -> tuple[float, float]:
        """Samples per second, and the share of time spent waiting, since the last call; then start from 0 again."""
        now = time.monotonic()
        spent = max(now - self.began, 1e-9)
        waited, self.began, self.waited = self.waited, now, 0.0
        return samples / spent, min(waited / spent, 1.0)


class Loop:
    """A run in progress. Its whole state is ``progress`` and the state of the learner."""

    def __init__(self, parts: LoopParts, snapshot: Snapshot | None) -> None:
        self._parts = parts
        self.progress = snapshot.progress if snapshot is not None else Progress()
        self._optimizer_values: tuple[Array, ...] = () if snapshot is None else snapshot.optimizer
        if snapshot is not None:
            assign_values(parts.task.body.variables, snapshot.model, parts.journal.checkpoints.last)
        self._pending: list[Any] = list(self.progress.losses)
        self._damaged = self.progress.damaged
        self._reported = 0
        self._clock = Clock()
        self._learner: Learner
        self._optimizer: Any
        self._rate: Rate

    def run(self) -> Progress:
        """Train until the last stage has ended.

        Raises:
            Stopped: the user pressed Ctrl-C; a checkpoint was written.
            GzError: the loss is not a finite number.
        """
        parts = self._parts
        parts.journal.watch.expect(
            sum(stage.epochs for stage in parts.stages) * parts.feed.steps, self.progress.position.steps
        )
        while self.progress.position.stage < len(parts.stages):
            self._begin_stage()
            while self._goes_on():
                self._epoch()
            self._end_stage()
        return self.progress

    @property
    def _stage(self) -> TrainingStage:
        return self._parts.stages[self.progress.position.stage]

    def _goes_on(self) -> bool:
        waited = self.progress.best.waited >= self._parts.config.stages.patience
        return self.progress.position.epoch < self._stage.epochs and not waited

    def _begin_stage(self) -> None:
        """Freeze the backbone if the stage says so, and create an optimizer for the trainable variables."""
        parts, stage = self._parts, self._stage
        if parts.backbone is not None:
            parts.backbone.trainable = not stage.frozen
        self._rate = make_rate(parts.config.optimizer, stage.rate, stage.epochs, parts.feed.steps)
        variables = parts.task.body.trainable_variables
        self._optimizer = make_optimizer(parts.config.optimizer, self._rate, variables)
        if self._optimizer_values:
            assign_values(self._optimizer.variables, self._optimizer_values, parts.journal.checkpoints.last)
            self._optimizer_values = ()
        self._learner = parts.machine.backend.make_learner(parts.task, self._optimizer, parts.machine.plan)

    def _end_stage(self) -> None:
        """Restore the best weights, and move to the start of the next stage."""
        progress, parts = self.progress, self._parts
        if progress.best.steps:
            best = parts.journal.checkpoints.load_best(progress.best.steps)
            assign_values(parts.task.body.variables, best, parts.journal.checkpoints.best(progress.best.steps))
        position = progress.position.after_stage()
        done = position.stage == len(parts.stages)
        self.progress = replace(progress, position=position, best=progress.best.begin_stage(), done=done)
        parts.journal.checkpoints.save(Snapshot(self.progress, values_of(parts.task.body.variables), ()))

    def _epoch(self) -> None:
        parts, position = self._parts, self.progress.position
        self._clock = Clock()
        batches = parts.feed.epoch(position.passes, position.step)
        with ahead(batches, self._put) as on_device:
            for batch, damaged in self._clock.waiting(on_device):
                self._pending.append(self._learner.train(batch))
                self._damaged += damaged
                self._after_step()
        self._after_epoch()

    def _put(self, step: StepInput) -> tuple[Any, int]:
        return self._learner.put(step.arrays), step.damaged

    def _after_step(self) -> None:
        self.progress = replace(self.progress, position=self.progress.position.after_step())
        position, log = self.progress.position, self._parts.config.log
        if position.step < self._parts.feed.steps:
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
        validation = parts.validator.validate(self._learner)
        self._write_line(validation, speed)
        self._report_damage()
        best = progress.best.judge(validation, progress.position.steps, parts.config.stages.monitor)
        if best.steps == progress.position.steps:
            self._learner.sync()
            parts.journal.checkpoints.save_best(best.steps, values_of(parts.task.body.variables))
        self.progress = replace(self.progress, position=progress.position.after_epoch(), best=best)
        self._checkpoint()

    def _report_damage(self) -> None:
        """Tell the user how many damaged records were left out, if there are more than last time."""
        damage = self._parts.feed.reader.damage
        if len(damage) > self._reported:
            self._reported = len(damage)
            self._parts.journal.watch.tell(damage.sentence())

    def _checkpoint(self) -> None:
        self._learner.sync()
        self._pending = _floats(self._pending)
        self.progress = replace(self.progress, losses=tuple(self._pending), damaged=self._damaged)
        body, optimizer = values_of(self._parts.task.body.variables), values_of(self._optimizer.variables)
        self._parts.journal.checkpoints.save(Snapshot(self.progress, body, optimizer))

    def _write_line(self, validation: Validation | None, speed: tuple[float, float] | None = None) -> None:
        """Write the mean of the losses since the last line. Reading the losses waits for the device."""
        parts, position = self._parts, self.progress.position
        losses, damaged = _floats(self._pending), self._damaged
        self._pending, self._damaged = [], 0
        _check(losses, position.steps)
        samples_per_s, waiting = speed or self._clock.read(len(losses) * parts.feed.batch)
        steps_of_stage = position.epoch * parts.feed.steps + position.step
        line = HistoryLine(
            stage=self._stage.name,
            epoch=position.epoch + 1,
            step=position.steps,
            rate=float(self._rate.at(steps_of_stage - 1)),
            loss=float(np.mean(losses)),
            val_loss=validation.loss if validation else None,
            val_auc=validation.auc if validation and not math.isnan(validation.auc) else None,
            samples_per_s=round(samples_per_s, 1),
            waiting=round(waiting, 3),
            damaged=damaged,
            val_damaged=validation.damaged if validation else None,
        )
        parts.journal.write(line)


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
