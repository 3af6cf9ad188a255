"""Weights of labels, computed from how often each label is 1 among the training galaxies (F16, F17)."""

from collections.abc import Callable
from typing import Literal

import numpy as np

from gzcore.errors import GzError, UsageError
from gztrain.data.label_counts import LabelCounts
from gztrain.data.labels import Doubles, Floats

Total = Literal["classes", "samples"]


def label_weights(kind: str, counts: LabelCounts, total: Total = "classes") -> Floats:
    """Compute weights that give rare labels more influence.

    Args:
        kind: one of ``KINDS``. ``ens`` is 1 / E, where E = (1 - b^n) / (1 - b) with b = (N - 1) / N is the effective
            number of n positives among N galaxies (Cui et al. 2019); ``inverse`` is 1 / n; ``inverse-sqrt`` is
            1 / sqrt(n).
        counts: of the training galaxies, view 0.
        total: the sum of the weights: the number of ``classes`` (labels), or of ``samples`` (galaxies).

    Returns:
        float32 [L]; 0 for a label that is never 1, see :func:`warning`.

    Raises:
        UsageError: there is no such kind, or no such total.
        GzError: no label is 1 for any galaxy.
    """
    if kind not in KINDS:
        raise UsageError(f"There is no class weight {kind!r}; choose one of {', '.join(KINDS)}.")
    if total not in {"classes", "samples"}:
        raise UsageError(f"Weights add up to the number of classes or of samples, not of {total!r}.")
    known = counts.positives > 0
    if not known.any():
        raise GzError("None of the labels is 1 for any training galaxy: nothing can be learned from them.")
    raw = np.zeros(len(known))
    raw[known] = KINDS[kind](counts.positives[known].astype(np.float64), counts.galaxies)
    size = counts.galaxies if total == "samples" else len(known)
    weights: Floats = (raw * (size / raw.sum())).astype(np.float32)
    return weights


def _ens(positives: Doubles, galaxies: int) -> Doubles:
    with np.errstate(divide="ignore"):  # one galaxy: b = 0, its logarithm -inf, and E = 1
        effective: Doubles = -galaxies * np.expm1(positives * np.log1p(-1 / galaxies))
    return 1 / effective


KINDS: dict[str, Callable[[Doubles, int], Doubles]] = {
    "ens": _ens,
    "inverse": lambda positives, _: 1 / positives,
    "inverse-sqrt": lambda positives, _: 1 / np.sqrt(positives),
    "none": lambda positives, _: np.ones_like(positives),
}
"""Raw weights of n positives among N galaxies; the first is the default."""


def warning(counts: LabelCounts) -> str | None:
    """A sentence that names the labels that are never 1; None if there are none."""
    missing = counts.without_positive
    if not missing:
        return None
    return f"No training galaxy has {_listed(missing)} = 1: nothing can be learned there, and the weight is 0."


def check_labels(counts: LabelCounts) -> None:
    """Check that every label is 1 for some galaxy (``--strict-labels``).

    Raises:
        GzError: a label is never 1; the sentence names it.
    """
    missing = counts.without_positive
    if missing:
        raise GzError(
            f"No training galaxy has {_listed(missing)} = 1. Use more galaxies, another scheme, or no --strict-labels."
        )


def _listed(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
