"""How often each label is given, per fold and split; which differences between them are more than chance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2_contingency

from gzcore.dataset.schema import LabelCounts, Manifest
from gzprep.report.rows import Batch, Columns, Doubles

LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Drift:
    """One label in folds and test.

    Attributes:
        label: its name.
        known: galaxies with an answer, one a group.
        positive: galaxies that have the label, one a group.
        p: chance of differences as large as these, if all groups were drawn from one population (chi-squared test);
            Holm's correction for the number of labels is in it. NaN where too few galaxies have the label.
    """

    label: str
    known: tuple[int, ...]
    positive: tuple[int, ...]
    p: float


def groups_of(manifest: Manifest) -> dict[str, LabelCounts]:
    """Counts of labels, by the name of a group: the folds of train, and test."""
    folds = {f"fold {name}": counts for name, counts in sorted(manifest.labels.folds.items(), key=_number)}
    return {**folds, "test": manifest.labels.test}


def _number(entry: tuple[str, LabelCounts]) -> int:
    return int(entry[0])


def drifts(names: Sequence[str], groups: Mapping[str, LabelCounts]) -> list[Drift]:
    """Compare the groups, label by label."""
    counts = [
        (
            tuple(group.answered[place] for group in groups.values()),
            tuple(group.asked[place] for group in groups.values()),
        )
        for place in range(len(names))
    ]
    chances = _holm(np.array([_chance(known, positive) for known, positive in counts]))
    return [Drift(name, *pair, float(p)) for name, pair, p in zip(names, counts, chances, strict=True)]


def _chance(known: Sequence[int], positive: Sequence[int]) -> float:
    table = np.array([(yes, all_ - yes) for all_, yes in zip(known, positive, strict=True) if all_ > 0])
    if len(table) < 2 or (table.sum(axis=0) == 0).any():
        return np.nan
    tested = chi2_contingency(table)
    few = tested.expected_freq.min() < 1 or (tested.expected_freq < 5).mean() > 0.2  # Cochran's rule
    return np.nan if few else float(tested.pvalue)


def _holm(chances: Doubles) -> Doubles:
    """Holm's step-down correction; NaN is left alone."""
    corrected = np.full(len(chances), np.nan)
    order = [place for place in np.argsort(chances) if np.isfinite(chances[place])]
    largest = 0.0
    for done, place in enumerate(order):
        largest = max(largest, min(1.0, chances[place] * (len(order) - done)))
        corrected[place] = largest
    return corrected


@dataclass(eq=False)
class Together:
    """How many galaxies have two labels at once, under ``asked``: float64 [L, L]."""

    columns: Columns
    pairs: Doubles

    @classmethod
    def empty(cls, columns: Columns) -> "Together":
        """No galaxies."""
        return cls(columns, np.zeros((len(columns.labels), len(columns.labels))))

    def add(self, batch: Batch) -> None:
        """Add the galaxies that are in the shards."""
        given = (batch.asked * batch.mask)[batch.in_shards].astype(np.float64)
        self.pairs += given.T @ given
