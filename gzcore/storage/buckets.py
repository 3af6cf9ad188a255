"""Object stores: the five requests that we make of Google Cloud Storage and of S3.

Google's is asked in its JSON API through google-auth: its client library takes 4 ms of processor time a small object,
where a whole galaxy takes 6. Amazon's is asked through boto3. Both come with the extras ``gcp`` and ``aws``, are
imported when a bucket is named, and find credentials by themselves; none pass through our hands. Neither tries again:
that is the work of :mod:`gzcore.storage.retry`.
"""

import base64
import errno
import functools
import io
import json
import os
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, Protocol
from urllib.parse import quote

import google_crc32c

from gzcore.errors import GzError
from gzcore.storage.retry import PASSING, Passing

if TYPE_CHECKING:
    import requests

EXTRAS = {"gs": "gcp", "s3": "aws"}
"""Scheme to the extra of gzprep that it needs."""
_TIMEOUT = (20.0, 120.0)
"""Seconds to connect, and between two bytes."""
_CONNECTIONS = 32
_BLOCK = 1 << 20
_SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
_GOOGLE = "https://storage.googleapis.com"
_DENIED, _MISSING, _EXISTS, _BEYOND = (401, 403), 404, 412, 416


class Page(NamedTuple):
    """A part of a listing: names of objects, what stands for folders (with a slash at its end), and a mark if more."""

    keys: list[str]
    mark: str


class Store(Protocol):
    """An object store.

    Every method raises FileNotFoundError where there is no such object or bucket, Passing where another try makes
    sense, and GzError where none does. An object appears whole or not at all.
    """

    def size(self, bucket: str, key: str) -> int:
        """Bytes of an object."""

    def read(self, bucket: str, key: str, start: int, stop: int) -> bytes:
        """Bytes ``start`` to ``stop`` of an object, fewer where it ends before."""

    def write(self, bucket: str, key: str, file: BinaryIO) -> None:
        """Write an object, from the beginning of a file to its end, in place of one that may be there."""

    def create(self, bucket: str, key: str, file: BinaryIO) -> None:
        """Write an object that is not there yet; FileExistsError where it is."""

    def delete(self, bucket: str, key: str) -> None:
        """Remove an object."""

    def page(self, bucket: str, prefix: str, after: str) -> Page:
        """A page of what begins with a prefix, down to the next slash; ``after`` is the mark of the page before."""


@functools.lru_cache(maxsize=2 * len(EXTRAS))
def _store_of(scheme: str, process: int) -> Store:  # noqa: ARG001 -- connections do not survive a fork
    with _LOCK:
        try:
            return Google() if scheme == "gs" else Amazon()
        except ImportError:
            extra = EXTRAS[scheme]
            raise GzError(
                f"{scheme}:// needs what the extra {extra!r} brings; install it with: pip install 'gzprep[{extra}]'."
            ) from None


_LOCK = threading.Lock()


def store_of(scheme: str) -> Store:
    """The store behind a scheme, one for all threads of a process.

    Raises:
        GzError: its libraries are not installed, or there are no credentials.
    """
    return _store_of(scheme, os.getpid())


def _refuse(status: int, reason: str, where: str) -> Exception:
    """The error that an HTTP state stands for."""
    if status == _MISSING:
        return FileNotFoundError(errno.ENOENT, "No such object or bucket", where)
    if status == _EXISTS:
        return FileExistsError(errno.EEXIST, "Object exists", where)
    if status in PASSING:
        return Passing(f"HTTP {status} {reason}".strip())
    if status in _DENIED:
        return GzError(
            f"Access to {where} is denied (HTTP {status} {reason}); check that the account in use may read, write, "
            "list and delete objects there (docs/cloud.md)."
        )
    return GzError(f"The request for {where} was refused: HTTP {status} {reason}.")


