"""Correlations of vote fractions (Fig 18 and 19), twice: where both questions were asked, and with zeros filled in.

Two answers of one question share its votes, so where there are only two, r must be -1. With 0 in place of "not asked"
both are 0 together for many galaxies, and r comes out near -0.5 or anywhere else: it then measures who was asked.
"""

from dataclasses import dataclass

import numpy as np

from gzcore.dataset.tree import Question
from gzprep.report.rows import Batch, Columns, Doubles

TOLERANCE = 5e-4
"""r of a two-answer question may differ from -1 by this much: published fractions are rounded."""


@dataclass(eq=False)
class Correlation:
    """Sums over pairs of fractions, float64 [F, F]; entry (i, j) is over galaxies for which both are known.

    Attributes:
        both: number of such galaxies.
        first: sum of fraction i.
        squares: sum of the squares of fraction i.
        products: sum of fraction i times fraction j.
    """

    columns: Columns
    galaxies: int
    both: Doubles
    first: Doubles
    squares: Doubles
    products: Doubles

    @classmethod
    def empty(cls, columns: Columns) -> "Correlation":
        """Sums over no galaxies."""
        width = len(columns.fractions)
        return cls(columns, 0, *(np.zeros((width, width)) for _ in range(4)))

    def add(self, batch: Batch) -> None:
        """Add galaxies."""
        known = np.isfinite(batch.fractions).astype(np.float64)
        values = np.nan_to_num(batch.fractions)
        self.galaxies += len(batch)
        self.both += known.T @ known
        self.first += values.T @ known
        self.squares += (values**2).T @ known
        self.products += values.T @ values

    def asked(self) -> Doubles:
        """Pearson's r over galaxies that were asked both, [F, F]; NaN where fewer than three were."""
        n = np.where(self.both > 2, self.both, np.nan)
        covariance = self.products / n - self.first * self.first.T / n**2
        variance = self.squares / n - (self.first / n) ** 2
        return _ratio(covariance, variance * variance.T)

    def zero_filled(self) -> Doubles:
        """Pearson's r over all galaxies, with 0 where a question was not asked, [F, F]."""
        n = max(self.galaxies, 1)
        mean = np.diag(self.first) / n
        variance = np.diag(self.squares) / n - mean**2
        return _ratio(self.products / n - np.outer(mean, mean), np.outer(variance, variance))

    def two_answers(self) -> list[tuple[Question, float, float]]:
        """Questions with just two answers, with their r where asked and zero-filled."""
        asked, filled = self.asked(), self.zero_filled()
        pairs = [(question, self.columns.fraction_slice(question)) for question in self.columns.questions]
        return [
            (question, float(asked[block.start, block.start + 1]), float(filled[block.start, block.start + 1]))
            for question, block in pairs
            if len(question.answers) == 2
        ]


def _ratio(covariance: Doubles, variances: Doubles) -> Doubles:
    with np.errstate(invalid="ignore", divide="ignore"):
        result: Doubles = np.where(variances > 1e-20, covariance / np.sqrt(np.maximum(variances, 0.0)), np.nan)
    return result
