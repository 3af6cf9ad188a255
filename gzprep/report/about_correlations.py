"""The part of the page about correlations: which answers go together (Fig 18 and 19)."""

import numpy as np

from gzprep.report import plots
from gzprep.report.correlation import TOLERANCE
from gzprep.report.figure import Figure, Section, numbers, plot_picture
from gzprep.report.pictures import Picture
from gzprep.report.rows import Doubles
from gzprep.report.study import Study

WHY = (
    "They differ because a question that was not asked has no vote fraction: with 0 filled in, the correlation also "
    "measures "
    "which galaxies were asked. Two answers of one question share its votes, so where there are two, r must be -1."
)


def correlations_section(study: Study) -> Section | None:
    """Build the section; None where one question of two answers is all there is. Call within ``theme.style()``."""
    if not study.answered or (study.hard and len(study.columns.fractions) == 2):
        return None
    asked, filled = study.correlation.asked(), study.correlation.zero_filled()
    figures = (_all(study, asked, filled), _by_question(study, asked, filled))
    return Section(
        "correlations", "Who is confused with whom?", "Correlations of vote fractions, Pearson's r.", figures
    )


def _rows(study: Study, asked: Doubles, filled: Doubles) -> list[tuple[str, str, float, float]]:
    names = study.columns.fractions
    return [
        (names[i], names[j], float(asked[i, j]), float(filled[i, j]))
        for i in range(len(names))
        for j in range(i, len(names))
    ]


_HEAD = ("first", "second", "r_asked_only", "r_zero_filled")


def _all(study: Study, asked: Doubles, filled: Doubles) -> Figure:
    """Fig 18: all fractions against all."""
    names = [study.short(column) for column in study.columns.fractions]
    starts = [study.columns.fraction_slice(question).start for question in study.questions[1:]]
    pictures = (
        plot_picture(plots.matrix(asked, names, starts), "Matrix of correlations where both were asked.", "asked only"),
        plot_picture(plots.matrix(filled, names, starts), "Matrix of correlations, zeros filled in.", "zero-filled"),
    )
    return Figure(
        "fig-18",
        "All answers",
        f"Left only galaxies that were asked both questions, right all galaxies with 0 for “not asked”. {WHY}",
        numbers(_HEAD, _rows(study, asked, filled)),
        plots=pictures,
    )


def _by_question(study: Study, asked: Doubles, filled: Doubles) -> Figure:
    """Fig 19: the answers of each question, and the check of the two-answer questions."""
    pictures: list[Picture] = []
    rows = []
    for question in study.questions:
        block = study.columns.fraction_slice(question)
        for name, values in (("asked only", asked), ("zero-filled", filled)):
            title = f"Q{question.index} {study.columns.short(question)}, {name}"
            pictures.append(plot_picture(plots.matrix(values[block, block], question.answers), f"{title}.", title))
        rows += [row for row in _rows(study, asked, filled) if _inside(row, question.fraction_columns)]
    return Figure(
        "fig-19",
        "Question by question",
        f"{_check(study)} {WHY}",
        numbers(_HEAD, rows),
        plots=tuple(pictures),
        paired=True,
    )


def _inside(row: tuple[str, str, float, float], columns: tuple[str, ...]) -> bool:
    return row[0] in columns and row[1] in columns


def _check(study: Study) -> str:
    """Say whether r is -1 for all questions with two answers."""
    pairs = study.correlation.two_answers()
    wrong = [f"{question.name} {asked:.3f}" for question, asked, _ in pairs if abs(asked + 1) > TOLERANCE]
    if wrong:
        return f"r of a two-answer question should be -1.000 and is not for: {', '.join(wrong)}. Check the catalogue."
    known = [(question, filled) for question, asked, filled in pairs if np.isfinite(asked)]
    if not known:
        return "No question has two answers, so there is no r that must be -1.000."
    filled = "; ".join(f"{study.columns.short(question)} {r:.2f}" for question, r in known)
    return f"Asked only, r is -1.000 for all {len(known)} questions with two answers. Zero-filled it is: {filled}."
