"""Places: a path of this machine, or an address in a bucket, with the same handful of methods.

A local place is a ``pathlib.Path`` and stays one. A bucket's is a :class:`Url`, spelled like a path where a path's way
suits it. Files in a bucket are written once, under their final name: an object appears whole or not at all, so there is
nothing to rename. Folders are no more than common beginnings of names.
"""

import errno
import fnmatch
import io
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, NamedTuple, Self, TypeVar

from gzcore.errors import UsageError
from gzcore.storage.buckets import EXTRAS, Page, Store, store_of
from gzcore.storage.retry import ahead, persist

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_LONGEST = 1024
"""Bytes of an object's name, in both stores."""
_BUFFER = 8 << 20
"""Bytes asked for at a time by whoever reads a file from end to end."""

T = TypeVar("T")


class Stat(NamedTuple):
    """What we ask of a file's state."""

    st_size: int


@dataclass(frozen=True, slots=True)
class Url:
    """An object in a bucket, or what stands for a folder there.

    Attributes:
        scheme: ``gs`` or ``s3``.
        bucket: name of the bucket.
        key: name of the object, without slashes at its ends; empty: the bucket itself.
    """

    scheme: str
    bucket: str
    key: str = ""

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}" + (f"/{self.key}" if self.key else "")

    def __truediv__(self, name: str | PurePosixPath) -> Self:
        key = f"{self.key}/{name}".strip("/")
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
        """Itself: there is no other way to say it."""
        return self

    def resolve(self) -> Self:
        """Itself: there are no links."""
        return self

    def mkdir(self, *, parents: bool = False, exist_ok: bool = False) -> None:
        """Nothing: a folder is there as soon as something is in it."""

    def stat(self) -> Stat:
        """Size of the object.

        Raises:
            FileNotFoundError: it is not there.
        """
        return Stat(self._ask("looking at", lambda store: store.size(self.bucket, self.key)))

    def is_file(self) -> bool:
        """Whether the object is there."""
        with suppress(FileNotFoundError):
            return bool(self.key) and self.stat().st_size >= 0
        return False

    exists = is_file

    def is_dir(self) -> bool:
        """Whether something begins with this name and a slash."""
        with suppress(FileNotFoundError):
            return next(self._list(), None) is not None
        return False

    def iterdir(self) -> "Iterator[Url]":
        """Yield what is in the folder; what stands for a folder, too."""
        own = f"{self.key}/" if self.key else ""
        yield from (self / name for key in self._list() if (name := key.removeprefix(own).rstrip("/")))

    def glob(self, pattern: str) -> "Iterator[Url]":
        """Yield what is in the folder under a name like the pattern."""
        with suppress(FileNotFoundError):
            yield from (found for found in self.iterdir() if fnmatch.fnmatchcase(found.name, pattern))

    def open(self, mode: str = "rb") -> io.BufferedReader:
        """Open the object for reading; see :func:`appearing` for the other way.

        Raises:
            FileNotFoundError: it is not there.
        """
        if mode != "rb":
            raise ValueError(f"A file in a bucket is opened with 'rb'; got {mode!r}.")
        size = self.stat().st_size
        return io.BufferedReader(io.BytesIO(self.read(0, size)) if size < _BUFFER else _Reader(self, size), _BUFFER)

    def read(self, start: int, stop: int) -> bytes:
        """Bytes ``start`` to ``stop`` of the object, in one request.

        Raises:
            FileNotFoundError: it is not there.
        """
        return self._ask("reading", lambda store: store.read(self.bucket, self.key, start, stop))

    def read_text(self, encoding: str = "utf-8") -> str:
        """The whole object as text."""
        with self.open() as file:
            return file.read().decode(encoding)

    def put(self, file: BinaryIO) -> None:
        """Write the object from a file of this machine, whole or not at all.

        Raises:
            FileNotFoundError: there is no such bucket.
        """
        self._ask("writing", lambda store: store.write(self.bucket, self.key, file))

    def create(self, data: bytes) -> None:
        """Write an object that is not there yet.

        Raises:
            FileExistsError: it is there already; perhaps by our own try, whose answer was lost.
        """
        self._ask("writing", lambda store: store.create(self.bucket, self.key, io.BytesIO(data)))

    def touch(self) -> None:
        """Write an empty object."""
        self.put(io.BytesIO())

    def unlink(self, *, missing_ok: bool = False) -> None:
        """Remove the object.

        Raises:
            FileNotFoundError: it is not there, and that is not ``missing_ok``.
        """
        try:
            self._ask("removing", lambda store: store.delete(self.bucket, self.key))
        except FileNotFoundError:
            if not missing_ok:
                raise

    def _list(self) -> Iterator[str]:
        """Names of what is in the folder; each page of them is asked for until it comes."""
        prefix = f"{self.key}/" if self.key else ""
        mark = ""
        while True:
            page = self._ask("listing", _page_of(self.bucket, prefix, mark))
            yield from page.keys
            mark = page.mark
            if not mark:
                return

    def _ask(self, doing: str, request: Callable[[Store], T]) -> T:
        if len(self.key.encode(errors="replace")) > _LONGEST or not self.key.isprintable():
            raise OSError(errno.ENAMETOOLONG, "No object can have such a name", str(self))
        return persist(f"{doing} {self}", lambda: request(store_of(self.scheme)))


