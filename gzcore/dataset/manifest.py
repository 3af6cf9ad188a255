"""The manifest: how it is read and checked. What a data set is about is not decided here.

``manifest.json`` is written last, so a folder that has one is whole. It is untrusted like every file; see
:mod:`gzcore.dataset.schema`.
"""

from typing import Any

from gzcore.console import printable
from gzcore.dataset.layout import FORMAT, MANIFEST
from gzcore.dataset.making import command, inside, remake
from gzcore.dataset.schema import Manifest
from gzcore.errors import GzError
from gzcore.storage.documents import BadDocument, fit, parse_json, read_bytes
from gzcore.storage.places import Place

Json = dict[str, Any]
_UNFINISHED = (".gzprep", ".tfrecord")
"""Part of a name in the folder of a data set that is being made."""
_SHOWN = 3
"""Names that a sentence says of a folder that is none."""


def read_manifest(root: Place) -> tuple[Manifest, Json]:
    """Read the manifest of a dataset folder, and check it.

    Args:
        root: the folder.

    Returns:
        What readers rely on; and the whole document, which says more.

    Raises:
        GzError: the folder or its manifest is not there, damaged, or of a newer format; one sentence says what to do.
    """
    return parse_manifest(_read(root), root)


def parse_manifest(data: bytes, root: Place) -> tuple[Manifest, Json]:
    """Check the bytes of a manifest.

    Args:
        data: what the file holds.
        root: the folder, for sentences.

    Raises:
        GzError: it is damaged, or of a newer format.
    """
    try:
        document = parse_json(data)
        _check_format(document, root)
        return fit(Manifest, document), document
    except BadDocument as error:
        raise GzError(_damaged(root, error)) from None


def _check_format(document: object, root: Place) -> None:
    if not isinstance(document, dict) or type(document.get("format")) is not int:
        raise BadDocument("it does not say its format")
    newest = document["format"]
    if newest > FORMAT:
        raise GzError(f"{root} has format {newest}; this version knows formats up to {FORMAT}. Install a newer one.")


def _read(root: Place) -> bytes:
    path = root / MANIFEST
    if not root.is_dir():
        raise GzError(f"There is no dataset folder {root}; make one with gzprep run --out {root}.")
    try:
        return read_bytes(path)
    except FileNotFoundError:
        raise GzError(_no_manifest(root)) from None
    except OSError as error:
        raise GzError(f"{path} cannot be read ({error.strerror}).") from None
    except BadDocument as error:
        raise GzError(_damaged(root, error)) from None


def _no_manifest(root: Place) -> str:
    """What to do about a folder without a manifest: finish it, or name another one if it holds other things."""
    names = sorted(path.name for path in inside(root))
    what = f"{root} has no {MANIFEST}, so it is not a whole dataset folder"
    if not names or any(part in name for name in names for part in _UNFINISHED):
        return f"{what}; {command(root)} makes or finishes one."
    dots = ", ..." if len(names) > _SHOWN else ""
    return printable(
        f"{what}; it holds {', '.join(names[:_SHOWN])}{dots}. Name a folder that gzprep run --out FOLDER made."
    )


def _damaged(root: Place, why: BadDocument) -> str:
    return f"{root / MANIFEST} is damaged ({why}); {remake(root)}: it writes the manifest anew."
