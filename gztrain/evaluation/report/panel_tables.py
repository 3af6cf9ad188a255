"""Tables about the volunteers: a second panel, calibration, and figures by votes."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from gztrain.evaluation.report.formatting import rate, whole
from gztrain.evaluation.report.gather import RunReport
from gztrain.evaluation.report.tables import Cell, Table, TableRow, figure, question_parts

Json = Mapping[str, Any]


def by_panel(run: RunReport) -> Table | None:
    """Each question beside a second panel of volunteers, and its calibration; None for figures of old runs."""
    rows = []
    for question in run.scheme.questions:
        figures, intervals, majority, _ = question_parts(run, question)
        if "ceiling" not in figures:
            return None
        votes, limit = figures.get("volunteers") or {}, figures["ece_limit"]
        cells = (
            figure(figures, "accuracy", intervals),
            figure(majority, "accuracy"),
            figure(figures, "ceiling", intervals),
            figure(figures, "above_ceiling", intervals),
            Cell(rate(figures["ece"]), "" if limit is None else f"perfect: up to {rate(limit)}"),
            figure(figures, "brier"),
            figure(votes, "fraction_rmse"),
        )
        rows.append(TableRow(f"Q{question.index} {question.title}", cells))
    head = (
        *("", "accuracy", "commonest answer", "2nd panel", "above 2nd panel"),
        *("calibration error", "Brier score", "RMSE of vote shares"),
    )
    words = ("Each question beside a second panel of volunteers, and its probabilities.", _source(run))
    found = run.judged["per_question"]
    calibrated = calibration_words({f"Q{each.index} {each.title}": found[each.name] for each in run.scheme.questions})
    return Table(" ".join(part for part in (*words, calibrated) if part), head, tuple(rows))


def calibration_words(questions: Mapping[str, Json]) -> str:
    """Which questions are as well calibrated as can be seen, and which are not, from ``ece`` and ``ece_limit``."""
    known = {name: each["ece"] <= each["ece_limit"] for name, each in questions.items() if each["ece"] is not None}
    fine, off = ([name for name, within in known.items() if within is wanted] for wanted in (True, False))
    sentences = []
    if fine:
        words = "As well calibrated as these galaxies can show, so that no temperature can be seen to help"
        sentences.append(f"{words}: {', '.join(fine)}.")
    if off:
        sentences.append(f"Calibration error above that of a perfectly calibrated model: {', '.join(off)}.")
    return " ".join(sentences)


def _source(run: RunReport) -> str:
    parts = [part.get("volunteers") or {} for part in run.judged["per_question"].values()]
    estimated, galaxies = (sum(part.get(key, 0) for part in parts) for key in ("estimated", "galaxies"))
    if not galaxies:
        return "The predictions came without votes, so there is no second panel."
    if not estimated:
        return ""
    return (
        f"{whole(estimated)} of {whole(galaxies)} answers have no number of votes of their own; that of the first "
        "question, times the share of volunteers that came to the question, stands in for it."
    )


def by_votes(figures: Json) -> Table | None:
    """Accuracy and AUC by number of votes, agreement and entropy of the votes; None for figures without votes."""
    if not figures.get("by_votes"):
        return None
    rows = [_least(part, "{:.0f} votes or more") for part in figures["by_votes"]]
    rows += [_least(part, "winner has {:.0%} or more") for part in figures["by_agreement"]]
    for part in figures["volunteers"]["by_entropy"]:
        right = [None if part[key] is None else 1 - part[key] for key in ("error", "panel_error")]
        cells = (Cell(whole(part["galaxies"])), Cell(rate(right[0])), Cell(rate(None)), Cell(rate(right[1])))
        rows.append(TableRow(f"entropy {part['low']:.1f} to {part['high']:.1f}", cells))
    caption = "By votes. Entropy: 0 if all volunteers agree, 1 if their votes are even."
    return Table(caption, ("", "galaxies", "accuracy", "AUC, mean over labels", "2nd panel"), tuple(rows))


def _least(part: Json, words: str) -> TableRow:
    of = partial(figure, part, intervals=part["intervals"])
    return TableRow(words.format(part["least"]), (figure(part, "galaxies"), of("accuracy"), of("auc_macro"), Cell("")))
