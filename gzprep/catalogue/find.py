"""Finds the catalogues of a data folder by their names: those of Galaxy Zoo, or those of the Hugging Face hub."""

import re
from collections.abc import Sequence

from gzcore.console import printable
from gzcore.errors import GzError
from gzcore.storage.places import Place
from gzprep.catalogue.galaxy import Split
from gzprep.catalogue.read import FORMATS, CatalogueFile

HUB_FOLDER = "data"
"""Where data sets of the hub have their parquet files."""
_PART = re.compile(r"(train|test)-([0-9]{5})-of-([0-9]{5})\.parquet")
"""Names that the hub gives to the files of a split."""


def find_catalogues(data: Place) -> tuple[CatalogueFile, ...]:
    """Find the catalogues of a data folder.

    They are called ``<any name>_train_catalog.parquet``, ``_test_``, or ``.csv``. Where there are none, files with the
    names of the hub are taken, ``train-00000-of-00006.parquet`` and so on, also from the folder ``data`` in it.

    Raises:
        GzError: the folder, or every catalogue in it, is absent; or a split has two; or files of the hub are missing.
    """
    if not data.is_dir():
        raise GzError(f"{data} is not a folder; name one with catalogues and images with --data.")
    paths_of = {split: _files_of(data, split) for split in Split}
    for split, paths in paths_of.items():
        if len(paths) > 1:
            names = " and ".join(path.name for path in paths)
            raise GzError(f"There are two {split} catalogues in {data}, {names}; remove one of them.")
    found = tuple(CatalogueFile(path, split) for split, paths in paths_of.items() for path in paths)
    found = found or _of_the_hub(data) or (_of_the_hub(data / HUB_FOLDER) if (data / HUB_FOLDER).is_dir() else ())
    if not found:
        raise GzError(_no_catalogue(data))
    return found


def name_of(path: Place) -> str:
    """What the data set of a catalogue may be called: the file without endings, or the folder of the hub's files."""
    if _PART.fullmatch(path.name):
        folder = path.parent.parent if path.parent.name == HUB_FOLDER else path.parent
        return folder.name or path.name
    return re.sub(r"(_(train|test)_catalog)?(\.(parquet|csv|gz))+$", "", path.name)


def _files_of(data: Place, split: Split) -> list[Place]:
    ends = tuple(f"_{split}_catalog{suffix}" for suffix in FORMATS)
    named = (path for path in data.glob(f"*_{split}_catalog.*") if path.name.lower().endswith(ends))
    return sorted((path for path in named if path.is_file()), key=str)


def _of_the_hub(data: Place) -> tuple[CatalogueFile, ...]:
    """The files of the hub, training galaxies first."""
    named = [(path, match) for path in data.glob("*-of-*.parquet") if (match := _PART.fullmatch(path.name))]
    for split in Split:
        _refuse_missing(data, split, [(int(match[2]), int(match[3])) for _, match in named if match[1] == split.value])
    files = [CatalogueFile(path, Split(match[1])) for path, match in named]
    return tuple(sorted(files, key=lambda file: (file.split is Split.TEST, str(file.path))))


def _refuse_missing(data: Place, split: Split, parts: Sequence[tuple[int, int]]) -> None:
    """Refuse a split whose files are not all there.

    Args:
        data: their folder.
        split: the split.
        parts: the number of each file, and how many its name says that there are.
    """
    totals = {total for _, total in parts}
    if len(totals) > 1:
        raise GzError(f"The {split} files in {data} are of {len(totals)} different sets; remove all but one.")
    for total in totals:
        absent = sorted(set(range(total)) - {number for number, _ in parts})
        if absent:
            raise GzError(
                f"{len(absent)} of the {total} {split} files are missing in {data}, such as "
                f"{split}-{absent[0]:05}-of-{total:05}.parquet; fetch them, or name one file with --catalogue."
            )


def _no_catalogue(data: Place) -> str:
    tables = (path for path in data.iterdir() if path.name.lower().endswith(FORMATS) and path.is_file())
    others = sorted(path.name for path in tables)
    hint = f"it holds {', '.join(others[:3])}: name one with --catalogue FILE --split train|test" if others else ""
    expected = "gz2_train_catalog.parquet or gz2_test_catalog.parquet (or .csv)"
    return printable(f"There is no catalogue in {data}; expected {expected}" + (f"; {hint}." if hint else "."))
