"""Places: a path of this machine, or an address in a bucket, with the same handful of methods.

An address is ``gs://BUCKET/PATH`` (Google Cloud Storage), ``s3://BUCKET/PATH`` (S3), ``az://CONTAINER/PATH`` (Azure),
or ``hf://datasets/OWNER/NAME/PATH`` (Hugging Face), which is only read. A command line turns text into places with
:func:`as_place`, once; everything behind it takes places.

A local place is a ``pathlib.Path`` and stays one. A bucket's is a :class:`Url`, spelled like a path where a path's way
suits it. Files in a bucket are written once, under their final name: an object appears whole or not at all, so nothing
has to be renamed. A folder is a common beginning of names.
"""

import errno
import fnmatch
import hashlib
import io
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, NamedTuple, Self

from gzcore.errors import UsageError
from gzcore.storage.ahead import ahead
from gzcore.storage.buckets import SCHEMES, Bucket, bucket_of
from gzcore.storage.hub import Hub
from gzcore.storage.utf8 import check_text, checked_path

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(/+)(.*)", re.DOTALL)
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_LONGEST = 1024
"""Bytes of an object's name, in all stores."""
_BUFFER = 8 << 20
"""Bytes asked for at a time where a file is read from end to end."""


class Stat(NamedTuple):
    """What we ask of a file's state."""

    st_size: int


@dataclass(frozen=True, slots=True)
class Url:
    """An object in a bucket, or what stands for a folder there.

    Attributes:
        scheme: ``gs``, ``s3``, ``az`` or ``hf``.
        bucket: name of the bucket.
        key: name of the object, without slashes at its ends; empty: the bucket itself.
    """

    scheme: str
    bucket: str
    key: str = ""

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}" + (f"/{self.key}" if self.key else "")

    def __truediv__(self, name: str | PurePosixPath) -> Self:
        key = f"{self.key}/{name}".strip("/") if str(name) != "." else self.key
        return type(self)(self.scheme, self.bucket, key)

    @property
    def name(self) -> str:
        """Last part of the name; of a bucket itself: the bucket."""
        return self.key.rpartition("/")[2] or self.bucket

    @property
    def suffix(self) -> str:
        """What follows the last dot of the name, dot included."""
        return PurePosixPath(self.name).suffix if self.key else ""

    @property
    def parent(self) -> Self:
        """The folder."""
        return type(self)(self.scheme, self.bucket, self.key.rpartition("/")[0])

    @property
    def parents(self) -> tuple[Self, ...]:
        """Every folder above, the bucket last."""
        return (self.parent, *self.parent.parents) if self.key else ()

    def absolute(self) -> Self:
        """The place itself: an address has one spelling."""
        return self

    def resolve(self) -> Self:
        """The place itself: a bucket has no links."""
        return self

    def mkdir(self, *, parents: bool = False, exist_ok: bool = False) -> None:
        """Do nothing: a bucket has no folders, only names of objects with slashes."""

    def stat(self) -> Stat:
        """Size of the object.

        Raises:
            FileNotFoundError: it is not there.
        """
        return Stat(self._asked().size(self.key))

    def is_file(self) -> bool:
        """Whether the object is there."""
        with suppress(FileNotFoundError):
            return bool(self.key) and self.stat().st_size >= 0
        return False

    exists = is_file

    def is_dir(self) -> bool:
        """Whether something begins with this name and a slash."""
        with suppress(FileNotFoundError):
            return next(self._asked().keys_below(self.key), None) is not None
        return False

    def iterdir(self) -> "Iterator[Url]":
        """Yield what is in the folder; what stands for a folder, too."""
        yield from (self / name for name in self._asked().names_in(self.key))

    def below(self) -> "Iterator[Url]":
        """Yield all objects in the folder and in its folders, in no order."""
        yield from (type(self)(self.scheme, self.bucket, key) for key in self._asked().keys_below(self.key))

    def glob(self, pattern: str) -> "Iterator[Url]":
        """Yield what is in the folder under a name like the pattern."""
        with suppress(FileNotFoundError):
            yield from (found for found in self.iterdir() if fnmatch.fnmatchcase(found.name, pattern))

    def open(self, mode: str = "rb") -> io.BufferedReader:
        """Open the object for reading; :func:`gzcore.storage.atomic.appearing` writes one.

        Raises:
            FileNotFoundError: it is not there.
        """
        if mode != "rb":
            raise ValueError(f"A file in a bucket is opened with 'rb'; got {mode!r}.")
        size, data = self._asked().open(self.key, _BUFFER)
        return io.BufferedReader(_Reader(self, size) if data is None else io.BytesIO(data), _BUFFER)

    def read(self, start: int, stop: int) -> bytes:
        """Bytes ``start`` to ``stop`` of the object, in one request.

        Raises:
            FileNotFoundError: it is not there.
        """
        return self._asked().read(self.key, start, stop)

    def read_bytes(self) -> bytes:
        """The whole object."""
        with self.open() as file:
            return file.read()

    def read_text(self, encoding: str = "utf-8") -> str:
        """The whole object as text."""
        return self.read_bytes().decode(encoding)

    def put(self, file: BinaryIO) -> None:
        """Write the object from a file of this machine, whole or not at all.

        Raises:
            FileNotFoundError: there is no such bucket.
        """
        self._asked().write(self.key, file)

    def create(self, data: bytes) -> None:
        """Write an object that is not there yet.

        Raises:
            FileExistsError: it is there already; perhaps by our own try, whose answer was lost.
        """
        self._asked().create(self.key, data)

    def touch(self) -> None:
        """Write an empty object."""
        self.put(io.BytesIO())

    def unlink(self, *, missing_ok: bool = False) -> None:
        """Remove the object.

        Raises:
            FileNotFoundError: it is not there, and that is not ``missing_ok``.
        """
        try:
            self._asked().delete(self.key)
        except FileNotFoundError:
            if not missing_ok:
                raise

    def _asked(self) -> Bucket | Hub:
        """The bucket, once it is clear that it may have an object of this name."""
        if len(self.key.encode(errors="replace")) > _LONGEST or not self.key.isprintable():
            raise OSError(errno.ENAMETOOLONG, "No object can have such a name", str(self))
        return bucket_of(self.scheme, self.bucket)


