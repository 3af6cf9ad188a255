"""The models on JAX: the same tests again, in a process of their own, for one model of each family."""

from pathlib import Path

from tests.gztrain.running import python

HERE = "tests/gztrain/"
FAMILIES = ("small", "vgg16", "convnexttiny", "vit-64-8-12", "cct", "cvt")
OTHERS = ("test_augment.py", "test_models_stem.py::test_sizes_in_use_keep_the_mean")
COMPILE_QUICKLY = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
"""What is compiled runs once."""


def test_models_and_augmentation_on_jax(tmp_path: Path) -> None:
    steps = [
        f"{HERE}test_models_build.py::test_a_step_then_saved_and_loaded_it_predicts_the_same[{name}]"
        for name in FAMILIES
    ]
    done = python(
        *("-m", "pytest", "-p", "no:cacheprovider", *(f"{HERE}{name}" for name in OTHERS), *steps),
        *("--deselect", f"{HERE}test_augment.py::test_values_stay_between_the_darkest_and_the_brightest"),
        backend="jax",
        XLA_FLAGS=COMPILE_QUICKLY,
        JAX_COMPILATION_CACHE_DIR=str(tmp_path),  # a loaded model compiles to what the saved one did
        JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS="0",
        JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES="-1",
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert "skipped" not in done.stdout, done.stdout
    assert " passed" in done.stdout, done.stdout
