"""A page to judge the detectors' findings by eye: one sheet for each detector, the highest score first."""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gzcore.console import printable
from gzcore.console.page import render
from gzcore.images import UnusableImage, read_header
from gzcore.storage.atomic import writing
from gzprep.catalogue.galaxy import DefectLine, Rejection
from gzprep.config import Defects, Detector, LineDetector, Recipe
from gzprep.images.defects import wanted
from gzprep.images.opening import as_shown
from gzprep.tools.defect_scan import Inspection

PAGE = "index.html"
MOST, BELOW = 200, 48
"""Images on one sheet, as many as a person judges in a minute; and how many of them lie below the threshold."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One image on a sheet.

    Attributes:
        score: of the sheet's detector.
        name: as the image was named or found, control characters spelled out.
        address: of its copy, relative to the page; empty where there is no picture.
        width, height: px.
        line: what the detector found in it.
    """

    score: float
    name: str
    address: str
    width: int
    height: int
    line: DefectLine | None


@dataclass(slots=True)
class Sheet:
    """The images that one detector finds most suspicious.

    Attributes:
        detector: its name.
        rule: its threshold and policy.
        seen: images that it looked at.
        past: images past its threshold.
        strongest: a heap of (score, minus the number of the image, the inspection).
    """

    detector: str
    rule: Detector | LineDetector
    seen: int = 0
    past: int = 0
    strongest: list[tuple[float, int, Inspection]] = field(default_factory=list)

    def add(self, inspection: Inspection) -> None:
        """Count an image, and keep it if it is among the ``MOST`` strongest."""
        score = inspection.scores[self.detector]
        self.seen += 1
        self.past += score >= self.rule.threshold
        entry = (score, -self.seen, inspection)
        if len(self.strongest) < MOST:
            heapq.heappush(self.strongest, entry)
        else:
            heapq.heappushpop(self.strongest, entry)

    def ranked(self) -> list[Inspection]:
        """What is shown, the highest score first: all that was kept past the threshold, and a few below it."""
        ranked = [inspection for _, _, inspection in sorted(self.strongest, key=lambda entry: entry[:2], reverse=True)]
        return ranked[: self.past + BELOW]


def watch(inspections: Iterable[Inspection], sheets: Iterable[Sheet]) -> Iterator[Inspection]:
    """Pass inspections on, and add each to the sheets of its detectors."""
    by_name = {sheet.detector: sheet for sheet in sheets}
    for inspection in inspections:
        for name in inspection.scores.keys() & by_name.keys():
            by_name[name].add(inspection)
        yield inspection


def empty_sheets(rules: Defects) -> list[Sheet]:
    """A sheet for every detector that is not off."""
    return [Sheet(name, getattr(rules, name)) for name in wanted(rules)]


def write_review(sheets: Iterable[Sheet], folder: Path, recipe: Recipe | None = None) -> Path:
    """Write the page and copies of the images on it, each once.

    Args:
        sheets: what was seen.
        folder: is made where it is not there.
        recipe: how FITS images are shown; None: the default.

    Returns:
        The page.

    Raises:
        GzError: the folder cannot be written.
    """
    with writing(folder):
        (folder / "images").mkdir(parents=True, exist_ok=True)
        copies = _Copies(folder, recipe or Recipe())
        tiles = [(sheet, [_tile(shown, sheet.detector, copies) for shown in sheet.ranked()]) for sheet in sheets]
        page = folder / PAGE
        page.write_text(_render(tiles), encoding="utf-8")
    return page


class _Copies:
    """Copies images to where the page can show them, each once, under numbers: names are untrusted."""

    def __init__(self, folder: Path, recipe: Recipe) -> None:
        self._folder, self._recipe = folder, recipe
        self._known: dict[str, tuple[str, int, int]] = {}

    def copy(self, shown: Inspection) -> tuple[str, int, int]:
        """Copy an image; returns address, width and height, an empty address where it cannot be read."""
        if shown.path not in self._known:
            self._known[shown.path] = self._copy(shown)
        return self._known[shown.path]

    def _copy(self, shown: Inspection) -> tuple[str, int, int]:
        data = shown.read() if shown.read is not None else b""
        try:
            if isinstance(data, Rejection):
                return "", 0, 0
            data = as_shown(data, self._recipe)
            header = read_header(data)
        except UnusableImage:
            return "", 0, 0
        suffix = ".png" if data.startswith(b"\x89PNG") else ".jpg"
        address = f"images/{len(self._known):05}{suffix}"
        (self._folder / address).write_bytes(data)
        return address, header.width, header.height


def _tile(inspection: Inspection, detector: str, copies: _Copies) -> Tile:
    address, width, height = copies.copy(inspection)
    return Tile(
        inspection.scores[detector], printable(inspection.path), address, width, height, inspection.lines.get(detector)
    )


def _render(tiles_of: list[tuple[Sheet, list[Tile]]]) -> str:
    sheets = [_shown(sheet, tiles) for sheet, tiles in sorted(tiles_of, key=lambda entry: entry[0].past == 0)]
    return render("gzprep.tools", "defect_page.html", sheets=sheets)


def _shown(sheet: Sheet, tiles: list[Tile]) -> dict[str, Any]:
    """A sheet as the template shows it."""
    above = [tile for tile in tiles if tile.score >= sheet.rule.threshold]
    return {
        "title": sheet.detector.replace("_", " "),
        "name": sheet.detector,
        "rule": sheet.rule,
        "seen": sheet.seen,
        "past": sheet.past,
        "above": above,
        "below": tiles[len(above) :],
        "hidden": sheet.seen - len(tiles),
    }
