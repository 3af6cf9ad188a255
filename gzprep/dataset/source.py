"""Where the galaxies of a data set came from: what its manifest says of that, and where to find them again.

A manifest is published, so it holds no path of its maker's disk. A data folder beside the dataset folder is named as it
is seen from there (``../gz2-sky``), any other by its last name alone. ``.gzprep/source.json``, which is not for
readers, has the whole paths. An address in a bucket says nothing of a disk, and is kept.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError

from gzcore.console import printable
from gzcore.errors import GzError
from gzcore.storage.atomic import read_json
from gzcore.storage.documents import BadDocument, parse_json, read_bytes
from gzcore.storage.places import Place, Url, as_place
from gzprep.catalogue.find import find_catalogues
from gzprep.catalogue.galaxy import Split
from gzprep.catalogue.read import CatalogueFile
from gzprep.catalogue.survey import Survey
from gzprep.catalogue.surveys import gz2
from gzprep.dataset.folder import Folder
from gzprep.dataset.merged import refuse_merged

Json = dict[str, Any]
SIMULATED, GALAXY_ZOO_2, CATALOGUE = "simulated", "galaxy-zoo-2", "catalogue"
KINDS = (SIMULATED, GALAXY_ZOO_2, CATALOGUE)
"""What a source can be; a data folder that does not say holds a catalogue of the survey that was named."""
MARKER = "source.json"
"""The file of a data folder that says what it is: ``{"kind": "simulated"}``."""


@dataclass(frozen=True)
class Origin:
    """The input of a data set, found again: data folder, catalogues, and images that are not in the data folder."""

    data: Place
    catalogues: tuple[CatalogueFile, ...]
    images_at: Place | None = None

    def images(self, folder: str) -> Place:
        """Where the images are: where the user said, or in the data folder, where the recipe says."""
        return self.data / folder if self.images_at is None else self.images_at


def write_marker(data: Path, kind: str, **facts: int) -> None:
    """Say in a data folder what it is, and what else is worth knowing, such as the seed of a simulated one."""
    (data / MARKER).write_text(json.dumps({"kind": kind, **facts}) + "\n", encoding="utf-8")


def kind_of(data: Place, survey: Survey) -> str:
    """What a data folder is.

    Args:
        data: the folder.
        survey: whose columns its catalogues have.

    Raises:
        GzError: its marker says something that we do not know.
    """
    marker = data / MARKER
    if not marker.is_file():
        return GALAXY_ZOO_2 if survey.name == gz2().name else CATALOGUE
    try:
        document = parse_json(read_bytes(marker))
    except (OSError, BadDocument):
        document = None
    kind = document.get("kind") if isinstance(document, dict) else None
    if kind not in KINDS:
        raise GzError(f'{marker} does not say what the source is; expected {{"kind": "{SIMULATED}"}}, or no such file.')
    return str(kind)


def describe(folder: Folder, data: Place, catalogues: Sequence[CatalogueFile]) -> Json:
    """What the manifest says of the data folder and the catalogues, their rows left out."""
    return {
        "data": _shown(data, folder.root),
        "catalogues": [{"file": _within(file.path, data), "split": file.split.value} for file in catalogues],
    }


def _shown(data: Place, out: Place) -> str:
    if isinstance(data, Url):
        return str(data)
    if isinstance(out, Path) and out.parent in (data, *data.parents):
        return Path(os.path.relpath(data, out)).as_posix()
    return data.name


def _within(file: Place, data: Place) -> str:
    if isinstance(file, Path) and isinstance(data, Path):
        return file.relative_to(data).as_posix() if file.is_relative_to(data) else file.name
    return str(file)


def whole_paths(data: Place, catalogues: Sequence[CatalogueFile], images_at: Place | None = None) -> Json:
    """What ``.gzprep/source.json`` says, for this machine alone."""
    return {
        "data": str(data),
        **({"images": str(images_at)} if images_at is not None else {}),
        "catalogues": [{"file": str(file.path), "split": file.split.value} for file in catalogues],
    }


def find_origin(folder: Folder, manifest: Json, data: Place | None = None, images: Place | None = None) -> Origin:
    """Find the input of a data set again.

    Args:
        folder: the dataset folder.
        manifest: what it says of itself.
        data: where the data folder is now; None: where it was.
        images: where the images are now, if they are not in the data folder; None: where they were.

    Raises:
        GzError: it is not known where that is, or what is said of it is damaged.
    """
    refuse_merged(manifest)
    if data is not None:
        return Origin(data, find_catalogues(data), images)
    shown = printable(_said_of(manifest["source"], "The manifest").data)
    for known, place in _candidates(folder, manifest):
        if _trusted(place, folder) and place.is_dir():
            files = [(_below(place, as_place(entry.file)), entry.split) for entry in known.catalogues]
            if all(_trusted(file, folder) for file, _ in files):
                kept = as_place(known.images) if known.own and known.images else None
                if images is None and kept is not None and not _trusted(kept, folder):
                    raise GzError(f"The images came from {kept}; if you trust it, name it with --images {kept}.")
                return Origin(place, tuple(CatalogueFile(file, split) for file, split in files), images or kept)
    if isinstance(as_place(shown), Url):
        raise GzError(f"The galaxies came from {shown}; if you trust that bucket, name it with --data {shown}.")
    raise GzError(f"The galaxies came from the folder {shown}, which is not where it was; name its place with --data.")


def _trusted(place: Place, folder: Folder) -> bool:
    """Whether a place that a document of the data set names may be looked at: one in another bucket may not.

    A request to a bucket carries the user's credentials. The user chooses who gets it, and not the author of a file.
    """
    root = folder.root
    if isinstance(place, Url):
        return isinstance(root, Url) and (root.scheme, root.bucket) == (place.scheme, place.bucket)
    return True


class _SaidCatalogue(BaseModel):
    """A catalogue, as the manifest or ``.gzprep/source.json`` has it."""

    file: Annotated[str, Field(strict=True, min_length=1)]
    split: Split


class _SaidSource(BaseModel):
    """What a manifest or ``.gzprep/source.json`` says of the source."""

    data: Annotated[str, Field(strict=True, min_length=1)]
    catalogues: tuple[_SaidCatalogue, ...]
    images: str | None = None
    own: bool = False


def _said_of(document: Any, where: str) -> _SaidSource:  # noqa: ANN401 -- any JSON value
    """Check what is said of the source.

    Raises:
        GzError: it is damaged.
    """
    try:
        return _SaidSource.model_validate(document)
    except ValidationError as error:
        key = ".".join(map(str, error.errors()[0]["loc"]))
        raise GzError(
            f"{where} does not say where the galaxies came from ({key}); name the data with --data."
        ) from None


def _candidates(folder: Folder, manifest: Json) -> list[tuple[_SaidSource, Place]]:
    """What is known of the source, and its folder: first where it was, then as seen from the dataset folder."""
    candidates: list[tuple[_SaidSource, Place]] = []
    if folder.source.is_file():
        known = _said_of(read_json(folder.source), str(folder.source)).model_copy(update={"own": True})
        candidates.append((known, as_place(known.data)))
    said = _said_of(manifest["source"], "The manifest").model_copy(update={"own": False})
    shown = as_place(said.data)
    if isinstance(shown, Url):
        candidates.append((said, shown))
    elif isinstance(folder.root, Path) and shown.parts[:1] == ("..",):
        candidates.append((said, Path(os.path.normpath(folder.root / shown))))
    return candidates


def _below(data: Place, file: Place) -> Place:
    return data / str(file) if isinstance(file, Path) and not file.is_absolute() else file
