"""The step on TensorFlow: a compiled function that changes Keras' variables. One of the few modules with TensorFlow.

On several devices each device processes its rows of the batch (tf.distribute.MirroredStrategy). Batch norm uses the
statistics of the whole batch, as on a single device.
"""

import contextlib
from collections.abc import Iterator
from functools import cache
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from gztrain.training.backends import Arrays, StepPlan, Task, Tensor

DeviceBatch = tuple[Tensor, ...]
"""The arrays of a batch on the devices."""


def local_devices() -> tuple[str, ...]:
    """Accelerators of this machine; its CPUs if it has none."""
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return tuple(f"{device.device_type.lower()}:{device.name.rsplit(':', 1)[-1]}" for device in devices)


def has_bfloat16() -> bool:
    """Whether the devices multiply bfloat16 in hardware: GPUs do from compute capability 8.0 on."""
    gpus = [tf.config.experimental.get_device_details(gpu) for gpu in tf.config.list_physical_devices("GPU")]
    return bool(gpus) and all(details.get("compute_capability", (0, 0)) >= (8, 0) for details in gpus)


@contextlib.contextmanager
def spread(devices: tuple[str, ...]) -> Iterator[None]:
    """Context in which models and optimizers are created, so that their variables are on all devices."""
    if len(devices) == 1:
        yield
        return
    with _strategy(devices).scope():
        yield


@cache
def _strategy(devices: tuple[str, ...]) -> Tensor:
    """One strategy for all models of a process: a second one would number its messages between devices from 0 again."""
    return tf.distribute.MirroredStrategy([name.upper() for name in devices])


def make_learner(task: Task, optimizer: Any, plan: StepPlan) -> "TensorFlowLearner":  # noqa: ANN401
    """Create a learner for a model and an optimizer that were created in that context."""
    several = len(plan.devices) > 1
    return MirroredLearner(task, optimizer, plan) if several else TensorFlowLearner(task, optimizer, plan)


class TensorFlowLearner:
    """Keeps the state in Keras' variables; the step changes them in place."""

    def __init__(self, task: Task, optimizer: Any, plan: StepPlan) -> None:  # noqa: ANN401
        self._task, self._optimizer, self._plan = task, optimizer, plan
        self._train = tf.function(self._step, jit_compile=plan.jit)
        self._infer = tf.function(self._logits, jit_compile=plan.jit)

    def put(self, arrays: Arrays) -> DeviceBatch:
        """Copy the arrays of a batch to the device."""
        return tuple(tf.convert_to_tensor(array) for array in arrays)

    def train(self, batch: DeviceBatch) -> Tensor:
        """Do one step on (images, draws, targets, ...); return the loss."""
        return self._train(*batch)

    def infer(self, batch: DeviceBatch) -> npt.NDArray[np.float32]:
        """Logits float32 [B, outputs] of (images,)."""
        return np.asarray(self._infer(*batch))

    def sync(self) -> None:
        """Do nothing: the variables are the state."""

    def reload(self) -> None:
        """Do nothing: the variables are the state."""

    def _step(self, *batch: Tensor) -> Tensor:
        return self._learn(batch, batch[0].shape[0])

    def _learn(self, batch: DeviceBatch, total: int) -> Tensor:
        """Process the pieces of a batch, then update the weights; return the contribution to the mean loss."""
        count = self._plan.accumulate
        weights = [variable.value for variable in self._task.body.trainable_variables]
        loss, gradients = self._gradients(tuple(array[::count] for array in batch), weights, total)
        for piece in range(1, count):
            with tf.control_dependencies([loss, *gradients]):  # one after the other, to save memory
                rows = tuple(array[piece::count] for array in batch)
                piece_loss, piece_gradients = self._gradients(rows, weights, total)
                loss += piece_loss
                gradients = [a + b for a, b in zip(gradients, piece_gradients, strict=True)]
        self._optimizer.apply(self._clip(gradients), self._task.body.trainable_variables)
        return loss

    def _gradients(self, piece: DeviceBatch, weights: list[Tensor], total: int) -> tuple[Tensor, list[Tensor]]:
        task = self._task
        with tf.GradientTape() as tape:
            logits = task.body(task.inputs(piece), training=True)
            loss = tf.reduce_sum(task.losses(piece, tf.cast(logits, tf.float32))) / total
        return loss, tape.gradient(loss, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO)

    def _clip(self, gradients: list[Tensor]) -> list[Tensor]:
        if self._plan.clip is None:
            return gradients
        norm = tf.linalg.global_norm(self._pool(gradients))
        scale = tf.minimum(1.0, self._plan.clip / tf.maximum(norm, 1e-12))
        return [gradient * scale for gradient in gradients]

    def _pool(self, gradients: list[Tensor]) -> list[Tensor]:
        """Gradients of the whole batch, from the gradients of one device's rows."""
        return gradients

    def _logits(self, images: Tensor) -> Tensor:
        return tf.cast(self._task.body(self._task.preprocess(images), training=False), tf.float32)


class MirroredLearner(TensorFlowLearner):
    """The same on several devices, without XLA, which cannot compile the communication between them."""

    def __init__(self, task: Task, optimizer: Any, plan: StepPlan) -> None:  # noqa: ANN401
        super().__init__(task, optimizer, StepPlan(plan.devices, plan.accumulate, clip=plan.clip))
        self._strategy = tf.distribute.get_strategy()
        for layer in task.body._flatten_layers():  # noqa: SLF001 -- Keras has no public list of all nested layers
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.synchronized = True

    def put(self, arrays: Arrays) -> DeviceBatch:
        """Copy to each device its rows of the batch."""
        return tuple(self._cut(array) for array in arrays)

    def _cut(self, array: npt.NDArray[Any]) -> Tensor:
        rows = np.split(array, self._strategy.num_replicas_in_sync)
        return self._strategy.experimental_distribute_values_from_function(
            lambda context: tf.convert_to_tensor(rows[context.replica_id_in_sync_group])
        )

    def _step(self, *batch: Tensor) -> Tensor:
        def replica(*batch: Tensor) -> Tensor:
            return self._learn(batch, batch[0].shape[0] * self._strategy.num_replicas_in_sync)

        losses = self._strategy.run(replica, args=batch)
        return self._strategy.reduce(tf.distribute.ReduceOp.SUM, losses, axis=None)

    def _pool(self, gradients: list[Tensor]) -> list[Tensor]:
        context = tf.distribute.get_replica_context()
        return list(context.all_reduce(tf.distribute.ReduceOp.SUM, gradients))

    def _logits(self, images: Tensor) -> Tensor:
        logits = self._strategy.run(super()._logits, args=(images,))
        return tf.concat(self._strategy.experimental_local_results(logits), axis=0)
