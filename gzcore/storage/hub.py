"""Data sets of the Hugging Face hub as a place to read from, ``hf://datasets/OWNER/NAME/PATH``; in the extra hub."""

import errno
import functools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, NoReturn, TypeVar

from gzcore.errors import GzError
from gzcore.storage.retry import PASSING, Passing, persist

SCHEME = "hf"
KINDS = ("datasets",)
"""What stands in the place of a bucket's name; models are fetched otherwise."""
Out = TypeVar("Out")


@dataclass(frozen=True)
class Hub:
    """The data sets of the hub, with the methods of :class:`gzcore.storage.buckets.Bucket` for reading.

    Attributes:
        kind: ``datasets``.
        files: huggingface_hub's file system.
    """

    kind: str
    files: Any

    def size(self, key: str) -> int:
        """Bytes of a file."""
        found = self._ask(key, lambda: self.files.info(self._path(key)))
        if found["type"] != "file":
            raise FileNotFoundError(errno.ENOENT, "No such file", self.where(key))
        return int(found["size"])

    def read(self, key: str, start: int, stop: int) -> bytes:
        """Bytes ``start`` to ``stop`` of a file, fewer where it ends before."""
        end = min(stop, self.size(key))
        return self._ask(key, lambda: bytes(self.files.cat_file(self._path(key), start, end))) if start < end else b""

    def open(self, key: str, most: int) -> tuple[int, bytes | None]:
        """Size of a file, and all its bytes unless they are more than ``most``."""
        size = self.size(key)
        return size, self.read(key, 0, size) if size <= most else None

    def names_in(self, key: str) -> list[str]:
        """Names in a folder; those of folders, too."""
        entries = self._ask(key, lambda: self.files.ls(self._path(key), detail=False))
        return [str(entry).rpartition("/")[2] for entry in entries]

    def keys_below(self, key: str) -> Iterator[str]:
        """Names of all files below a folder."""
        found = self._ask(key, lambda: self.files.find(self._path(key)))
        yield from (str(path).removeprefix(f"{self.kind}/") for path in found)

    def write(self, key: str, file: BinaryIO) -> NoReturn:
        """Refuse: nothing is written to the hub."""
        del file
        self._refuse(key)

    def create(self, key: str, data: bytes) -> NoReturn:
        """Refuse: nothing is written to the hub."""
        del data
        self._refuse(key)

    def delete(self, key: str) -> NoReturn:
        """Refuse: nothing is removed from the hub."""
        self._refuse(key)

    def where(self, key: str) -> str:
        """The full address of a file."""
        return f"{SCHEME}://{self._path(key)}"

    def _path(self, key: str) -> str:
        return f"{self.kind}/{key}"

    def _refuse(self, key: str) -> NoReturn:
        raise GzError(f"{self.where(key)} is on the Hugging Face hub, which is only read; choose another --out.")

    def _ask(self, key: str, request: Callable[[], Out]) -> Out:
        """Make a request; errors of huggingface_hub become our own."""
        where = self.where(key)

        def translated() -> Out:
            try:
                return request()
            except Exception as error:
                raise _error(where, error) from None

        return persist(f"reading {where}", translated)


def _error(where: str, error: Exception) -> Exception:
    """What an error of huggingface_hub is to us; any other is itself."""
    from huggingface_hub.errors import HfHubHTTPError

    if isinstance(error, HfHubHTTPError):
        return _refusal(where, error.response.status_code)
    if isinstance(error, FileNotFoundError):
        return FileNotFoundError(errno.ENOENT, "No such file on the hub", where)
    if type(error).__module__.startswith(("httpx", "httpcore", "requests")):
        return Passing("the connection broke", 1)
    if isinstance(error, ValueError | NotImplementedError):
        return GzError(f"{where} is no address on the hub; expected hf://datasets/OWNER/NAME, perhaps with a path.")
    return error


def _refusal(where: str, state: int) -> Exception:
    """What an HTTP state is to us. The hub answers 401 for what is not there, too, if no token is sent."""
    if state == 404:
        return FileNotFoundError(errno.ENOENT, "No such file on the hub", where)
    if state in PASSING:
        return Passing(f"HTTP {state}", 1)
    if state in {401, 403}:
        return GzError(
            f"There is no access to {where} (HTTP {state}); check its name, accept its terms, and set HF_TOKEN."
        )
    return GzError(f"The request for {where} was refused (HTTP {state}).")


def hub_of(kind: str) -> Hub:
    """The data sets of the hub, one for all threads of a process.

    Raises:
        GzError: huggingface_hub is not installed, or the address is none of a data set.
    """
    if kind not in KINDS:
        raise GzError(f"{SCHEME}://{kind} is no data set of the hub; expected {SCHEME}://datasets/OWNER/NAME.")
    return _hub_of(kind, os.environ.get("HF_ENDPOINT", ""), os.getpid())


@functools.lru_cache(maxsize=4)
def _hub_of(kind: str, endpoint: str, process: int) -> Hub:  # noqa: ARG001 -- connections do not survive a fork
    try:
        from huggingface_hub import HfFileSystem
    except ImportError:
        raise GzError(
            "Data sets of the Hugging Face hub need huggingface_hub; install it with: pip install 'gzprep[hub]'."
        ) from None
    return Hub(kind, HfFileSystem(endpoint=endpoint or None, skip_instance_cache=True))
