"""The plots of a run: which there are, and what each says in words."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from gztrain.evaluation.report import plots, tables
from gztrain.evaluation.report.formatting import listed, rate, whole
from gztrain.evaluation.report.gather import RunReport, known, pooled
from gztrain.evaluation.report.numbers import precision_recall_curve, reliability, roc_curve


@dataclass(frozen=True, eq=False)
class Drawing:
    """A plot to show on the page and to save.

    Attributes:
        name: of its file, such as ``q1-roc``.
        figure: the plot.
        alt: its numbers in words, for readers who cannot see it.
        caption: text below it.
        shown: whether the page shows it. Some plots are only saved, because the page has a table instead.
    """

    name: str
    figure: Figure
    alt: str
    caption: str
    shown: bool = True


Drawn = dict[str, list[Drawing]]
"""The plots of a run, by question name; the training curves have an empty name."""


def draw(run: RunReport) -> Drawn:
    """Draw all plots of a run. Call within :func:`gztrain.evaluation.report.plots.style`."""
    drawn = {"": list(_draw_training(run))}
    for place, question in enumerate(run.scheme.questions):
        drawn[question.name] = list(_draw_question(run, place))
    return drawn


def _draw_training(run: RunReport) -> Iterator[Drawing]:
    curves = run.training_curves
    if curves is None:
        return
    last = (
        f"Training loss from {rate(curves.loss[0])} to {rate(curves.loss[-1])} in {whole(int(curves.steps[-1]))} steps"
    )
    kept = "" if curves.kept is None else f"; the weights of step {whole(int(curves.kept))} were kept"
    caption = "Loss. A point of the training loss is a mean over some steps."
    yield Drawing("loss", plots.losses(curves), f"{last}{kept}.", caption)
    if np.isfinite(curves.val_auc).any():
        best = f"Mean validation AUC of a label, {rate(float(np.nanmax(curves.val_auc)))} at best."
        yield Drawing("validation-auc", plots.validation_auc(curves), best, "AUC on the validation fold.")
    rates = f"Learning rate from {curves.rate[0]:.2g} to {curves.rate[-1]:.2g}."
    yield Drawing("rate", plots.rates(curves), rates, "Learning rate.")


def _draw_question(run: RunReport, place: int) -> Iterator[Drawing]:
    question, block = run.scheme.questions[place], run.scheme.blocks[place]
    figures = tables.question_parts(run, question)[0]
    if not figures["known_questions"]:
        return
    name = f"q{question.index}"
    columns = dict(zip(question.used, range(block.start, block.stop), strict=True))
    pairs = {answer: known(run, column) for answer, column in columns.items()}
    curves = {answer: curve for answer, pair in pairs.items() if (curve := roc_curve(*pair)) is not None}
    if curves:
        alt = f"ROC curves; area: {listed([f'{answer} {rate(curve.area)}' for answer, curve in curves.items()])}."
        yield Drawing(f"{name}-roc", plots.roc(curves), alt, "ROC. Dotted: guessing.")
        shares = {answer: float(pairs[answer][0].mean()) for answer in curves}
        curves = {answer: curve for answer in curves if (curve := precision_recall_curve(*pairs[answer])) is not None}
        areas = [f"{answer} {rate(curve.area)}" for answer, curve in curves.items()]
        alt = f"Precision against recall; average precision: {listed(areas)}."
        drawing = plots.precision_recall(curves, shares)
        yield Drawing(f"{name}-precision-recall", drawing, alt, "Precision and recall. Dotted: guessing.")
    bins = reliability(*pooled(run, block))
    alt = f"Reliability diagram; the share that has a label differs from the probability given by {rate(bins.error)}."
    caption = f"Reliability; mean distance from the diagonal {rate(bins.error)}."
    yield Drawing(f"{name}-reliability", plots.reliability(bins), alt, caption)
    drawing = plots.confusion(np.array(figures["confusion"], np.int64), figures["classes"])
    yield Drawing(f"{name}-confusion", drawing, "Confusion matrix.", "Confusion matrix.", shown=False)
