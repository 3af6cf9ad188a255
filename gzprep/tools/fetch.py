"""The real Galaxy Zoo 2, through galaxy-datasets, and an inventory of what arrived.

galaxy-datasets only logs network errors, and checks one image of 209,293. So each image of both catalogues is looked
for here, and a list of the missing ones is written.
"""

import contextlib
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gzcore.console import printable
from gzcore.errors import GzError, system_sentence
from gzcore.storage.atomic import writing
from gzprep.catalogue.find import find_catalogues
from gzprep.catalogue.read import CatalogueFile, image_path, read_all
from gzprep.catalogue.surveys import gz2

MISSING_LIST = "missing.txt"
_BY_HAND = "Put gz2_train_catalog.parquet, gz2_test_catalog.parquet and images/ there yourself, or try again online."


def fetch_gz2(directory: Path) -> dict[str, Any]:
    """Download Galaxy Zoo 2 into a folder, and check it file by file.

    Returns:
        ``galaxies``, ``missing`` and ``missing_list``, the file that names the missing images.

    Raises:
        GzError: galaxy-datasets is not installed, or the download failed.
    """
    with writing(directory):
        directory.mkdir(parents=True, exist_ok=True)
    download(directory)
    return take_inventory(directory, find_catalogues(directory))


def download(directory: Path) -> None:
    """Let galaxy-datasets download what is absent.

    Raises:
        GzError: it is not installed, or it could not.
    """
    try:
        from galaxy_datasets.shared.gz2 import gz2
    except ImportError:
        raise GzError("gzprep fetch needs galaxy-datasets; install it with: pip install 'gzprep[fetch]'.") from None
    # Its messages go to standard error: standard output belongs to the result.
    with _logged_errors() as logged, contextlib.redirect_stdout(sys.stderr):
        try:
            gz2(root=str(directory), train=True, download=True)
        except FileNotFoundError:
            reason = logged[-1] if logged else "nothing arrived"
            raise GzError(f"Galaxy Zoo 2 could not be downloaded into {directory} ({reason}). {_BY_HAND}") from None
        except (OSError, RuntimeError) as error:
            incomplete = f"The download into {directory} is incomplete ({error}). {_BY_HAND}"
            raise GzError(system_sentence(error, directory) or incomplete) from None
    if logged:
        raise GzError(f"The download into {directory} is incomplete ({logged[-1]}). {_BY_HAND}")


@contextlib.contextmanager
def _logged_errors() -> Iterator[list[str]]:
    """Collect the errors that galaxy-datasets only logs."""
    messages: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            text = record.getMessage()
            if text.startswith("Failed to download"):
                messages.append(" ".join(text.split("\n")[1:]).strip() or text)

    root, collector = logging.getLogger(), Collector(level=logging.INFO)
    level = root.level
    root.addHandler(collector)
    root.setLevel(logging.INFO)
    try:
        yield messages
    finally:
        root.setLevel(level)
        root.removeHandler(collector)


def take_inventory(directory: Path, catalogues: tuple[CatalogueFile, ...]) -> dict[str, Any]:
    """Look for every image of the catalogues, and write down those that are missing."""
    galaxies = 0
    missing_list = directory / MISSING_LIST
    missing = 0
    with writing(directory), missing_list.open("w", encoding="utf-8") as file:
        for galaxy in read_all(catalogues, gz2()):
            galaxies += 1
            path = image_path(galaxy)
            if path is None or not (directory / "images" / path).is_file():
                file.write("\t".join(map(printable, (galaxy.split, galaxy.id, str(path)))) + "\n")
                missing += 1
    return {"galaxies": galaxies, "missing": missing, "missing_list": str(missing_list)}
