"""Checkpoints: everything that a run is at some step, in files that appear whole.

``last.npz`` holds the values of all variables of model and optimizer (the seeds of dropout are among the model's) and
the :class:`~gztrain.training.schedule.Progress`; order and augmentation are functions of that. ``best-N.npz`` holds the
model after step N, which was the best so far. A file is replaced by its successor only when that is whole.
"""

import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gzcore.errors import GzError
from gzcore.storage.atomic import appearing, writing
from gztrain.training.schedule import Progress, progress_from_json, progress_to_json

Array = npt.NDArray[Any]
_PROGRESS = "progress"


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A run at some step.

    Attributes:
        progress: where it is.
        model: values of the model's variables, in Keras' order.
        optimizer: values of the optimizer's; empty where a stage begins.
    """

    progress: Progress
    model: tuple[Array, ...]
    optimizer: tuple[Array, ...]


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoint folder of a run.

    Attributes:
        folder: the folder.
        saved: called when a new checkpoint is whole.
    """

    folder: Path
    saved: Callable[[], None] = lambda: None

    @property
    def last(self) -> Path:
        """The newest checkpoint."""
        return self.folder / "last.npz"

    def best(self, steps: int) -> Path:
        """The model after some step."""
        return self.folder / f"best-{steps:09d}.npz"

    def save(self, snapshot: Snapshot) -> None:
        """Write a checkpoint, then drop the models that were best before."""
        arrays = {**_named("model", snapshot.model), **_named("optimizer", snapshot.optimizer)}
        text = json.dumps(progress_to_json(snapshot.progress))
        self._write(self.last, {**arrays, _PROGRESS: np.frombuffer(text.encode(), np.uint8)})
        kept = self.best(snapshot.progress.best.steps)
        for path in self.folder.glob("best-*.npz"):
            if path != kept:
                path.unlink()
        self.saved()

    def save_best(self, steps: int, model: Sequence[Array]) -> None:
        """Write the model after some step; it counts once a checkpoint names it."""
        self._write(self.best(steps), _named("model", model))

    def _write(self, path: Path, arrays: Mapping[str, Array]) -> None:
        packed = io.BytesIO()
        np.savez(packed, allow_pickle=False, **arrays)
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            with appearing(path) as file:
                file.write(packed.getbuffer())

    def load(self) -> Snapshot | None:
        """The newest checkpoint, or None where there is none.

        Raises:
            GzError: it is damaged.
        """
        if not self.last.exists():
            return None
        arrays = _read(self.last)
        try:
            progress = progress_from_json(json.loads(arrays[_PROGRESS].tobytes()))
        except (KeyError, TypeError, ValueError) as error:
            raise GzError(_damaged(self.last, error)) from None
        return Snapshot(progress, _in_order("model", arrays), _in_order("optimizer", arrays))

    def load_best(self, steps: int) -> tuple[Array, ...]:
        """The model after some step.

        Raises:
            GzError: it is missing or damaged.
        """
        return _in_order("model", _read(self.best(steps)))


def _named(kind: str, arrays: Sequence[Array]) -> dict[str, Array]:
    return {f"{kind}-{place}": array for place, array in enumerate(arrays)}


def _in_order(kind: str, arrays: Mapping[str, Array]) -> tuple[Array, ...]:
    count = sum(name.startswith(f"{kind}-") for name in arrays)
    return tuple(arrays[f"{kind}-{place}"] for place in range(count))


def _read(path: Path) -> dict[str, Array]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return dict(stored)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise GzError(_damaged(path, error)) from None


def _damaged(path: Path, error: Exception) -> str:
    return f"The checkpoint {path} is damaged ({error}); start over with --overwrite."


def values_of(variables: Sequence[Any]) -> tuple[Array, ...]:
    """Copies of the values of Keras variables."""
    return tuple(np.array(variable.numpy()) for variable in variables)


def assign_values(variables: Sequence[Any], values: Sequence[Array], source: Path) -> None:
    """Set Keras variables.

    Raises:
        GzError: the values are of other variables.
    """
    shapes, found = [tuple(variable.shape) for variable in variables], [value.shape for value in values]
    if shapes != found:
        raise GzError(
            f"The checkpoint {source} holds {len(found)} arrays that do not fit the {len(shapes)} variables of this "
            "model: it is of another version of gztrain or Keras; start over with --overwrite."
        )
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
