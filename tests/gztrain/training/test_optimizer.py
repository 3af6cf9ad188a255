"""The learning rate over a run, as we compute it and as Keras does."""

import math
from typing import Literal

import keras
import numpy as np
import pytest

from gztrain.config import Optimizer
from gztrain.training.optimizer import Rate, make_optimizer, make_rate


@pytest.mark.parametrize(
    ("rate", "step", "expected"),
    [
        (Rate(0.1), 1000, 0.1),
        (Rate(0.1, warmup=4), 0, 0.025),
        (Rate(0.1, warmup=4), 3, 0.1),
        (Rate(0.1, cosine=10), 0, 0.1),
        (Rate(0.1, cosine=10), 5, 0.05),
        (Rate(0.1, cosine=10), 10, 0.0),
        (Rate(0.1, cosine=10), 99, 0.0),
        (Rate(0.1, warmup=4, cosine=10), 9, 0.05),
    ],
)
def test_a_rate_rises_and_falls(rate: Rate, step: int, expected: float) -> None:
    assert math.isclose(float(rate.at(step)), expected, abs_tol=1e-12)


def test_a_cosine_ends_with_its_stage() -> None:
    rate = make_rate(Optimizer(schedule="cosine", warmup=0.5), 0.1, epochs=4, steps=10)
    assert (rate.warmup, rate.cosine) == (5, 35)
    assert float(rate.at(39)) < 0.001
    constant = Optimizer(schedule="constant", warmup=0)
    assert make_rate(constant, 0.1, epochs=4, steps=10) == Rate(0.1)


def test_keras_computes_the_same_rate() -> None:
    from gztrain.training.optimizer import Schedule

    rate = Rate(0.1, warmup=3, cosine=20)
    schedule = Schedule.from_config(Schedule(rate).get_config())
    assert [float(schedule(step)) for step in range(25)] == pytest.approx(
        [float(rate.at(step)) for step in range(25)], rel=1e-4
    )


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_a_variable_with_a_share_of_the_rate_moves_by_that_share(name: Literal["adam", "adamw"]) -> None:
    variables = [keras.Variable(np.zeros(2, np.float32), name=each) for each in ("deep", "head")]
    rate, shares = Rate(0.01), {variables[0].path: 0.1}
    optimizer = make_optimizer(Optimizer(name=name), rate, variables, shares=shares)
    optimizer.apply([keras.ops.ones(2), keras.ops.ones(2)], variables)
    moved = [-float(keras.ops.convert_to_numpy(variable)[0]) for variable in variables]
    assert moved == pytest.approx([0.001, 0.01], rel=1e-4)  # the first step of Adam is as long as the rate
