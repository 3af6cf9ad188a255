"""The devices that a run computes on, and its numeric precision."""

import contextlib
from collections.abc import Iterator

from gzcore.errors import UsageError
from gztrain.config import Compute, Optimizer
from gztrain.training.backends import Backend, StepPlan


def make_step_plan(backend: Backend, compute: Compute, optimizer: Optimizer, batch: int) -> StepPlan:
    """Choose the devices, and plan how a step is computed on them.

    Raises:
        UsageError: there are fewer devices than asked for, or the batch cannot be cut evenly.
    """
    available = backend.local_devices()
    if compute.devices is not None and compute.devices > len(available):
        raise UsageError(
            f"{compute.devices} devices were asked for, and there are {len(available)}: {', '.join(available)}; "
            "leave --devices out to use all."
        )
    devices = available[: compute.devices or len(available)]
    jit = compute.jit == "on" or (compute.jit == "auto" and not devices[0].startswith("cpu"))
    plan = StepPlan(devices, compute.accumulate, jit=jit, clip=optimizer.clip)
    plan.check(batch)
    return plan


def choose_precision(backend: Backend, compute: Compute) -> str:
    """Keras' dtype policy: bfloat16 if the user or (``auto``) the hardware says so. Weights are always float32."""
    if compute.precision == "auto":
        return "mixed_bfloat16" if backend.has_bfloat16() else "float32"
    return "mixed_bfloat16" if compute.precision == "bfloat16" else "float32"


@contextlib.contextmanager
def policy(name: str) -> Iterator[None]:
    """Context in which layers are created under a dtype policy."""
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
