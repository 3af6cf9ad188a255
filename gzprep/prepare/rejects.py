"""What a run says when too much was rejected: the commonest reason, one example in full, the option that helps."""

import contextlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from gzcore.console import printable
from gzprep.catalogue.galaxy import Galaxy, Reason, Rejection
from gzprep.config import Recipe
from gzprep.images.defects import DETECTORS

_SIDES = re.compile(r"(\d+) x (\d+) px")
_MODE = re.compile(r"mode (\w+)[, ]")
_ENDINGS = (".jpg", ".jpeg", ".png", ".JPG", ".JPEG", ".PNG")
_ALLOWED = {"L": "L", "Gray": "L", "RGBA": "RGBA"}
"""A file's mode, by the name that the recipe has for it; Gray is what the JPEG library says."""


@dataclass(frozen=True, slots=True)
class Example:
    """One rejected galaxy.

    Attributes:
        id: of the galaxy.
        path: of its image below the image folder.
        reason: why it was rejected.
        detail: what came and what was expected.
    """

    id: str
    path: str
    reason: str
    detail: str


def example_of(galaxy: Galaxy, rejection: Rejection) -> Example:
    """A galaxy that was just rejected, as an example."""
    return Example(galaxy.id, _path(galaxy.subfolder, galaxy.filename), rejection.reason.value, rejection.detail)


def example_in(rows: Iterable[Mapping[str, Any]], reason: str) -> Example | None:
    """The first galaxy among rows of the catalogue that was rejected for a reason."""
    row = next((row for row in rows if row["reason"] == reason), None)
    return (
        None if row is None else Example(row["id_str"], _path(row["subfolder"], row["filename"]), reason, row["detail"])
    )


def _path(subfolder: str, filename: str) -> str:
    return f"{subfolder}/{filename}" if subfolder else filename


def explain(example: Example, images: str, recipe: Recipe) -> str:
    """Tell of a rejected galaxy: its image, what came, what was expected, and the option that allows it."""
    told = printable(f"For example galaxy {example.id}, {images}/{example.path}: {example.detail}.")
    near = near_file(images, example.path) if example.reason == Reason.MISSING_FILE else None
    found = "" if near is None else printable(f"But there is {near}; should the catalogue name that one?")
    return " ".join(filter(None, (told, found, hint_for(example, recipe))))


def near_file(images: str, path: str) -> str | None:
    """A file that may be the missing one: in the image folder itself, or with another ending. None in a bucket."""
    wanted = PurePosixPath(path)
    if "://" in images:
        return None
    for folder in (Path(images) / wanted.parent, Path(images)):
        for ending in (wanted.suffix, *_ENDINGS):
            with contextlib.suppress(OSError):  # such as a name that is too long
                if (folder / f"{wanted.stem}{ending}").is_file():
                    return str(folder / f"{wanted.stem}{ending}")
    return None


def hint_for(example: Example, recipe: Recipe) -> str:
    """What to do where a whole catalogue is rejected for this reason; empty where nothing can be said."""
    if example.reason == Reason.WRONG_SHAPE:
        return _for_shape(example.detail, recipe)
    if example.reason == Reason.WRONG_MODE:
        return _for_mode(example.detail, recipe)
    if example.reason in DETECTORS:
        return f"To keep such galaxies: --set defects.{example.reason}.policy=flag."
    return _HINTS.get(Reason(example.reason), "")


_HINTS = {
    Reason.MISSING_FILE: (
        "An image is looked for below --data, in images.folder, then in the catalogue's subfolder and under its "
        "filename. "
        "If the images are elsewhere, name their folder with --set images.folder=PATH; if they are all in one folder, "
        "leave the column subfolder empty."
    ),
    Reason.PATH_OUTSIDE: "The columns subfolder and filename must lead to a file below the image folder.",
    Reason.UNREADABLE: "Such images are damaged; gzprep inspect DIR lists them all.",
    Reason.BAD_ID: "Correct the column id_str of the catalogue.",
    Reason.BAD_VALUE: "Correct these values in the catalogue, or leave them empty where they are not known.",
}


def _for_shape(detail: str, recipe: Recipe) -> str:
    sides = _SIDES.search(detail)
    if sides is None or sides[1] != sides[2]:
        return "Images must be square, all of one size: --set images.frame=PIXELS."
    side = int(sides[1])
    crop = "" if recipe.crop.size <= side else f" --crop {side}"
    return f"If all images have this size: --set images.frame={side}{crop}."


def _for_mode(detail: str, recipe: Recipe) -> str:
    mode = _MODE.search(detail)
    allowed = None if mode is None else _ALLOWED.get(mode[1])
    if allowed is None:
        return "Convert such images to RGB of 8 bits a channel."
    modes = ",".join(f'"{name}"' for name in (*recipe.images.modes, allowed))
    kind = "Grey images" if allowed == "L" else "Opaque images with an alpha channel"
    return f"{kind} are allowed by --set 'images.modes=[{modes}]'."
