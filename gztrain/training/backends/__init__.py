"""One training step, the same on every Keras backend: what it computes stands here, how it is compiled in its modules.

A step takes a whole batch, whatever the number of devices and of pieces it is accumulated over: its loss is the mean
over the batch, so that the batch size and the rate stay what the user said.
"""

import importlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from gzcore.errors import GzError, UsageError

Tensor = Any
"""A tensor of the backend in use."""
Arrays = tuple[npt.NDArray[Any], ...]
BACKENDS = ("tensorflow", "jax")
"""Keras backends that have a step."""


@dataclass(frozen=True)
class Task:
    """What a step computes, in keras.ops alone.

    Attributes:
        body: float32 [B, S, S, 3], 0..255 -> logits [B, outputs]; holds every variable.
        see: uint8 images [B, crop, crop, 3] -> what the body takes; no variables.
        vary: what the body takes, lots float32 [B, 6] -> the same, augmented.
        loss: targets float32 [B, W], logits float32 [B, outputs] -> loss of each sample, float32 [B].
    """

    body: Any
    see: Callable[[Tensor], Tensor]
    vary: Callable[[Tensor, Tensor], Tensor]
    loss: Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Plan:
    """How a step is computed. None of it changes what comes out, but for the order of float additions.

    Attributes:
        devices: names such as ``gpu:0``; the batch is spread over them evenly.
        accumulate: pieces that a batch is worked through in, to save memory.
        jit: whether TensorFlow compiles the step with XLA; JAX always does.
        clip: largest norm of the whole gradient, or None.
    """

    devices: tuple[str, ...]
    accumulate: int = 1
    jit: bool = False
    clip: float | None = None

    def check(self, batch: int) -> None:
        """Refuse a batch that cannot be cut evenly.

        Raises:
            UsageError: it cannot.
        """
        parts = len(self.devices) * self.accumulate
        if batch % parts:
            raise UsageError(
                f"A batch of {batch} cannot be cut evenly over {len(self.devices)} devices in {self.accumulate} "
                f"pieces; choose a multiple of {parts}."
            )


class Learner(Protocol):
    """A model that is being trained: holds its state on the devices."""

    def place(self, arrays: Arrays) -> Any:  # noqa: ANN401 -- whatever the backend makes of it
        """Put the arrays of a batch onto the devices; may be called from another thread."""

    def train(self, placed: Any) -> Tensor:  # noqa: ANN401
        """One step on (images, lots, targets); gives the loss, a scalar that may still be being computed."""

    def infer(self, placed: Any) -> npt.NDArray[np.float32]:  # noqa: ANN401
        """Logits float32 [B, outputs] of (images,)."""

    def settle(self) -> None:
        """Write what was learned back into the variables of model and optimizer."""


class Backend(Protocol):
    """What a module of this package offers."""

    def local_devices(self) -> tuple[str, ...]:
        """Accelerators of this machine, or its CPUs where it has none."""

    def has_bfloat16(self) -> bool:
        """Whether the devices multiply bfloat16 in hardware."""

    def spread(self, devices: tuple[str, ...]) -> AbstractContextManager[None]:
        """Scope in which models and optimizers are made, so that their variables live on all devices."""

    def make_learner(self, task: Task, optimizer: Any, plan: Plan) -> Learner:  # noqa: ANN401
        """A learner for a model and an optimizer made in that scope."""


def load_backend() -> Backend:
    """The module for the backend that Keras uses.

    Raises:
        GzError: there is none.
    """
    import keras

    name = keras.backend.backend()
    if name not in BACKENDS:
        raise GzError(f"Keras uses the backend {name!r}; set KERAS_BACKEND to one of {', '.join(BACKENDS)}.")
    module: Backend = importlib.import_module(f"gztrain.training.backends.{name}")
    return module
