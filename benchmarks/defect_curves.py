"""Figures of the detectors: precision against recall, and recall of black lines against their depth."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gzcore.console.theme import FAINT, GRID, INK, SERIES, to_png


@dataclass(frozen=True, slots=True)
class Curve:
    """Scores of images with a defect and of sound ones.

    Attributes:
        name: in the key of the figure.
        hits: scores of images that have the defect.
        others: scores of those that do not.
        share: share of images that have it, for the precision; None: as many as there are.
        threshold: where to put a mark.
    """

    name: str
    hits: Sequence[float]
    others: Sequence[float]
    share: float | None = None
    threshold: float | None = None

    def at(self, threshold: float) -> tuple[float, float]:
        """Recall and precision at a threshold; precision 1 where nothing is found."""
        hits, others = (sum(score >= threshold for score in scores) for scores in (self.hits, self.others))
        return hits / len(self.hits), self._precision(hits, others)

    def points(self) -> tuple[list[float], list[float]]:
        """Recall and precision at every score but 0."""
        levels = sorted({score for score in (*self.hits, *self.others) if score > 0}, reverse=True)
        recalls, precisions = zip(*(self.at(level) for level in levels), strict=True)
        return list(recalls), list(precisions)

    def _precision(self, hits: int, others: int) -> float:
        if not hits + others:
            return 1.0
        if self.share is None:
            return hits / (hits + others)
        found, wrong = self.share * hits / len(self.hits), (1 - self.share) * others / len(self.others)
        return found / (found + wrong)


def draw_precision_recall(panels: dict[str, list[Curve]], path: Path) -> None:
    """A panel a detector; a dot where the threshold is."""
    figure = Figure(figsize=(2.5 * len(panels), 2.9), layout="constrained")
    for axes, (name, curves) in zip(figure.subplots(1, len(panels), sharey=True), panels.items(), strict=True):
        axes.set_title(name.replace("_", " "), color=INK, fontsize=9, loc="left")
        for curve, colour in zip(curves, SERIES, strict=False):
            axes.plot(*curve.points(), color=colour, linewidth=1.4, label=curve.name)
            if curve.threshold is not None:
                axes.plot(*curve.at(curve.threshold), "o", color=colour, markersize=4.5)
        _dress(axes, "recall")
        axes.set_xlim(0.4, 1.02)
        axes.set_ylim(0.4, 1.02)
        axes.legend(frameon=False, fontsize=7, loc="lower left")
    figure.axes[0].set_ylabel("precision", fontsize=8)
    path.write_bytes(to_png(figure))


def draw_depths(depths: Sequence[float], recalls: dict[str, Sequence[float]], path: Path) -> None:
    """Recall against depth, grey levels."""
    figure = Figure(figsize=(5, 2.9), layout="constrained")
    axes = figure.subplots()
    for (name, values), colour in zip(recalls.items(), SERIES, strict=False):
        axes.plot(depths, values, "o-", color=colour, linewidth=1.4, markersize=4, label=name)
    axes.axvline(20, color=FAINT, linewidth=0.8, linestyle=":")
    _dress(axes, "grey levels below the local median, over the 40 darkest px of the line")
    axes.set_ylim(0, 1.02)
    axes.set_xlim(0, None)
    axes.set_ylabel("recall", fontsize=8)
    axes.legend(frameon=False, fontsize=7, loc="lower right")
    path.write_bytes(to_png(figure))


def _dress(axes: Axes, label: str) -> None:
    axes.set_xlabel(label, fontsize=8)
    axes.tick_params(labelsize=7, colors=FAINT)
    axes.grid(color=GRID, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)


def by_depth(depths: Sequence[float], found: Sequence[bool], edges: Sequence[float]) -> list[dict[str, float]]:
    """Recall in steps of depth: from, to, cases, recall."""
    places = np.digitize(depths, edges)
    rows = []
    for place in range(1, len(edges)):
        here = [hit for hit, at in zip(found, places, strict=True) if at == place]
        if here:
            rows.append({"from": edges[place - 1], "to": edges[place], "cases": len(here), "recall": np.mean(here)})
    return [{key: float(value) for key, value in row.items()} for row in rows]
