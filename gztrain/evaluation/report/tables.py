"""The tables of the page."""

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
"""Names of metrics for readers; the other metrics keep their own names."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure and its confidence interval."""

    value: str
    interval: str = ""


@dataclass(frozen=True, slots=True)
class TableRow:
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
    rows: tuple[TableRow, ...]


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
    columns: str = "model"


def name_of(metric: str) -> str:
    """The name of a metric for readers."""
    return NAMES.get(metric, metric.replace("_", " "))


def figure(figures: Json, metric: str, intervals: Json | None = None) -> Cell:
    """The cell of a metric, with its interval if there is one."""
    show = whole if metric in (*WHOLE, "galaxies") else rate
    return Cell(show(figures.get(metric)), between((intervals or {}).get(metric)))


def all_metrics(run: RunReport) -> Table:
    """Every metric of a run beside the two baselines; for a cross-validation also mean and deviation over the folds."""
    judged = run.judged
    names = (*_RATES[:6], "auc_macro", "average_precision", "average_precision_macro", *_RATES[6:], *COUNTS)
    columns = {"this run": partial(figure, judged, intervals=judged["intervals"])}
    if "folds" in judged:
        columns["mean of folds"] = partial(_mean_of_folds, judged["folds"])
    columns |= {_BLIND.get(name, name): partial(figure, figures) for name, figures in judged["baselines"].items()}
    rows = [
        TableRow(name_of(name), tuple(cell(name) for cell in columns.values())) for name in (*names, "known_labels")
    ]
    caption = f"Split {run.split}, {whole(judged['galaxies'])} galaxies; intervals hold 95 % of the resamples."
    return Table(caption, ("", *columns), tuple(rows))


def _mean_of_folds(folds: Json, metric: str) -> Cell:
    mean, deviation = folds["mean"].get(metric), folds["sd"].get(metric)
    if metric in WHOLE:
        return Cell(whole(None if mean is None else round(mean)))
    return Cell(rate(mean), "" if deviation is None else f"\N{PLUS-MINUS SIGN} {rate(deviation)}")


_BLIND = {"majority": "commonest answers", "image_free": "frequencies alone"}


def by_question(run: RunReport) -> Table:
    """A row for each question, beside the two baselines."""
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
        figures, intervals, majority, image_free = question_parts(run, question)
        cells = (
            figure(figures, "known_questions"),
            figure(figures, "accuracy", intervals),
            figure(majority, "accuracy"),
            figure(figures, "binary_accuracy", intervals),
            figure(image_free, "binary_accuracy"),
            figure(figures, "auc_macro", intervals),
        )
        rows.append(TableRow(f"Q{question.index} {question.title}", cells))
    return Table("Each question, of the galaxies whose answer is known.", head, tuple(rows))


def question_parts(run: RunReport, question: Question) -> tuple[Json, Json, Json, Json]:
    """Figures of a question: those of the run, their intervals, those of the commonest answer and of frequencies."""
    judged = run.judged
    baselines = judged["baselines"]
    documents = (judged, judged["intervals"], baselines["majority"], baselines["image_free"])
    figures, intervals, majority, image_free = (
        document.get("per_question", {}).get(question.name, {}) for document in documents
    )
    return figures, intervals, majority, image_free


def by_label(run: RunReport, question: Question) -> Table:
    """A row for each label of a question, beside the baseline of its frequency."""
    judged = run.judged
    head = (
        "",
        "known",
        "positives",
        "AUC",
        "average precision",
        "precision",
        "recall",
        "F1",
        "binary accuracy",
        "frequency alone",
    )
    rows = []
    for answer, name in zip(question.used, question.labels, strict=True):
        figures, intervals = judged["per_label"][name], judged["intervals"].get("per_label", {}).get(name, {})
        metrics = ("auc", "average_precision", "precision", "recall", "f1", "binary_accuracy")
        baseline = judged["baselines"]["image_free"]["per_label"][name]
        cells = (
            figure(figures, "known_labels"),
            figure(figures, "positives"),
            *(figure(figures, metric, intervals) for metric in metrics),
            figure(baseline, "binary_accuracy"),
        )
        rows.append(TableRow(answer, cells))
    caption = "Labels; the last column is the binary accuracy of the baseline that knows only the frequency."
    return Table(caption, head, tuple(rows))


def confusion(figures: Json) -> Matrix:
    """The confusion matrix of a question."""
    counts = np.array(figures["confusion"], np.int64)
    shares = row_shares(counts)
    rows = tuple(
        MatrixRow(
            answer,
            tuple(
                Share(whole(int(count)), f"{share:.3f}", row == column)
                for column, (count, share) in enumerate(zip(counts[row], shares[row], strict=True))
            ),
        )
        for row, answer in enumerate(figures["classes"])
    )
    return Matrix("Galaxies by answer; the shade is the share of the row.", tuple(figures["classes"]), rows)


def soft_confusion(figures: Json) -> Matrix | None:
    """The confusion matrix of single volunteers on the same galaxies; None for figures without votes."""
    votes = figures.get("volunteers")
    if not votes or not votes["galaxies"]:
        return None
    table = np.array(votes["soft_confusion"], np.float64)
    totals = table.sum(axis=1, keepdims=True)
    shares = np.divide(table, totals, out=np.zeros(table.shape), where=totals > 0)
    rows = tuple(
        MatrixRow(
            answer,
            tuple(
                Share(f"{value:,.1f}", f"{share:.3f}", row == column)
                for column, (value, share) in enumerate(zip(table[row], shares[row], strict=True))
            ),
        )
        for row, answer in enumerate(figures["classes"])
    )
    caption = (
        f"Shares of the votes of single volunteers, added up over {whole(votes['galaxies'])} galaxies that were asked."
    )
    return Matrix(caption, tuple(figures["classes"]), rows, "single volunteers")


_COMPARED = ("accuracy", "binary_accuracy", "auc", "auc_macro", "f1")


def side_by_side(runs: Sequence[RunReport]) -> Table:
    """A row for each run of a page."""
    rows = [
        TableRow(
            run.name,
            (
                *(Cell(text) for text in (run.model, run.scheme.name, run.labels, run.data, run.split)),
                Cell(whole(run.judged["galaxies"])),
                *(figure(run.judged, name, run.judged["intervals"]) for name in _COMPARED),
            ),
            note="constant" if run.judged["constant"] else "",
        )
        for run in runs
    ]
    head = ("", "model", "scheme", "labels", "data set", "split", "galaxies", *map(name_of, _COMPARED))
    return Table("Figures of different schemes, labels, data sets or splits cannot be compared.", head, tuple(rows))


def beside_published(scheme: Scheme, runs: Iterable[RunReport]) -> Table | None:
    """Our runs of a scheme above those of the 2024 report; None if the report has no table of the scheme."""
    published = find_published(scheme.name)
    if not published:
        return None
    ours = [TableRow(run.name, tuple(figure(run.judged, name) for name in _RATES), run.model, "ours") for run in runs]
    theirs = [
        TableRow(
            row.model,
            tuple(Cell(rate(row.figures.get(name))) for name in _RATES),
            "constant" if row.constant else "",
            "faded" if row.constant else "",
        )
        for row in published
    ]
    head = ("", *map(name_of, _RATES))
    return Table(f"Scheme {scheme.name}: ours above, those of the published report below.", head, (*ours, *theirs))