Place = Path | Url
"""Where something is."""


def _page_of(bucket: str, prefix: str, mark: str) -> Callable[[Store], Page]:
    return lambda store: store.page(bucket, prefix, mark)


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

    def readinto(self, room: Any) -> int:  # noqa: ANN401 -- any buffer
        stop = min(self.at + len(room), self.size)
        data = self.url.read(self.at, stop) if stop > self.at else b""
        room[: len(data)] = data
        self.at += len(data)
        return len(data)


def as_place(text: str | Place) -> Place:
    """Read a place: ``gs://bucket/path``, ``s3://bucket/path``, or a path of this machine.

    A URL that went through ``pathlib`` has lost one of its slashes; it is understood as well.

    Raises:
        UsageError: it looks like a URL that we do not know, or names no bucket. What it holds may be secret: it is not
            repeated.
    """
    found = None if isinstance(text, Url) else _SCHEME.match(str(text))
    if isinstance(text, Url) or found is None:
        return Path(text) if isinstance(text, str) else text
    scheme, rest = found.group(1), str(text)[found.end() :]
    bucket, _, key = rest.partition("/")
    if scheme not in EXTRAS:
        raise UsageError(f"There is no way to {scheme}:// from here; use gs://, s3://, or a path of this machine.")
    if _BUCKET.fullmatch(bucket) is None or set("?#") & set(key):
        raise UsageError(f"An address in a bucket is {scheme}://BUCKET/PATH, without a user, a port, a ? or a #.")
    parts = [part for part in key.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise UsageError(f"{scheme}://{bucket}/{key} goes up with '..'; write the address without it.")
    return Url(scheme, bucket, "/".join(parts))


def local(place: Place) -> Path:
    """Return a place that can only be of this machine.

    Raises:
        UsageError: it is an address in a bucket.
    """
    found = as_place(place)
    if isinstance(found, Url):
        raise UsageError(f"This cannot be in a bucket; name a folder or file of this machine in place of {found}.")
    return found


def for_arrow(place: Place) -> Any:  # noqa: ANN401 -- whatever pyarrow opens
    """What pyarrow opens: the path itself, which it reads by itself, or an open file in a bucket."""
    return place if isinstance(place, Path) else place.open()


@contextmanager
def appearing(url: Url) -> Iterator[BinaryIO]:
    """Open a file of this machine that becomes an object when it is whole; whatever breaks before, nothing appears."""
    with tempfile.TemporaryFile() as file:
        yield file
        file.flush()
        url.put(file)


def remove_all(places: Iterable[Place]) -> None:
    """Remove files, those in buckets many at a time; what is not there is no matter."""
    found = list(places)
    for path in found:
        if isinstance(path, Path):
            path.unlink(missing_ok=True)
    for _ in ahead(lambda url: url.unlink(missing_ok=True), [url for url in found if isinstance(url, Url)]):
        pass
