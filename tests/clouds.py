"""Buckets on loopback, and what may befall the way to them.

``google``, ``amazon`` and ``azure`` start an emulator each and yield its address; ``Faulty`` stands before one, passes
requests on, remembers them, and breaks those that it is told to.
"""

import base64
import contextlib
import http.client
import io
import logging
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar
from unittest import mock
from urllib.parse import unquote, urlsplit

from gcp_storage_emulator.server import create_server

from gzcore.storage.places import Url
from tests import object_stores

BUCKET = "galaxies"
PUBLIC = "public"
SECRET = "Loopback/Secret/0123456789abcdefghijklmn"  # noqa: S105 -- opens nothing; tests look for it where it must not be
KEY = "AKIALOOPBACK01234567"
AZURE_KEY = base64.b64encode(SECRET.encode()).decode()
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": KEY,
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_DEFAULT_REGION": "us-east-1",
    "AZURE_STORAGE_ACCOUNT_NAME": "loopback",
    "AZURE_STORAGE_ACCOUNT_KEY": AZURE_KEY,
}
CLOUDS: dict[str, tuple[Callable[[], AbstractContextManager[str]], str]] = {}
"""Scheme to what starts an emulator, and the variable of the environment that names its address."""


def free_port() -> int:
    with socket.create_server(("localhost", 0)) as server:
        return int(server.getsockname()[1])


@contextlib.contextmanager
def google() -> Iterator[str]:
    """A Google bucket in memory: its JSON API for Beam, and its XML API for everything else."""
    port = free_port()
    queue = mock.patch.object(HTTPServer, "request_queue_size", 64)
    with queue, create_server("localhost", port, in_memory=True, default_bucket=BUCKET) as emulator:
        own = {"storage": emulator._storage, "json_api": f"localhost:{port}", "lock": threading.Lock(), "uploads": {}}
        handler = type("Handler", (object_stores.Google,), own)
        with object_stores.Server(("localhost", 0), handler).running() as address:
            yield address


@contextlib.contextmanager
def azure() -> Iterator[str]:
    """Azure containers in memory, one of them public."""
    own = {"containers": {BUCKET, PUBLIC}, "blobs": {}, "blocks": {}, "public": {PUBLIC}}
    handler = type("Handler", (object_stores.Azure,), own)
    with object_stores.Server(("localhost", 0), handler).running() as address:
        yield address


@contextlib.contextmanager
def amazon() -> Iterator[str]:
    """An S3 bucket in memory."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        address = "http://{}:{}".format(*server.get_host_and_port())
        _by_boto3(address).create_bucket(Bucket=BUCKET)
        yield address
    finally:
        server.stop()


def _by_boto3(address: str) -> Any:
    import boto3

    names = {"aws_access_key_id": KEY, "aws_secret_access_key": SECRET, "region_name": "us-east-1"}
    return boto3.client("s3", endpoint_url=address, **names)


def publish(address: str, key: str) -> None:
    """Let all read an object of the bucket of ``amazon``, and list the bucket."""
    _by_boto3(address).put_bucket_acl(Bucket=BUCKET, ACL="public-read")
    _by_boto3(address).put_object_acl(Bucket=BUCKET, Key=key, ACL="public-read")


CLOUDS |= {
    "gs": (google, "STORAGE_EMULATOR_HOST"),
    "s3": (amazon, "AWS_ENDPOINT_URL_S3"),
    "az": (azure, "AZURE_STORAGE_ENDPOINT"),
}


@dataclass
class Request:
    """A request that came by."""

    method: str
    path: str
    body: bytes
    headers: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The path without percent signs and without what follows a question mark."""
        return unquote(urlsplit(self.path).path)


Fault = Callable[["_Handler", Request], None]


@dataclass
class Rule:
    """Which requests to break, how, and how many of them."""

    method: str
    pattern: str
    fault: Fault
    times: int

    def applies(self, request: Request) -> bool:
        hit = self.times > 0 and request.method == self.method
        hit = hit and re.search(self.pattern, request.name + request.body[:400].decode("latin1")) is not None
        self.times -= hit
        return hit


