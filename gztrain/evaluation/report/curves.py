"""The course of a run, out of its history: what the curves are drawn from."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np

from gztrain.data.labels import Doubles
from gztrain.runs.history import read_history

Rows = list[dict[str, Any]]


@dataclass(frozen=True, eq=False)
class Course:
    """Losses and rates by step.

    Attributes:
        steps: steps of the run done at each line of the history, float64 [E].
        loss: mean training loss of the line, [E].
        rate: learning rate, [E].
        checked: steps at which validation was judged, [V].
        val_loss, val_auc: what it came to, [V].
        stages: step after which each later stage begins, and its name.
        kept: step whose weights were kept; None where validation was never judged.
    """

    steps: Doubles
    loss: Doubles
    rate: Doubles
    checked: Doubles
    val_loss: Doubles
    val_auc: Doubles
    stages: tuple[tuple[float, str], ...]
    kept: float | None


def read_course(path: Path, monitor: Literal["loss", "auc"]) -> Course | None:
    """Read what a history says; None where there is none, or it has no line.

    Raises:
        GzError: the file is no history.
    """
    rows = read_history(path) if path.exists() else []
    return course_of(rows, monitor) if rows else None


def course_of(rows: Rows, monitor: Literal["loss", "auc"]) -> Course:
    """Turn the lines of a history into columns."""
    checks = [row for row in rows if row["val_loss"] is not None]
    checked, val_loss, val_auc = (_column(checks, name) for name in ("step", "val_loss", "val_auc"))
    return Course(
        steps=_column(rows, "step"),
        loss=_column(rows, "loss"),
        rate=_column(rows, "rate"),
        checked=checked,
        val_loss=val_loss,
        val_auc=val_auc,
        stages=tuple((float(a["step"]), str(b["stage"])) for a, b in pairwise(rows) if a["stage"] != b["stage"]),
        kept=_kept(checked, val_loss, -val_auc if monitor == "auc" else val_loss),
    )


def _column(rows: Rows, name: str) -> Doubles:
    return np.array([row[name] for row in rows], np.float64)  # None becomes NaN


def _kept(checked: Doubles, loss: Doubles, judged_by: Doubles) -> float | None:
    """The first step that was best, as training chose it: where AUC is undefined, loss decides."""
    if not len(checked):
        return None
    chosen = loss if np.isnan(judged_by).any() else judged_by
    return None if np.isnan(chosen).all() else float(checked[np.nanargmin(chosen)])
