"""Where each image lies in parquet or tar files: a table that is made once and looked up by name.

An image is found by its path or by its name alone: the id of the galaxy, or the file name without its ending, as
WebDataset has it. Names are kept as hashes of 64 bits: 32 bytes an entry, about 64 an image.
"""

import posixpath
import re
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gzcore.images import MissingImage, UnreadableImage
from gzcore.storage.atomic import appearing
from gzcore.storage.places import Place
from gzprep.catalogue.read import path_below
from gzprep.images.sources.base import Named

Table = npt.NDArray[np.int64]
_PLAIN = re.compile(r"[\w-][\w.+-]*(?:/[\w-][\w.+-]*)*", re.ASCII)
"""Paths that are normal already: no empty part, and none that begins with a dot."""


class Location(NamedTuple):
    """Where an image lies.

    Attributes:
        file: number of the file.
        start: first byte; in parquet the row group.
        length: bytes; in parquet the row in its group.
    """

    file: int
    start: int
    length: int


def path_key(path: str) -> bytes:
    """The key of a path, which says the folder too."""
    return _normal_key(path if _PLAIN.fullmatch(path) else posixpath.normpath(path).lstrip("/"))


def _normal_key(path: str) -> bytes:
    return b"path " + path.encode(errors="surrogateescape")


def name_key(name: str) -> bytes:
    """The key of a name alone: an id, or a file's name up to its first dot."""
    return b"name " + name.encode(errors="surrogateescape")


def stem(path: str) -> str:
    """A file's name up to its first dot, as WebDataset names what belongs together."""
    return path.rpartition("/")[2].partition(".")[0]


def keys_of_path(path: str) -> tuple[bytes, ...]:
    """Everything that an image with this path is found by."""
    return (path_key(path), name_key(stem(path)))


def keys_of(galaxy: Named) -> Iterator[bytes]:
    """Everything that the image of a galaxy may be found by, the surest first."""
    path = path_below(galaxy.subfolder, galaxy.filename)
    if path is not None:
        yield _normal_key(path)
    yield name_key(galaxy.id)
    if galaxy.filename:
        yield name_key(stem(galaxy.filename))


def _digest(key: bytes) -> bytes:
    return blake2b(key, digest_size=8).digest()


class IndexBuilder:
    """Gathers keys and locations: 16 bytes a key, 24 an image."""

    def __init__(self) -> None:
        self._digests, self._owners, self._locations = bytearray(), array("q"), array("q")
        self.images = 0

    def add(self, keys: Iterable[bytes], location: Location) -> None:
        """Add an image under all its keys."""
        for key in set(keys):
            self._digests += _digest(key)
            self._owners.append(self.images)
        self._locations.extend(location)
        self.images += 1

    def built(self) -> "Index":
        """The table, sorted by hash."""
        locations: Table = np.frombuffer(self._locations, np.int64).reshape(-1, 3)
        hashes: Table = np.frombuffer(self._digests, "<i8").astype(np.int64)
        table = np.stack([hashes, *locations[np.frombuffer(self._owners, np.int64)].T])
        return Index(self.images, table[:, np.lexsort(table[::-1])])


@dataclass(frozen=True, eq=False)
class Index:
    """Locations by hash of a key.

    Attributes:
        images: number of images.
        table: int64 [4, keys]: hash, file, start, length; sorted by hash.
        stored: where the table lies; then that alone is sent to workers, who map it into memory.
    """

    images: int
    table: Table
    stored: Place | None = None

    def __reduce__(self) -> tuple[object, ...]:
        if self.stored is None:
            return Index, (self.images, self.table)
        return load, (self.images, self.stored)

    def find(self, galaxy: Named) -> Location:
        """Where the image of a galaxy lies.

        Raises:
            MissingImage: there is none.
            UnreadableImage: there are several of one name.
        """
        for key in keys_of(galaxy):
            hashes, files, starts, lengths = self._rows
            wanted = int.from_bytes(_digest(key), "little", signed=True)
            place = bisect_left(hashes, wanted)
            if place < len(hashes) and hashes[place] == wanted:
                self._refuse_second(key, place + 1, wanted)
                return Location(files[place], starts[place], lengths[place])
        path = path_below(galaxy.subfolder, galaxy.filename)
        raise MissingImage(f"there is no image {galaxy.id!r}" + (f", and none at {path!r}" if path else ""))

    @cached_property
    def _rows(self) -> tuple[memoryview, ...]:
        """The rows of the table as Python looks numbers up quickest."""
        return tuple(map(memoryview, self.table))

    def _refuse_second(self, key: bytes, place: int, wanted: int) -> None:
        hashes = self._rows[0]
        if place < len(hashes) and hashes[place] == wanted:
            number = int((self.table[0] == wanted).sum())
            raise UnreadableImage(f"there are {number} images called {key.partition(b' ')[2].decode()!r}")

    def store(self, place: Place, temporaries: Place) -> "Index":
        """Write the table, and return an index that is small once pickled."""
        with appearing(place, temporaries) as file:
            np.save(file, self.table, allow_pickle=False)
        return Index(self.images, self.table, place)


@lru_cache(maxsize=4)
def load(images: int, place: Place) -> Index:
    """Read a stored index; that of this machine is mapped, so that all workers share its memory."""
    if isinstance(place, Path):
        return Index(images, np.load(place, mmap_mode="r", allow_pickle=False), place)
    with place.open() as file:
        return Index(images, np.load(file, allow_pickle=False), place)