@dataclass
class Faulty:
    """A proxy that breaks some requests."""

    target: str
    rules: list[Rule] = field(default_factory=list)
    seen: list[Request] = field(default_factory=list)
    broken: list[Request] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    room: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(3))  # the emulators' queues are short

    def fault_of(self, request: Request) -> Fault | None:
        with self.lock:
            self.seen.append(request)
            rule = next((rule for rule in self.rules if rule.applies(request)), None)
            if rule is not None:
                self.broken.append(request)
            return rule.fault if rule else None

    @contextlib.contextmanager
    def running(self) -> Iterator[str]:
        """Yield the address of the proxy."""
        handler = type("Handler", (_Handler,), {"proxy": self})
        with object_stores.Server(("localhost", 0), handler).running() as address:
            yield address


class _Handler(BaseHTTPRequestHandler):
    proxy: ClassVar[Faulty]
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits 40 ms for the client's kernel

    def handle_one(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(self.command, self.path, body, frozenset(map(str.lower, self.headers)))
        fault = self.proxy.fault_of(request)
        if fault is not None:
            fault(self, request)
        else:
            self.answer(*self.ask(request))

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_one  # noqa: N815 -- as http.server calls them

    def ask(self, request: Request) -> tuple[int, list[tuple[str, str]], bytes]:
        """Pass a request on."""
        connection = http.client.HTTPConnection(urlsplit(self.proxy.target).netloc, timeout=30)
        with self.proxy.room, contextlib.closing(connection):
            connection.request(request.method, request.path, request.body, dict(self.headers.items()))
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()

    def answer(self, status: int, headers: list[tuple[str, str]], body: bytes, sent: int | None = None) -> None:
        """Answer, or begin to and stop after so many bytes."""
        self.send_response(status)
        length = next((value for name, value in headers if name.lower() == "content-length"), str(len(body)))
        for name, value in headers:
            if name.lower() not in ("content-length", "connection", "transfer-encoding", "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        self.wfile.write(body[:sent] if self.command != "HEAD" else b"")
        if sent is not None:
            hang_up(self)

    def log_message(self, *_: object) -> None:
        pass


def hang_up(handler: _Handler) -> None:
    """Cut the connection."""
    handler.wfile.flush()
    handler.close_connection = True
    with contextlib.suppress(OSError):
        handler.connection.shutdown(socket.SHUT_RDWR)


def status(code: int) -> Fault:
    """Answer with an error, without passing the request on."""
    return lambda handler, _: handler.answer(code, [("Content-Type", "text/plain")], b"no")


def cut_before(handler: _Handler, _: Request) -> None:
    """Cut the connection before anything happened."""
    hang_up(handler)


def cut_after(handler: _Handler, request: Request) -> None:
    """Let the request be carried out, and cut the connection in place of an answer."""
    handler.ask(request)
    hang_up(handler)


def cut_within(handler: _Handler, request: Request) -> None:
    """Cut the connection in the middle of the answer."""
    code, headers, body = handler.ask(request)
    handler.answer(code, headers, body, len(body) // 2)


def upload(folder: Path, place: Url) -> None:
    """Copy a folder into a bucket."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            (place / path.relative_to(folder).as_posix()).put(io.BytesIO(path.read_bytes()))


def names(place: Url) -> list[str]:
    """What is in a folder in a bucket, however deep, sorted."""
    found = []
    for path in place.iterdir():
        found += [path.key] if path.is_file() else names(path)
    return sorted(found)


def download(place: Url, folder: Path) -> Path:
    """Copy what is in a folder in a bucket to this machine."""
    for key in names(place):
        path = folder / key.removeprefix(place.key).lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        with type(place)(place.scheme, place.bucket, key).open() as file:
            path.write_bytes(file.read())
    return folder
