"""Object stores in memory, as far as our requests go: Google's XML API, and Azure's Blob service.

obstore speaks XML to Google. The emulator for Python speaks Google's JSON, which Beam speaks; ``Google`` stands before
it, serves XML from the emulator's own memory, and passes everything else on. ``Azure`` has a memory of its own.
"""

import base64
import contextlib
import hashlib
import http.client
import re
import threading
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

JSON_PATHS = ("/storage/", "/upload/", "/download/", "/b/", "/batch", "/resumable")
LONG_AGO = formatdate(0, usegmt=True)


class Server(ThreadingHTTPServer):
    """A server that many threads may come to at once."""

    request_queue_size = 64

    def handle_error(self, *_: object) -> None:
        """Clients hang up in the middle of an answer: they have what they wanted."""

    @contextlib.contextmanager
    def running(self) -> Iterator[str]:
        """Yield the address."""
        thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"http://localhost:{self.server_port}"
        finally:
            self.shutdown()
            thread.join()
            self.server_close()


class Handler(BaseHTTPRequestHandler):
    """A request, taken apart."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits 40 ms for the client's kernel

    def handle_one(self) -> None:
        parts = urlsplit(self.path)
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        self.bucket, _, self.key = unquote(parts.path).lstrip("/").partition("/")
        self.serve()

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_one  # noqa: N815 -- as http.server calls them

    def serve(self) -> None:
        raise NotImplementedError

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_object(self, data: bytes, **headers: str) -> None:
        """An object, or the bytes of it that were asked for."""
        told = {"ETag": etag(data), "Last_Modified": LONG_AGO, **headers}
        wanted = self.headers.get("Range") or self.headers.get("x-ms-range")
        if wanted is None:
            self.answer(200, data, **told)
            return
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        start, stop = int(first), min(int(last or len(data)), len(data) - 1) + 1
        if start >= len(data):
            self.answer(416, b"no such range")
        else:
            self.answer(206, data[start:stop], **told, Content_Range=f"bytes {start}-{stop - 1}/{len(data)}")

    def names(self, keys: list[str]) -> tuple[list[str], list[str]]:
        """Objects and common beginnings of a listing."""
        prefix, delimiter = self.query.get("prefix", ""), self.query.get("delimiter")
        chosen = [key for key in sorted(keys) if key.startswith(prefix)]
        if delimiter is None:
            return chosen, []
        rest = {key: key.removeprefix(prefix).partition(delimiter) for key in chosen}
        folders = sorted({prefix + head + slash for head, slash, _ in rest.values() if slash})
        return [key for key in chosen if not rest[key][1]], folders

    def log_message(self, *_: object) -> None:
        pass


def etag(data: bytes) -> str:
    return f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'


class Google(Handler):
    """Google's XML API over the memory of the emulator."""

    storage: ClassVar[Any]
    json_api: ClassVar[str]
    lock: ClassVar[threading.Lock]
    uploads: ClassVar[dict[str, dict[int, bytes]]]

    def serve(self) -> None:
        if self.path.startswith(JSON_PATHS):
            self.pass_on()
        elif self.bucket not in self.storage.buckets:
            self.answer(404, b"<Error><Code>NoSuchBucket</Code></Error>")
        elif not self.key:
            self.list()
        elif "uploadId" in self.query or "uploads" in self.query:
            self.pieces()
        else:
            {"GET": self.get, "HEAD": self.get, "PUT": self.put, "DELETE": self.delete}[self.command]()

    def pass_on(self) -> None:
        """What is JSON goes to the emulator, one at a time: its queue is short."""
        connection = http.client.HTTPConnection(self.json_api, timeout=30)
        with self.lock, contextlib.closing(connection):
            connection.request(self.command, self.path, self.body, dict(self.headers.items()))
            found = connection.getresponse()
            body = found.read()
        kept = {
            name: value for name, value in found.getheaders() if name.lower() in ("content-type", "location", "range")
        }
        self.answer(found.status, body, **kept)

    def data(self) -> bytes | None:
        if self.key not in self.storage.objects.get(self.bucket, {}):
            return None
        found = self.storage.get_file(self.bucket, self.key, False)  # noqa: FBT003
        return bytes(found)

    def get(self) -> None:
        data = self.data()
        if data is None:
            self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        else:
            self.send_object(data)

    def put(self) -> None:
        with self.lock:
            if self.headers.get("x-goog-if-generation-match") == "0" and self.data() is not None:
                self.answer(412, b"<Error><Code>PreconditionFailed</Code></Error>")
                return
            self.keep(self.body)
        self.answer(200, ETag=etag(self.body))

    def keep(self, data: bytes) -> None:
        from gcp_storage_emulator.handlers.objects import _checksums, _make_object_resource

        kind = "application/octet-stream"
        entry = _make_object_resource(f"http://{self.json_api}", self.bucket, self.key, kind, str(len(data)))
        self.storage._store.write_bytes(self.storage._object_path(self.bucket, self.key), data)
        self.storage.objects.setdefault(self.bucket, {})[self.key] = _checksums(data, entry)

    def pieces(self) -> None:
        """An upload in pieces: it begins, pieces come in any order, it ends or is given up."""
        upload = self.query.get("uploadId", "")
        if "uploads" in self.query:
            upload = f"{self.bucket}-{self.key}-{len(self.uploads)}"
            self.uploads[upload] = {}
            body = (
                f"<InitiateMultipartUploadResult><UploadId>{escape(upload)}</UploadId></InitiateMultipartUploadResult>"
            )
            self.answer(200, body.encode())
        elif self.command == "PUT":
            self.uploads[upload][int(self.query["partNumber"])] = self.body
            self.answer(200, ETag=etag(self.body))
        elif self.command == "DELETE":
            self.uploads.pop(upload, None)
            self.answer(204)
        else:
            parts = self.uploads[upload]
            data = b"".join(parts[number] for number in sorted(parts))
            with self.lock:
                self.keep(data)
            body = f"<CompleteMultipartUploadResult><ETag>{escape(etag(data))}</ETag></CompleteMultipartUploadResult>"
            self.answer(200, body.encode())

    def delete(self) -> None:
        with self.lock:
            if self.data() is None:
                self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
                return
            self.storage.delete_file(self.bucket, self.key)
        self.answer(204)

    def list(self) -> None:
        objects = self.storage.objects.get(self.bucket, {})
        keys, folders = self.names(list(objects))
        start = int(self.query.get("continuation-token", 0))
        most = int(self.query.get("max-keys", 1000))
        entries = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>2000-01-01T00:00:00.000Z</LastModified>"
            f"<ETag>x</ETag><Size>{objects[key]['size']}</Size></Contents>"
            for key in keys[start : start + most]
        )
        common = "".join(f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>" for name in folders)
        more = f"<NextContinuationToken>{start + most}</NextContinuationToken>" if start + most < len(keys) else ""
        self.answer(200, f"<ListBucketResult>{entries}{common if not start else ''}{more}</ListBucketResult>".encode())


class Azure(Handler):
    """The Blob service (learn.microsoft.com/en-us/rest/api/storageservices) over a dict: (container, blob) to bytes."""

    containers: ClassVar[set[str]]
    blobs: ClassVar[dict[tuple[str, str], bytes]]
    blocks: ClassVar[dict[tuple[str, str, str], bytes]]
    public: ClassVar[set[str]]

    def serve(self) -> None:
        signed = "Authorization" in self.headers or "sig" in self.query
        if self.bucket not in self.containers:
            self.answer(404, b"ContainerNotFound")
        elif not signed and self.bucket not in self.public:
            self.answer(403, b"AuthorizationFailure")
        elif self.query.get("comp") == "list":
            self.list()
        elif self.query.get("comp") == "batch":
            self.delete_many()
        elif self.command in ("GET", "HEAD"):
            self.get()
        elif self.command == "PUT":
            self.put()
        else:
            self.answer(202 if self.blobs.pop((self.bucket, self.key), None) is not None else 404)

    def get(self) -> None:
        data = self.blobs.get((self.bucket, self.key))
        if data is None:
            self.answer(404)
        else:
            self.send_object(data, x_ms_version="2023-11-03")

    def put(self) -> None:
        name = self.bucket, self.key
        if self.query.get("comp") == "block":
            self.blocks[*name, self.query["blockid"]] = self.body
        elif self.query.get("comp") == "blocklist":
            ids = [
                part.partition("<")[0] for part in self.body.decode().replace("Uncommitted", "Latest").split("<Latest>")
            ]
            self.blobs[name] = b"".join(
                self.blocks.pop((*name, block)) for block in ids if (*name, block) in self.blocks
            )
        elif self.headers.get("If-None-Match") == "*" and name in self.blobs:
            self.answer(409, b"BlobAlreadyExists")
            return
        else:
            self.blobs[name] = self.body
        md5 = base64.b64encode(hashlib.md5(self.body, usedforsecurity=False).digest()).decode()
        self.answer(201, ETag=etag(self.body), Last_Modified=LONG_AGO, Content_MD5=md5)

    def delete_many(self) -> None:
        """A batch of removals, each answered in a part of its own (.../rest/api/storageservices/blob-batch)."""
        answers = []
        for number, path in enumerate(re.findall(rb"DELETE (\S+) HTTP", self.body)):
            container, _, key = unquote(urlsplit(path.decode()).path).lstrip("/").partition("/")
            there = self.blobs.pop((container, key), None) is not None
            told = "202 Accepted" if there else "404 The specified blob does not exist."
            part = f"--parts\r\nContent-Type: application/http\r\nContent-ID: {number}\r\n\r\nHTTP/1.1 {told}\r\n"
            answers.append(f"{part}x-ms-request-id: {number}\r\nx-ms-version: 2023-11-03\r\n\r\n")
        self.answer(202, "".join([*answers, "--parts--"]).encode(), Content_Type="multipart/mixed; boundary=parts")

    def list(self) -> None:
        keys, folders = self.names([key for container, key in self.blobs if container == self.bucket])
        entries = "".join(
            f"<Blob><Name>{escape(key)}</Name><Properties><Last-Modified>{LONG_AGO}</Last-Modified>"
            f"<Content-Length>{len(self.blobs[self.bucket, key])}</Content-Length>"
            "<Content-Type>application/octet-stream</Content-Type><Etag>x</Etag></Properties></Blob>"
            for key in keys
        )
        common = "".join(f"<BlobPrefix><Name>{escape(name)}</Name></BlobPrefix>" for name in folders)
        body = f"<EnumerationResults><Blobs>{entries}{common}</Blobs><NextMarker/></EnumerationResults>"
        self.answer(200, body.encode(), Content_Type="application/xml")
