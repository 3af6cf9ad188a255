"""A folder that gzprep made, sent to the Hugging Face hub."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from gzcore.dataset.layout import CARDS, CATALOGUE, MANIFEST, REJECTS
from gzcore.errors import GzError
from gzcore.storage.hub_push import Pushed, push_folder, repository_of
from gzprep.dataset.read import open_folder
from gzprep.tools.convert.record import RECORD, read_converted

_COUNT = "-[0-9]{5,7}-of-[0-9]{5,7}"
_SHARD = re.compile(rf"(data/)?.*?(\.tfrecord|\.array_record)?{_COUNT}(\.parquet|\.tar)?")


def files_of(folder: Path) -> list[str]:
    """Names of the files of a folder that convert or run made, and of no others: plans and locks stay here.

    Raises:
        GzError: the folder was made by something else, or is not whole.
    """
    if (folder / RECORD).is_file():
        sizes = dict(_converted(folder))
    elif (folder / MANIFEST).is_file():
        sizes = dict(_prepared(folder))
    else:
        raise GzError(
            f"{folder} is no folder that gzprep run or gzprep convert has made and finished; it has neither "
            f"{MANIFEST} nor {RECORD}."
        )
    for name, size in sizes.items():
        _check(folder, name, size)
    return list(sizes)


def _converted(folder: Path) -> Iterator[tuple[str, int | None]]:
    said = read_converted(folder / RECORD)
    yield from ((file.file, file.bytes) for file in said.files)
    yield from ((name, None) for name in (*said.cards, RECORD))


def _prepared(folder: Path) -> Iterator[tuple[str, int | None]]:
    _, manifest = open_folder(folder)
    for split in manifest["splits"].values():
        yield from ((shard["file"], shard["bytes"]) for shard in split["shards"])
    yield from ((name, None) for name in (CATALOGUE, REJECTS, MANIFEST))
    yield from ((name, None) for name in CARDS if (folder / name).is_file())


def _check(folder: Path, name: str, size: int | None) -> None:
    path = folder / name
    if not path.is_file() or path.is_symlink():
        raise GzError(f"{path} is missing; run the command that made the folder again.")
    if size is not None and path.stat().st_size != size:
        raise GzError(f"{path} has {path.stat().st_size} bytes, expected {size}; run the command that made it again.")


def push(folder: Path, address: str, *, private: bool = False) -> Pushed:
    """Send a folder to the hub. Files that the hub has already are not sent again.

    Args:
        folder: that convert or run made.
        address: ``hf://user/name``; the repository is made where it is not there.
        private: whether a new repository is one that only its owner sees.

    Raises:
        GzError: the folder is not one of ours or not whole, huggingface_hub is not installed, or the hub refuses.
        UsageError: the address names no repository.
    """
    repository_of(address, "dataset")
    names = files_of(folder)
    return push_folder(folder, names, address, "dataset", maker="gzprep", private=private, stale=stale_of(names))


def stale_of(names: Iterable[str]) -> re.Pattern[str] | None:
    """All shards of the same format in the same folder: those of an older data set would be read with these."""
    found = filter(None, map(_SHARD.fullmatch, names))
    parts = sorted({tuple(re.escape(part or "") for part in shard.groups()) for shard in found})
    return re.compile("|".join(f"{folder}[^/]*{kind}{_COUNT}{end}" for folder, kind, end in parts)) if parts else None