class Google:
    """Google Cloud Storage, in its JSON API (cloud.google.com/storage/docs/json_api)."""

    def __init__(self) -> None:
        from google.auth.transport.requests import AuthorizedSession
        from requests.adapters import HTTPAdapter

        emulator = os.environ.get("STORAGE_EMULATOR_HOST")
        self.root = (emulator or _GOOGLE).rstrip("/")
        if "://" not in self.root:
            self.root = f"http://{self.root}"
        self.session = AuthorizedSession(_google_credentials(emulator))
        self.session.mount("https://", HTTPAdapter(pool_maxsize=_CONNECTIONS))
        self.session.mount("http://", HTTPAdapter(pool_maxsize=_CONNECTIONS))

    def size(self, bucket: str, key: str) -> int:
        """See :class:`Store`."""
        return int(self._ask("GET", bucket, key, params={"fields": "size"}).json()["size"])

    def read(self, bucket: str, key: str, start: int, stop: int) -> bytes:
        """See :class:`Store`."""
        span = {"Range": f"bytes={start}-{stop - 1}"}
        return self._ask("GET", bucket, key, params={"alt": "media"}, headers=span).content

    def write(self, bucket: str, key: str, file: BinaryIO) -> None:
        """See :class:`Store`."""
        self._upload(bucket, key, file, {})

    def create(self, bucket: str, key: str, file: BinaryIO) -> None:
        """See :class:`Store`."""
        self._upload(bucket, key, file, {"ifGenerationMatch": "0"})

    def delete(self, bucket: str, key: str) -> None:
        """See :class:`Store`."""
        self._ask("DELETE", bucket, key)

    def page(self, bucket: str, prefix: str, after: str) -> Page:
        """See :class:`Store`."""
        params = {"prefix": prefix, "delimiter": "/", "fields": "items(name),prefixes,nextPageToken"}
        page = self._ask("GET", bucket, None, params=params | ({"pageToken": after} if after else {})).json()
        keys = [*(item["name"] for item in page.get("items", ())), *page.get("prefixes", ())]
        return Page(keys, page.get("nextPageToken", ""))

    def _upload(self, bucket: str, key: str, file: BinaryIO, conditions: dict[str, str]) -> None:
        """Send an object with its checksum in one request: Google refuses what arrives damaged."""
        body = _Multipart(file, {"name": key, "crc32c": crc32c_of(file)})
        address = f"{self.root}/upload/storage/v1/b/{bucket}/o"
        headers = {"Content-Type": body.content_type}
        self._send("POST", address, f"gs://{bucket}/{key}", {"uploadType": "multipart", **conditions}, headers, body)

    def _ask(
        self,
        method: str,
        bucket: str,
        key: str | None,
        params: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> "requests.Response":
        address = f"{self.root}/storage/v1/b/{bucket}/o" + ("" if key is None else f"/{quote(key, safe='')}")
        return self._send(method, address, f"gs://{bucket}/{key or ''}", params, headers)

    def _send(  # noqa: PLR0913, PLR0917 -- an HTTP request has as many parts
        self,
        method: str,
        address: str,
        where: str,
        params: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        body: "_Multipart | None" = None,
    ) -> "requests.Response":
        with _google_troubles():
            response: requests.Response = self.session.request(
                method, address, params=params, headers=headers, data=body, timeout=_TIMEOUT
            )
        if response.status_code == _BEYOND:  # bytes of an empty object were asked for
            response._content = b""  # noqa: SLF001 -- what it holds is an explanation
        elif not response.ok:
            raise _refuse(response.status_code, response.reason or "", where)
        return response


def _google_credentials(emulator: str | None) -> Any:  # noqa: ANN401 -- google-auth has no types
    import google.auth
    from google.auth.credentials import AnonymousCredentials
    from google.auth.exceptions import DefaultCredentialsError

    if emulator:
        return AnonymousCredentials()
    try:
        return google.auth.default(scopes=[_SCOPE])[0]
    except DefaultCredentialsError:
        raise GzError(
            "gs:// needs Google credentials, and none were found; run `gcloud auth application-default login`, or "
            "name a file of them with GOOGLE_APPLICATION_CREDENTIALS."
        ) from None


@contextmanager
def _google_troubles() -> Iterator[None]:
    """Turn what breaks below HTTP into our own errors; their texts may hold addresses with secrets, so none is kept."""
    import requests
    from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError

    try:
        yield
    except RefreshError:
        raise GzError(
            "Google did not accept the credentials in use: they are expired or withdrawn; "
            "run `gcloud auth application-default login` again."
        ) from None
    except (requests.RequestException, TransportError) as error:
        raise Passing(f"the connection broke ({type(error).__name__})") from None
    except GoogleAuthError as error:
        raise GzError(f"The Google credentials in use cannot be used ({type(error).__name__}).") from None


def crc32c_of(file: BinaryIO) -> str:
    """CRC-32C of a whole file as Google writes it: big-endian, base64."""
    digest = google_crc32c.Checksum()
    file.seek(0)
    while block := file.read(_BLOCK):
        digest.update(block)
    return base64.b64encode(digest.digest()).decode()


class _Multipart:
    """An object with its metadata as the body of one request, read from a file piece by piece."""

    def __init__(self, file: BinaryIO, metadata: dict[str, str]) -> None:
        boundary = uuid.uuid4().hex
        head = f"--{boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{json.dumps(metadata)}\r\n"
        head += f"--{boundary}\r\nContent-Type: application/octet-stream\r\n\r\n"
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        self.content_type = f"multipart/related; boundary={boundary}"
        self.parts = (io.BytesIO(head.encode()), file, io.BytesIO(f"\r\n--{boundary}--\r\n".encode()))
        self.length = len(head.encode()) + size + len(self.parts[2].getvalue())

    def __len__(self) -> int:
        return self.length

    def read(self, size: int = -1) -> bytes:
        """The next bytes, of one part or the next; none at the end."""
        return next((data for part in self.parts if (data := part.read(size))), b"")

    def __iter__(self) -> Iterator[bytes]:
        while block := self.read(_BLOCK):
            yield block


class Amazon:
    """S3, or a store that speaks its protocol (``AWS_ENDPOINT_URL_S3`` names it)."""

    def __init__(self) -> None:
        import boto3
        from botocore.config import Config

        once = {"total_max_attempts": 1}
        config = Config(
            retries=once, max_pool_connections=_CONNECTIONS, connect_timeout=_TIMEOUT[0], read_timeout=_TIMEOUT[1]
        )
        region = os.environ.get("AWS_REGION") or boto3.session.Session().region_name or "us-east-1"
        self.client: Any = boto3.session.Session().client("s3", config=config, region_name=region)

    def size(self, bucket: str, key: str) -> int:
        """See :class:`Store`."""
        with _amazon_troubles(bucket, key):
            return int(self.client.head_object(Bucket=bucket, Key=key)["ContentLength"])

    def read(self, bucket: str, key: str, start: int, stop: int) -> bytes:
        """See :class:`Store`."""
        with _amazon_troubles(bucket, key):
            try:
                answer = self.client.get_object(Bucket=bucket, Key=key, Range=f"bytes={start}-{stop - 1}")
            except self.client.exceptions.ClientError as error:
                if _amazon_status(error) == _BEYOND:  # bytes of an empty object were asked for
                    return b""
                raise
            return bytes(answer["Body"].read())

    def write(self, bucket: str, key: str, file: BinaryIO) -> None:
        """See :class:`Store`."""
        self._upload(bucket, key, file, {})

    def create(self, bucket: str, key: str, file: BinaryIO) -> None:
        """See :class:`Store`."""
        self._upload(bucket, key, file, {"IfNoneMatch": "*"})

    def delete(self, bucket: str, key: str) -> None:
        """See :class:`Store`."""
        with _amazon_troubles(bucket, key):
            self.client.delete_object(Bucket=bucket, Key=key)

    def page(self, bucket: str, prefix: str, after: str) -> Page:
        """See :class:`Store`."""
        mark = {"ContinuationToken": after} if after else {}
        with _amazon_troubles(bucket, prefix):
            page = self.client.list_objects_v2(Bucket=bucket, Prefix=prefix, Delimiter="/", **mark)
        folders = (folder["Prefix"] for folder in page.get("CommonPrefixes", ()))
        return Page(
            [*(item["Key"] for item in page.get("Contents", ())), *folders], page.get("NextContinuationToken", "")
        )

    def _upload(self, bucket: str, key: str, file: BinaryIO, conditions: dict[str, str]) -> None:
        """Send an object in one request; boto3 adds its checksum."""
        file.seek(0)
        with _amazon_troubles(bucket, key):
            self.client.put_object(Bucket=bucket, Key=key, Body=_Unclosed(file), **conditions)


class _Unclosed(io.RawIOBase):
    """A file that boto3 may read, and not close: another try needs it."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, room: Any) -> int:  # noqa: ANN401 -- any buffer
        data = self.file.read(len(room))
        room[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        return self.file.tell()


def _amazon_status(error: Any) -> int:  # noqa: ANN401 -- botocore has no types
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


@contextmanager
def _amazon_troubles(bucket: str, key: str) -> Iterator[None]:
    """Turn boto3's errors into our own."""
    import urllib3.exceptions
    from botocore import exceptions

    try:
        yield
    except exceptions.ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = 429 if code in ("RequestTimeout", "Throttling", "SlowDown") else _amazon_status(error)
        raise _refuse(status, code, f"s3://{bucket}/{key}") from None
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError):
        raise GzError(
            "s3:// needs AWS credentials, and none were found; run `aws configure`, or set AWS_PROFILE, or "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        ) from None
    except (exceptions.HTTPClientError, exceptions.IncompleteReadError, urllib3.exceptions.HTTPError) as error:
        raise Passing(f"the connection broke ({type(error).__name__})") from None
    except exceptions.BotoCoreError as error:
        raise GzError(f"The request for s3://{bucket}/{key} cannot be made ({type(error).__name__}).") from None
