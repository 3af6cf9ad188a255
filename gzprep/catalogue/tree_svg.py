"""A decision tree as a drawing: a box a question, with a line an answer, and curves to the questions that follow."""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from gzcore.console.colours import FAINT, FONT, GRID, INK, SERIES
from gzprep.catalogue.tree_nodes import DROPPED, LABEL, TWIN, Branch, Node

_WIDE, _GAP, _APART, _EDGE = 236, 46, 16, 12
"""Width of a box, space between two columns and between two boxes, and margin of the drawing, px."""
_LINE, _PAD = 17, 9
"""Height of a line of text and padding of a box, px."""
_FITS = 29
"""Characters of a title that fit into a box: bold letters of 12 px are 7.2 px wide on average."""
_MARKS = {LABEL: "", TWIN: "label 0", DROPPED: "not used"}


@dataclass(frozen=True, slots=True)
class _Box:
    """A question with its place: ``y`` is that of its upper edge, ``column`` counts from the left."""

    node: Node
    column: int
    y: float
    head: tuple[tuple[str, str], ...]
    children: tuple[tuple[int, "_Box"], ...]

    @property
    def x(self) -> float:
        return _EDGE + self.column * (_WIDE + _GAP)

    def line(self, number: int) -> float:
        """Middle of an answer's line, y."""
        return self.y + _PAD + _LINE * (len(self.head) + number + 0.5)

    @property
    def height(self) -> float:
        return 2 * _PAD + _LINE * (len(self.head) + len(self.node.branches))


def tree_svg(nodes: Sequence[Node], title: str, *, paper: str | None = "#ffffff") -> tuple[str, int, int]:
    """The tree as SVG, with its width and height in px.

    Args:
        nodes: questions that follow no single answer.
        title: what a screen reader says.
        paper: colour of the background; None: none, for a page that has one.
    """
    boxes: list[_Box] = []
    y = float(_EDGE)
    for node in nodes:
        box, y = _place(node, 0, y)
        boxes.append(box)
        y += _APART
    everything = [box for root in boxes for box in _all(root)]
    width = _EDGE + max(box.x + _WIDE for box in everything)
    height = _EDGE + max(box.y + box.height for box in everything)
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" font-family="{FONT}" font-size="12">']
    parts.append(f"<title>{escape(title)}</title>")
    if paper is not None:
        parts.append(f'<rect width="100%" height="100%" fill="{paper}"/>')
    parts += [curve for box in everything for curve in _curves(box)]
    parts += [shape for box in everything for shape in _shapes(box)]
    return "\n".join([*parts, "</svg>"]) + "\n", round(width), round(height)


def _all(box: _Box) -> Iterator[_Box]:
    yield box
    for _, child in box.children:
        yield from _all(child)


def _place(node: Node, column: int, y: float) -> tuple[_Box, float]:
    """Place a question and all that follow it below ``y``; returns it, and the lowest edge of them."""
    children: list[tuple[int, _Box]] = []
    below = y
    for number, branch in enumerate(node.branches):
        for child in branch.children:
            box, bottom = _place(child, column + 1, below)
            children.append((number, box))
            below = bottom + _APART
    placed = _Box(node, column, y, tuple(_head(node)), tuple(children))
    return placed, max(placed.y + placed.height, below - _APART if children else 0.0)


def _head(node: Node) -> Iterator[tuple[str, str]]:
    """Lines above the answers, each with its style."""
    for line in textwrap.wrap(node.title, _FITS, break_long_words=False) or [""]:
        yield line, f'fill="{INK}" font-weight="650"'
    for line in (*textwrap.wrap(node.name, _FITS + 4), *textwrap.wrap(node.note, _FITS + 4, break_on_hyphens=False)):
        yield line, f'fill="{FAINT}" font-size="11"'


def _shapes(box: _Box) -> Iterator[str]:
    frame = f'x="{box.x:g}" y="{box.y:g}" width="{_WIDE}" height="{box.height:g}" rx="7"'
    yield f'<rect {frame} fill="{GRID}" fill-opacity="0.28" stroke="{GRID}"/>'
    for number, (text, style) in enumerate(box.head):
        middle = box.y + _PAD + _LINE * (number + 0.5) + 4
        yield f'<text x="{box.x + _PAD:g}" y="{middle:g}" {style}>{escape(text)}</text>'
    for number, branch in enumerate(box.node.branches):
        yield from _answer(box, number, branch)


def _answer(box: _Box, number: int, branch: Branch) -> Iterator[str]:
    y = box.line(number)
    used = branch.kind == LABEL
    dot = f'fill="{SERIES[0]}"' if used else f'fill="none" stroke="{FAINT}"'
    yield f'<circle cx="{box.x + _PAD + 4:g}" cy="{y:g}" r="3.2" {dot}/>'
    colour = INK if used else FAINT
    yield f'<text x="{box.x + _PAD + 14:g}" y="{y + 4:g}" fill="{colour}">{escape(branch.answer)}</text>'
    if _MARKS[branch.kind]:
        end = f'x="{box.x + _WIDE - _PAD:g}" y="{y + 4:g}" text-anchor="end" font-size="10.5"'
        yield f'<text {end} fill="{FAINT}">{_MARKS[branch.kind]}</text>'


def _curves(box: _Box) -> Iterator[str]:
    """Curves from the right edge of the answers to the titles of the questions that follow."""
    for number, child in box.children:
        x0, y0, x1, y1 = box.x + _WIDE, box.line(number), child.x, child.y + _PAD + _LINE / 2
        half = (x0 + x1) / 2
        path = f"M{x0:g} {y0:g}C{half:g} {y0:g} {half:g} {y1:g} {x1:g} {y1:g}"
        yield f'<path d="{path}" fill="none" stroke="{FAINT}" stroke-width="1.3"/>'
