"""The step on TensorFlow: a compiled function over variables, one of the few places that import TensorFlow.

Over several devices each works on its rows of the batch (tf.distribute.MirroredStrategy); batch norm pools its
statistics over all of them, as a single device would.
"""

import contextlib
from collections.abc import Iterator
from functools import cache
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from gztrain.training.backends import Arrays, Plan, Task, Tensor

Placed = tuple[Tensor, ...]


def local_devices() -> tuple[str, ...]:
    """Accelerators of this machine, or its CPUs where it has none."""
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return tuple(f"{device.device_type.lower()}:{device.name.rsplit(':', 1)[-1]}" for device in devices)


def has_bfloat16() -> bool:
    """Whether the devices multiply bfloat16 in hardware: GPUs do from compute capability 8.0 on."""
    found = [tf.config.experimental.get_device_details(gpu) for gpu in tf.config.list_physical_devices("GPU")]
    return bool(found) and all(details.get("compute_capability", (0, 0)) >= (8, 0) for details in found)


@contextlib.contextmanager
def spread(devices: tuple[str, ...]) -> Iterator[None]:
    """Scope in which models and optimizers are made, so that their variables live on all devices."""
    if len(devices) == 1:
        yield
        return
    with _strategy(devices).scope():
        yield


@cache
def _strategy(devices: tuple[str, ...]) -> Tensor:
    """One for all models of a process: TensorFlow numbers what devices tell each other anew in each strategy."""
    return tf.distribute.MirroredStrategy([name.upper() for name in devices])


def make_learner(task: Task, optimizer: Any, plan: Plan) -> "TensorFlowLearner":  # noqa: ANN401
    """A learner for a model and an optimizer made in that scope."""
    many = len(plan.devices) > 1
    return MirroredLearner(task, optimizer, plan) if many else TensorFlowLearner(task, optimizer, plan)


class TensorFlowLearner:
    """State lives in Keras' variables; the step changes them in place."""

    def __init__(self, task: Task, optimizer: Any, plan: Plan) -> None:  # noqa: ANN401
        self._task, self._optimizer, self._plan = task, optimizer, plan
        self._train = tf.function(self._step, jit_compile=plan.jit)
        self._infer = tf.function(self._logits, jit_compile=plan.jit)

    def place(self, arrays: Arrays) -> Placed:
        """Put the arrays of a batch onto the device."""
        return tuple(tf.convert_to_tensor(array) for array in arrays)

    def train(self, placed: Placed) -> Tensor:
        """One step on (images, lots, targets); gives the loss."""
        return self._train(*placed)

    def infer(self, placed: Placed) -> npt.NDArray[np.float32]:
        """Logits float32 [B, outputs] of (images,)."""
        return np.asarray(self._infer(*placed))

    def settle(self) -> None:
        """Nothing to do: the variables are the state."""

    def _step(self, images: Tensor, lots: Tensor, targets: Tensor) -> Tensor:
        return self._learn((images, lots, targets), images.shape[0])

    def _learn(self, batch: Placed, total: int) -> Tensor:
        """Work through the pieces of a batch, then move the weights; gives its share of the mean loss."""
        count = self._plan.accumulate
        weights = [variable.value for variable in self._task.body.trainable_variables]
        loss, gradients = self._gradients(tuple(array[::count] for array in batch), weights, total)
        for piece in range(1, count):
            with tf.control_dependencies([loss, *gradients]):  # one after the other, else all are in memory at once
                part, found = self._gradients(tuple(array[piece::count] for array in batch), weights, total)
                loss, gradients = loss + part, [a + b for a, b in zip(gradients, found, strict=True)]
        self._optimizer.apply(self._clip(gradients), self._task.body.trainable_variables)
        return loss

    def _gradients(self, piece: Placed, weights: list[Tensor], total: int) -> tuple[Tensor, list[Tensor]]:
        images, lots, targets = piece
        task = self._task
        with tf.GradientTape() as tape:
            logits = task.body(task.vary(task.see(images), lots), training=True)
            loss = tf.reduce_sum(task.loss(targets, tf.cast(logits, tf.float32))) / total
        return loss, tape.gradient(loss, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO)

    def _clip(self, gradients: list[Tensor]) -> list[Tensor]:
        if self._plan.clip is None:
            return gradients
        norm = tf.linalg.global_norm(self._pool(gradients))
        scale = tf.minimum(1.0, self._plan.clip / tf.maximum(norm, 1e-12))
        return [gradient * scale for gradient in gradients]

    def _pool(self, gradients: list[Tensor]) -> list[Tensor]:
        """Gradients of the whole batch, from those of a device's rows."""
        return gradients

    def _logits(self, images: Tensor) -> Tensor:
        return tf.cast(self._task.body(self._task.see(images), training=False), tf.float32)


class MirroredLearner(TensorFlowLearner):
    """The same over several devices. XLA is left out: it cannot compile what the devices tell each other."""

    def __init__(self, task: Task, optimizer: Any, plan: Plan) -> None:  # noqa: ANN401
        super().__init__(task, optimizer, Plan(plan.devices, plan.accumulate, clip=plan.clip))
        self._strategy = tf.distribute.get_strategy()
        for layer in task.body._flatten_layers():  # noqa: SLF001 -- Keras has no public way to all nested layers
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.synchronized = True

    def place(self, arrays: Arrays) -> Placed:
        """Give each device its rows of the batch."""
        return tuple(self._cut(array) for array in arrays)

    def _cut(self, array: npt.NDArray[Any]) -> Tensor:
        rows = np.split(array, self._strategy.num_replicas_in_sync)
        return self._strategy.experimental_distribute_values_from_function(
            lambda context: tf.convert_to_tensor(rows[context.replica_id_in_sync_group])
        )

    def _step(self, images: Tensor, lots: Tensor, targets: Tensor) -> Tensor:
        def replica(*batch: Tensor) -> Tensor:
            return self._learn(batch, batch[0].shape[0] * self._strategy.num_replicas_in_sync)

        losses = self._strategy.run(replica, args=(images, lots, targets))
        return self._strategy.reduce(tf.distribute.ReduceOp.SUM, losses, axis=None)

    def _pool(self, gradients: list[Tensor]) -> list[Tensor]:
        context = tf.distribute.get_replica_context()
        return list(context.all_reduce(tf.distribute.ReduceOp.SUM, gradients))

    def _logits(self, images: Tensor) -> Tensor:
        logits = self._strategy.run(super()._logits, args=(images,))
        return tf.concat(self._strategy.experimental_local_results(logits), axis=0)
