"""Files that appear whole: written beside, flushed to disk, renamed; whoever looks sees the old one or the new one."""

import contextlib
import errno
import json
import os
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from gzcore.errors import GzError


@contextlib.contextmanager
def below(folder: Path) -> Iterator[None]:
    """Turn the system's complaints about writing below ``folder`` into one sentence.

    Raises:
        GzError: the disk is full, the folder is read-only, or something else went wrong.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise GzError(f"The disk is full while writing into {folder}; free some space and go on.") from None
        raise GzError(f"Cannot write into {folder} ({error.strerror or error}); choose another place.") from None


@contextlib.contextmanager
def appearing(path: Path) -> Iterator[BinaryIO]:
    """Open a file that gets its name only when it is whole."""
    with beside(path) as temporary, temporary.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def beside(path: Path) -> Iterator[Path]:
    """Name a temporary file, hidden and with the same ending, that gets its real name when the block ends well."""
    temporary = path.with_name(f".{uuid.uuid4().hex}.{path.name}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove what writers that were killed have left half-way."""
    with below(folder):
        for path in folder.glob(".*"):
            if re.match(r"\.[0-9a-f]{32}\.", path.name):
                path.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:  # noqa: ANN401 -- any JSON value
    """Write a JSON document that appears whole."""
    with below(path.parent), appearing(path) as file:
        file.write((json.dumps(value, indent=2, allow_nan=False) + "\n").encode())
