"""The step on JAX: one compiled function of the whole state. This is the only module that imports JAX.

On several devices the batch is split along its first axis (keras.distribution.DataParallel), and the compiler adds the
gradients of the devices.
"""

import contextlib
from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import numpy.typing as npt

from gztrain.training.backends import Arrays, StepPlan, Task, Tensor

State = tuple[list[Tensor], list[Tensor], list[Tensor]]
"""Values of the trainable variables, of the other variables, and of the optimizer's variables."""


def local_devices() -> tuple[str, ...]:
    """Accelerators of this machine; its CPUs if it has none."""
    return tuple(f"{device.platform}:{device.id}" for device in jax.local_devices())


def has_bfloat16() -> bool:
    """Whether the devices multiply bfloat16 in hardware: TPUs do, and GPUs from compute capability 8.0 on."""
    device = jax.local_devices()[0]
    if device.platform == "tpu":
        return True
    return device.platform == "gpu" and float(getattr(device, "compute_capability", 0)) >= 8.0


@contextlib.contextmanager
def spread(devices: tuple[str, ...]) -> Iterator[None]:
    """Context in which models and optimizers are created, so that their variables are on all devices."""
    if len(devices) == 1:
        yield
        return
    with keras.distribution.DataParallel(devices=list(devices)).scope():
        yield


def make_learner(task: Task, optimizer: Any, plan: StepPlan) -> "JaxLearner":  # noqa: ANN401
    """Create a learner for a model and an optimizer that were created in that context."""
    return JaxLearner(task, optimizer, plan)


class JaxLearner:
    """Keeps the state as arrays that each step replaces. Keras' variables have old values until ``sync``."""

    def __init__(self, task: Task, optimizer: Any, plan: StepPlan) -> None:  # noqa: ANN401
        self._task, self._optimizer, self._plan = task, optimizer, plan
        self._distribution = keras.distribution.distribution()  # read here, since it is unset in the thread of ``put``
        variables = (task.body.trainable_variables, task.body.non_trainable_variables, optimizer.variables)
        self._variables = variables
        self._state = self._read()
        on_cpu = jax.local_devices()[0].platform == "cpu"  # there, a convolution inside a loop is ten times slower
        self._unroll = plan.accumulate == 1 or on_cpu
        self._train = jax.jit(self._step, donate_argnums=0)

    def put(self, arrays: Arrays) -> tuple[Tensor, ...]:
        """Copy the arrays of a batch to the devices, split along the first axis."""
        if self._distribution is None:
            return tuple(jax.device_put(array) for array in arrays)
        layouts = [self._distribution.get_data_layout(array.shape).backend_layout for array in arrays]
        return tuple(jax.device_put(array, layout) for array, layout in zip(arrays, layouts, strict=True))

    def train(self, batch: tuple[Tensor, ...]) -> Tensor:
        """Do one step on (images, draws, targets, ...); return the loss, which may not be computed yet."""
        self._state, loss = self._train(self._state, *batch)
        return loss

    def infer(self, batch: tuple[Tensor, ...]) -> npt.NDArray[np.float32]:
        """Logits float32 [B, outputs] of (images,)."""
        trainable, others, _ = self._state
        return np.asarray(_logits(self._task, trainable, others, *batch))

    def sync(self) -> None:
        """Copy the state to the variables of model and optimizer. The next step will reuse the memory of the state."""
        for variables, values in zip(self._variables, self._state, strict=True):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(jnp.copy(value))

    def reload(self) -> None:
        """Take the state from the variables of model and optimizer, which were changed by other code."""
        self._state = self._read()

    def _read(self) -> State:
        trainable, others, optimizer = ([jnp.array(v.value) for v in kind] for kind in self._variables)
        return trainable, others, optimizer

    def _step(self, state: State, *batch: Tensor) -> tuple[State, Tensor]:
        trainable, others, optimizer = state
        start = (others, jnp.zeros(()), [jnp.zeros_like(value) for value in trainable])
        total = batch[0].shape[0]

        def work_through(carry: tuple[list[Tensor], Tensor, list[Tensor]], piece: tuple[Tensor, ...]) -> Any:  # noqa: ANN401
            others, loss, gradients = carry
            (piece_loss, others), piece_gradients = self._gradients(trainable, others, piece, total)
            return (others, loss + piece_loss, [a + b for a, b in zip(gradients, piece_gradients, strict=True)]), None

        pieces = tuple(_cut(array, self._plan.accumulate) for array in batch)
        (others, loss, gradients), _ = jax.lax.scan(work_through, start, pieces, unroll=self._unroll)
        trainable, optimizer = self._optimizer.stateless_apply(optimizer, self._clip(gradients), trainable)
        return (list(trainable), others, list(optimizer)), loss

    def _gradients(self, trainable: list[Tensor], others: list[Tensor], piece: tuple[Tensor, ...], total: int) -> Any:  # noqa: ANN401
        """((contribution to the mean loss of the batch, other variables), gradients) of a piece."""
        task = self._task

        def loss(trainable: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
            logits, updated = task.body.stateless_call(trainable, others, task.inputs(piece), training=True)
            return jnp.sum(task.losses(piece, logits.astype("float32"))) / total, list(updated)

        return jax.value_and_grad(loss, has_aux=True)(trainable)

    def _clip(self, gradients: list[Tensor]) -> list[Tensor]:
        if self._plan.clip is None:
            return gradients
        norm = jnp.sqrt(sum(jnp.sum(jnp.square(gradient)) for gradient in gradients))
        scale = jnp.minimum(1.0, self._plan.clip / jnp.maximum(norm, 1e-12))
        return [gradient * scale for gradient in gradients]


@partial(jax.jit, static_argnums=0)  # outside the class, so that all stages of a run share the compiled function
def _logits(task: Task, trainable: list[Tensor], others: list[Tensor], images: Tensor) -> Tensor:
    logits, _ = task.body.stateless_call(trainable, others, task.preprocess(images), training=False)
    return logits.astype("float32")


def _cut(array: Tensor, pieces: int) -> Tensor:
    """[B, ...] -> [pieces, B / pieces, ...]. Piece i has rows i, i + pieces, ..., so it has rows of every device."""
    return jnp.swapaxes(jnp.reshape(array, (-1, pieces, *array.shape[1:])), 0, 1)
