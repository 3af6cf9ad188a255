"""The training step, for each Keras backend. This module says what a step computes; its modules say how it is compiled.

A step processes a whole batch, for any number of devices and of accumulated pieces. Its loss is the mean over the whole
batch. So the batch size and the learning rate keep the meaning that the user gave them.
"""

import importlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from gzcore.errors import GzError, UsageError
from gztrain.training.mixing import mix

Tensor = Any
"""A tensor of the backend in use."""
Arrays = tuple[npt.NDArray[Any], ...]
BACKENDS = ("tensorflow", "jax")
"""Keras backends for which there is a step."""


@dataclass(frozen=True)
class Task:
    """What a step computes, written in keras.ops only.

    Attributes:
        body: float32 [B, S, S, 3], 0..255 -> logits [B, outputs]; has all variables.
        preprocess: uint8 images [B, crop, crop, 3] -> the input of the body; has no variables.
        augment: input of the body, and random draws float32 [B, 6] in [0, 1) -> augmented input of the body.
        loss: targets float32 [B, W], logits float32 [B, outputs] -> loss of each galaxy, float32 [B].
    """

    body: Any
    preprocess: Callable[[Tensor], Tensor]
    augment: Callable[[Tensor, Tensor], Tensor]
    loss: Callable[[Tensor, Tensor], Tensor]

    def inputs(self, batch: tuple[Tensor, ...]) -> Tensor:
        """The augmented input of the body, float32 [B, S, S, 3].

        Args:
            batch: images, draws and targets; if images are mixed, also those of the other images, and what was drawn.
        """
        images, draws, _, *other = batch
        own = self.augment(self.preprocess(images), draws)
        if not other:
            return own
        images, draws, _, plan = other
        return mix(own, self.augment(self.preprocess(images), draws), plan)

    def losses(self, batch: tuple[Tensor, ...], logits: Tensor) -> Tensor:
        """Loss of each galaxy of a batch, float32 [B], from logits float32 [B, outputs]."""
        own = self.loss(batch[2], logits)
        if len(batch) == 3:
            return own
        share = batch[6][:, 0]
        return share * own + (1.0 - share) * self.loss(batch[5], logits)


@dataclass(frozen=True)
class StepPlan:
    """How a step is computed. Apart from ``clip`` it changes the result only by the order of float additions.

    Attributes:
        devices: names such as ``gpu:0``; the batch is split evenly over them.
        accumulate: number of pieces in which a batch is processed one after the other, to save memory.
        jit: whether TensorFlow compiles the step with XLA; JAX always does.
        clip: largest norm of the whole gradient, or None.
    """

    devices: tuple[str, ...]
    accumulate: int = 1
    jit: bool = False
    clip: float | None = None

    def check(self, batch: int) -> None:
        """Check that a batch can be split evenly.

        Raises:
            UsageError: it cannot.
        """
        pieces = len(self.devices) * self.accumulate
        if batch % pieces:
            raise UsageError(
                f"A batch of {batch} cannot be cut evenly over {len(self.devices)} devices in {self.accumulate} "
                f"pieces; choose a multiple of {pieces}."
            )


class Learner(Protocol):
    """A model during training. Its state is on the devices."""

    def put(self, arrays: Arrays) -> Any:  # noqa: ANN401 -- a batch of the backend's own arrays
        """Copy the arrays of a batch to the devices; may be called from another thread."""

    def train(self, batch: Any) -> Tensor:  # noqa: ANN401
        """Do one step on (images, draws, targets, ...); return the loss, a scalar that may not be computed yet."""

    def infer(self, batch: Any) -> npt.NDArray[np.float32]:  # noqa: ANN401
        """Logits float32 [B, outputs] of (images,)."""

    def sync(self) -> None:
        """Copy the trained state to the variables of model and optimizer."""

    def reload(self) -> None:
        """Take the state from the variables of model and optimizer, which were changed by other code."""


class Backend(Protocol):
    """The functions of each module of this package."""

    def local_devices(self) -> tuple[str, ...]:
        """Accelerators of this machine; its CPUs if it has none."""

    def has_bfloat16(self) -> bool:
        """Whether the devices multiply bfloat16 in hardware."""

    def spread(self, devices: tuple[str, ...]) -> AbstractContextManager[None]:
        """Context in which models and optimizers are created, so that their variables are on all devices."""

    def make_learner(self, task: Task, optimizer: Any, plan: StepPlan) -> Learner:  # noqa: ANN401
        """Create a learner for a model and an optimizer that were created in that context."""


def load_backend() -> Backend:
    """Import the module for the backend that Keras uses.

    Raises:
        GzError: there is no module for it.
    """
    import keras

    name = keras.backend.backend()
    if name not in BACKENDS:
        raise GzError(f"Keras uses the backend {name!r}; set KERAS_BACKEND to one of {', '.join(BACKENDS)}.")
    module: Backend = importlib.import_module(f"gztrain.training.backends.{name}")
    return module
