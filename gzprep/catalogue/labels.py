"""From votes to labels: Q10, the policies ``report`` and ``asked``, and the mask.

Pure functions of one galaxy's votes, its id and the split seed. Row ids such as F12 are those of the report's
requirements: F12 the bulge question, F13-F14 binarisation, F15 what an unasked question becomes.
"""

import math
from collections.abc import Callable, Sequence
from functools import cache

from gzcore.dataset.tree import Question
from gzcore.hashing import identity_hash
from gzprep.catalogue.galaxy import Labels, Votes
from gzprep.catalogue.tree import CATALOGUE_QUESTIONS, QUESTIONS, fraction_slice

TIE = 1e-6
"""Fractions closer than this are equal (F14): tables round to three decimals or to float32."""

Fractions = tuple[float, ...]
_PARTS = tuple((question, fraction_slice(question)) for question in QUESTIONS)
_CATALOGUE_PARTS = tuple(places for _, places in _PARTS[: len(CATALOGUE_QUESTIONS)])
_BY_NAME = {question.name: question for question in QUESTIONS}
_SIZE, _SHAPE, _EDGE_ON = (_BY_NAME[name] for name in ("bulge-size-gz2", "bulge-shape-gz2", "disk-edge-on-gz2"))
_NO_SIZE: int = fraction_slice(_SIZE).start + _SIZE.answers.index("no")
_NO_SHAPE: int = fraction_slice(_SHAPE).start + _SHAPE.answers.index("no-bulge")
_FACE_ON_AT: int = fraction_slice(_EDGE_ON).start + _EDGE_ON.answers.index("no")
_EDGE_ON_AT: int = fraction_slice(_EDGE_ON).start + _EDGE_ON.answers.index("yes")


def was_asked(fractions: Sequence[float]) -> bool:
    """Tell whether the question was answered: all fractions finite, and not all zero (Hart's table writes 0 if not)."""
    return math.isfinite(sum(fractions)) and any(fractions)


def blank_as_nan(fractions: Fractions) -> Fractions:
    """Write NaN for a question without a fraction above 0. The report fills in zeros by value, not by question."""
    return _where(_is_known, fractions)


def _where(test: Callable[[Fractions], bool], fractions: Fractions) -> Fractions:
    """Write NaN for every answer of a question whose fractions fail the test."""
    values: list[float] = []
    for place in _CATALOGUE_PARTS:
        shares = fractions[place]
        values += shares if test(shares) else (math.nan,) * len(shares)
    return tuple(values)


def _is_known(fractions: Fractions) -> bool:
    return any(value > 0 for value in fractions)  # NaN is not


def unasked_as_nan(fractions: Fractions) -> Fractions:
    """Write NaN for every answer of a question that no volunteer was asked. Catalogues mark it by NaN or by zeros."""
    return _where(was_asked, fractions)


def bulge_report(fractions: Fractions) -> tuple[float, float]:
    """Q10 (yes, no) by the report's equation 6.1: no is the mean of the two "no bulge" fractions; NaN propagates."""
    no = (fractions[_NO_SIZE] + fractions[_NO_SHAPE]) / 2
    return 1 - no, no


def bulge_asked(votes: Votes) -> tuple[float, float]:
    """Q10 (yes, no) from the volunteers who were asked either question; (NaN, NaN) if there are none (F12).

    A volunteer answers one of the two questions at most, so their votes are added. Without counts the two fractions
    are weighted by the fraction that leads to each question. This is the same if every volunteer went on.
    """
    total = votes.totals[_SIZE.index] + votes.totals[_SHAPE.index]
    no_votes = votes.counts[_NO_SIZE] + votes.counts[_NO_SHAPE]
    pooled = math.isfinite(no_votes) and math.isfinite(total) and total > 0
    no: float = no_votes / total if pooled else _weighted_no(votes.fractions)
    return 1 - no, no


