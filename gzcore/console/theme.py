"""Colours and fonts of all pages and plots. Plots as PNG for slides, or as SVG that follows a light or dark theme."""

import base64
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import matplotlib as mpl
from matplotlib.figure import Figure

INK, FAINT, GRID = "#1d232a", "#6b7280", "#d9dde3"
SERIES = ("#0b62c4", "#c2410c", "#0f766e", "#a21caf", "#8a5a00", "#475569")
"""One colour for each label of a question, at most six; each has a contrast of 4.5 or more on white."""
_DARK = {
    INK: "#e6e9ee",
    FAINT: "#98a2b3",
    GRID: "#363d47",
    **dict(zip(SERIES, ("#6cb2ff", "#ff9b62", "#4fd1b8", "#ee8cf5", "#e8bd4a", "#a9b6c8"), strict=True)),
}
_FONT = "system-ui, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"
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


def follow_theme(svg: str) -> str:
    """Replace the colours of an SVG by variables. A style sheet inside the SVG sets them by the reader's preference."""
    svg = svg[svg.index("<svg") :]  # drops the document type, which names an address
    for place, colour in enumerate(_DARK):
        svg = svg.replace(colour, f"var(--c{place})")
    svg = re.sub(r"font: ([\d.]+px) [^;\"]+", rf"font: \1 {_FONT}", svg)
    return svg.replace(">", f">{_style_sheet()}", 1)


def _style_sheet() -> str:
    light = ";".join(f"--c{place}:{colour}" for place, colour in enumerate(_DARK))
    dark = ";".join(f"--c{place}:{colour}" for place, colour in enumerate(_DARK.values()))
    return f"<style>:root{{{light}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}</style>"


def data_address(data: bytes, kind: str) -> str:
    """Bytes as a data address, which needs no file and no network."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
