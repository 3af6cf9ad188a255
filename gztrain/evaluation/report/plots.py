"""The plots of a run, as small matplotlib figures. Each shows one thing, so that a page can arrange them freely.

Neither pyplot nor global state is used. The colours are those of :mod:`gzcore.console.theme`; the page replaces them by
its own.
"""

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gzcore.console.theme import FAINT, GRID, SERIES
from gztrain.data.labels import Doubles, Ints
from gztrain.evaluation.report.curves import TrainingCurves
from gztrain.evaluation.report.numbers import Curve, Reliability

_DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.5)), (0, (6, 1.5, 1.5, 1.5)), (0, (8, 3)), (0, (3, 3)))
"""Line styles, so that lines differ in more than colour."""
_DOTTED = (0, (1, 2))
_SIDE = 3.3
_LEGEND_ROW = 0.17


def _panel(x: str, y: str, legend: int = 0) -> tuple[Figure, Axes]:
    """A panel with room below it for a legend of ``legend`` entries, two in a row."""
    figure = Figure(figsize=(_SIDE, _SIDE + _LEGEND_ROW * -(-legend // 2)))
    axes = figure.add_subplot()
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    return figure, axes


def _legend(figure: Figure) -> None:
    """Put the legend below the panel, where it hides no line."""
    figure.legend(loc="outside lower center", ncols=2)


def losses(curves: TrainingCurves) -> Figure:
    """Training loss (a point for each line of the history) and validation loss against step."""
    figure, axes = _panel("step", "loss", legend=4)
    axes.plot(curves.steps, curves.loss, label="training", color=SERIES[0], linewidth=1.2, marker=_marker(curves.steps))
    if len(curves.checked):
        axes.plot(curves.checked, curves.val_loss, label="validation", color=SERIES[1], marker="o", markersize=4)
    _mark(axes, curves)
    _legend(figure)
    return figure


def validation_auc(curves: TrainingCurves) -> Figure:
    """Mean AUC over labels on the validation galaxies, against step."""
    figure, axes = _panel("step", "validation AUC, mean of labels", legend=3)
    axes.plot(curves.checked, curves.val_auc, label="validation", color=SERIES[1], marker="o", markersize=4)
    _mark(axes, curves)
    _legend(figure)
    return figure


def rates(curves: TrainingCurves) -> Figure:
    """Learning rate against step, on a logarithmic axis."""
    figure, axes = _panel("step", "learning rate", legend=3)
    axes.plot(curves.steps, curves.rate, label="rate", color=SERIES[0], marker=_marker(curves.steps))
    if (curves.rate > 0).any():
        axes.set_yscale("log")
    _mark(axes, curves)
    _legend(figure)
    return figure


def _marker(values: Doubles) -> str:
    """Marker for few values: a line through a single value would be invisible."""
    return "o" if len(values) < 3 else ""


def _mark(axes: Axes, curves: TrainingCurves) -> None:
    """Mark the steps at which later stages begin, and the step whose weights were kept."""
    for step, name in curves.stages:
        axes.axvline(step, color=GRID, linewidth=3, label=f"{name} begins", zorder=0.5)
    if curves.kept is not None:
        axes.axvline(curves.kept, color=FAINT, linewidth=1, linestyle=_DOTTED, label="weights kept")
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))


def roc(curves: Mapping[str, Curve]) -> Figure:
    """ROC curves of the labels of a question; the dotted diagonal is the result of guessing."""
    figure, axes = _panel("false-positive rate", "true-positive rate", legend=len(curves))
    axes.plot((0, 1), (0, 1), color=FAINT, linewidth=1, linestyle=_DOTTED)
    _draw(axes, curves, "AUC")
    _legend(figure)
    return figure


def precision_recall(curves: Mapping[str, Curve], prevalence: Mapping[str, float]) -> Figure:
    """Precision against recall; a dotted line is the share of galaxies with the label, the result of guessing."""
    figure, axes = _panel("recall", "precision", legend=len(curves))
    for share, colour in zip(prevalence.values(), cycle(SERIES), strict=False):
        axes.axhline(share, color=colour, linewidth=1, linestyle=_DOTTED)
    _draw(axes, curves, "AP")
    _legend(figure)
    return figure


def _draw(axes: Axes, curves: Mapping[str, Curve], summary: str) -> None:
    for (name, curve), colour, dash in zip(curves.items(), cycle(SERIES), cycle(_DASHES), strict=False):
        axes.plot(curve.x, curve.y, color=colour, linestyle=dash, label=f"{name}: {summary} {curve.area:.3f}")
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(-0.01, 1.01)
    axes.set_aspect("equal")


def reliability(bins: Reliability) -> Figure:
    """Share of galaxies with a label against the predicted probability, above a histogram of these probabilities."""
    figure = Figure(figsize=(_SIDE, _SIDE + 2 * _LEGEND_ROW))
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    axes.plot((0, 1), (0, 1), color=FAINT, linewidth=1, linestyle=_DOTTED)
    seen = bins.counts > 0
    spread = np.abs(np.stack((bins.share - bins.low, bins.high - bins.share)))[:, seen]
    given, share = bins.given[seen], bins.share[seen]
    axes.errorbar(given, share, yerr=spread, color=SERIES[0], marker="o", markersize=4, elinewidth=1)
    axes.set_ylabel("share that has it")
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(-0.03, 1.03)
    edges = np.linspace(0, 1, len(bins.counts) + 1)
    below.bar(edges[:-1], bins.counts, width=np.diff(edges) * 0.9, align="edge", color=SERIES[0])
    below.set_xlabel("probability given")
    below.set_ylabel("labels")
    below.yaxis.set_major_locator(MaxNLocator(2, integer=True))
    return figure


def confusion(counts: Ints, answers: Sequence[str]) -> Figure:
    """Counts of galaxies by the volunteers' answer (rows) and the model's answer; the shade is the share of the row."""
    figure, axes = _panel("model", "volunteers")
    shares = row_shares(counts)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.grid(visible=False)
    turned: dict[str, Any] = {"rotation": 30, "ha": "right"} if len(answers) > 2 else {}
    axes.set_xticks(range(len(answers)), answers, **turned)
    axes.set_yticks(range(len(answers)), answers)
    for (row, column), count in np.ndenumerate(counts):
        colour = "white" if shares[row, column] > 0.55 else "black"
        axes.text(column, row, f"{count:,}", ha="center", va="center", color=colour)
    return figure


def row_shares(counts: Ints) -> Doubles:
    """Each cell as a share of its row, float64; 0 in an empty row."""
    totals = counts.sum(axis=1, keepdims=True)
    shares: Doubles = np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)
    return shares
