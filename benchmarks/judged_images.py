"""Real images and what is known of them: the defects that are listed, and those that a person has seen on alarm.

The folder is GZ_REAL_DATA (default ../shared/data). Its lists are defects/defects.csv, defects/lines_seen_elsewhere.csv
and gz2/defects_seen.csv; what was seen since is in tests/gzprep/images/defects/reviewed_defects.csv.
"""

import csv
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from contestants import HERE

REVIEWED = HERE.parent / "tests" / "gzprep" / "images" / "defects" / "reviewed_defects.csv"
_KINDS = {
    "thin black line": "black_line",
    "black_line": "black_line",
    "thick coloured line": "colour_line",
    "thin coloured line": "colour_line",
    "colour_line": "colour_line",
    "saturated star or coloured background": "saturated_background",
    "frame edge or colour patch": "frame_edge",
}
"""Kind in a list to detector; the faint and the unsure ones are left out."""
Known = dict[tuple[str, str], str]
"""(detector, id) to verdict: true, false or unsure."""


@dataclass(frozen=True, slots=True)
class Real:
    """A real image.

    Attributes:
        id: of the galaxy.
        path: of the JPEG.
        chosen_on: whether it is in the half that thresholds are chosen on, by a hash of its id.
    """

    id: str
    path: Path
    chosen_on: bool


@dataclass(frozen=True, slots=True)
class Lists:
    """What is known of the real images.

    Attributes:
        defects: ids of the 34 images of defects/, by detector.
        elsewhere: ids of the sure ones of lines_seen_elsewhere.csv, by detector.
        verdicts: those lists and everything reviewed since.
    """

    defects: dict[str, set[str]]
    elsewhere: dict[str, set[str]]
    verdicts: Known

    def having(self, detector: str, verdict: str = "true") -> set[str]:
        """Ids with a verdict."""
        return {id_ for (name, id_), seen in self.verdicts.items() if name == detector and seen == verdict}

    @property
    def not_sound(self) -> set[str]:
        """Ids of images with any defect, sure or not."""
        return {id_ for (_, id_), seen in self.verdicts.items() if seen != "false"}


def real_folder() -> Path:
    """Where the real images are."""
    return Path(os.environ.get("GZ_REAL_DATA", "../shared/data")).absolute()


def real_images(folder: Path) -> list[Real]:
    """All of them, by path."""
    return [Real(path.stem, path, _is_even(path.stem)) for path in sorted(folder.rglob("*.jpg"))]


def _is_even(id_: str) -> bool:
    return hashlib.sha256(id_.encode()).digest()[0] % 2 == 0


def read_lists(folder: Path) -> Lists:
    """Read the lists and the verdicts; a verdict overrules a list."""
    defects = _by_detector(_rows(folder / "defects" / "defects.csv"), "galaxy_id")
    elsewhere = _by_detector(_rows(folder / "defects" / "lines_seen_elsewhere.csv"), "path_under_data")
    seen = _by_detector(_rows(folder / "gz2" / "defects_seen.csv"), "id_str")
    listed = ((name, id_) for source in (defects, elsewhere, seen) for name, ids in source.items() for id_ in ids)
    verdicts = dict.fromkeys(listed, "true") | {(row["detector"], row["id"]): row["verdict"] for row in _rows(REVIEWED)}
    return Lists(defects, elsewhere, verdicts)


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _by_detector(rows: Iterator[dict[str, str]], column: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for row in rows:
        if row["kind"] in _KINDS:
            found.setdefault(_KINDS[row["kind"]], set()).add(Path(row[column]).stem)
    return found
