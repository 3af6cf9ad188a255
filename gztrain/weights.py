"""Weights of labels, from how often each is 1 among the training galaxies (REPORT F16, F17)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from gztrain.dataset import Scheme
from gztrain.errors import GztrainError, UsageError
from gztrain.labels import Doubles, Floats, Ints, Policy

Total = Literal["classes", "samples"]


@dataclass(frozen=True, eq=False)
class LabelCounts:
    """How often each of L labels is known, and how often it is 1, among some galaxies (one view each).

    Attributes:
        names: of the labels.
        galaxies: how many there are.
        answered: of each label, galaxies of which it is not masked, int64 [L].
        positives: of each label, those of which it is 1, int64 [L].
    """

    names: tuple[str, ...]
    galaxies: int
    answered: Ints
    positives: Ints

    def __post_init__(self) -> None:
        if not self.answered.shape == self.positives.shape == (len(self.names),):
            raise GztrainError(f"Counts of {len(self.names)} labels came in shapes {self.answered.shape}.")
        if not ((self.positives >= 0) & (self.positives <= self.answered) & (self.answered <= self.galaxies)).all():
            raise GztrainError("Counts of labels must have 0 <= positives <= answered <= galaxies; these do not.")

    @property
    def without_positive(self) -> tuple[str, ...]:
        """Names of the labels that are never 1: nothing can be learned of them."""
        return tuple(name for name, count in zip(self.names, self.positives, strict=True) if count == 0)


def count_labels(scheme: Scheme, labels: Ints, mask: Ints) -> LabelCounts:
    """Count the labels of N galaxies, each int64 [N, L] of 0 and 1."""
    return LabelCounts(scheme.names, len(labels), mask.sum(axis=0), (labels * mask).sum(axis=0))


def counts_of_folds(manifest: Mapping[str, Any], scheme: Scheme, folds: Iterable[int], policy: Policy) -> LabelCounts:
    """Add up what the manifest counted in some training folds: view 0 of each galaxy, the recipe's minimum of votes.

    Where a run asks for more votes than the recipe did, count the labels themselves: :func:`count_labels`.
    """
    parts = [manifest["labels"]["folds"][str(fold)] for fold in folds]
    galaxies = sum(part["galaxies"] for part in parts)
    places = list(scheme.places)
    positives = _add_up(part[policy] for part in parts)[places]
    answered = _add_up(part["answered"] for part in parts)[places]
    return LabelCounts(
        scheme.names, galaxies, answered if policy == "asked" else np.full_like(answered, galaxies), positives
    )


def _add_up(columns: Iterable[list[int]]) -> Ints:
    total: Ints = np.array(list(columns), np.int64).sum(axis=0)
    return total


def label_weights(kind: str, counts: LabelCounts, total: Total = "classes") -> Floats:
    """Weigh labels against their frequency.

    Args:
        kind: one of ``KINDS``. ``ens`` takes 1 / E, E = (1 - b^n) / (1 - b) with b = (N - 1) / N, the effective
            number of n positives among N galaxies (Cui et al. 2019); ``inverse`` 1 / n; ``inverse-sqrt`` 1 / sqrt(n).
        counts: of the training galaxies, view 0.
        total: what the weights add up to: the number of ``classes`` (labels), or of ``samples`` (galaxies).

    Returns:
        float32 [L]; 0 for a label without a positive, see :func:`warning`.

    Raises:
        UsageError: there is no such kind, or no such total.
        GztrainError: no label has a positive.
    """
    if kind not in KINDS:
        raise UsageError(f"There is no class weight {kind!r}; choose one of {', '.join(KINDS)}.")
    if total not in {"classes", "samples"}:
        raise UsageError(f"Weights add up to the number of classes or of samples, not of {total!r}.")
    known = counts.positives > 0
    if not known.any():
        raise GztrainError("None of the labels is 1 for any training galaxy: nothing can be learned from them.")
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
    """Return a sentence that names the labels without a positive, or None where there are none."""
    missing = counts.without_positive
    if not missing:
        return None
    return f"No training galaxy has {_listed(missing)} = 1: nothing can be learned there, and the weight is 0."


def check_labels(counts: LabelCounts) -> None:
    """Refuse labels without a positive (``--strict-labels``).

    Raises:
        GztrainError: there are some; the sentence names them.
    """
    missing = counts.without_positive
    if missing:
        raise GztrainError(
            f"No training galaxy has {_listed(missing)} = 1. Use more galaxies, another scheme, or no --strict-labels."
        )


def _listed(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
