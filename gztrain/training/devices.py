"""Where a run computes, and how precisely."""

import contextlib
from collections.abc import Iterator

from gzcore.errors import UsageError
from gztrain.config import Compute, Optimizer
from gztrain.training.backends import Backend, Plan


def make_plan(backend: Backend, compute: Compute, optimizer: Optimizer, batch: int) -> Plan:
    """Choose devices and settle how a step is computed on them.

    Raises:
        UsageError: there are fewer devices than asked for, or the batch cannot be cut evenly.
    """
    found = backend.local_devices()
    if compute.devices is not None and compute.devices > len(found):
        raise UsageError(
            f"{compute.devices} devices were asked for, and there are {len(found)}: {', '.join(found)}; "
            "leave --devices out to use all."
        )
    devices = found[: compute.devices or len(found)]
    jit = compute.jit == "on" or (compute.jit == "auto" and not devices[0].startswith("cpu"))
    plan = Plan(devices, compute.accumulate, jit=jit, clip=optimizer.clip)
    plan.check(batch)
    return plan


def choose_precision(backend: Backend, compute: Compute) -> str:
    """Keras' dtype policy: bfloat16 where it is asked for, or the device has it; weights are float32 in any case."""
    if compute.precision == "auto":
        return "mixed_bfloat16" if backend.has_bfloat16() else "float32"
    return "mixed_bfloat16" if compute.precision == "bfloat16" else "float32"


@contextlib.contextmanager
def policy(name: str) -> Iterator[None]:
    """Scope in which layers are made under a dtype policy."""
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
