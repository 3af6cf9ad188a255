"""Pages of galaxies: a sheet, and a map that one can zoom. Each is one file, without a request to a network."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass

from gzcore.console.page import render

_PACKAGE = "gztrain.predict.embeddings"


@dataclass(frozen=True)
class Tile:
    """A galaxy on a sheet: its id, a note, and its JPEG, or None."""

    id: str
    note: str
    jpeg: bytes | None

    @property
    def address(self) -> str:
        """The image as a page holds it; empty where there is none."""
        return "" if self.jpeg is None else f"data:image/jpeg;base64,{base64.b64encode(self.jpeg).decode()}"


@dataclass(frozen=True)
class Point:
    """A galaxy on a map: its id, its place (0 to 1 from left and from below), and its JPEG, or None."""

    id: str
    x: float
    y: float
    jpeg: bytes | None


def sheet_page(title: str, lead: str, tiles: Sequence[Tile]) -> str:
    """A page of galaxies side by side."""
    return render(_PACKAGE, "sheet.html", title=title, lead=lead, tiles=tiles)


def map_page(title: str, lead: str, points: Sequence[Point]) -> str:
    """A page with a map of galaxies. The data stand in a script of type JSON, which no browser runs."""
    shown = [[point.id, point.x, point.y, Tile(point.id, "", point.jpeg).address] for point in points]
    text = json.dumps(shown).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return render(_PACKAGE, "map.html", title=title, lead=lead, points=text, number=len(points))
