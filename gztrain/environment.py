"""What must be settled before Keras starts: its backend, how TensorFlow takes memory, and how much it talks."""

import contextlib
import gc
import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from gzcore.errors import GzError

ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": str(1 << 32), "MALLOC_TRIM_THRESHOLD_": str(1 << 34)}
"""Keeps batches on glibc's heap: with its defaults each is mapped anew, which costs 37 page faults an image, and a
quarter of TensorFlow's input speed."""
STREAMING = ("fit", "crossval", "evaluate", "predict", "ensemble", "bench")
"""Commands that read many images."""
BACKENDS = ("tensorflow", "jax", "torch")
"""Keras backends, each named as the package it needs. Training knows the first two, a trained model runs on any."""


def choose_backend() -> None:
    """Let KERAS_BACKEND and Keras' own config decide; where neither does and TensorFlow is not there, take JAX.

    Raises:
        GzError: the backend that was chosen is not installed, or none is.
    """
    asked = os.environ.get("KERAS_BACKEND")
    if asked:
        _check_installed(asked)
    elif not _installed("tensorflow"):
        if not _installed("jax"):
            raise GzError("Neither TensorFlow nor JAX is installed; pip install 'gzprep[train]' brings TensorFlow.")
        os.environ["KERAS_BACKEND"] = "jax"


def _check_installed(backend: str) -> None:
    if backend not in BACKENDS:
        raise GzError(f"KERAS_BACKEND is {backend!r}; set it to tensorflow or jax.")
    if not _installed(backend):
        raise GzError(f"KERAS_BACKEND is {backend}, which is not installed; install it, or set tensorflow or jax.")


def _installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def restart_with_allocator(arguments: Sequence[str]) -> None:
    """Start the command once more with the allocator set, if it streams: glibc looks at this as a process begins.

    Does nothing where it is set already, where there is no glibc, and where gztrain is not the command itself.
    """
    streams = bool(set(STREAMING) & set(arguments)) and "--help" not in arguments
    if not streams or not sys.platform.startswith("linux") or not _is_the_command():
        return
    if any(name in os.environ for name in ALLOCATOR):
        return
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, **ALLOCATOR})  # noqa: S606


def _is_the_command() -> bool:
    script = Path(getattr(sys.modules.get("__main__"), "__file__", None) or "")
    return script.name == "gztrain" or (script.name == "__main__.py" and script.parent.name == "gztrain")


@contextlib.contextmanager
def quiet_imports() -> Iterator[None]:
    """Keep what TensorFlow writes to the terminal as it is imported, past Python and its own log level, off it."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if "tensorflow" in sys.modules or not _installed("tensorflow"):
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Import without the garbage collector, which finds none among 460,000 objects of TensorFlow and Keras.

    It would look 1,100 times while they are made: half a second.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
