"""``gzprep.json``: what a converted folder was made of, and its files. It is not trusted, like every file."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from gzcore.console import brief
from gzcore.errors import GzError
from gzcore.storage.documents import BadDocument, fit, parse_json, read_bytes
from gzcore.storage.places import Place

RECORD = "gzprep.json"
"""The record is written last: a folder that has one is whole."""
_FILE = re.compile(r"(data/)?[A-Za-z0-9_][A-Za-z0-9_.-]{0,150}-[0-9]{5,7}-of-[0-9]{5,7}(\.parquet|\.tar)?")


def _plain_name(name: str) -> str:
    """A name as gzprep gives it: it leads to no other folder, and is no pattern."""
    if not _FILE.fullmatch(name):
        raise ValueError(f"{name[:80]!r} is not the name of a file that gzprep convert makes")
    return name


class FileEntry(BaseModel):
    """A file that is whole, and the shard that it was made of."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    file: Annotated[str, AfterValidator(_plain_name)]
    split: Literal["train", "train_views", "test"]
    fold: int
    records: Annotated[int, Field(ge=0)]
    shard: str
    shard_sha256: str
    bytes: Annotated[int, Field(ge=0)]
    sha256: str


class Converted(BaseModel):
    """What a folder was made of, its files, and its cards."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    made_of: dict[str, Any]
    files: tuple[FileEntry, ...]
    cards: tuple[Literal["README.md", "dataset_info.json", "features.json"], ...] = ()


def read_converted(path: Place) -> Converted:
    """Read the record of a folder.

    Raises:
        GzError: it is damaged, or was written by something else.
    """
    try:
        return fit(Converted, parse_json(read_bytes(path)))
    except BadDocument as error:
        raise GzError(
            f"{path} was not written by gzprep convert, or is damaged ({error}); convert the data set into another "
            "folder."
        ) from None


def read_note(path: Place) -> FileEntry:
    """Read what a call that was interrupted has noted of one file.

    Raises:
        GzError: it is damaged.
    """
    try:
        return fit(FileEntry, parse_json(read_bytes(path)))
    except BadDocument as error:
        raise GzError(f"{path} is damaged ({brief(error)}); remove it.") from None
