"""Votes that contradict each other: counted and told, because either number may be the right one."""

from collections.abc import Sequence

import numpy as np

from gzprep.catalogue.galaxy import ROUNDING, Votes
from gzprep.catalogue.survey import Survey

FRACTION = "fraction_differs_from_votes"
"""A vote fraction is not the votes of its answer divided by those of its question."""
SUM = "answers_differ_from_total"
"""The votes of the answers do not add up to the total votes of their question."""


def count_inconsistent(votes: Sequence[Votes], survey: Survey) -> dict[str, int]:
    """Count galaxies whose votes contradict each other by more than rounding, by kind; unknown numbers do not.

    Args:
        votes: of any number of galaxies.
        survey: whose questions they answer.

    Returns:
        Kind to number of galaxies; a kind without a galaxy is absent.
    """
    if not votes:
        return {}
    fractions, counts, totals = (
        np.array([getattr(row, name) for row in votes]) for name in ("fractions", "counts", "totals")
    )
    lengths = [len(question.answers) for question in survey.asked]
    of_answer = totals[:, np.repeat(np.arange(len(lengths)), lengths)]
    differs = np.abs(counts - fractions * of_answer) > ROUNDING * np.maximum(of_answer, 1)
    unasked = (of_answer == 0) & (fractions > ROUNDING)
    sums = np.add.reduceat(counts, np.cumsum([0, *lengths[:-1]]), axis=1)
    off = np.abs(sums - totals) > ROUNDING * np.maximum(totals, 1)
    kinds = {SUM: off, FRACTION: differs | (unasked & np.isfinite(counts))}
    galaxies = {kind: int(wrong.any(axis=1).sum()) for kind, wrong in kinds.items()}
    return {kind: number for kind, number in galaxies.items() if number}
