"""What must be settled before Keras starts: its backend, how TensorFlow takes memory, and how much it talks."""

import contextlib
import gc
import importlib
import importlib.abc
import importlib.util
import json
import os
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from gzcore.console.process import start_again
from gzcore.errors import GzError

ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": str(1 << 32), "MALLOC_TRIM_THRESHOLD_": str(1 << 34)}
"""Keeps batches on glibc's heap: with its defaults each is mapped anew, which costs 37 page faults an image, and a
quarter of TensorFlow's input speed."""
STREAMING = ("fit", "crossval", "evaluate", "predict", "ensemble", "bench")
"""Commands that read many images."""
BACKENDS = ("tensorflow", "jax")
"""Keras backends that gztrain works with, each named as the package it needs."""
_LAYERS = ("gztrain.models.layers", "gztrain.models.stem", "gztrain.models.masked_loss", "gztrain.training.optimizer")
"""Modules that register our classes with Keras when they are imported: layers, a loss, and the learning rate of a model
that a callback saved."""


def choose_backend() -> None:
    """Let KERAS_BACKEND and Keras' own config decide; where neither does and TensorFlow is not there, take JAX.

    Raises:
        GzError: gztrain does not work with the backend that was chosen, or it is not installed, or none is.
    """
    asked = os.environ.get("KERAS_BACKEND")
    if asked:
        _check_backend("KERAS_BACKEND", asked)
    elif configured := _configured_backend():
        _check_backend("The backend in Keras' own keras.json", configured)
    elif not _installed("tensorflow"):
        if not _installed("jax"):
            raise GzError("Neither TensorFlow nor JAX is installed; pip install 'gzprep[train]' brings TensorFlow.")
        os.environ["KERAS_BACKEND"] = "jax"


def _check_backend(source: str, backend: str) -> None:
    if backend not in BACKENDS:
        raise GzError(
            f"{source} is {backend!r}; gztrain works with tensorflow and jax: set KERAS_BACKEND to one of them."
        )
    if not _installed(backend):
        extra = {"tensorflow": "train"}.get(backend, backend)
        raise GzError(
            f"{source} is {backend}, which is not installed; install it with: pip install 'gzprep[{extra}]', or set "
            "KERAS_BACKEND to another."
        )


def _configured_backend() -> str | None:
    """The backend that Keras' own config names and that is no mere default; None if there is none."""
    folder = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    try:
        backend = json.loads((folder / "keras.json").read_text(encoding="utf-8")).get("backend")
    except (OSError, ValueError, AttributeError):
        return None
    return backend if isinstance(backend, str) and backend != "tensorflow" else None  # that is what Keras writes itself


def _installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def start_keras() -> None:
    """Load Keras with the chosen backend, and without the messages that TensorFlow prints.

    Raises:
        GzError: that backend is not installed, or gztrain does not work with it.
    """
    choose_backend()
    with quiet_imports(), uncollected():
        importlib.import_module("keras")


def restart_with_allocator(arguments: Sequence[str]) -> None:
    """Start the command once more with the allocator set, if it streams: glibc looks at this as a process begins.

    Does nothing where it is set already, where there is no glibc, and where gztrain is not the command itself.
    """
    streams = bool(set(STREAMING) & set(arguments)) and "--help" not in arguments
    if not streams or not sys.platform.startswith("linux") or not _is_the_command():
        return
    if any(name in os.environ for name in ALLOCATOR):
        return
    start_again(ALLOCATOR)


def _is_the_command() -> bool:
    script = Path(getattr(sys.modules.get("__main__"), "__file__", None) or "")
    return script.name == "gztrain" or (script.name == "__main__.py" and script.parent.name == "gztrain")


class _KerasFinder(importlib.abc.MetaPathFinder):
    """Waits until keras is imported, and then imports our layers.

    ``keras.saving.load_model("model.keras")`` needs them. ``import gztrain`` would take seconds if it imported Keras.
    """

    def __init__(self) -> None:
        self._looking = False

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:  # noqa: ANN401, ARG002
        """Find keras as all other finders do, and give it a loader that imports our layers, too."""
        if name != "keras" or self._looking:
            return None
        self._looking = True
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._looking = False
        if spec is not None and spec.loader is not None:
            spec.loader = _KerasLoader(spec.loader)
        return spec


class _KerasLoader(importlib.abc.Loader):
    """Loads keras as its own loader does, then our layers."""

    def __init__(self, own: Any) -> None:  # noqa: ANN401 -- a loader of any kind
        self._own = own

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Leave that to its own loader."""
        module: ModuleType | None = self._own.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Load keras, hand it back to its own loader, and load our layers."""
        module.__loader__ = self._own
        if module.__spec__ is not None:
            module.__spec__.loader = self._own
        self._own.exec_module(module)
        _import_layers()


def register_layers() -> None:
    """Make our layers known to Keras: now if it is loaded, else as soon as it is imported. Loads nothing itself."""
    if sys.modules.get("keras") is not None:
        _import_layers()
    elif not any(isinstance(finder, _KerasFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _KerasFinder())


def _import_layers() -> None:
    for name in _LAYERS:
        importlib.import_module(name)


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
