"""Learning rates and optimizers: from the values of a config to Keras' objects."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import keras
import numpy as np

from gztrain.config import Optimizer

Tensor = Any
NOT_DECAYED = ("bias", "gamma", "beta", "positions", "cls")
"""Variables with one of these words in their name have no weight decay, as is usual for transformers (Dosovitskiy
2021)."""


@dataclass(frozen=True)
class Rate:
    """The learning rate within a stage: a linear warm-up, then constant or a cosine decay.

    Attributes:
        start: learning rate after the warm-up.
        warmup: number of steps of the warm-up.
        cosine: number of steps of the cosine decay to 0; None: the rate stays constant.
    """

    start: float
    warmup: int = 0
    cosine: int | None = None

    @property
    def constant(self) -> bool:
        """Whether it is the same at every step."""
        return self.warmup == 0 and self.cosine is None

    def at(self, step: Tensor, of: Any = np) -> Tensor:  # noqa: ANN401 -- numpy, or keras.ops
        """The rate of a step, counted from 0 in its stage."""
        rate = self.start * of.minimum(1.0, (step + 1.0) / max(self.warmup, 1))
        if self.cosine is None:
            return rate
        gone = of.clip((step - self.warmup) / max(self.cosine, 1), 0.0, 1.0)
        return rate * 0.5 * (1.0 + of.cos(math.pi * gone))


@keras.saving.register_keras_serializable("gztrain")
class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """A :class:`Rate` as Keras' optimizers take it."""

    def __init__(self, rate: Rate) -> None:
        self.rate = rate

    def __call__(self, step: Tensor) -> Tensor:
        """The rate of a step, on the device."""
        return self.rate.at(keras.ops.cast(step, "float32"), keras.ops)

    def get_config(self) -> dict[str, Any]:
        """What makes this schedule again."""
        return asdict(self.rate)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Schedule":
        """The way back."""
        return cls(Rate(**config))


def make_rate(settings: Optimizer, start: float, epochs: int, steps: int) -> Rate:
    """The rate of a stage of so many epochs, each of so many steps."""
    warmup = round(settings.warmup * steps)
    return Rate(start, warmup, max(epochs * steps - warmup, 1) if settings.schedule == "cosine" else None)


def make_optimizer(
    settings: Optimizer,
    rate: Rate,
    variables: list[Any],
    *,
    settable: bool = False,
    shares: Mapping[str, float] | None = None,
) -> Any:  # noqa: ANN401 -- a Keras optimizer
    """A Keras optimizer, built for some variables.

    Args:
        settings: its name, weight decay, and whether it averages the weights.
        rate: learning rate of the stage.
        variables: what it trains.
        settable: whether callbacks may set the learning rate, which must be constant then.
        shares: of the rate, by the path of a variable; 1 for others. Weight decay is not changed by them.
    """
    step_size = rate.start if settable else Schedule(rate)
    averaging = {"use_ema": True, "ema_momentum": settings.ema_momentum} if settings.ema else {}
    if settings.name == "adamw":
        optimizer = _kind(keras.optimizers.AdamW, variables, shares)(
            step_size, weight_decay=settings.weight_decay, **averaging
        )
        optimizer.exclude_from_weight_decay(var_names=list(NOT_DECAYED))
    else:
        optimizer = _kind(keras.optimizers.Adam, variables, shares)(step_size, **averaging)
    optimizer.build(variables)
    return optimizer


def _kind(usual: Any, variables: list[Any], shares: Mapping[str, float] | None) -> Any:  # noqa: ANN401 -- Keras' classes
    """A class of optimizers whose variables have shares of the rate; the usual class where they have none."""
    if not shares:
        return usual
    by_place = [shares.get(variable.path, 1.0) for variable in variables]

    class Shared(usual):
        def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:  # noqa: ANN401
            # TensorFlow hands in its own variable, which has no path; Keras finds its place for its own moments, too.
            super().update_step(gradient, variable, learning_rate * by_place[self._get_variable_index(variable)])

    return Shared


def rate_of(optimizer: Any) -> float:  # noqa: ANN401 -- a Keras optimizer
    """Its current learning rate."""
    return float(keras.ops.convert_to_numpy(optimizer.learning_rate))
