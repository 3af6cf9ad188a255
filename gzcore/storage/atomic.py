"""Files that appear whole, on this machine and in buckets.

On this machine a file is written beside its place under a hidden name, flushed to the disk, and renamed. In a bucket an
object is sent in one piece under its final name. A reader finds the old file or the new one, never half of one.
"""

import contextlib
import errno
import json
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from gzcore.console import brief
from gzcore.errors import GzError, system_sentence
from gzcore.machine import is_used, mark_used
from gzcore.storage.documents import BadDocument, parse_json, read_bytes
from gzcore.storage.places import Place, Url, local, remove_all

_LEFTOVER = re.compile(r"\.[0-9a-f]{32}\..+", re.DOTALL)
"""The hidden name of a file that is being written."""
_HIDDEN = len(f".{uuid.UUID(int=0).hex}.")
"""Letters before its own name."""


@contextlib.contextmanager
def writing(place: Place) -> Iterator[None]:
    """Turn the system's complaints about writing below ``place`` into one sentence.

    Raises:
        GzError: the disk is full, the folder is read-only, or something else went wrong.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.ENFILE, errno.ENOMEM):
            raise GzError(system_sentence(error, place)) from None
        if isinstance(error, FileNotFoundError):  # that of pyarrow has no number
            raise GzError(
                f"Cannot write into {place}: the folder or a file in it is missing, perhaps removed meanwhile; run the "
                "command again."
            ) from None
        raise GzError(f"Cannot write into {place} ({error.strerror or error}); choose another place.") from None


@contextlib.contextmanager
def appearing(place: Place, folder: Place | None = None) -> Iterator[BinaryIO]:
    """Open a file that gets its name only when it is whole; where the block fails, nothing appears.

    Args:
        place: its name. Its folder must be there.
        folder: where it is written on this machine; None: beside its place. It must be on the same disk.
    """
    if isinstance(place, Url):
        with tempfile.TemporaryFile() as file:
            yield file
            file.flush()
            place.put(file)
        return
    with beside(place, folder) as temporary, temporary.open("wb") as file:
        mark_used(file)
        yield file
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def beside(path: Path, folder: Place | None = None) -> Iterator[Path]:
    """Name a temporary file, hidden and with the same ending, that gets its real name when the block ends well."""
    name = path.name.replace(".tfrecord-", ".part-")  # a search for shards must not find one that is being written
    temporary = local(folder or path.parent) / f".{uuid.uuid4().hex}.{name}"
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(place: Place, data: bytes) -> None:
    """Write a file that appears whole, and the folders above it.

    Raises:
        GzError: it cannot be written.
    """
    with writing(place.parent):
        place.parent.mkdir(parents=True, exist_ok=True)
        with appearing(place) as file:
            file.write(data)


def write_output(place: Place, data: bytes) -> None:
    """As :func:`write_bytes`, of a file that the user named; a half of it that the same command left goes first.

    Raises:
        GzError: it cannot be written.
    """
    sweep(place.parent, place.name)
    write_bytes(place, data)


def write_json(place: Place, value: Any, folder: Place | None = None) -> None:  # noqa: ANN401 -- any JSON value
    """Write a JSON document that appears whole; ``folder`` as in :func:`appearing`.

    Raises:
        GzError: it cannot be written.
    """
    with writing(place.parent), appearing(place, folder) as file:
        file.write(json_bytes(value))


def json_bytes(value: Any) -> bytes:  # noqa: ANN401 -- any JSON value
    """A JSON document as we write it."""
    return (json.dumps(value, indent=2, allow_nan=False) + "\n").encode()


def read_json(place: Place) -> Any:  # noqa: ANN401 -- any JSON value
    """Read a JSON document of our own making.

    Raises:
        GzError: the file is absent or damaged.
    """
    try:
        return parse_json(read_bytes(place))
    except OSError as error:
        raise GzError(f"{place} cannot be read ({error.strerror}).") from None
    except BadDocument as error:
        raise GzError(
            f"{place} is damaged ({brief(error)}); run the command that made it again, with --overwrite."
        ) from None


def read_if_there(place: Place, start: int = 0, stop: int | None = None) -> bytes | None:
    """Read a file, or some bytes of it; None where there is none.

    Raises:
        GzError: it cannot be read.
    """
    try:
        if isinstance(place, Url):
            return place.read_bytes() if stop is None else place.read(start, stop)
        with place.open("rb") as file:
            file.seek(start)
            return file.read(-1 if stop is None else stop - start)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise GzError(f"{place} cannot be read ({error.strerror}).") from None


def withdraw(place: Place) -> None:
    """Remove a file that may not be there; a bucket is asked first, for it throttles removals more than looks."""
    if isinstance(place, Path) or place.exists():
        place.unlink(missing_ok=True)


def sweep(folder: Place, name: str | None = None) -> None:
    """Remove what writers that were killed have left half-way; in a bucket there is no such thing.

    A file that another command is writing at this moment (:func:`appearing`) is left alone.

    Args:
        folder: where they wrote.
        name: of the file that they wrote; None: of any file. Name it where others may be writing into the folder.

    Raises:
        GzError: it cannot be removed.
    """
    if isinstance(folder, Path):
        with writing(folder):
            for path in folder.glob(".*"):
                if _LEFTOVER.fullmatch(path.name) and name in (None, path.name[_HIDDEN:]) and not is_used(path):
                    path.unlink(missing_ok=True)


def remove_tree(place: Place) -> None:
    """Remove a folder of ours and everything in it.

    Raises:
        OSError: it is not there, or cannot be removed.
    """
    if isinstance(place, Path):
        shutil.rmtree(place)
    else:
        remove_all(place.below())
