"""Colours and the font of all pages and plots; and an SVG whose colours follow a light or dark theme."""

import base64
import re

INK, FAINT, GRID = "#1d232a", "#6b7280", "#d9dde3"
SERIES = ("#0b62c4", "#c2410c", "#0f766e", "#a21caf", "#8a5a00", "#475569")
"""One colour for each label of a question, at most six; each has a contrast of 4.5 or more on white."""
_DARK = {
    INK: "#e6e9ee",
    FAINT: "#98a2b3",
    GRID: "#363d47",
    **dict(zip(SERIES, ("#6cb2ff", "#ff9b62", "#4fd1b8", "#ee8cf5", "#e8bd4a", "#a9b6c8"), strict=True)),
}
FONT = "system-ui, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"


def follow_theme(svg: str) -> str:
    """Replace the colours of an SVG by variables. A style sheet inside the SVG sets them by the reader's preference."""
    svg = svg[svg.index("<svg") :]  # drops the document type, which names an address
    for place, colour in enumerate(_DARK):
        svg = svg.replace(colour, f"var(--c{place})")
    svg = re.sub(r"font: ([\d.]+px) [^;\"]+", rf"font: \1 {FONT}", svg)
    return svg.replace(">", f">{_style_sheet()}", 1)


def _style_sheet() -> str:
    light = ";".join(f"--c{place}:{colour}" for place, colour in enumerate(_DARK))
    dark = ";".join(f"--c{place}:{colour}" for place, colour in enumerate(_DARK.values()))
    return f"<style>:root{{{light}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}</style>"


def data_address(data: bytes, kind: str) -> str:
    """Bytes as a data address, which needs no file and no network."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
