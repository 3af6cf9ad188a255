"""Checkpoints: the full state of a run at some step, in files that appear complete or not at all.

``last.npz`` holds the values of all variables of model and optimizer (the model's include the seeds of dropout) and the
:class:`~gztrain.training.schedule.Progress`, from which the order of records and the augmentation follow.
``best-N.npz`` holds the model after step N, the best so far. ``end.npz`` is the last checkpoint before the training
ended; from it a run can be extended. A file is replaced only when the new one is complete.
"""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from gzcore.errors import GzError
from gzcore.storage.atomic import appearing, writing
from gzcore.storage.documents import DEEPEST, BadDocument, nesting
from gztrain.runs.arrays import DAMAGE, Array, read_arrays
from gztrain.training.schedule import Progress, progress_from_json, progress_to_json

_PROGRESS = "progress"
_KINDS = ("model", "optimizer", "callbacks")
"""The arrays of a checkpoint."""


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The state of a run at some step.

    Attributes:
        progress: how far the run has come.
        model: values of the model's variables, in Keras' order.
        optimizer: values of the optimizer's variables; empty at the start of a stage.
        callbacks: arrays that callbacks had as attributes; ``progress`` says which is where.
    """

    progress: Progress
    model: tuple[Array, ...]
    optimizer: tuple[Array, ...]
    callbacks: tuple[Array, ...] = ()


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

    @property
    def end(self) -> Path:
        """The last checkpoint before the training ended."""
        return self.folder / "end.npz"

    def best(self, steps: int) -> Path:
        """The model after some step."""
        return self.folder / f"best-{steps:09d}.npz"

    def save(self, snapshot: Snapshot) -> None:
        """Write a checkpoint, then remove the models that are no longer the best."""
        kinds = {kind: getattr(snapshot, kind) for kind in _KINDS}
        arrays = {name: array for kind, values in kinds.items() for name, array in _named(kind, values).items()}
        text = json.dumps(progress_to_json(snapshot.progress))
        self._write(self.last, {**arrays, _PROGRESS: np.frombuffer(text.encode(), np.uint8)})
        kept = self.best(snapshot.progress.best.steps)
        for path in self.folder.glob("best-*.npz"):
            if path != kept:
                path.unlink()
        self.saved()

    def keep_end(self) -> None:
        """Keep the newest checkpoint, which the end of the training is about to replace."""
        with writing(self.folder):
            if self.last.exists():
                self.last.replace(self.end)

    def take_end(self) -> None:
        """Make the state at the end of the training the newest checkpoint again, if the training had ended."""
        with writing(self.folder):
            if self.end.exists():
                self.end.replace(self.last)

    def save_best(self, steps: int, model: Sequence[Array]) -> None:
        """Write the model after some step. It becomes the best model when a checkpoint with this step is saved."""
        self._write(self.best(steps), _named("model", model))

    def _write(self, path: Path, arrays: Mapping[str, Array]) -> None:
        packed = io.BytesIO()
        np.savez(packed, allow_pickle=False, **arrays)
        with writing(self.folder):
            self.folder.mkdir(exist_ok=True)  # a run folder that is gone is not made again
            with appearing(path) as file:
                file.write(packed.getbuffer())

    def load(self) -> Snapshot | None:
        """The newest checkpoint, or None where there is none.

        Raises:
            GzError: it is damaged.
        """
        return self._load(self.last) or self._load(self.end)  # killed as the training ended, it has the latter alone

    def load_end(self) -> Snapshot | None:
        """The last checkpoint before the training ended, or None where there is none.

        Raises:
            GzError: it is damaged.
        """
        return self._load(self.end)

    def _load(self, path: Path) -> Snapshot | None:
        if not path.exists():
            return None
        arrays = _read(path)
        try:
            progress = _progress(arrays[_PROGRESS].tobytes())
        except (KeyError, TypeError, ValueError) as error:
            raise GzError(_damaged(path, error)) from None
        return Snapshot(progress, *(_in_order(kind, arrays, path) for kind in _KINDS))

    def load_best(self, steps: int) -> tuple[Array, ...]:
        """The model after some step.

        Raises:
            GzError: it is missing or damaged.
        """
        path = self.best(steps)
        return _in_order("model", _read(path), path)


def _progress(data: bytes) -> Progress:
    """Read the progress; its JSON may hold inf and nan, which other documents may not.

    Raises:
        KeyError, TypeError, ValueError: it is damaged.
    """
    if nesting(data) > DEEPEST:
        raise BadDocument(f"it is nested deeper than {DEEPEST} levels")
    progress: Progress = TypeAdapter(Progress).validate_python(progress_from_json(json.loads(data)).__dict__)
    counts = (*vars(progress.position).values(), progress.best.steps, progress.best.waited, progress.damaged)
    if not all(0 <= count < 2**48 for count in counts):
        raise BadDocument("its position is out of range")
    return progress


def _named(kind: str, arrays: Sequence[Array]) -> dict[str, Array]:
    return {f"{kind}-{place}": array for place, array in enumerate(arrays)}


def _in_order(kind: str, arrays: Mapping[str, Array], path: Path) -> tuple[Array, ...]:
    count = sum(name.startswith(f"{kind}-") for name in arrays)
    try:
        return tuple(arrays[f"{kind}-{place}"] for place in range(count))
    except KeyError as error:
        raise GzError(_damaged(path, error)) from None


def _read(path: Path) -> dict[str, Array]:
    try:
        return read_arrays(path)
    except DAMAGE as error:
        raise GzError(_damaged(path, error)) from None


_SHOWN = 200
"""Characters of an error that a sentence repeats; that of a damaged archive may hold half of it as a file name."""


def _damaged(path: Path, error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return f"The checkpoint {path} is missing; start over with --overwrite."
    return f"The checkpoint {path} is damaged ({str(error)[:_SHOWN]}); start over with --overwrite."


def values_of(variables: Sequence[Any]) -> tuple[Array, ...]:
    """Copies of the values of Keras variables."""
    return tuple(np.array(variable.numpy()) for variable in variables)


def check_fits(variables: Sequence[Any], values: Sequence[Array], source: Path) -> None:
    """Compare the shapes of values with those of Keras variables.

    Raises:
        GzError: the values are of other variables.
    """
    shapes, stored = [tuple(variable.shape) for variable in variables], [value.shape for value in values]
    if shapes != stored:
        raise GzError(
            f"The checkpoint {source} holds {len(stored)} arrays that do not fit the {len(shapes)} variables of this "
            "model: it is of another version of gztrain or Keras; start over with --overwrite."
        )


def assign_values(variables: Sequence[Any], values: Sequence[Array], source: Path) -> None:
    """Set Keras variables.

    Raises:
        GzError: the values are of other variables.
    """
    check_fits(variables, values, source)
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
