"""The training step on two virtual devices, and how a batch is cut for them."""

from pathlib import Path

import pytest

from gzcore.errors import UsageError
from gztrain.training.backends import StepPlan
from tests.running import python


@pytest.mark.slow
def test_a_step_is_the_same_on_one_device_and_two() -> None:
    """On TensorFlow; ``tests/gztrain/test_on_jax.py`` does it on JAX."""
    file = Path(__file__).with_name("two_devices.py")
    done = python("-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", file, TF_CPP_MIN_LOG_LEVEL="3")
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert "11 passed" in done.stdout


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