Place = Path | Url
"""Where something is."""


class _Reader(io.RawIOBase):
    """Bytes of an object, asked for as they are read."""

    def __init__(self, url: Url, size: int) -> None:
        self.url, self.size, self.at = url, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self.at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self.at, io.SEEK_END: self.size}[whence]
        return self.at

    def readall(self) -> bytes:
        """The rest, in large pieces: Python's own way asks for 8 kB at a time."""
        pieces = iter(lambda: self.read(_BUFFER) or b"", b"")
        return b"".join(pieces)

    def readinto(self, room: Any) -> int:  # noqa: ANN401 -- any buffer
        stop = min(self.at + len(room), self.size)
        data = self.url.read(self.at, stop) if stop > self.at else b""
        room[: len(data)] = data
        self.at += len(data)
        return len(data)


def as_place(text: str | Place) -> Place:
    """Read a place: an address in a bucket, or a path of this machine.

    Raises:
        UsageError: it looks like a URL and is no address, or it is a ``Path`` made of one, which lost a slash. What it
            holds may be secret: it is not repeated. Or it is not UTF-8.
    """
    check_text("The path", str(text))
    address = None if isinstance(text, Url) else _SCHEME.match(str(text))
    if isinstance(text, Url) or address is None:
        return text if isinstance(text, Url) else checked_path(text)
    scheme, slashes, rest = address.groups()
    if scheme not in SCHEMES:
        ways = ", ".join(f"{known}://" for known in SCHEMES)
        raise UsageError(
            f"Addresses that begin with {scheme}:// are not supported; use {ways}, or a path of this machine."
        )
    bucket, _, key = rest.partition("/")
    if len(slashes) != 2 or _BUCKET.fullmatch(bucket) is None or set("?#") & set(key):
        raise UsageError(f"An address in a bucket is {scheme}://BUCKET/PATH, without a user, a port, a ? or a #.")
    parts = [part for part in key.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise UsageError(f"{scheme}://{bucket}/{key} has a '..' in it; write the address without.")
    return Url(scheme, bucket, "/".join(parts))


def place_from(text: str) -> Place:
    """Read back an absolute place that this project wrote: an object may have a name that as_place would refuse."""
    scheme, mark, rest = text.partition("://")
    if not mark or scheme not in SCHEMES:
        return Path(text)
    bucket, _, key = rest.partition("/")
    return Url(scheme, bucket, key)


def local(place: Place) -> Path:
    """Return a place that can only be of this machine.

    Raises:
        UsageError: it is an address in a bucket.
    """
    if isinstance(place, Url):
        raise UsageError(f"This cannot be in a bucket; name a folder or file of this machine in place of {place}.")
    return place


def for_arrow(place: Place) -> Any:  # noqa: ANN401 -- whatever pyarrow opens
    """What pyarrow opens: the path itself, which it reads by itself, or an open file in a bucket."""
    return place if isinstance(place, Path) else place.open()


def sha256_of(place: Place) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with place.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove_all(places: Iterable[Place]) -> None:
    """Remove files, those in buckets many at a time; what is not there is no matter."""
    files = list(places)
    for path in files:
        if isinstance(path, Path):
            path.unlink(missing_ok=True)
    for _ in ahead(lambda url: url.unlink(missing_ok=True), [url for url in files if isinstance(url, Url)]):
        pass
