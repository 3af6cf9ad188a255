"""A Hugging Face hub on loopback: folders by the names of their repositories, as huggingface_hub asks for them."""

import base64
import hashlib
import http.server
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class _Handler(http.server.BaseHTTPRequestHandler):
    """Answers from folders.

    Attributes:
        repositories: folders by ``user/name``.
    """

    repositories: Mapping[str, Path] = {}

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        """Which of some paths are there, and how long they are; or take files, from callers with a token."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if answer := _taken(self.path, body, self.repositories):
            allowed = "Authorization" in self.headers
            self._answer(200 if allowed else 401, answer() if allowed else {"error": "Invalid username or password."})
            return
        asked = parse_qs(body.decode())
        found = re.fullmatch(r"/api/datasets/([^/]+/[^/]+)/paths-info/.*", self.path)
        folder = self.repositories.get(found[1]) if found else None
        entries = [] if folder is None else [_entry(folder, folder / path) for path in asked.get("paths", [])]
        self._answer(404 if folder is None else 200, [entry for entry in entries if entry])

    def _answer(self, state: int, document: object) -> None:
        data = json.dumps(document).encode()
        self.send_response(state)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        answers = (_answer(*self.path.partition("?")[::2], name, folder) for name, folder in self.repositories.items())
        data = next((answer for answer in answers if answer is not None), None)
        self.send_response(404 if data is None else 206 if "Range" in self.headers else 200)
        if data is None:
            self.send_header("X-Error-Code", "RepoNotFound")
        data = data or b"{}"
        part = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        data = data[int(part[1]) : int(part[2]) + 1] if part else data
        self.send_header("Content-Type", "application/json" if "/api/" in self.path else "application/octet-stream")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serve(repositories: Mapping[str, Path]) -> Iterator[str]:
    """Serve repositories of models and data sets until the block ends.

    Args:
        repositories: folders by ``user/name``.

    Yields:
        The address, for ``HF_ENDPOINT``.
    """
    handler = type("Handler", (_Handler,), {"repositories": repositories})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))  # looks so often, s, whether it is to end
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _taken(path: str, body: bytes, repositories: Mapping[str, Path]) -> Callable[[], object] | None:
    """What the hub does with files that are sent to it: a repository is made, files are announced, then committed."""
    if path == "/api/repos/create":
        asked = json.loads(body)
        return lambda: {"url": f"https://huggingface.co/datasets/{asked.get('organization', 'user')}/{asked['name']}"}
    if path == "/api/validate-yaml":
        return lambda: {"errors": [], "warnings": []}
    found = re.fullmatch(r"/api/(?:datasets|models)/([^/]+/[^/]+)/(preupload|commit)/main(\?.*)?", path)
    if not found or found[1] not in repositories:
        return None
    if found[2] == "preupload":
        names = [file["path"] for file in json.loads(body)["files"]]
        modes = [{"path": name, "uploadMode": "regular", "shouldIgnore": False} for name in names]
        return lambda: {"files": modes}
    return lambda: _commit(repositories[found[1]], [json.loads(line) for line in body.splitlines()])


def _commit(folder: Path, lines: list[dict[str, Any]]) -> dict[str, str]:
    for line in lines:
        if line["key"] == "file":
            file = folder / line["value"]["path"]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(base64.b64decode(line["value"]["content"]))
        elif line["key"] == "deletedFile":
            (folder / line["value"]["path"]).unlink()
    return {"commitUrl": f"https://huggingface.co/datasets/someone/sky/commit/{COMMIT}", "commitOid": COMMIT}


def _entry(folder: Path, path: Path) -> dict[str, object] | None:
    """What the hub says of a file or a folder; nothing where there is none."""
    name = path.relative_to(folder).as_posix()
    if path.is_dir():
        return {"type": "directory", "path": name, "oid": COMMIT}
    return {"type": "file", "path": name, "size": path.stat().st_size, "oid": COMMIT} if path.is_file() else None


def _answer(path: str, query: str, name: str, folder: Path) -> bytes | None:
    recursive = "recursive=true" in query.lower()
    files = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())
    for kind, prefix in (("models", ""), ("datasets", "/datasets")):
        if path.startswith(f"/api/{kind}/{name}/tree/"):
            if kind == "models":
                return json.dumps([_entry(folder, folder / file) for file in files]).encode()
            below = folder / path.removeprefix(f"/api/{kind}/{name}/tree/").partition("/")[2]
            inside = below.rglob("*") if recursive else below.iterdir()
            return json.dumps([_entry(folder, path) for path in inside]).encode() if below.is_dir() else None
        if path.startswith(f"/api/{kind}/{name}"):
            return json.dumps({"id": name, "sha": COMMIT, "siblings": [{"rfilename": f} for f in files]}).encode()
        for file in files:
            if path.startswith(f"{prefix}/{name}/resolve/") and path.endswith(f"/{file}"):
                return (folder / file).read_bytes()
    return None
