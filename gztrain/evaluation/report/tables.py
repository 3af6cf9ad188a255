"""The tables of the page: what stands beside what."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from gzcore.dataset.tree import Question
from gztrain.data.dataset import Scheme
from gztrain.evaluation.figures import COUNTS, METRICS, WHOLE
from gztrain.evaluation.published import find_published
from gztrain.evaluation.report.formatting import between, rate, whole
from gztrain.evaluation.report.gather import RunReport
from gztrain.evaluation.report.plots import row_shares

Json = Mapping[str, Any]
_RATES = tuple(name for name in METRICS if name not in COUNTS)
NAMES = {
    "auc": "AUC, labels pooled",
    "auc_macro": "AUC, mean over labels",
    "average_precision": "average precision, pooled",
    "average_precision_macro": "average precision, mean",
    "f1": "F1, mean over labels",
    "mean_absolute_error": "mean absolute error",
    "root_mean_squared_error": "root mean squared error",
    "known_labels": "labels that are known",
}
"""What a reader may call a metric; others are called what they are."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure and how sure it is."""

    value: str
    interval: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a table; ``mark`` is its class in the style sheet."""

    name: str
    cells: tuple[Cell, ...]
    note: str = ""
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a caption, column heads and rows."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """A cell of a confusion matrix."""

    count: str
    share: str
    right: bool


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """A row of a confusion matrix: one true answer."""

    answer: str
    cells: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """A confusion matrix."""

    caption: str
    answers: tuple[str, ...]
    rows: tuple[MatrixRow, ...]


def name_of(metric: str) -> str:
    """A metric as a reader may call it."""
    return NAMES.get(metric, metric.replace("_", " "))


def figure(found: Json, metric: str, intervals: Json | None = None) -> Cell:
    """A cell of a metric, with its interval where there is one."""
    show = whole if metric in WHOLE else rate
    return Cell(show(found.get(metric)), between((intervals or {}).get(metric)))


def all_metrics(run: RunReport) -> Table:
    """Every metric of a run beside the two baselines; of a cross-validation, mean and deviation of its folds too."""
    judged = run.judged
    names = (*_RATES[:6], "auc_macro", "average_precision", "average_precision_macro", *_RATES[6:], *COUNTS)
    columns = {"this run": partial(figure, judged, intervals=judged["intervals"])}
    if "folds" in judged:
        columns["mean of folds"] = partial(_mean_of_folds, judged["folds"])
    columns |= {_BLIND.get(name, name): partial(figure, found) for name, found in judged["baselines"].items()}
    rows = [Line(name_of(name), tuple(cell(name) for cell in columns.values())) for name in (*names, "known_labels")]
    caption = f"Split {run.split}, {whole(judged['galaxies'])} galaxies; intervals hold 95 % of the resamples."
    return Table(caption, ("", *columns), tuple(rows))


def _mean_of_folds(folds: Json, metric: str) -> Cell:
    mean, deviation = folds["mean"].get(metric), folds["sd"].get(metric)
    if metric in WHOLE:
        return Cell(whole(None if mean is None else round(mean)))
    return Cell(rate(mean), "" if deviation is None else f"\N{PLUS-MINUS SIGN} {rate(deviation)}")


_BLIND = {"majority": "commonest answers", "image_free": "frequencies alone"}


def by_question(run: RunReport) -> Table:
    """Each question in a row, beside what can be had without looking."""
    head = (
        "",
        "galaxies",
        "accuracy",
        "commonest answer",
        "binary accuracy",
        "frequencies alone",
        "AUC, mean over labels",
    )
    rows = []
    for question in run.scheme.questions:
        found, sure, majority, image_free = question_parts(run, question)
        cells = (
            figure(found, "known_questions"),
            figure(found, "accuracy", sure),
            figure(majority, "accuracy"),
            figure(found, "binary_accuracy", sure),
            figure(image_free, "binary_accuracy"),
            figure(found, "auc_macro", sure),
        )
        rows.append(Line(f"Q{question.index} {question.title}", cells))
    return Table("Each question, of the galaxies whose answer is known.", head, tuple(rows))


def question_parts(run: RunReport, question: Question) -> tuple[Json, Json, Json, Json]:
    """What was found on a question: by the run, its intervals, by the commonest answer, by frequencies alone."""
    judged = run.judged
    blind = judged["baselines"]
    parts = (judged, judged["intervals"], blind["majority"], blind["image_free"])
    found, sure, majority, image_free = (part.get("per_question", {}).get(question.name, {}) for part in parts)
    return found, sure, majority, image_free


def by_label(run: RunReport, question: Question) -> Table:
    """The labels of a question, beside what their frequency alone gives."""
    judged = run.judged
    head = ("", "known", "have it", "AUC", "average precision", "precision", "recall", "F1", "binary accuracy", "alone")
    rows = []
    for answer, name in zip(question.used, question.labels, strict=True):
        found, sure = judged["per_label"][name], judged["intervals"].get("per_label", {}).get(name, {})
        metrics = ("auc", "average_precision", "precision", "recall", "f1", "binary_accuracy")
        blind = judged["baselines"]["image_free"]["per_label"][name]
        cells = (
            figure(found, "known_labels"),
            figure(found, "positives"),
            *(figure(found, metric, sure) for metric in metrics),
            figure(blind, "binary_accuracy"),
        )
        rows.append(Line(answer, cells))
    return Table("Labels; the last column is the binary accuracy that the frequency alone gives.", head, tuple(rows))


def confusion(found: Json) -> Matrix:
    """The confusion matrix of a question."""
    counts = np.array(found["confusion"], np.int64)
    shares = row_shares(counts)
    rows = tuple(
        MatrixRow(
            answer,
            tuple(
                Share(whole(int(count)), f"{share:.3f}", row == column)
                for column, (count, share) in enumerate(zip(counts[row], shares[row], strict=True))
            ),
        )
        for row, answer in enumerate(found["classes"])
    )
    return Matrix("Galaxies by answer; shade is the share of the row.", tuple(found["classes"]), rows)


_COMPARED = ("accuracy", "binary_accuracy", "auc", "auc_macro", "f1")


def side_by_side(runs: Sequence[RunReport]) -> Table:
    """The runs of a page, a row each."""
    rows = [
        Line(
            run.name,
            (
                *(Cell(text) for text in (run.model, run.scheme.name, run.labels, run.split)),
                Cell(whole(run.judged["galaxies"])),
                *(figure(run.judged, name, run.judged["intervals"]) for name in _COMPARED),
            ),
            note="constant" if run.judged["constant"] else "",
        )
        for run in runs
    ]
    head = ("", "model", "scheme", "labels", "split", "galaxies", *map(name_of, _COMPARED))
    return Table("Figures of different schemes, labels or splits are of different questions.", head, tuple(rows))


def beside_published(scheme: Scheme, runs: Iterable[RunReport]) -> Table | None:
    """Our runs of a scheme above the report's own; None where the report has no such table."""
    published = find_published(scheme.name)
    if not published:
        return None
    ours = [Line(run.name, tuple(figure(run.judged, name) for name in _RATES), run.model, "ours") for run in runs]
    theirs = [
        Line(
            row.model,
            tuple(Cell(rate(row.figures.get(name))) for name in _RATES),
            "constant" if row.constant else "",
            "faded" if row.constant else "",
        )
        for row in published
    ]
    head = ("", *map(name_of, _RATES))
    return Table(f"Scheme {scheme.name}: ours above, the report's below.", head, (*ours, *theirs))
