"""Scores of every detector, and the verdict: for images, folders of images, and finished data sets."""

import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from gzcore.errors import GzError
from gzcore.images import Header, UnusableImage, read_file
from gzcore.storage.places import Place, local
from gzprep.catalogue.galaxy import LINED, DefectLine, DefectVerdict, Reason, Rejection
from gzprep.config import Recipe, from_mapping
from gzprep.dataset.folder import Folder
from gzprep.dataset.read import iterate_rows, open_folder
from gzprep.dataset.source import find_origin
from gzprep.images.defects import DETECTORS, judge
from gzprep.images.opening import FITS, check_header, decode_any, decode_frame, header_of, rejection_of
from gzprep.images.sources import ImageName, ImageSource, open_images, read_named

SUFFIXES = (".jpg", ".jpeg", ".png", ".fits", ".fit", ".fits.gz")
"""Files that are taken for images, in folders."""
SMALLEST = 64
"""Detectors look at images of this many pixels a side, and more."""
LARGEST = 2000
"""They look at images of this many a side at most, or of the recipe's frame if larger: a pixel takes 20 bytes."""
_VERDICTS = {"accepted": "ok", "flagged": "flagged", "rejected": "rejected"}


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found in one image.

    Attributes:
        path: of the image, as it was named or found; of a data set's galaxy, that below the image folder.
        verdict: ``ok``, ``flagged`` or ``rejected``.
        defects: kinds that it was flagged or rejected for.
        scores: detector to score, of those that could look.
        detail: why it was rejected, or what else is to be told, in words.
        lines: detector to the line that it found, past its threshold or not.
        read: gives the bytes of the image, or why there are none; None where it is not known where it is.
    """

    path: str
    verdict: str
    defects: tuple[str, ...] = ()
    scores: dict[str, float] = field(default_factory=dict)
    detail: str = ""
    lines: dict[str, DefectLine] = field(default_factory=dict)
    read: Callable[[], bytes | Rejection] | None = None

    def as_json(self) -> dict[str, Any]:
        """The promised document of one image."""
        return {
            "path": self.path,
            "verdict": self.verdict,
            "defects": list(self.defects),
            "scores": self.scores,
            **({"detail": self.detail} if self.detail else {}),
        }


def inspect(places: Sequence[Place], recipe: Recipe) -> Iterator[Inspection]:
    """Look at images, at folders (recursively) and at data sets, in the order they are named.

    Raises:
        GzError: there is nothing of that name, or no image in a folder.
    """
    for place in places:
        if is_dataset(place):
            yield from inspect_dataset(place)
        else:
            yield from (inspect_image(path, recipe) for path in find_images(local(place)))


def find_images(place: Path) -> Iterable[Path]:
    """Find the images of a folder, in the order of their names; a file is itself.

    Raises:
        GzError: there is nothing of that name, or no image in the folder.
    """
    if not place.is_dir():
        if not place.exists():
            raise GzError(f"There is no {place} to inspect; name images, folders of them, or a data set.")
        return [place]
    images = sorted(Path(folder) / name for folder, _, names in os.walk(place) for name in names if is_image_name(name))
    if not images:
        raise GzError(f"There is no image ({', '.join(SUFFIXES)}) in {place}.")
    return images


def is_image_name(name: str) -> bool:
    """Tell whether a file in a folder is taken for an image."""
    return name.lower().endswith(SUFFIXES) and not name.startswith(".")


def inspect_image(path: Path, recipe: Recipe) -> Inspection:
    """Judge one file as a run with this recipe would, and score it even where its shape is not the recipe's."""
    try:
        data = read_file(path)
        header = header_of(data)
        verdict, note = _score(data, header, recipe)
    except UnusableImage as error:
        return _rejected(path, rejection_of(error).reason, str(error), DefectVerdict())
    try:
        if header.kind in {"RGBA", FITS}:  # whether it is opaque, or which planes it has, the image tells
            decode_frame(data, recipe)
        check_header(header, recipe)
    except UnusableImage as error:
        return _rejected(path, rejection_of(error).reason, str(error), verdict)
    return replace(from_verdict(path, verdict), detail=note)