def _weighted_no(fractions: Fractions) -> float:
    sides = ((fractions[_NO_SIZE], fractions[_FACE_ON_AT]), (fractions[_NO_SHAPE], fractions[_EDGE_ON_AT]))
    asked = [(no, weight) for no, weight in sides if math.isfinite(no)]
    weighed = [(no, weight) for no, weight in asked if weight > 0]
    if weighed:
        said_no: float = sum(no * weight for no, weight in weighed)
        return said_no / sum(weight for _, weight in weighed)
    # The question has votes, but the fractions above it are 0: the table is rounded. Equal weights.
    return sum(no for no, _ in asked) / len(asked) if asked else math.nan


def total_votes(votes: Votes) -> tuple[float, ...]:
    """Total votes of Q0 to Q10; those of Q10 are the sum over its two questions. NaN where there are no counts."""
    return (*votes.totals, votes.totals[_SIZE.index] + votes.totals[_SHAPE.index])


def winner(fractions: Sequence[float], *identity: str | int, seed: int) -> int:
    """Index of the largest fraction; equal ones (within ``TIE``) are settled by the hash of the identity."""
    ranked = sorted(fractions)
    top = ranked[-1]
    if len(ranked) == 1 or top - ranked[-2] > TIE:
        return fractions.index(top)
    tied = [place for place, value in enumerate(fractions) if top - value <= TIE]
    return tied[identity_hash("tie", seed, *identity) % len(tied)]


def report_labels(question: Question, fractions: Sequence[float], galaxy_id: str, seed: int) -> tuple[int, ...]:
    """Labels of one question as the report's code makes them (F15).

    A question that was not asked counts as zeros. If all fractions are zero, a hash of the id draws the label.

    Args:
        question: the question.
        fractions: one for each answer of the question; NaN where not asked.
        galaxy_id: settles ties among several labels. A single label is 1 from 0.5 on, without a tie.
        seed: the split seed.
    """
    # The report's zero fill also turns "no volunteer was asked" into "no bulge" in Q10.
    used = fractions[: len(question.used)]
    if not math.isfinite(sum(used)):
        used = [value if math.isfinite(value) else 0.0 for value in used]
    if len(used) == 1:
        return (int(used[0] >= 0.5),)
    return one_hot(winner(used, galaxy_id, question.name, seed=seed), len(used))


def asked_labels(
    question: Question, fractions: Sequence[float], galaxy_id: str, seed: int
) -> tuple[tuple[int, ...], int]:
    """Labels and mask of an answered question: the largest of *all* answers wins (F15).

    Returns:
        The labels, and 1; or zeros and mask 0 where a dropped answer wins.
    """
    place = winner(fractions, galaxy_id, question.name, seed=seed)
    dropped_won = question.answers[place] == question.dropped
    return one_hot(place, len(question.used)), int(not dropped_won)


@cache
def one_hot(place: int, length: int) -> tuple[int, ...]:
    """Return ``length`` zeros with a 1 at ``place``; all zeros where ``place`` lies beyond."""
    return tuple(int(other == place) for other in range(length))


def enough_votes(total: float, min_votes: int) -> bool:
    """Tell whether a question has enough votes. A question without counts is taken to have enough."""
    return not math.isfinite(total) or total >= min_votes


def label(votes: Votes, galaxy_id: str, *, seed: int = 0, min_votes: int = 1) -> Labels:
    """Derive everything a record holds of the votes of one galaxy."""
    known = blank_as_nan(votes.fractions)
    report_fractions = (*known, *bulge_report(known))
    votes = Votes(unasked_as_nan(votes.fractions), votes.counts, votes.totals)
    asked_fractions = (*votes.fractions, *bulge_asked(votes))
    totals = total_votes(votes)
    report: list[int] = []
    asked: list[int] = []
    mask: list[int] = []
    for question, places in _PARTS:
        report += report_labels(question, report_fractions[places], galaxy_id, seed)
        answerable = was_asked(asked_fractions[places]) and enough_votes(totals[question.index], min_votes)
        labels, answered = (
            asked_labels(question, asked_fractions[places], galaxy_id, seed)
            if answerable
            else ((0,) * len(question.used), 0)
        )
        asked += labels
        mask += [answered] * len(labels)
    return Labels(asked_fractions, totals, tuple(report), tuple(asked), tuple(mask))
