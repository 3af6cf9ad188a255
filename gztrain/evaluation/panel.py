"""The votes of the volunteers on the galaxies that a run is judged on."""

from dataclasses import dataclass, replace

import numpy as np

from gzcore.dataset.second_panel import agreements
from gzcore.dataset.tree import Question
from gzcore.errors import GzError
from gztrain.data.dataset import Dataset, Scheme
from gztrain.data.labels import Answers, Doubles, Floats, Ints, classes


@dataclass(frozen=True, eq=False)
class Panel:
    """Votes on N galaxies, for the Q questions of a scheme and their A answers.

    Attributes:
        fractions: vote fractions, float32 [N, A]; NaN where no volunteer was asked.
        votes: total votes of each question, float32 [N, Q]; NaN where they are not known.
        estimated: 1 where the catalogue has no total, and that of the tree's first question stands in for it,
            int64 [N, Q].
    """

    fractions: Floats
    votes: Floats
    estimated: Ints

    def __post_init__(self) -> None:
        if self.votes.shape != self.estimated.shape or len(self.votes) != len(self.fractions):
            raise GzError("Votes and fractions of volunteers are not of the same galaxies and questions.")

    def fractions_of(self, scheme: Scheme, place: int) -> Floats:
        """Vote fractions of the answers of a question, float32 [N, K]."""
        return self.fractions[:, scheme.fraction_blocks[place]]

    def shares(self, scheme: Scheme, place: int) -> Doubles:
        """Shares of the votes for labels and twin, float64 [N, K]; NaN where none of them has a vote."""
        fractions = self.fractions_of(scheme, place)[:, : len(classes(scheme.questions[place]))].astype(np.float64)
        total = fractions.sum(axis=1, keepdims=True)
        shares: Doubles = np.divide(fractions, total, out=np.full(fractions.shape, np.nan), where=total > 0)
        return shares

    def counted(self, scheme: Scheme, place: int) -> Ints:
        """1 for galaxies whose votes on a question are known, int64 [N]."""
        asked = np.isfinite(self.fractions_of(scheme, place)).all(axis=1)
        return (asked & (self.votes[:, place] >= 1)).astype(np.int64)  # a comparison with NaN is false

    def agreement(self, scheme: Scheme, place: int) -> Doubles:
        """Probability that a second panel of the same size prefers the same answer, float64 [N]; NaN if not counted.

        Votes for a dropped answer are left out on both sides: a galaxy for which it wins is masked.
        """
        rows, size = self.counted(scheme, place) == 1, len(classes(scheme.questions[place]))
        fractions = self.fractions_of(scheme, place)[rows, :size]
        votes = np.rint(fractions * self.votes[rows, place, None]).astype(np.int64)
        found = np.full(len(self.votes), np.nan)
        distinct, where = np.unique(votes, axis=0, return_inverse=True)
        found[rows] = agreements(distinct)[where.reshape(-1)]
        return found


def panel_of(batch: Answers, scheme: Scheme, tree: Dataset) -> Panel:
    """The votes on a batch of galaxies.

    Where a question has no total, the total of the tree's first question times the share of volunteers that came to
    the question stands in for it.

    Args:
        batch: fractions and votes of B galaxies.
        scheme: the questions to take.
        tree: has all questions.
    """
    fractions = batch.fractions[:, list(scheme.fraction_places)]
    votes = batch.votes[:, [question.index for question in scheme.questions]]
    asked = np.stack([np.isfinite(fractions[:, block]).all(axis=1) for block in scheme.fraction_blocks], axis=1)
    came = np.stack([_share_that_came(batch, question, tree) for question in scheme.questions], axis=1)
    guess = np.maximum(np.rint(batch.votes[:, :1] * came), 1)
    estimated = ~np.isfinite(votes) & np.isfinite(guess) & asked
    return Panel(fractions, np.where(estimated, guess, votes).astype(np.float32), estimated.astype(np.int64))


def _share_that_came(batch: Answers, question: Question, tree: Dataset) -> Doubles:
    """Share of the volunteers who were asked a question, float64 [B]: a product along the tree.

    It is 1 where nothing leads to the question. Where several answers lead there, their shares add up; an answer to a
    question that was not asked has none. NaN where none of them is known.
    """
    if not question.parents:
        return np.ones(len(batch.fractions))
    named = {other.name: other for other in tree.questions}
    ways = [
        batch.fractions[:, tree.fraction_names.index(f"{parent}_{answer}_fraction")]
        * _share_that_came(batch, named[parent], tree)
        for parent, answer in question.parents
    ]
    return np.where(np.isfinite(ways).any(axis=0), np.nansum(ways, axis=0), np.nan)


def join_panels(parts: list[Panel | None]) -> Panel | None:
    """Votes on the galaxies of all parts; None if those of a part are not known."""
    known = [part for part in parts if part is not None]
    if not known or len(known) < len(parts):
        return None
    return Panel(
        *(np.concatenate([getattr(part, key) for part in known]) for key in ("fractions", "votes", "estimated"))
    )


def rows_of(panel: Panel | None, rows: Ints) -> Panel | None:
    """Votes on some of the galaxies."""
    if panel is None:
        return None
    return replace(panel, fractions=panel.fractions[rows], votes=panel.votes[rows], estimated=panel.estimated[rows])