def _score(data: bytes, header: Header, recipe: Recipe) -> tuple[DefectVerdict, str]:
    """Let the detectors look at an image of a size that they can look at in reasonable time and memory.

    Returns:
        What they found, and what is unusual about the file.
    """
    sides = (header.height, header.width)
    frame = recipe.images.frame
    if min(sides) < SMALLEST or max(sides) > (LARGEST if frame == "any" else max(LARGEST, frame)):
        return DefectVerdict(), ""
    decoded = decode_any(data, recipe, most=math.prod(sides))
    return judge(decoded.pixels, recipe.defects), decoded.note


def _rejected(path: Path, reason: Reason, detail: str, verdict: DefectVerdict) -> Inspection:
    return Inspection(
        str(path), "rejected", (reason.value,), verdict.scores, detail, verdict.lines, partial(read_path, path)
    )


def from_verdict(path: Path, verdict: DefectVerdict) -> Inspection:
    """What a verdict says of an image."""
    noticed, rejection = (*verdict.flags, *verdict.inpainted), verdict.rejection
    if rejection is None:
        word = "flagged" if noticed else "ok"
        return Inspection(str(path), word, noticed, verdict.scores, "", verdict.lines, partial(read_path, path))
    defects = tuple(dict.fromkeys((rejection.reason.value, *noticed)))
    read = partial(read_path, path)
    return Inspection(str(path), "rejected", defects, verdict.scores, rejection.detail, verdict.lines, read)


def read_path(path: Path) -> bytes | Rejection:
    """The bytes of a file, or why they cannot be had."""
    try:
        return read_file(path)
    except UnusableImage as error:
        return rejection_of(error)


def recipe_of(place: Place) -> Recipe:
    """The recipe that a data set was made with.

    Raises:
        GzError: the data set is not whole.
    """
    _, manifest = open_folder(place)
    return from_mapping(manifest["recipe"], f"{place}")


def is_dataset(place: Place) -> bool:
    """Tell whether a folder is one that ``gzprep run`` made."""
    return Folder(place).manifest.is_file()


def inspect_dataset(place: Place) -> Iterator[Inspection]:
    """What a data set's catalogue says of its galaxies, rejected ones too; no image is needed.

    Raises:
        GzError: the data set is not whole.
    """
    folder, manifest = open_folder(place)
    images = _images_of(folder, manifest)
    for number, row in enumerate(iterate_rows(folder.catalogue), 1):
        try:
            inspection = _inspect_row(row, images)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise GzError(f"{folder.catalogue} is damaged: row {number} is not that of a galaxy.") from None
        yield inspection


def _images_of(folder: Folder, manifest: dict[str, Any]) -> ImageSource | None:
    """The source images of a data set; None where they are not on this machine any more."""
    try:
        recipe, origin = from_mapping(manifest["recipe"], "The manifest's recipe"), find_origin(folder, manifest)
        place = origin.images(recipe.images.folder)
        if not isinstance(place, Path):
            return None
        return open_images(place, recipe, origin.catalogues)
    except GzError:
        return None


def _inspect_row(row: dict[str, Any], images: ImageSource | None) -> Inspection:
    name = ImageName(row["id_str"], row["subfolder"], row["filename"])
    noticed = (*((row["reason"],) if row["reason"] else ()), *(row["flags"] or ()), *(row.get("inpainted") or ()))
    verdict = "flagged" if row["verdict"] == "accepted" and noticed else _VERDICTS[row["verdict"]]
    return Inspection(
        path=f"{row['subfolder']}/{row['filename']}",
        verdict=verdict,
        defects=tuple(dict.fromkeys(noticed)),
        scores={name: float(score) for name, score in _known(row, "score_", DETECTORS).items()},
        detail=str(row["detail"] or ""),
        lines={name: DefectLine(**line) for name, line in _known(row, "line_", LINED).items()},
        read=None if images is None else partial(read_named, name, images),
    )


def _known(row: dict[str, Any], prefix: str, names: Iterable[str]) -> dict[str, Any]:
    return {name: row[prefix + name] for name in names if row.get(prefix + name) is not None}
