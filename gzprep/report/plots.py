"""The plots of the page, as small matplotlib figures in the common style of :mod:`gzcore.console.theme`."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gzcore.console.theme import FAINT, INK, SERIES
from gzprep.report.certainty import Curve
from gzprep.report.rows import Doubles

_WIDE, _SIDE = 7.2, 3.5
_BAR = 0.24
_DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.5)), (0, (6, 1.5, 1.5, 1.5)), (0, (8, 3)), (0, (3, 3)))
_MARKERS = ("o", "s", "^", "D", "v", "P")


def bars(names: Sequence[str], panels: Mapping[str, Sequence[float]], colours: Sequence[int] | None = None) -> Figure:
    """Horizontal bars, 0 to 1, in panels side by side that share their names.

    Args:
        names: one a bar.
        panels: title of a panel to its values, one a bar; NaN: no bar.
        colours: number of a colour for each bar, such as that of its question.
    """
    figure = Figure(figsize=(_WIDE, 1.0 + _BAR * len(names)))
    axes = np.atleast_1d(figure.subplots(1, len(panels), sharey=True))
    places = np.arange(len(names))
    chosen = [SERIES[number % len(SERIES)] for number in (colours or [0] * len(names))]
    for axis, (title, values) in zip(axes, panels.items(), strict=True):
        axis.barh(places, np.nan_to_num(np.asarray(values, float)), color=chosen, height=0.72)
        axis.set_title(title, fontsize=9.5, loc="left")
        axis.set_xlim(0, 1)
        axis.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])  # more would touch those of the next panel
        axis.grid(visible=False, axis="y")
    axes[0].set_yticks(places, names)
    axes[0].set_ylim(len(names) - 0.4, -0.6)
    return figure


def histogram(edges: Doubles, heights: Mapping[str, Doubles], x: str, y: str) -> Figure:
    """Histograms as steps in one panel; each differs in colour and in dash."""
    figure, axes = _panel(x, y, _WIDE)
    for number, (name, values) in enumerate(heights.items()):
        around, colour = divmod(number, len(SERIES))  # the next round of colours has other dashes
        dash = _DASHES[(colour + around) % len(_DASHES)]
        axes.stairs(values, edges, color=SERIES[colour], linestyle=dash, linewidth=1.6, label=name)
    _legend(figure)
    return figure


def lines(curves: Mapping[str, tuple[Doubles, Doubles]], x: str, y: str, marks: Sequence[float] = ()) -> Figure:
    """Lines in one panel, with dotted vertical marks."""
    figure, axes = _panel(x, y, _WIDE)
    for number, (name, (given, values)) in enumerate(curves.items()):
        style: dict[str, Any] = {"color": SERIES[number % len(SERIES)], "linestyle": _DASHES[number % len(_DASHES)]}
        marker = _MARKERS[number % len(_MARKERS)] if number >= len(SERIES) else ""
        axes.plot(given, values, label=name, marker=marker, markersize=3, markevery=5, **style)
    for mark in marks:
        axes.axvline(mark, color=FAINT, linewidth=1, linestyle=(0, (1, 2)))
    _legend(figure)
    return figure


def kept_against_agreement(curves: Mapping[str, Curve]) -> Figure:
    """For each question, by minimum of votes: agreement with a second panel (left), share of labels kept (right)."""
    figure = Figure(figsize=(_WIDE, 4.4))
    left, right = figure.subplots(1, 2, sharex=True)
    for number, (name, curve) in enumerate(curves.items()):
        colour, dash = SERIES[number % len(SERIES)], _DASHES[number % len(_DASHES)]
        marker = _MARKERS[number % len(_MARKERS)] if number >= len(SERIES) else ""
        style: dict[str, Any] = {
            "color": colour,
            "linestyle": dash,
            "linewidth": 1.4,
            "marker": marker,
            "markersize": 3,
        }
        left.plot(curve.least, curve.agreement, label=name, markevery=7, **style)
        right.plot(curve.least, curve.kept / max(int(curve.kept[0]), 1), markevery=7, **style)
    left.set_ylabel("agreement with a second panel")
    right.set_ylabel("share of labels kept")
    for axis in (left, right):
        axis.set_xlabel("least votes for a label")
        axis.set_ylim(0, 1.02)
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def matrix(values: Doubles, names: Sequence[str], lines_at: Sequence[int] = ()) -> Figure:
    """A matrix of correlations, -1 to 1; in small ones each cell has its number."""
    figure, axes = _square(values, names, lines_at, colours="PuOr_r", least=-1)
    if len(names) <= 6:
        _write_cells(axes, values)
    return figure


def _square(
    values: Doubles, names: Sequence[str], lines_at: Sequence[int], colours: str, least: float
) -> tuple[Figure, Axes]:
    """A square of colours from ``least`` to 1, with names on both sides and lines between groups."""
    side = 0.9 + 0.19 * len(names) if len(names) > 6 else 2.6
    figure = Figure(figsize=(side + 0.2, side))
    axes = figure.add_subplot()
    axes.imshow(values, cmap=colours, vmin=least, vmax=1)
    axes.grid(visible=False)
    size = 6.5 if len(names) > 12 else 8
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=size)
    axes.set_yticks(range(len(names)), names, fontsize=size)
    for line in lines_at:
        axes.axhline(line - 0.5, color=INK, linewidth=0.6)
        axes.axvline(line - 0.5, color=INK, linewidth=0.6)
    return figure, axes


def _write_cells(axes: Axes, values: Doubles) -> None:
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            colour = "white" if abs(value) > 0.7 else "black"
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=colour, fontsize=8)


def groups(names: Sequence[str], shares: Mapping[str, Sequence[float]], low: Doubles, high: Doubles) -> Figure:
    """For each label its share in every group, with the interval that chance allows as a grey bar."""
    figure = Figure(figsize=(_WIDE, 1.2 + _BAR * len(names)))
    axes = figure.add_subplot()
    places = np.arange(len(names))
    axes.barh(places, high - low, left=low, color=FAINT, alpha=0.35, height=0.7, label="95 % of chance")
    for number, (name, values) in enumerate(shares.items()):
        marker = _MARKERS[number % len(_MARKERS)]
        axes.plot(values, places, marker, color=SERIES[number % len(SERIES)], markersize=4, label=name, linestyle="")
    axes.set_yticks(places, names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlim(-0.01, 1.01)
    axes.set_xlabel("share of answered galaxies that have the label")
    figure.legend(loc="outside lower center", ncols=4)
    return figure


def intervals(names: Sequence[str], series: Sequence[str], shares: Doubles, low: Doubles, high: Doubles) -> Figure:
    """For each label its share in every group, one below the other, with intervals.

    Args:
        names: of L labels.
        series: of G groups.
        shares: float64 [G, L]; NaN is not drawn.
        low: ends of the intervals, [G, L].
        high: the other ends.
    """
    figure = Figure(figsize=(_WIDE, 1.2 + (0.06 + 0.07 * len(series)) * len(names)))
    axes = figure.add_subplot()
    places = np.arange(len(names))
    for number, name in enumerate(series):
        beside = places + 0.72 * ((number + 0.5) / len(series) - 0.5)
        reach = np.abs(np.stack([shares[number] - low[number], high[number] - shares[number]]))
        colour, marker = SERIES[number % len(SERIES)], _MARKERS[number % len(_MARKERS)]
        style: dict[str, Any] = {"color": colour, "markersize": 4, "linestyle": "", "elinewidth": 1.2}
        axes.errorbar(shares[number], beside, xerr=reach, fmt=marker, label=name, **style)
    for place in places[::2]:
        axes.axhspan(place - 0.5, place + 0.5, color=FAINT, alpha=0.10, linewidth=0)
    axes.set_yticks(places, names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(-0.01, 1.01)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("share of answered galaxies that have the label, with 95 % interval")
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def _panel(x: str, y: str, width: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, _SIDE))
    axes = figure.add_subplot()
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    return figure, axes


def _legend(figure: Figure) -> None:
    figure.legend(loc="outside lower center", ncols=3)


def shares(values: Doubles, names: Sequence[str], lines_at: Sequence[int] = ()) -> Figure:
    """A matrix of shares, 0 to 1."""
    return _square(values, names, lines_at, colours="Blues", least=0)[0]
