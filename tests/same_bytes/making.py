"""Data sets and models that are made again and compared, byte for byte, with what an earlier version made.

A *case* is a data set: real galaxies by one of the recipes, or the sample sky. A *way* is how it is made: by so many
workers, on an engine, from bucket to bucket. The bytes depend on the case alone.
"""

import functools
import hashlib
import io
import json
import os
import platform
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.running import python, shard_sums

RECORDED = Path(__file__).parent / "recorded.json"
BACKENDS = ("tensorflow", "jax")
_ISA = ("avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile")
"""Instruction sets that the backends choose their sums by."""

Sums = dict[str, str]


@dataclass(frozen=True)
class Case:
    """A data set.

    Attributes:
        recipe: its name; None: the defaults.
        real: made of the real galaxies, not of the sample sky.
        limit: galaxies; None: all.
    """

    recipe: str | None
    real: bool = True
    limit: int | None = None

    def arguments(self, data: Path) -> list[str]:
        """Options of ``gzprep run``."""
        chosen = [] if self.recipe is None else ["--recipe", self.recipe]
        source = ["--data", str(data)] if self.real else []
        return [*source, *chosen, *([] if self.limit is None else ["--limit", str(self.limit)])]


WHOLE = {
    "sample sky": Case(None, real=False),
    "gz2-cnn": Case("gz2-cnn"),
    "gz2-vit": Case("gz2-vit"),
    "gz2-report": Case("gz2-report"),
    "gz2-report, 100 galaxies": Case("gz2-report", limit=100),
}
"""Of the report's recipe both: its denoiser takes 0.1 s a view, too long for every engine."""
QUICK = {f"{recipe}, 12 galaxies": Case(recipe, limit=12) for recipe in ("gz2-cnn", "gz2-vit", "gz2-report")}
TRAINING = (
    *("--model", "small", "--size", "32", "--batch", "32", "--epochs", "2", "--fine-tune-epochs", "0", "--seed", "3"),
    *("--affine", "--set", "log.every=1", "--set", "bootstrap=20", "--set", "log.tensorboard=false"),
    *("--min-votes", "1", "--set", "ties=keep"),  # the labels that it was recorded with
)
"""Options of the run whose weights are compared."""


def command(module: str, *arguments: str | os.PathLike[str], backend: str = "tensorflow") -> None:
    """Run a command of ours in a process of its own.

    Raises:
        AssertionError: it failed; the message is what it said.
    """
    done = python("-m", module, *arguments, backend=backend)
    assert done.returncode == 0, done.stderr


def options(case: Case, data: Path, out: Path) -> list[str]:
    """Options of ``gzprep run`` that make a data set."""
    return [*case.arguments(data), "--out", str(out), "--set", "max_reject_share=1"]


def make(case: Case, data: Path, out: Path, *way: str) -> Sums:
    """Make a data set, and return the SHA-256 of its shards by their names."""
    command("gzprep", "run", *options(case, data, out), *way)
    return shard_sums(out)


def train(data: Path, run: Path, backend: str) -> str:
    """Train the small model, and return a SHA-256 over its weights."""
    command("gztrain", "fit", data, "--run", run, *TRAINING, backend=backend)
    return weights_sum(run / "model.keras")


def weights_sum(model: Path) -> str:
    """SHA-256 over the weights of a saved model, read from its HDF5 file: the archive around it holds the time."""
    import h5py

    digest = hashlib.sha256()

    def add(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            digest.update(f"{name} {item.shape} {item.dtype}".encode() + item[()].tobytes())

    with zipfile.ZipFile(model) as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as weights:
        weights.visititems(add)
    return digest.hexdigest()


@functools.cache
def processor() -> str:
    """What the last bit of a trained weight depends on: instruction sets, and the number of cores."""
    info = Path("/proc/cpuinfo")
    flags = set(info.read_text().split()) if info.exists() else set()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return " ".join([platform.machine(), *(name for name in _ISA if name in flags), f"{cores} cores"])


def recorded() -> dict[str, dict[str, Sums]]:
    """What was recorded: shards by case, weights by processor."""
    found: dict[str, dict[str, Sums]] = json.loads(RECORDED.read_text(encoding="utf-8"))
    return found
