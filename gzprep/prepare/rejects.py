"""What a run says when too much was rejected: the commonest reason, one example in full, the option that helps."""

import contextlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from gzcore.console import printable
from gzprep.catalogue.galaxy import Galaxy, Reason, Rejection
from gzprep.config import Recipe
from gzprep.images.defects import DETECTORS

_SIDES = re.compile(r"(\d+) x (\d+) px")
_MODE = re.compile(r"mode ([\w; ]+?)(?:, expected|$)")
_NAMED = 3
"""Kinds of images that are named with their numbers; the others are added up."""
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


def explain(example: Example, images: str, recipe: Recipe, details: Iterable[str] = ()) -> str:
    """Tell of a rejected galaxy: its image, what came, what was expected, and the option that allows it.

    Args:
        example: the galaxy.
        images: where images are looked for.
        recipe: what was expected.
        details: of all galaxies that were rejected for the same reason: how many images are of which kind is told.
    """
    told = printable(f"For example galaxy {example.id}, {images}/{example.path}: {example.detail}.")
    near = near_file(images, example.path) if example.reason == Reason.MISSING_FILE else None
    found = "" if near is None else printable(f"But there is {near}; should the catalogue name that one?")
    kinds = kinds_of(example.reason, details)
    return " ".join(filter(None, (told, found, numbers_of(kinds), hint_for(example, recipe, len(kinds)))))


def kinds_of(reason: str, details: Iterable[str]) -> Counter[str]:
    """How many rejected images are of which size or mode; empty for reasons that know no kinds."""
    pattern = {Reason.WRONG_SHAPE.value: _SIDES, Reason.WRONG_MODE.value: _MODE}.get(reason)
    found = [] if pattern is None else [match for detail in details if (match := pattern.search(detail))]
    return Counter(match[0] if pattern is _SIDES else f"mode {match[1]}" for match in found)


def numbers_of(kinds: Counter[str]) -> str:
    """Numbers of the commonest kinds, and of all others together; nothing where all are of one kind."""
    if len(kinds) < 2:
        return ""
    common = kinds.most_common(_NAMED)
    others = kinds.total() - sum(number for _, number in common)
    named = ", ".join(f"{number} have {kind}" for kind, number in common)
    return printable(f"Of the rejected ones {named}{f', {others} something else' if others else ''}.")


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


def hint_for(example: Example, recipe: Recipe, kinds: int = 1) -> str:
    """What to do where a whole catalogue is rejected for this reason; empty where nothing can be said.

    Args:
        example: a rejected galaxy.
        recipe: what was expected.
        kinds: number of sizes, or modes, that were rejected.
    """
    if example.reason == Reason.WRONG_SHAPE:
        return _for_shape(example.detail, recipe, kinds)
    if example.reason == Reason.WRONG_MODE:
        return _for_mode(example.detail, recipe)
    if example.reason in DETECTORS:
        return f"To keep such galaxies: --set defects.{example.reason}.policy=flag."
    return _HINTS.get(Reason(example.reason), "")


_HINTS = {
    Reason.MISSING_FILE: (
        "An image is looked for below --data, in images.folder, then in the catalogue's subfolder and under its "
        "filename. "
        "If the images are elsewhere, name their place with --images; if they are all in one folder, leave the column "
        "subfolder empty."
    ),
    Reason.PATH_OUTSIDE: "The columns subfolder and filename must lead to a file below the image folder.",
    Reason.UNREADABLE: "Such images are damaged; gzprep inspect DIR lists them all.",
    Reason.BAD_ID: "Correct the column id_str of the catalogue.",
    Reason.BAD_VALUE: "Correct these values in the catalogue, or leave them empty where they are not known.",
}


def _for_shape(detail: str, recipe: Recipe, kinds: int) -> str:
    sides = _SIDES.search(detail)
    if "unknown scale" in detail:
        return "If they all have one scale: --set images.own_arcsec=ARCSEC."
    if recipe.images.fit == "crop" or (recipe.images.frame == "any" and recipe.images.fit == "exact"):
        return "Smaller images are taken by a smaller --crop, or by --set images.fit=pad or resize (docs/images.md)."
    if sides is None or sides[1] != sides[2] or kinds > 1:
        return (
            f"To make all sizes fit {recipe.images.frame} px: --set images.fit=resize, or crop, pad or scale; to keep "
            "each at its own size: --set images.frame=any (docs/images.md)."
        )
    side = int(sides[1])
    crop = "" if recipe.crop.size <= side else f" --crop {side}"
    return f"If all images have this size: --set images.frame={side}{crop}. To resize them: --set images.fit=resize."


def _for_mode(detail: str, recipe: Recipe) -> str:
    if "images.fits" in detail:  # the sentence names the setting itself
        return ""
    mode = _MODE.search(detail)
    if mode is not None and "16" in mode[1]:
        return (
            "Pixels of 16 bits are not squeezed into 8 unasked: save such images with 8 bits a channel, or as FITS and "
            "choose --set images.fits.stretch=linear, asinh or lupton (docs/images.md)."
        )
    allowed = None if mode is None else _ALLOWED.get(mode[1])
    if allowed is None:
        return "Convert such images to RGB of 8 bits a channel."
    modes = ",".join(f'"{name}"' for name in (*recipe.images.modes, allowed))
    kind = "Grey images" if allowed == "L" else "Opaque images with an alpha channel"
    return f"{kind} are allowed by --set 'images.modes=[{modes}]'."
