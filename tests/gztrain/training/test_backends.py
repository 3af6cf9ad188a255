"""The step on both backends and on two virtual devices; plans and rates."""

import math

import pytest

from gzcore.errors import UsageError
from gztrain.config import Optimizer
from gztrain.training.backends import StepPlan
from gztrain.training.optimizer import Rate, make_rate
from tests.gztrain.running import python

TWO_DEVICES = {
    "tensorflow": (
        "import tensorflow as tf; cpu = tf.config.list_physical_devices('CPU')[0];"
        "tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2);"
    ),
    "jax": "import os; os.environ['XLA_FLAGS'] = '--xla_force_host_platform_device_count=2';",
}
RUN = "import runpy; runpy.run_module('tests.gztrain.on_two_devices', run_name='__main__')"


@pytest.mark.parametrize("backend", TWO_DEVICES)
def test_a_step_is_the_same_on_one_device_and_two(backend: str) -> None:
    done = python("-c", TWO_DEVICES[backend] + RUN, backend=backend, TF_CPP_MIN_LOG_LEVEL="3")
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert len(done.stdout.splitlines()) == 7


@pytest.mark.parametrize(
    ("batch", "devices", "accumulate", "fits"),
    [(16, 2, 2, True), (16, 1, 1, True), (15, 2, 1, False), (16, 2, 3, False), (2, 4, 1, False)],
)
def test_a_batch_must_be_cut_evenly(batch: int, devices: int, accumulate: int, *, fits: bool) -> None:
    plan = StepPlan(tuple(f"gpu:{place}" for place in range(devices)), accumulate)
    if fits:
        plan.check(batch)
    else:
        with pytest.raises(UsageError, match=f"batch of {batch} .* multiple of {devices * accumulate}"):
            plan.check(batch)


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


def test_keras_sees_the_same_rate() -> None:
    from gztrain.training.optimizer import Schedule

    rate = Rate(0.1, warmup=3, cosine=20)
    schedule = Schedule.from_config(Schedule(rate).get_config())
    assert [float(schedule(step)) for step in range(25)] == pytest.approx(
        [float(rate.at(step)) for step in range(25)], rel=1e-4
    )
