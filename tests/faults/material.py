"""What the disturbed commands read: a small sky, its data set, a trained run, and a loopback server for fetch."""

import contextlib
import functools
import hashlib
import http.server
import importlib
import os
import shutil
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.faults.commands import FIT_OPTIONS, RUN_OPTIONS, Material
from tests.faults.forking import fork

_MODULES = {
    "gzprep": (
        *("gzprep.cli", "gzprep.run.launch", "gzprep.run.beam.pipeline", "gzprep.run.pool", "gzprep.cli.show"),
        *("gzprep.simulate.sky", "gzprep.tools.fetch"),
        *("apache_beam.runners.direct.direct_runner", "apache_beam.runners.portability.fn_api_runner"),
    ),
    "gztrain": (
        *("gztrain.cli", "tensorflow", "keras", "gztrain.training.fit", "gztrain.training.crossval"),
        *("gztrain.predict.images", "gztrain.predict.export", "gztrain.evaluation.evaluate", "gztrain.cli.show"),
        *("gztrain.training.backends.tensorflow", "gztrain.models.registry", "tf2onnx", "onnxruntime"),
    ),
}
_FILES = ("gz2_train_catalog.parquet", "gz2_test_catalog.parquet", "images_gz2.tar.gz")


@contextlib.contextmanager
def material_for(program: str, folder: Path, galaxies: int = 40, *, serve: bool) -> Iterator[Material]:
    """Import what the commands of a program need, for all forks, and make what they read.

    Args:
        program: ``gzprep``, and after that ``gztrain``.
        folder: the same for both.
        galaxies: number of galaxies of the sky.
        serve: whether fetch needs its loopback server while the block lasts.
    """
    material = Material(folder / "sky", folder / "dataset", folder / "run", folder / "served", galaxies)
    _import(program)
    if program == "gzprep":
        folder.mkdir(parents=True)
        make(folder, "gzprep", "simulate", material.sky, *material.sky_options)
        make(folder, "gzprep", "run", "--data", material.sky, "--out", material.dataset, "--workers", "1", *RUN_OPTIONS)
    else:
        make(folder, "gztrain", "fit", material.dataset, "--run", material.run, *FIT_OPTIONS)
    with _served(material) if serve else contextlib.nullcontext():
        yield material


def _import(program: str) -> None:
    for name in _MODULES[program]:
        importlib.import_module(name)


def make(folder: Path, program: str, *words: str | Path) -> None:
    """Run a command without a fault, in a fork."""
    main = importlib.import_module(f"{program}.cli").main
    environment = {"GZTRAIN_CACHE": os.fspath(folder / "cache")}
    ended = fork(main, [program, *(str(word) for word in words)], environment, lambda _: None).end()
    if ended.code:
        raise RuntimeError(ended.err)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    """A server that prints nothing."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


class _Server(http.server.ThreadingHTTPServer):
    """A server whose clients may be killed."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


@contextlib.contextmanager
def _served(material: Material) -> Iterator[None]:
    """Serve the sky as the library's own server does; only addresses and sums of the library are replaced."""
    from galaxy_datasets.shared import download_utils

    _pack(material)
    handler = functools.partial(_Quiet, directory=str(material.served))
    original = download_utils.DatasetDownloader
    with _Server(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        resources = [(f"{address}/{name}", _md5(material.served / name)) for name in _FILES]
        download_utils.DatasetDownloader = lambda root, _, *args, **kwargs: original(root, resources, *args, **kwargs)
        try:
            yield
        finally:
            download_utils.DatasetDownloader = original
            server.shutdown()


def _pack(material: Material) -> None:
    material.served.mkdir()
    for name in _FILES[:2]:
        shutil.copy(material.sky / name, material.served / name)
    with tarfile.open(material.served / _FILES[2], "w:gz") as archive:
        archive.add(material.sky / "images", "images")


def _md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
