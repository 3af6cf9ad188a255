"""How a notebook shows a data set, a selection and a run: small pieces of HTML that follow the colours of the page."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from gzcore.console import printable

if TYPE_CHECKING:
    from gztrain.api.selection import GalaxySelection

_GALAXIES = 8
"""Galaxies that a selection shows."""
_SIDE = 96
"""Height and width of each, px."""
_WIDTH, _HEIGHT = 320, 90
"""Of the curve of a run, px."""
_MODEL, _FAINT = "#3b82f6", "opacity:.65"
"""A blue with a contrast of 3 or more on white and on black; what is said in passing."""


def text(value: object) -> str:
    """Any value as text in HTML; control characters are spelled out."""
    return escape(printable(str(value)))


def panel(title: str, facts: Mapping[str, object], more: str = "") -> str:
    """A title, a table of facts, and more below."""
    rows = "".join(
        f"<tr><td style='text-align:left;{_FAINT};padding:.1em 1.2em .1em 0'>{text(name)}</td>"
        f"<td style='text-align:left;padding:.1em 0'>{text(value)}</td></tr>"
        for name, value in facts.items()
    )
    head = f"<div style='font-weight:600;margin-bottom:.3em'>{text(title)}</div>"
    table = f"<table style='border-collapse:collapse;font-variant-numeric:tabular-nums;margin:0'>{rows}</table>"
    return f"<div style='line-height:1.4'>{head}{table}{more}</div>"


def lines(words: str) -> str:
    """Each line of a text as a paragraph."""
    return "".join(f"<p style='margin:.4em 0'>{text(line)}</p>" for line in words.splitlines())


def listed(values: Iterable[object]) -> str:
    """Values in a row."""
    return ", ".join(map(str, values)) or "none"


def galaxies(selection: "GalaxySelection") -> str:
    """The first galaxies of a selection, each with the names of its labels that are 1."""
    names = [_short(question.name, answer) for question in selection.questions for answer in question.used]
    shown = []
    step = max(len(selection) // _GALAXIES, 1)
    for place in range(0, min(len(selection), step * _GALAXIES), step):
        sample = selection[place]
        known = [name for name, label in zip(names, sample["labels"], strict=True) if label]
        shown.append(_figure(sample["image"], f"{sample['id']}, view {sample['view']}", listed(known)))
    return f"<div style='display:flex;flex-wrap:wrap;gap:.6em;margin-top:.6em'>{''.join(shown)}</div>"


def _short(question: str, answer: str) -> str:
    return question if answer == "yes" else answer


def _figure(image: Any, name: str, labels: str) -> str:  # noqa: ANN401 -- uint8 [S, S, 3]
    import cv2
    import simplejpeg

    small = cv2.resize(image, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    address = base64.b64encode(simplejpeg.encode_jpeg(small, quality=85)).decode()
    picture = f"<img src='data:image/jpeg;base64,{address}' width={_SIDE} height={_SIDE} alt='{text(name)}'>"
    caption = f"<figcaption style='font-size:.75em;{_FAINT};overflow-wrap:anywhere'>{text(labels)}</figcaption>"
    return f"<figure title='{text(name)}' style='margin:0;width:{_SIDE}px;line-height:1.25'>{picture}{caption}</figure>"


def curve(title: str, values: Sequence[float]) -> str:
    """A line through some values, with the smallest one marked; nothing for fewer than two."""
    if len(values) < 2:
        return ""
    low, high = min(values), max(values)
    scale = (_HEIGHT - 20) / ((high - low) or 1)
    points = [
        (10 + place * (_WIDTH - 20) / (len(values) - 1), 10 + (high - value) * scale)
        for place, value in enumerate(values)
    ]
    x, y = points[values.index(low)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    drawing = (
        f"<polyline points='{line}' fill='none' stroke='{_MODEL}' stroke-width='2'/>"
        f"<circle cx='{x:.1f}' cy='{y:.1f}' r='4' fill='{_MODEL}'/>"
    )
    said = f"{title}: {values[0]:.4f} to {values[-1]:.4f}, smallest {low:.4f} after epoch {values.index(low) + 1}"
    picture = f"<svg width='{_WIDTH}' height='{_HEIGHT}' role='img' aria-label='{text(said)}'>{drawing}</svg>"
    return f"<div style='margin-top:.6em'>{picture}<div style='font-size:.85em;{_FAINT}'>{text(said)}</div></div>"
