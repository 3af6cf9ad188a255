"""From the name of a place to the source that reads it: the kind is told by the name, or by the recipe."""

import fnmatch
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import PurePath

import pyarrow.parquet as pq

from gzcore.console import printable
from gzcore.errors import GzError
from gzcore.storage.damage import DAMAGE
from gzcore.storage.places import Place, for_arrow
from gzprep.catalogue.galaxy import Rejection
from gzprep.catalogue.read import CatalogueFile, read_all
from gzprep.config import Recipe
from gzprep.images.sources.base import ImageSource, read_named
from gzprep.images.sources.files import Files
from gzprep.images.sources.parquet import ParquetImages, image_columns, open_parquet
from gzprep.images.sources.tar import TarImages, open_tar

KINDS = {"parquet": (".parquet",), "tar": (".tar",)}
"""Sources that hold many images in a file, and how their names end."""
_LOOKED_AT = 1000
"""Names of a folder that are looked at to tell what it holds."""


def open_images(
    place: Place, recipe: Recipe, catalogues: Sequence[CatalogueFile] = (), id_column: str | None = None
) -> ImageSource:
    """Open the images of a run.

    Args:
        place: a folder, a file, or files by a pattern such as ``images/*.tar``.
        recipe: kind of source and column, if it says them.
        catalogues: they may hold the images beside the labels, or absolute paths, or paths from their own folder on;
            looked at where ``place`` is not.
        id_column: the catalogue's column of ids.

    Raises:
        GzError: there is nothing of that name, or it cannot be read; the sentence says what was looked for.
    """
    images = recipe.images
    kind, files = _files_at(place, images.source)
    if kind == "parquet" and files:
        return open_parquet(str(place), files, images.column, id_column)
    if kind == "tar" and files:
        return open_tar(str(place), files)
    if kind == "files" and place.is_dir():
        return Files(place)
    beside = _with_images(catalogues) if images.source in {"auto", "parquet"} else []
    if beside:
        shown = " and ".join(map(str, beside)) if len(beside) < 3 else str(beside[0].parent)
        return open_parquet(shown, beside, images.column, id_column)
    if kind == "files" and catalogues:
        first = next(read_all(catalogues, recipe.survey), None)
        if first is not None and PurePath(first.filename).is_absolute():
            return Files(None)
        beside_them = Files(catalogues[0].path.parent, named=False)
        if first is not None and not isinstance(read_named(first, beside_them), Rejection):
            return beside_them
    raise GzError(_nothing_there(place, kind))


def _files_at(place: Place, wanted: str) -> tuple[str, list[Place]]:
    """The kind of a source, and the files that hold its images; none where it is a folder of images."""
    if "*" in place.name:
        files = _glob(place.parent, place.name)
        kind = _kind_of(files[0].name if files else place.name) if wanted == "auto" else wanted
        return kind, files
    if wanted == "files":
        return wanted, []
    if not place.is_dir():
        kind = _kind_of(place.name) if wanted == "auto" else wanted
        return kind, [place] if kind != "files" and place.is_file() else []
    inside: Iterator[Place] = iter(place.iterdir())
    names = [found.name for found in islice(inside, _LOOKED_AT)]
    kinds = [kind for kind in KINDS if fnmatch.filter(names, f"*{KINDS[kind][0]}")]
    kind = (kinds or ["files"])[0] if wanted == "auto" else wanted
    pattern = f"*{KINDS[kind][0]}" if kind in KINDS else ""
    return kind, _glob(place, pattern) if pattern else []


def _glob(folder: Place, pattern: str) -> list[Place]:
    return sorted(folder.glob(pattern), key=str)


def _kind_of(name: str) -> str:
    return next((kind for kind, ends in KINDS.items() if name.lower().endswith(ends)), "files")


def _with_images(catalogues: Sequence[CatalogueFile]) -> list[Place]:
    """Catalogues that have a column of images."""
    paths = [file.path for file in catalogues]
    return [path for path in paths if path.suffix.lower() == ".parquet" and _has_images(path)]


def _has_images(path: Place) -> bool:
    try:
        return bool(image_columns(pq.read_schema(for_arrow(path))))
    except DAMAGE:
        return False  # the catalogue itself is read and judged elsewhere


def _nothing_there(place: Place, kind: str) -> str:
    if kind != "files" or "*" in place.name:
        return f"There are no images in {place}: no such {'file' if kind == 'files' else f'{kind} file'}."
    return (
        f"There is no image folder {place}; expected <subfolder>/<filename> of the catalogue below it, or a parquet or "
        "tar file of this name. Name the place of the images with --images."
    )


def describe(images: ImageSource) -> str:
    """What was found, in one sentence; nothing of a plain folder of images."""
    if isinstance(images, ParquetImages):
        number, files = f"{images.index.images:,}", len(images.files)
        return printable(f"Images: {number} rows of {_files(files)} of parquet, column {images.column!r}, in {images}.")
    if isinstance(images, TarImages):
        return printable(f"Images: {images.index.images:,} members of {_files(len(images.files))} of tar, in {images}.")
    if isinstance(images, Files) and not images.named:
        return printable(f"Images: at the paths of the catalogue, from {images} on.")
    return "" if images.places else "Images: at the absolute paths of the catalogue."


def _files(number: int) -> str:
    return "1 file" if number == 1 else f"{number} files"
