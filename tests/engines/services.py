"""The job service and the worker pool of the portable engine, as processes of this machine, ended whatever happens."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.running import ROOT

PATIENCE = 60.0
JOB_SERVICE = "apache_beam.runners.portability.local_job_service_main"
WORKER_POOL = "apache_beam.runners.worker.worker_pool_main"


@contextlib.contextmanager
def service(module: str, option: str, folder: Path) -> Iterator[str]:
    """Start a service of Beam's on a free port, and yield its address once it answers.

    Args:
        module: what to run.
        option: its option for the port.
        folder: first on its PATH: a pool calls its workers by the name `python`.
    """
    port = free_port()
    environment = {**os.environ, "PATH": os.pathsep.join((os.fspath(folder), os.environ["PATH"]))}
    call = [sys.executable, "-m", module, f"{option}={port}"]
    with subprocess.Popen(
        call, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            wait_until_it_answers(port, process)
            yield f"localhost:{port}"
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # with the workers of the pool


@contextlib.contextmanager
def portable(folder: Path | None = None) -> Iterator[tuple[str, ...]]:
    """Yield the options of a run on a job service with a pool, whose workers are the `python` in a folder."""
    place = folder or Path(sys.executable).parent
    with service(JOB_SERVICE, "--port", place) as jobs, service(WORKER_POOL, "--service_port", place) as pool:
        yield f"--job_endpoint={jobs}", "--environment_type=EXTERNAL", f"--environment_config={pool}"


def free_port() -> int:
    with socket.create_server(("localhost", 0)) as server:
        return int(server.getsockname()[1])


def wait_until_it_answers(port: int, process: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + PATIENCE
    while True:
        assert process.poll() is None, process.args
        with contextlib.suppress(OSError), socket.create_connection(("localhost", port), 1):
            return
        assert time.monotonic() < give_up, process.args
        time.sleep(0.1)


def program(path: Path, script: str) -> Path:
    """Write a program of the shell."""
    path.write_text(f"#!{shutil.which('sh')}\n{script}\n")
    path.chmod(0o755)
    return path
