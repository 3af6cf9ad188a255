"""The figures of a run, as matplotlib figures: small panels, one thought each, that a page can reflow.

Nothing here touches pyplot or global state. The colours are those of :mod:`gztrain.evaluation.report.theme`; the page
puts its own in their place.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import cycle
from typing import Any, cast

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gztrain.data.labels import Doubles, Ints
from gztrain.evaluation.report.curves import Course
from gztrain.evaluation.report.numbers import Curve, Reliability
from gztrain.evaluation.report.theme import FAINT, GRID, INK, SERIES

_DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.5)), (0, (6, 1.5, 1.5, 1.5)), (0, (8, 3)), (0, (3, 3)))
"""Lines differ in more than colour."""
_DOTTED = (0, (1, 2))
_SIDE = 3.3
_LEGEND_ROW = 0.17
_STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": FAINT,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.constrained_layout.use": True,
    "font.family": "sans-serif",
    "font.size": 9.5,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "legend.columnspacing": 1.4,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "legend.handlelength": 2.4,
    "legend.labelcolor": INK,
    "legend.labelspacing": 0.25,
    "lines.linewidth": 1.8,
    "savefig.transparent": True,
    "svg.fonttype": "none",
    "svg.hashsalt": "gztrain",
    "text.color": INK,
    "xtick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.color": FAINT,
    "ytick.labelcolor": INK,
}


@contextmanager
def style() -> Iterator[None]:
    """Draw, and save, in the report's style."""
    with mpl.rc_context(cast("Any", _STYLE)):  # it wants a Literal of 300 names
        yield


def _panel(x: str, y: str, legend: int = 0) -> tuple[Figure, Axes]:
    """A panel with room for a legend of so many entries, two a row, below it."""
    figure = Figure(figsize=(_SIDE, _SIDE + _LEGEND_ROW * -(-legend // 2)))
    axes = figure.add_subplot()
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    return figure, axes


def _legend(figure: Figure) -> None:
    """Below the panel, where it hides no line."""
    figure.legend(loc="outside lower center", ncols=2)


def losses(course: Course) -> Figure:
    """Loss against step: of training, a line of the history each, and of validation."""
    figure, axes = _panel("step", "loss", legend=4)
    axes.plot(course.steps, course.loss, label="training", color=SERIES[0], linewidth=1.2, marker=_marker(course.steps))
    if len(course.checked):
        axes.plot(course.checked, course.val_loss, label="validation", color=SERIES[1], marker="o", markersize=4)
    _mark(axes, course)
    _legend(figure)
    return figure


def validation_auc(course: Course) -> Figure:
    """Mean AUC of a label on the validation galaxies, against step."""
    figure, axes = _panel("step", "validation AUC, mean of labels", legend=3)
    axes.plot(course.checked, course.val_auc, label="validation", color=SERIES[1], marker="o", markersize=4)
    _mark(axes, course)
    _legend(figure)
    return figure


def rates(course: Course) -> Figure:
    """Learning rate against step, on a logarithmic axis."""
    figure, axes = _panel("step", "learning rate", legend=3)
    axes.plot(course.steps, course.rate, label="rate", color=SERIES[0], marker=_marker(course.steps))
    if (course.rate > 0).any():
        axes.set_yscale("log")
    _mark(axes, course)
    _legend(figure)
    return figure


def _marker(values: Doubles) -> str:
    """A lone value would be an invisible line."""
    return "o" if len(values) < 3 else ""


def _mark(axes: Axes, course: Course) -> None:
    """Mark where later stages begin, and whose weights were kept."""
    for step, name in course.stages:
        axes.axvline(step, color=GRID, linewidth=3, label=f"{name} begins", zorder=0.5)
    if course.kept is not None:
        axes.axvline(course.kept, color=FAINT, linewidth=1, linestyle=_DOTTED, label="weights kept")
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))


def roc(curves: Mapping[str, Curve]) -> Figure:
    """ROC of the labels of a question; the diagonal is what guessing gives."""
    figure, axes = _panel("false-positive rate", "true-positive rate", legend=len(curves))
    axes.plot((0, 1), (0, 1), color=FAINT, linewidth=1, linestyle=_DOTTED)
    _draw(axes, curves, "AUC")
    _legend(figure)
    return figure


def precision_recall(curves: Mapping[str, Curve], prevalence: Mapping[str, float]) -> Figure:
    """Precision against recall; a dotted line is the share of galaxies with the label, which guessing gives."""
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
    """Share of galaxies with a label against the probability it was given, and how often each was given."""
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
    """Answers of volunteers (rows) against those of the model, in counts; shade is the share of the row."""
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
    """Share that each cell has of its row, float64; 0 in an empty row."""
    totals = counts.sum(axis=1, keepdims=True)
    shares: Doubles = np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)
    return shares
