"""A Hugging Face hub on loopback: folders by the names of their repositories, as huggingface_hub asks for them."""

import hashlib
import http.server
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class _Handler(http.server.BaseHTTPRequestHandler):
    """Answers from folders.

    Attributes:
        repositories: folders by ``user/name``.
    """

    repositories: Mapping[str, Path] = {}

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        answers = (_answer(self.path.split("?")[0], name, folder) for name, folder in self.repositories.items())
        data = next((answer for answer in answers if answer is not None), None)
        self.send_response(404 if data is None else 200)
        if data is None:
            self.send_header("X-Error-Code", "RepoNotFound")
        data = data or b"{}"
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
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _answer(path: str, name: str, folder: Path) -> bytes | None:
    files = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())
    for kind, prefix in (("models", ""), ("datasets", "/datasets")):
        if path.startswith(f"/api/{kind}/{name}/tree/"):
            sizes = {file: (folder / file).stat().st_size for file in files}
            return json.dumps(
                [{"type": "file", "path": f, "size": s, "oid": COMMIT} for f, s in sizes.items()]
            ).encode()
        if path.startswith(f"/api/{kind}/{name}"):
            return json.dumps({"id": name, "sha": COMMIT, "siblings": [{"rfilename": f} for f in files]}).encode()
        for file in files:
            if path.startswith(f"{prefix}/{name}/resolve/") and path.endswith(f"/{file}"):
                return (folder / file).read_bytes()
    return None
