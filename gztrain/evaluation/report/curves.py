"""The training curves of a run, read from its history: losses, validation AUC, learning rate."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np

from gztrain.data.labels import Doubles
from gztrain.runs.history import read_history

Rows = list[dict[str, Any]]


@dataclass(frozen=True, eq=False)
class TrainingCurves:
    """Losses and learning rates against steps.

    Attributes:
        steps: number of steps done at each line of the history, float64 [E].
        loss: mean training loss of each line, [E].
        rate: learning rate, [E].
        checked: steps at which the model was validated, [V].
        val_loss, val_auc: validation loss and AUC at these steps, [V].
        stages: for each later stage, the step after which it begins, and its name.
        kept: step whose weights were kept; None if the model was never validated.
    """

    steps: Doubles
    loss: Doubles
    rate: Doubles
    checked: Doubles
    val_loss: Doubles
    val_auc: Doubles
    stages: tuple[tuple[float, str], ...]
    kept: float | None


def read_training_curves(path: Path, monitor: Literal["loss", "auc", "last"]) -> TrainingCurves | None:
    """Read the curves from a history file; None if there is no file, or it has no lines.

    Raises:
        GzError: the file is not a history.
    """
    rows = read_history(path) if path.exists() else []
    return training_curves(rows, monitor) if rows else None


def training_curves(rows: Rows, monitor: Literal["loss", "auc", "last"]) -> TrainingCurves:
    """Build the curves from the lines of a history."""
    checks = [row for row in rows if row["val_loss"] is not None]
    checked, val_loss, val_auc = (_column(checks, name) for name in ("step", "val_loss", "val_auc"))
    return TrainingCurves(
        steps=_column(rows, "step"),
        loss=_column(rows, "loss"),
        rate=_column(rows, "rate"),
        checked=checked,
        val_loss=val_loss,
        val_auc=val_auc,
        stages=tuple((float(a["step"]), str(b["stage"])) for a, b in pairwise(rows) if a["stage"] != b["stage"]),
        kept=_kept(checked, val_loss, {"loss": val_loss, "auc": -val_auc, "last": -checked}[monitor]),
    )


def _column(rows: Rows, name: str) -> Doubles:
    return np.array([row[name] for row in rows], np.float64)  # None becomes NaN


def _kept(checked: Doubles, loss: Doubles, monitored: Doubles) -> float | None:
    """The first best step, chosen as training chooses it: if an AUC is undefined, the loss decides."""
    if not len(checked):
        return None
    chosen = loss if np.isnan(monitored).any() else monitored
    return None if np.isnan(chosen).all() else float(checked[np.nanargmin(chosen)])
