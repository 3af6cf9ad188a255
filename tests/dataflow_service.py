"""Dataflow on loopback: takes jobs as the REST service does, and can run them.

A job that is taken is run by reading back the *staged* pipeline.pb, as a worker would: what Dataflow gets, and nothing
else, is what makes the shards. The one change is the environment: a container in the job, this process here.
"""

import contextlib
import json
import re
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability import common_urns, python_urns
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from gzcore.storage.places import Url, as_place

PROJECT, REGION, IMAGE = "loopback-project", "europe-west1", "registry.example/gzprep:1"
TOKEN = "ya29.LOOPBACK-token-0123456789"  # noqa: S105 -- opens nothing; tests look for it where it must not be
REFRESH = "1//LOOPBACK-refresh-0123456789"
Json = dict[str, Any]
Outcome = Callable[[Json], tuple[str, list[str], dict[str, int]]]
"""What becomes of a job: its last state, its error messages, its counters."""


def run_staged(job: Json) -> tuple[str, list[str], dict[str, int]]:
    """Run a job from what was staged for it."""
    pipeline = staged_pipeline(job)
    embed(pipeline)
    try:
        result = FnApiRunner().run_via_runner_api(pipeline, PipelineOptions([]))
        result.wait_until_finish()
    except Exception:
        told = f"Error message from worker: generic::unknown: {traceback.format_exc()}"
        return "JOB_STATE_FAILED", ["Workers have begun to fail.", told, "A work item was attempted 4 times."], {}
    counters = result.metrics().query()["counters"]
    return "JOB_STATE_DONE", [], {counter.key.metric.name: counter.committed for counter in counters}


def staged_pipeline(job: Json) -> Any:
    """The graph that a job names."""
    place = as_place(job["environment"]["sdkPipelineOptions"]["options"]["pipelineUrl"])
    assert isinstance(place, Url)
    with place.open() as file:
        return beam_runner_api_pb2.Pipeline.FromString(file.read())


def embed(pipeline: Any) -> None:
    """Let this process do what a container would."""
    for environment in pipeline.components.environments.values():
        assert environment.urn == common_urns.environments.DOCKER.urn
        environment.urn, environment.payload = python_urns.EMBEDDED_PYTHON, b""
        del environment.dependencies[:]


def cancelled(_: Json) -> tuple[str, list[str], dict[str, int]]:
    return "JOB_STATE_CANCELLED", [], {}


def failed(*messages: str) -> Outcome:
    return lambda _: ("JOB_STATE_FAILED", list(messages), {})


def never(_: Json) -> tuple[str, list[str], dict[str, int]]:
    return "JOB_STATE_RUNNING", [], {}


@dataclass
class Service:
    """The service, and what it has seen."""

    outcome: Outcome = run_staged
    refusal: tuple[int, str] | None = None
    active: str = ""
    jobs: list[Json] = field(default_factory=list)
    ended: tuple[str, list[str], dict[str, int]] | None = None
    looks: int = 0
    seen: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextlib.contextmanager
    def running(self) -> Iterator[str]:
        """Yield the address of the service; the word localhost in it makes Beam speak REST."""
        handler = type("Handler", (_Handler,), {"service": self})
        with ThreadingHTTPServer(("localhost", 0), handler) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
            thread.start()
            try:
                yield f"http://localhost:{server.server_port}"
            finally:
                server.shutdown()
                thread.join()

    def take(self, job: Json) -> tuple[int, Json]:
        """A job comes."""
        if self.refusal is not None:
            code, text = self.refusal
            return code, {"error": {"code": code, "message": text, "status": "INVALID_ARGUMENT"}}
        self.jobs.append(job)
        if self.active:
            job = {**job, "clientRequestId": "of-another-launch"}
        return 200, {**self.state("JOB_STATE_PENDING"), "clientRequestId": job["clientRequestId"]}

    def state(self, name: str) -> Json:
        return {"id": "2026-11-22_job", "projectId": PROJECT, "name": self.jobs[-1]["name"], "currentState": name}

    def look(self) -> Json:
        """Answer a question about the state of the job: first it waits, then it runs, then it has ended."""
        self.looks += 1
        if self.looks <= 2:
            return self.state(("JOB_STATE_PENDING", "JOB_STATE_RUNNING")[self.looks - 1])
        with self.lock:
            self.ended = self.ended or self.outcome(self.jobs[-1])
        return self.state(self.ended[0])

    def messages(self) -> Json:
        texts = self.ended[1] if self.ended else []
        return {
            "jobMessages": [
                {"id": str(n), "time": "2026-11-22T19:00:00Z", "messageText": text, "messageImportance": 5}
                for n, text in enumerate(texts)
            ]
        }

    def metrics(self) -> Json:
        counters = self.ended[2] if self.ended else {}
        name = {"origin": "user", "context": {"namespace": "gzprep", "step": "s1"}}
        tentative = {"origin": "user", "context": {"namespace": "gzprep", "step": "s1", "tentative": "true"}}
        return {
            "metrics": [
                {"name": {**kind, "name": key}, "scalar": value}
                for key, value in counters.items()
                for kind in (name, tentative)
            ]
        }


class _Handler(BaseHTTPRequestHandler):
    service: ClassVar[Service]
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.service.seen.append(f"POST {self.path}")
        assert re.fullmatch(rf"/v1b3/projects/{PROJECT}/locations/{REGION}/jobs", urlsplit(self.path).path)
        self.answer(*self.service.take(json.loads(body)))

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        self.service.seen.append(f"GET {path}")
        last = path.rpartition("/")[2]
        answers = {"messages": self.service.messages, "metrics": self.service.metrics}
        self.answer(200, answers.get(last, self.service.look)())

    def answer(self, code: int, document: Json) -> None:
        body = json.dumps(document).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def write_credentials(folder: Path) -> Path:
    """Credentials that need no refreshing before 2099, in a file as gcloud writes it."""
    path = folder / "credentials.json"
    document = {
        "type": "authorized_user",
        "client_id": "loopback",
        "client_secret": "LOOPBACK-client-secret",
        "refresh_token": REFRESH,
        "token": TOKEN,
        "expiry": "2099-01-01T00:00:00Z",
    }
    path.write_text(json.dumps(document))
    return path
