"""Images that are parts of larger files, such as tar files: a file of this machine is opened once and stays open."""

import os
from pathlib import Path

from gzcore.errors import GzError, system_sentence
from gzcore.images import UnreadableImage, check_file_size
from gzcore.machine import OPEN_TO_READ
from gzcore.storage.places import Place, Url

_MOST_OPEN = 64
"""Files that stay open at once, at most: a process may open some hundreds."""


class Parts:
    """Reads parts of files. It keeps files open, so it belongs to one process and is never sent to another."""

    def __init__(self) -> None:
        self._open: dict[Path, int] = {}

    def __del__(self) -> None:
        for descriptor in self._open.values():
            os.close(descriptor)

    def read(self, place: Place, start: int, length: int) -> bytes:
        """Read an image that is a part of a larger file.

        Args:
            place: the file; it stays as it is while this object lives.
            start: first byte.
            length: bytes.

        Raises:
            UnreadableImage: it is too large, or the file ends before it.
            GzError: the file cannot be read; it was there when the run began, so that is no fault of the image.
        """
        check_file_size(length)
        try:
            data = place.read(start, start + length) if isinstance(place, Url) else self._local(place, start, length)
        except OSError as error:
            reason = (
                system_sentence(error) or f"{place} cannot be read ({error.strerror or error}); run the command again."
            )
            raise GzError(reason) from None
        if len(data) != length:
            raise UnreadableImage(f"{place.name} ends within it")
        return data

    def _local(self, path: Path, start: int, length: int) -> bytes:
        if not hasattr(os, "pread"):  # Windows, which does not remove files that are open
            with path.open("rb") as file:
                file.seek(start)
                return file.read(length)
        descriptor = self._open.get(path)
        if descriptor is not None:
            return os.pread(descriptor, length, start)
        descriptor = os.open(path, OPEN_TO_READ)
        keep = len(self._open) < _MOST_OPEN and self._open.setdefault(path, descriptor) == descriptor
        try:
            return os.pread(descriptor, length, start)
        finally:
            if not keep:
                os.close(descriptor)
