"""What depends on the Keras backend, once more on JAX, all in one process: the tests that are marked `both_backends`.

One model a code path, augmentation, downscaling, the losses, and a training step on two devices.
"""

import re

import pytest

from tests.running import python

FILES = (
    "models/test_build.py",
    "models/test_augment.py",
    "models/test_stem.py",
    "predict/explain/test_heat.py",
    "training/test_losses.py",
    "training/two_devices.py",
)
SETTINGS = {
    # What is compiled runs once, so it need not be compiled well.
    "XLA_FLAGS": "--xla_force_host_platform_device_count=2"
    " --xla_backend_optimization_level=1 --xla_llvm_disable_expensive_passes=true --xla_cpu_use_fusion_emitters=false",
    # A loaded model compiles to what the saved one did.
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    "JAX_COMPILATION_CACHE_MAX_SIZE": str(64 << 20),
}
FEWEST = {"not vit and not cvt": 94, "": 100}
"""Which tests are run, and how many that is at least, so that a mark that is lost is noticed."""


@pytest.mark.slow
@pytest.mark.parametrize(
    "chosen",
    ["not vit and not cvt", pytest.param("", marks=pytest.mark.thorough)],
    ids=["one transformer", "all models"],
)
def test_models_losses_and_steps_on_jax(chosen: str, cache: pytest.Cache) -> None:
    """What was compiled is kept in pytest's cache: the same again takes 20 seconds in place of 50."""
    files = [f"tests/gztrain/{name}" for name in FILES]
    options = ("-p", "no:cacheprovider", "-p", "no:xdist", "-m", "both_backends", "-k", chosen, "--tb=short")
    done = python(
        *("-m", "pytest", *options, *files),
        backend="jax",
        JAX_COMPILATION_CACHE_DIR=str(cache.mkdir("jax")),
        **SETTINGS,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    assert "skipped" not in done.stdout, done.stdout
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) >= FEWEST[chosen]
