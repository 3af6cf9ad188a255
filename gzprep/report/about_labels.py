"""The part of the page about labels: how many votes they rest on, and whether other volunteers would agree."""

from collections.abc import Mapping

import numpy as np

from gzprep.report import plots
from gzprep.report.certainty import FEW, MANY, MOST_VOTES, SOME, Certainty, Curve
from gzprep.report.figure import Figure, Section, Value, numbers, plot_picture
from gzprep.report.study import Study

GOAL = 0.9
"""Agreement that is recommended: a second panel would give nine labels of ten again."""


def labels_section(study: Study) -> Section | None:
    """Build the section; None where there are no labels. Call within ``theme.style()``."""
    if not study.answered:
        return None
    counted = [certainty for certainty in study.certainty if certainty.labels > certainty.unknown]
    curves = {_name(certainty): certainty.curve() for certainty in counted}
    figures: list[Figure] = [] if study.hard else [_votes_behind(study, curves)]
    if curves:
        figures.append(_min_votes(curves))
    lead = "A label of two votes is worth little. This section says how many there are, and what to do about it."
    if study.hard:
        lead = "The catalogue has no votes, so it is not known how sure a label is."
    return Section("labels", "How sure are the labels?", lead, (*figures, _policies(study)))


def _name(certainty: Certainty) -> str:
    return f"Q{certainty.question.index} {certainty.columns.short(certainty.question)}"


def _votes_behind(study: Study, curves: Mapping[str, Curve]) -> Figure:
    """For each question, labels by the number of votes behind them, ties, and agreement."""
    rows = [_votes_row(certainty, curves.get(_name(certainty))) for certainty in study.certainty]
    counted = [certainty for certainty in study.certainty if _name(certainty) in curves]
    fewest = max(counted, key=lambda certainty: certainty.at_most(FEW) / certainty.labels, default=None)
    sentence = "The catalogue has no numbers of votes, so it is not known how many votes a label rests on."
    if fewest is not None:
        share, again = fewest.at_most(FEW) / fewest.labels, float(curves[_name(fewest)].agreement[0])
        sentence = (
            f"Of the labels of {_name(fewest)}, {100 * share:.0f} % rest on one or two votes. "
            f"A second panel of as many volunteers would give {100 * again:.0f} % of its labels again."
        )
    head = ("question", "labels", "on 1-2 votes", "on fewer than 10", "on 20 or more", "ties", "agreement")
    return Figure("votes-behind-labels", "Votes behind the labels", sentence, numbers(head, rows), tabled=True)


def _votes_row(certainty: Certainty, curve: Curve | None) -> tuple[Value, ...]:
    name, labels, ties = _name(certainty), certainty.labels, certainty.ties
    if curve is None:
        return (name, labels, None, None, None, ties, None)
    many = labels - certainty.unknown - certainty.at_most(MANY - 1)
    return (name, labels, certainty.at_most(FEW), certainty.at_most(SOME - 1), many, ties, float(curve.agreement[0]))


def _min_votes(curves: Mapping[str, Curve]) -> Figure:
    """What a minimum of votes keeps, and the agreement it brings; with a recommendation."""
    least = next(iter(curves.values())).least
    kept = np.sum([curve.kept for curve in curves.values()], axis=0)
    agreed = np.sum([np.nan_to_num(curve.agreement) * curve.kept for curve in curves.values()], axis=0)
    pooled = Curve(least, kept, np.divide(agreed, kept, out=np.full(len(least), np.nan), where=kept > 0))
    value = pooled.first_above(GOAL)
    rows = [
        (name, int(votes), int(count), float(share))
        for name, curve in {**curves, "all questions": pooled}.items()
        for votes, count, share in zip(curve.least, curve.kept, curve.agreement, strict=True)
    ]
    return Figure(
        "min-votes",
        "What a minimum of votes would keep",
        _recommendation(pooled, value),
        numbers(("question", "min_votes", "labels_kept", "agreement"), rows),
        plots=(
            plot_picture(
                plots.kept_against_agreement(curves), "Agreement and share of labels kept by minimum of votes."
            ),
        ),
    )


def _recommendation(pooled: Curve, value: int | None) -> str:
    if value is None:
        return f"No minimum up to {MOST_VOTES} votes brings the agreement to {100 * GOAL:.0f} %."
    share = 100 * pooled.kept[value - 1] / max(int(pooled.kept[0]), 1)
    if value == 1:
        return f"Even one vote is enough here: the agreement over all questions is {100 * pooled.agreement[0]:.0f} %."
    return (
        f"Recommended here: gztrain fit --min-votes {value}. A second panel would then give "
        f"{100 * pooled.agreement[value - 1]:.0f} % "
        f"of all labels again, in place of {100 * pooled.agreement[0]:.0f} %; {share:.0f} % of the labels stay."
    )


def _policies(study: Study) -> Figure:
    """The rate of each label under both policies: where they differ, 0 was filled in for questions never asked."""
    galaxies = max(study.reach.galaxies, 1)
    report = study.report_positive / galaxies
    asked = np.divide(
        study.asked_positive, study.asked_known, out=np.full(len(report), np.nan), where=study.asked_known > 0
    )
    rows = [
        (label, float(given), float(right), int(known))
        for label, given, right, known in zip(study.columns.labels, report, asked, study.asked_known, strict=True)
    ]
    widest = max(rows, key=lambda row: 0.0 if np.isnan(row[2]) else abs(row[1] - row[2]))
    sentence = (
        f"The policy of the source report fills 0 in where a question was not asked. So “{widest[0]}” is given to "
        f"{widest[1]:.4f} of all galaxies, and to {widest[2]:.4f} of those with an answer."
    )
    if all(known == study.reach.galaxies and given == right for _, given, right, known in rows):
        sentence = "Every galaxy has an answer to every question, so both policies give the same labels."
    head = ("label", "share under report", "share under asked", "galaxies with an answer")
    return Figure("label-rates", "Both label policies", sentence, numbers(head, rows, digits=4), tabled=True)
