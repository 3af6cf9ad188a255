"""Buckets: the requests that we make of Google Cloud Storage, S3 and Azure, by obstore.

obstore (Rust's object_store) speaks to all three and tries again what may pass; here are our own names for what we ask,
and a sentence for whatever goes wrong. Its own messages may hold addresses with secrets, so none of them is repeated.
"""

import errno
import functools
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import SEEK_END
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from gzcore.errors import GzError
from gzcore.storage.credentials import access_to, how_to_sign
from gzcore.storage.hub import SCHEME, Hub, hub_of
from gzcore.storage.retry import PASSING, Passing, RetryPolicy, persist, retry_policy

if TYPE_CHECKING:
    from obstore.store import ObjectStore

SCHEMES = ("gs", "s3", "az", "hf")
"""The stores that there are: Google Cloud Storage, S3 and what speaks its protocol, Azure Blob Storage; and, to be read
only, data sets of the Hugging Face hub."""
_PIECES_FROM = 64 << 20
"""Bytes from which on an object is sent in pieces: a cut connection then costs one piece, and memory holds a few."""
_PIECE = 16 << 20
_PIECES_AT_ONCE = 4
_BEYOND = 416
_STATE = re.compile(r"status code: (\d{3})(?: ([A-Z][A-Za-z ]*))?")
_RETRIES = re.compile(r"after (\d+) retries")


Out = TypeVar("Out")


@dataclass(frozen=True)
class Bucket:
    """A bucket.

    Every method raises FileNotFoundError where there is no such object or bucket, and GzError where a request failed
    for good. An object appears whole or not at all.

    Attributes:
        scheme, name: of the bucket.
        store: obstore's.
        signed: whether requests are signed.
    """

    scheme: str
    name: str
    store: "ObjectStore"
    signed: bool

    def size(self, key: str) -> int:
        """Bytes of an object."""
        import obstore

        return int(self._ask("looking at", key, lambda: obstore.head(self.store, key)["size"]))

    def read(self, key: str, start: int, stop: int) -> bytes:
        """Bytes ``start`` to ``stop`` of an object, fewer where it ends before."""
        import obstore

        def request() -> bytes:
            try:
                return bytes(obstore.get_range(self.store, key, start=start, end=stop))
            except obstore.exceptions.GenericError as error:
                if _state_of(error)[0] == _BEYOND:  # bytes behind the end: those of an empty object
                    return b""
                raise

        return self._ask("reading", key, request)

    def open(self, key: str, most: int) -> tuple[int, bytes | None]:
        """Size of an object, and all its bytes unless they are more than ``most``."""
        import obstore

        def request() -> tuple[int, bytes | None]:
            found = obstore.get(self.store, key)
            size = int(found.meta["size"])
            return size, bytes(found.bytes()) if size <= most else None

        return self._ask("reading", key, request)

    def write(self, key: str, file: BinaryIO) -> None:
        """Write an object, from the beginning of a file to its end, in place of one that may be there.

        S3 checks a SHA-256 that is sent along. The other services are asked afterwards how much they have.
        """
        import obstore

        size = file.seek(0, SEEK_END)

        def request() -> None:
            file.seek(0)
            if size < _PIECES_FROM:
                obstore.put(self.store, key, file.read(), use_multipart=False)
            else:
                obstore.put(self.store, key, file, chunk_size=_PIECE, max_concurrency=_PIECES_AT_ONCE)

        self._ask("writing", key, request)
        if self.scheme != "s3" and (there := self.size(key)) != size:
            raise GzError(
                f"{self.where(key)} has {there} bytes after {size} were written; run the same command again, and see "
                "that no other program writes there."
            )

    def create(self, key: str, data: bytes) -> None:
        """Write an object that is not there yet; FileExistsError where it is."""
        import obstore

        self._ask("writing", key, lambda: obstore.put(self.store, key, data, mode="create", use_multipart=False))

    def delete(self, key: str) -> None:
        """Remove an object."""
        import obstore

        self._ask("removing", key, lambda: obstore.delete(self.store, key))

    def names_in(self, key: str) -> list[str]:
        """Names in what stands for a folder; what stands for a folder in it, too."""
        import obstore

        found = self._ask("listing", key, lambda: obstore.list_with_delimiter(self.store, key or None))
        keys = [*(entry["path"] for entry in found["objects"]), *found["common_prefixes"]]
        own = f"{key}/" if key else ""
        return [name for path in keys if path.startswith(own) and (name := path.removeprefix(own).rstrip("/"))]

    def keys_below(self, key: str) -> Iterator[str]:
        """Names of all objects below what stands for a folder, however deep, as the service lists them."""
        import obstore

        pages = obstore.list(self.store, key or None)
        while page := self._ask("listing", key, lambda: next(pages, None)):
            yield from (entry["path"] for entry in page)

    def where(self, key: str) -> str:
        """The full address of an object."""
        return f"{self.scheme}://{self.name}" + (f"/{key}" if key else "")

    def _ask(self, doing: str, key: str, request: Callable[[], Out]) -> Out:
        """Make a request; obstore's errors become our own."""
        where = self.where(key)

        def translated() -> Out:
            try:
                return request()
            except Exception as error:
                raise self._error(where, error) from None

        return persist(f"{doing} {where}", translated)

    def _error(self, where: str, error: Exception) -> Exception:
        """What an error of obstore's is to us; any other is itself."""
        from obstore import exceptions

        if isinstance(error, FileNotFoundError):
            return FileNotFoundError(errno.ENOENT, "No such object or bucket", where)
        if isinstance(error, exceptions.AlreadyExistsError | exceptions.PreconditionError):
            return FileExistsError(errno.EEXIST, "Object exists", where)
        if not isinstance(error, exceptions.BaseError):
            return error
        if isinstance(error, exceptions.PermissionDeniedError | exceptions.UnauthenticatedError):
            return GzError(self._denied(where, _told(error)))
        if _state_of(error)[0] in PASSING or "HTTP error" in str(error):
            return Passing(_told(error) or "the connection broke", _tries_of(error))
        reason = f"was refused: {_told(error)}" if _told(error) else f"cannot be made ({type(error).__name__})"
        return GzError(f"The request for {where} {reason}; check the bucket's name and region.")

    def _denied(self, where: str, told: str) -> str:
        way = how_to_sign(self.scheme)
        if not told:  # the request was never sent
            return f"No access to {where}: the credentials in use are expired or withdrawn, or cannot be read; {way}."
        if not self.signed:
            return f"Access to {where} is denied ({told}): it needs credentials, and none are in use; {way}."
        return (
            f"Access to {where} is denied ({told}); check that the account in use may read, write, list and delete "
            "objects there (docs/cloud.md)."
        )


