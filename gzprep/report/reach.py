"""How many galaxies are asked a question, and how sure the volunteers are who answer it (Fig 16 and 17).

A mean over all galaxies, with 0 where a question was not asked, measures how often the question is asked. Here the two
are apart: the share of galaxies asked, and the mean vote fraction of those.
"""

from dataclasses import dataclass

import numpy as np

from gzprep.report.rows import Batch, Columns, Doubles

SURE, UNLIKELY = 0.5, 0.2
"""Fig 17: a galaxy has a feature from the first fraction on, and lacks it up to the second."""
_MOST_VOTES = 128


@dataclass(eq=False)
class Reach:
    """Sums over galaxies, one entry for each vote fraction (F) or question (Q).

    Attributes:
        galaxies: all of them.
        asked: galaxies whose question was asked, float64 [F].
        total: sum of their fractions, [F].
        sure, unlikely: how many fractions are at least 0.5, and at most 0.2, [F].
        whole: how many are 0 or 1, [F]: a user's own labels are, and votes of one volunteer.
        votes: histogram of the total votes of each question, [Q, 129]; the last entry: more.
        votes_sum, votes_squares: of the total votes, [Q].
    """

    columns: Columns
    galaxies: int
    asked: Doubles
    total: Doubles
    sure: Doubles
    unlikely: Doubles
    whole: Doubles
    votes: Doubles
    votes_sum: Doubles
    votes_squares: Doubles

    @classmethod
    def empty(cls, columns: Columns) -> "Reach":
        """Sums over no galaxies."""
        width, questions = len(columns.fractions), len(columns.questions)
        asked, total, sure, unlikely, whole = np.zeros((5, width))
        votes_sum, votes_squares = np.zeros((2, questions))
        votes = np.zeros((questions, _MOST_VOTES + 1))
        return cls(columns, 0, asked, total, sure, unlikely, whole, votes, votes_sum, votes_squares)

    def add(self, batch: Batch) -> None:
        """Add galaxies."""
        known = np.isfinite(batch.fractions)
        values = np.where(known, batch.fractions, 0.0)
        self.galaxies += len(batch)
        self.asked += known.sum(axis=0)
        self.total += values.sum(axis=0)
        self.sure += (known & (values >= SURE)).sum(axis=0)
        self.unlikely += (known & (values <= UNLIKELY)).sum(axis=0)
        self.whole += (known & np.isin(values, (0.0, 1.0))).sum(axis=0)
        for place in range(len(self.columns.questions)):
            self._add_votes(place, batch.totals[:, place])

    def _add_votes(self, place: int, totals: Doubles) -> None:
        totals = totals[np.isfinite(totals) & (totals > 0)]
        self.votes[place] += np.bincount(np.minimum(totals, _MOST_VOTES).astype(int), minlength=_MOST_VOTES + 1)
        self.votes_sum[place] += totals.sum()
        self.votes_squares[place] += (totals**2).sum()

    def mean_asked(self) -> Doubles:
        """Mean fraction of the galaxies that were asked, [F]; NaN where none was."""
        unknown = np.full(len(self.total), np.nan)
        result: Doubles = np.divide(self.total, self.asked, out=unknown, where=self.asked > 0)
        return result

    def mean_zero_filled(self) -> Doubles:
        """Mean over all galaxies, with 0 where the question was not asked, [F]; as in the source report's Fig 16."""
        result: Doubles = self.total / max(self.galaxies, 1)
        return result

    def enough_votes(self) -> Doubles:
        """Mean plus two standard deviations of the total votes, one a question, [Q]; NaN where there are none."""
        galaxies = self.votes.sum(axis=1)
        with np.errstate(invalid="ignore"):
            mean = self.votes_sum / galaxies
            spread = np.sqrt(np.maximum(self.votes_squares / galaxies - mean**2, 0.0))
        result: Doubles = mean + 2 * spread
        return result
