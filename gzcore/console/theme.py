"""Colours and fonts of all pages and plots. Plots as PNG for slides, or as SVG that follows a light or dark theme."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import matplotlib as mpl
from matplotlib.figure import Figure

from gzcore.console.colours import FAINT, GRID, INK, SERIES, data_address, follow_theme

__all__ = [
    "FAINT",
    "GRID",
    "INK",
    "SERIES",
    "data_address",
    "follow_theme",
    "size_of",
    "style",
    "to_png",
    "to_svg",
]

_PNG_DPI = 160
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
    """Context in which plots are drawn and saved in the style of all pages."""
    with mpl.rc_context(cast("Any", _STYLE)):  # its type is a Literal of 300 names
        yield


def to_png(figure: Figure) -> bytes:
    """The plot as PNG on a white background."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=_PNG_DPI, transparent=False, facecolor="white")
    figure.set_layout_engine("none")  # what is laid out stays: an SVG of the same plot is made sooner
    return file.getvalue()


def size_of(figure: Figure) -> tuple[int, int]:
    """Width and height on a page, px."""
    width, height = figure.get_size_inches()
    return round(96 * width), round(96 * height)


def to_svg(figure: Figure) -> str:
    """The plot as SVG without background. Its colours follow the reader's preference; in print it is black on white."""
    file = io.StringIO()
    figure.savefig(file, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    return follow_theme(file.getvalue())
