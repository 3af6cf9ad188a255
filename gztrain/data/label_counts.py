"""How often each label is known, and how often it is 1."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gzcore.errors import GzError
from gztrain.data.dataset import Scheme
from gztrain.data.labels import Ints, Policy


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
            raise GzError(f"Counts of {len(self.names)} labels came in shapes {self.answered.shape}.")
        if not ((self.positives >= 0) & (self.positives <= self.answered) & (self.answered <= self.galaxies)).all():
            raise GzError("Counts of labels must have 0 <= positives <= answered <= galaxies; these do not.")

    def as_json(self) -> dict[str, Any]:
        """The counts as JSON has them; the names are those of the scheme."""
        return {
            "galaxies": self.galaxies,
            "answered": self.answered.tolist(),
            "positives": self.positives.tolist(),
        }

    @property
    def without_positive(self) -> tuple[str, ...]:
        """Names of the labels that are never 1; a model cannot learn them."""
        return tuple(name for name, count in zip(self.names, self.positives, strict=True) if count == 0)


def counts_from(values: Mapping[str, Any], scheme: Scheme) -> LabelCounts:
    """Read counts back from what :meth:`LabelCounts.as_json` gave.

    Raises:
        GzError, KeyError, TypeError, ValueError: they are damaged.
    """
    answered, positives = (np.array(values[key], np.int64) for key in ("answered", "positives"))
    return LabelCounts(scheme.names, int(values["galaxies"]), answered, positives)


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