def _state_of(error: Exception) -> tuple[int, str]:
    """HTTP state and its name in a message of obstore's; 0 where it is about something else."""
    found = _STATE.search(str(error))
    return (int(found.group(1)), found.group(2) or "") if found else (0, "")


def _told(error: Exception) -> str:
    """What the service answered, in a few words; nothing where it did not."""
    state, reason = _state_of(error)
    return f"HTTP {state} {reason}".strip() if state else ""


def _tries_of(error: Exception) -> int:
    found = _RETRIES.search(str(error))
    return int(found.group(1)) + 1 if found else 1


def bucket_of(scheme: str, name: str) -> Bucket | Hub:
    """A bucket, one for all threads of a process.

    Raises:
        GzError: it cannot be opened.
    """
    return hub_of(name) if scheme == SCHEME else _store_of(scheme, name, retry_policy(), os.getpid())


@functools.lru_cache(maxsize=64)
def _store_of(scheme: str, name: str, policy: RetryPolicy, process: int) -> Bucket:  # noqa: ARG001 -- see pid
    """Connections do not survive a fork, so the process is part of the key."""
    from obstore.exceptions import BaseError
    from obstore.store import AzureStore, GCSStore, S3Store

    kinds: dict[str, Any] = {"gs": GCSStore, "s3": S3Store, "az": AzureStore}
    access = access_to(scheme, name)
    try:
        store = kinds[scheme](name, retry_config=policy.for_obstore(), **access.options)
    except (BaseError, ValueError) as error:
        raise GzError(
            f"{scheme}://{name} cannot be opened ({type(error).__name__}); check the variables of the environment that "
            "docs/cloud.md names."
        ) from None
    return Bucket(scheme, name, store, access.signed)
