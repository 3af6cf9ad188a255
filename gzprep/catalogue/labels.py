"""From votes to labels: derived questions, the policies ``report`` and ``asked``, and the mask.

Pure functions of one galaxy's votes, its id, the survey and the split seed. Row ids such as F12 are those of the
report's requirements: F12 the derived question, F13-F14 binarisation, F15 what an unasked question becomes.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache

from gzcore.dataset.tree import Question
from gzcore.hashing import identity_hash
from gzprep.catalogue.galaxy import Debiased, Labels, Votes
from gzprep.catalogue.survey import Pooled, Survey

TIE = 1e-6
"""Fractions closer than this are equal (F14): tables round to three decimals or to float32."""

Fractions = tuple[float, ...]


def was_asked(fractions: Sequence[float]) -> bool:
    """Tell whether the question was answered: all fractions finite, and not all zero (Hart's table writes 0 if not)."""
    return math.isfinite(sum(fractions)) and any(fractions)


def blank_as_nan(fractions: Fractions, survey: Survey) -> Fractions:
    """Write NaN for a question without a fraction above 0. The report fills in zeros by value, not by question."""
    return _where(_is_known, fractions, survey)


def _where(test: Callable[[Fractions], bool], fractions: Fractions, survey: Survey) -> Fractions:
    """Write NaN for every answer of a question whose fractions fail the test."""
    values: list[float] = []
    for place in survey.fraction_slices[: len(survey.asked)]:
        shares = fractions[place]
        values += shares if test(shares) else (math.nan,) * len(shares)
    return tuple(values)


def _is_known(fractions: Fractions) -> bool:
    return any(value > 0 for value in fractions)  # NaN is not


def unasked_as_nan(fractions: Fractions, survey: Survey) -> Fractions:
    """Write NaN for every answer of a question that no volunteer was asked. Catalogues mark it by NaN or by zeros."""
    return _where(was_asked, fractions, survey)


def derived_report(fractions: Fractions, sources: Sequence[Pooled]) -> tuple[float, float]:
    """A derived question (yes, no) by the report's equation 6.1: no is the mean of its sources; NaN propagates."""
    no = sum(fractions[source.answer] for source in sources) / len(sources)
    return 1 - no, no


def derived_asked(votes: Votes, sources: Sequence[Pooled]) -> tuple[float, float]:
    """A derived question (yes, no) from the volunteers who were asked a source of it; (NaN, NaN) if none was (F12).

    A volunteer answers one of these questions at most, so their votes are added. Without counts the fractions are
    weighted by the fraction that leads to each question. This is the same if every volunteer went on.
    """
    total = sum(votes.totals[source.question] for source in sources)
    no_votes = sum(votes.counts[source.answer] for source in sources)
    pooled = math.isfinite(no_votes) and math.isfinite(total) and total > 0
    no: float = no_votes / total if pooled else _weighted_no(votes.fractions, sources)
    return 1 - no, no


def _weighted_no(fractions: Fractions, sources: Sequence[Pooled]) -> float:
    sides = ((fractions[source.answer], fractions[source.leads]) for source in sources)
    asked = [(no, weight) for no, weight in sides if math.isfinite(no)]
    weighed = [(no, weight) for no, weight in asked if weight > 0]
    if weighed:
        said_no: float = sum(no * weight for no, weight in weighed)
        return said_no / sum(weight for _, weight in weighed)
    # The question has votes, but the fractions above it are 0: the table is rounded. Equal weights.
    return sum(no for no, _ in asked) / len(asked) if asked else math.nan


def total_votes(votes: Votes, survey: Survey) -> tuple[float, ...]:
    """Total votes of each question; of a derived one, the sum over its sources. NaN where there are no counts."""
    return (*votes.totals, *(sum(votes.totals[source.question] for source in sources) for sources in survey.pooled))


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
    # The report's zero fill also turns "no volunteer was asked" into a "no" of a derived question.
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


def label(votes: Votes, galaxy_id: str, survey: Survey, *, seed: int = 0, min_votes: int = 1) -> Labels:
    """Derive everything a record holds of the votes of one galaxy.

    Args:
        votes: of the galaxy.
        galaxy_id: settles ties.
        survey: whose questions they answer.
        seed: the split seed.
        min_votes: votes a question needs to count as answered.

    Raises:
        ValueError: the votes are those of another decision tree.
    """
    votes.check(len(survey.fraction_columns), len(survey.asked))
    known = blank_as_nan(votes.fractions, survey)
    report_fractions = known + _flat(derived_report(known, sources) for sources in survey.pooled)
    votes = replace(votes, fractions=unasked_as_nan(votes.fractions, survey))
    asked_fractions = votes.fractions + _flat(derived_asked(votes, sources) for sources in survey.pooled)
    totals = total_votes(votes, survey)
    report: list[int] = []
    asked: list[int] = []
    mask: list[int] = []
    for question, places in survey.parts:
        report += report_labels(question, report_fractions[places], galaxy_id, seed)
        answerable = was_asked(asked_fractions[places]) and enough_votes(totals[question.index], min_votes)
        labels, answered = (
            asked_labels(question, asked_fractions[places], galaxy_id, seed)
            if answerable
            else ((0,) * len(question.used), 0)
        )
        asked += labels
        mask += [answered] * len(labels)
    debiased = debiased_labels(votes, galaxy_id, survey, seed) if votes.debiased else None
    return Labels(asked_fractions, totals, tuple(report), tuple(asked), tuple(mask), debiased)


def debiased_labels(votes: Votes, galaxy_id: str, survey: Survey, seed: int) -> Debiased:
    """Labels by the debiased fractions of Hart et al. 2016 (MNRAS 461, 3663): the largest of all answers wins.

    A question that no volunteer was asked has no debiased answer either: the table writes 0 there. The minimum of votes
    is applied when labels are read.

    Args:
        votes: with NaN for every answer of a question that was not asked.
        galaxy_id: settles ties.
        survey: whose questions they answer.
        seed: the split seed.
    """
    pairs = zip(votes.fractions, votes.debiased, strict=True)
    known = unasked_as_nan(tuple(value if math.isfinite(raw) else math.nan for raw, value in pairs), survey)
    no = (_weighted_no(known, sources) for sources in survey.pooled)
    fractions = known + _flat((1 - value, value) for value in no)
    labels: list[int] = []
    mask: list[int] = []
    for question, places in survey.parts:
        chosen, answered = (0,) * len(question.used), 0
        if was_asked(fractions[places]):
            chosen, answered = asked_labels(question, fractions[places], galaxy_id, seed)
        labels += chosen
        mask += [answered] * len(chosen)
    return Debiased(fractions, tuple(labels), tuple(mask))


def _flat(pairs: Iterable[tuple[float, float]]) -> Fractions:
    return tuple(share for pair in pairs for share in pair)
