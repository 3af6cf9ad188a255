"""How sure labels are: the votes behind them, ties, and whether a second panel of volunteers would say the same.

:mod:`gzcore.dataset.second_panel` has the formula.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gzcore.dataset.second_panel import agreements
from gzcore.dataset.tree import Question
from gzprep.report.rows import Batch, Columns, Doubles

Counts = npt.NDArray[np.int64]
MOST_VOTES = 50
"""The curve of labels kept goes from a minimum of 1 vote to this."""
FEW, SOME, MANY = 2, 10, 20
"""Labels on at most 2 votes, on fewer than 10, and on 20 or more (Willett et al. 2013 ask for 20)."""
_COMPRESS = 100_000
_TIE = 1e-6


@dataclass(eq=False)
class Certainty:
    """Votes behind the labels of one question.

    Attributes:
        question: the question.
        columns: where its votes and labels are.
        labels: galaxies that have a label.
        ties: galaxies that have a label, although two answers got the most votes.
        unknown: galaxies that have a label, but no number of votes.
        rows: vote counts that occurred, int64 [U, K], in pieces.
        weights: how many galaxies had them, int64 [U], in pieces.
    """

    question: Question
    columns: Columns
    labels: int = 0
    ties: int = 0
    unknown: int = 0
    rows: list[Counts] = field(default_factory=list)
    weights: list[Counts] = field(default_factory=list)

    def add(self, batch: Batch) -> None:
        """Add galaxies."""
        labels = self.columns.label_slice(self.question)
        fractions = batch.fractions[:, self.columns.fraction_slice(self.question)]
        answered = batch.mask[:, labels].any(axis=1) & np.isfinite(fractions).all(axis=1)
        fractions, totals = fractions[answered], batch.totals[answered, self.question.index]
        largest = np.sort(fractions, axis=1)[:, -2:]
        self.labels += len(fractions)
        self.ties += int((largest[:, 1] - largest[:, 0] < _TIE).sum())
        counted = np.isfinite(totals) & (totals >= 1)
        self.unknown += int((~counted).sum())
        votes = np.rint(fractions[counted] * totals[counted, None]).astype(np.int64)
        self._keep(votes, np.ones(len(votes), np.int64))
        if sum(map(len, self.weights)) > _COMPRESS:
            self._compress()

    def _keep(self, rows: Counts, weights: Counts) -> None:
        self.rows.append(rows)
        self.weights.append(weights)

    def _compress(self) -> None:
        rows, weights = self.votes()
        self.rows, self.weights = [rows], [weights]

    def votes(self) -> tuple[Counts, Counts]:
        """Vote counts that occurred, int64 [U, K], and of how many galaxies, [U]."""
        empty = np.empty((0, len(self.question.answers)), np.int64)
        rows, where = np.unique(np.concatenate([empty, *self.rows]), axis=0, return_inverse=True)
        weights = np.bincount(where.reshape(-1), np.concatenate([np.empty(0), *self.weights]), len(rows))
        return rows, weights.astype(np.int64)

    def curve(self) -> "Curve":
        """Labels kept, and their agreement, against the smallest number of votes that is asked for."""
        rows, weights = self.votes()
        totals, agreement = rows.sum(axis=1), agreements(rows)
        least = np.arange(1, MOST_VOTES + 1)
        kept = np.array([weights[totals >= least_votes].sum() for least_votes in least])
        agreed = np.array([(weights * agreement)[totals >= least_votes].sum() for least_votes in least])
        shares = np.divide(agreed, kept, out=np.full(len(least), np.nan), where=kept > 0)
        return Curve(least, kept, shares)

    def at_most(self, votes: int) -> int:
        """Labels that rest on at most so many votes."""
        rows, weights = self.votes()
        return int(weights[rows.sum(axis=1) <= votes].sum())


@dataclass(frozen=True, eq=False)
class Curve:
    """What a minimum number of votes keeps.

    Attributes:
        least: the minimum, 1 to 50.
        kept: labels that have so many votes.
        agreement: share of these that a second panel would give again; NaN where none is kept.
    """

    least: Counts
    kept: Counts
    agreement: Doubles

    def first_above(self, share: float) -> int | None:
        """The smallest minimum from which the agreement reaches a share; None where it never does."""
        above = np.flatnonzero(self.agreement >= share)
        return int(self.least[above[0]]) if len(above) else None
