"""Labels in groups of galaxies that are alike in magnitude, size or redshift: how often each comes, and with which."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.stats import norm

from gzcore.dataset.schema import LabelCounts
from gzprep.catalogue.measures import KINDS, measure_kind
from gzprep.report.prevalence import Drift, drifts
from gzprep.report.rows import Batch, Columns, Doubles

MOST = 1 << 17
"""Values of a column that are kept at a time, at most twice as many: groups of a longer catalogue are cut by a part."""
_QUARTERS = (0.25, 0.5, 0.75)
_NORMAL_95 = 1.959964
_FEWEST = 5
"""Expected galaxies on either side, at least: the usual rule for the normal approximation."""


@dataclass(eq=False)
class Spread:
    """The values of a column, from which groups are cut.

    Attributes:
        name: of the column.
        known: galaxies in the shards that have a value.
        every: each how many of them is kept, in the order of the catalogue.
        kept: their values.
    """

    name: str
    known: int = 0
    every: int = 1
    kept: list[Doubles] = field(default_factory=list)

    def add(self, batch: Batch) -> None:
        """Look at more galaxies."""
        values = batch.measures[self.name][batch.in_shards]
        values = values[np.isfinite(values)]
        self.kept.append(values[-self.known % self.every :: self.every])
        self.known += len(values)
        if sum(map(len, self.kept)) > 2 * MOST:
            self.kept = [np.concatenate(self.kept)[::2]]
            self.every *= 2

    def cuts(self) -> Doubles:
        """The quartiles, each of them once; none where all values are equal. A value equal to a cut is below it."""
        values = np.concatenate([np.empty(0), *self.kept])
        if not len(values):
            return values
        cuts = np.unique(np.quantile(values, _QUARTERS, method="lower"))
        return np.asarray(cuts[cuts < values.max()], np.float64)


def choose(spreads: Sequence[Spread], columns: Columns) -> list["Grouped"]:
    """For each kind of quantity the column with most values, the r band first among equals; a kind may be absent."""
    usable = [spread for spread in spreads if len(spread.cuts())]
    chosen = []
    for kind in KINDS:
        own = [spread for spread in usable if measure_kind(spread.name) == kind]
        best = max(own, key=lambda spread: (spread.known, spread.name.lower().endswith("_r")), default=None)
        if best is not None:
            others = tuple(spread.name for spread in own if spread is not best)
            chosen.append(Grouped.empty(kind, best, columns, others))
    return chosen


@dataclass(eq=False)
class Grouped:
    """Counts of labels under ``asked``, in G groups of galaxies by a column.

    Attributes:
        kind: ``magnitude``, ``size`` or ``redshift``.
        name: of the column.
        others: columns of the same kind that are not used.
        cuts: between the groups, float64 [G - 1].
        low, high: smallest and largest value of each group, [G].
        galaxies: [G]; those in the shards.
        without: galaxies in the shards that have no value.
        known, positive: galaxies with an answer, and with each label, float64 [G, L].
        pairs: galaxies with two labels at once, [G, L, L].
    """

    kind: str
    name: str
    others: tuple[str, ...]
    cuts: Doubles
    low: Doubles
    high: Doubles
    galaxies: Doubles
    known: Doubles
    positive: Doubles
    pairs: Doubles
    without: int = 0

    @classmethod
    def empty(cls, kind: str, spread: Spread, columns: Columns, others: tuple[str, ...] = ()) -> "Grouped":
        """Groups without galaxies."""
        cuts, labels = spread.cuts(), len(columns.labels)
        groups = len(cuts) + 1
        low, high, galaxies = np.full(groups, np.inf), np.full(groups, -np.inf), np.zeros(groups)
        known, positive = np.zeros((2, groups, labels))
        return cls(
            kind, spread.name, others, cuts, low, high, galaxies, known, positive, np.zeros((groups, labels, labels))
        )

    def add(self, batch: Batch) -> None:
        """Add the galaxies that are in the shards."""
        values = np.where(batch.in_shards, batch.measures[self.name], np.nan)
        places = np.where(np.isfinite(values), np.searchsorted(self.cuts, values), -1)
        self.without += int((batch.in_shards & (places < 0)).sum())
        given = (batch.asked * batch.mask).astype(np.float64)
        for group in np.unique(places[places >= 0]):
            rows = places == group
            self.low[group] = min(self.low[group], values[rows].min())
            self.high[group] = max(self.high[group], values[rows].max())
            self.galaxies[group] += rows.sum()
            self.known[group] += batch.mask[rows].sum(axis=0)
            self.positive[group] += given[rows].sum(axis=0)
            self.pairs[group] += given[rows].T @ given[rows]

    @property
    def names(self) -> list[str]:
        """The groups in words."""
        return [f"{low:.4g} to {high:.4g}" for low, high in zip(self.low, self.high, strict=True)]

    def drifts(self, labels: Sequence[str]) -> list[Drift]:
        """Which labels differ between the groups by more than chance."""
        return drifts(labels, {str(group): self._counts(group) for group in range(len(self.galaxies))})

    def _counts(self, group: int) -> LabelCounts:
        known, positive = (tuple(map(int, values[group])) for values in (self.known, self.positive))
        return LabelCounts(galaxies=int(self.galaxies[group]), answered=known, asked=positive, report=positive)

    def together(self, group: int) -> tuple[Doubles, Doubles]:
        """Galaxies of a group with the label of a row and that of a column, and all with that of the row, [L, L]."""
        pairs = self.pairs[group]
        return pairs, np.repeat(np.diag(pairs)[:, None], len(pairs), axis=1)


def more_than_chance(first: tuple[Doubles, Doubles], last: tuple[Doubles, Doubles], level: float) -> np.ndarray:
    """Which shares of two groups differ by more than chance: a z-test with a pooled share, by Bonferroni's method.

    Args:
        first: parts and totals of one group.
        last: those of the other, all of the same shape.
        level: of all tests together.

    Returns:
        Bool, of that shape; a share with fewer than 5 expected galaxies on either side is not tested.
    """
    total = first[1] + last[1]
    pooled = share(first[0] + last[0], total)
    with np.errstate(invalid="ignore", divide="ignore"):
        fewest = np.minimum(first[1], last[1]) * np.minimum(pooled, 1 - pooled)
        z = (share(*last) - share(*first)) / np.sqrt(pooled * (1 - pooled) * (1 / first[1] + 1 / last[1]))
    tested = fewest >= _FEWEST
    result: np.ndarray = tested & (2 * norm.sf(np.abs(z)) * max(int(tested.sum()), 1) < level)
    return result


def share(part: Doubles, total: Doubles) -> Doubles:
    """A share; NaN of nothing."""
    result: Doubles = np.divide(part, total, out=np.full(np.shape(part), np.nan), where=total > 0)
    return result


def interval(part: Doubles, total: Doubles) -> tuple[Doubles, Doubles]:
    """95 % interval of a share; NaN of nothing. Wilson 1927, J. Am. Stat. Assoc. 22, 209, equation 1."""
    observed, squared = share(part, total), _NORMAL_95**2
    count = np.where(total > 0, total, np.nan)
    middle = (observed + squared / (2 * count)) / (1 + squared / count)
    half = _NORMAL_95 * np.sqrt(observed * (1 - observed) / count + squared / (4 * count**2)) / (1 + squared / count)
    return np.clip(middle - half, 0, 1), np.clip(middle + half, 0, 1)
