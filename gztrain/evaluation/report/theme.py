"""Colours of the report, and figures as files: PNG for a slide, SVG that follows the reader's light or dark page."""

import base64
import io
import re

from matplotlib.figure import Figure

INK, FAINT, GRID = "#1d232a", "#6b7280", "#d9dde3"
SERIES = ("#0b62c4", "#c2410c", "#0f766e", "#a21caf", "#8a5a00", "#475569")
"""As many as a question has labels at most; each has a contrast of 4.5 or more on white."""
_DARK = {
    INK: "#e6e9ee",
    FAINT: "#98a2b3",
    GRID: "#363d47",
    **dict(zip(SERIES, ("#6cb2ff", "#ff9b62", "#4fd1b8", "#ee8cf5", "#e8bd4a", "#a9b6c8"), strict=True)),
}
_FONT = "system-ui, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"
_PNG_DPI = 160


def to_png(figure: Figure) -> bytes:
    """The figure on white."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=_PNG_DPI, transparent=False, facecolor="white")
    return file.getvalue()


def size_of(figure: Figure) -> tuple[int, int]:
    """Width and height on a page, px."""
    width, height = figure.get_size_inches()
    return round(96 * width), round(96 * height)


def to_svg(figure: Figure) -> str:
    """The figure without background, in colours that follow the reader's preference; black on white in print."""
    file = io.StringIO()
    figure.savefig(file, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    return follow_theme(file.getvalue())


def follow_theme(svg: str) -> str:
    """Put variables in place of the colours of an SVG; a style sheet inside it sets them by the reader's preference."""
    svg = svg[svg.index("<svg") :]  # the document type names an address
    for place, colour in enumerate(_DARK):
        svg = svg.replace(colour, f"var(--c{place})")
    svg = re.sub(r"font: ([\d.]+px) [^;\"]+", rf"font: \1 {_FONT}", svg)
    return svg.replace(">", f">{_style_sheet()}", 1)


def _style_sheet() -> str:
    light = ";".join(f"--c{place}:{colour}" for place, colour in enumerate(_DARK))
    dark = ";".join(f"--c{place}:{colour}" for place, colour in enumerate(_DARK.values()))
    return f"<style>:root{{{light}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}</style>"


def data_address(data: bytes, kind: str) -> str:
    """Bytes as an address that needs no file and no network."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
