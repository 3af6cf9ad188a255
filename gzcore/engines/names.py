"""The engines a run can be sent to, and what each needs before it can start, without importing Beam.

Beam downloads an absent engine by itself, or waits for it for ever. Here everything is looked for first. One sentence
names what is absent and the command that installs it. Both packages take their engines from here.
"""

import os
import re
import shutil
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from gzcore.errors import GzError, UsageError

DIRECT, PORTABLE, PRISM = "DirectRunner", "PortableRunner", "PrismRunner"
FLINK, DATAFLOW = "FlinkRunner", "DataflowRunner"
KNOWN = (DIRECT, PORTABLE, PRISM, FLINK, DATAFLOW)
JOB_SERVERS = (PORTABLE, PRISM, FLINK)
"""Engines behind a job server, which may never answer, or may wait for ever for a worker."""
CACHE = Path(__file__).parents[2] / "engines" / ".cache"
"""Where ``make engines-fetch`` puts what it brings, in a checkout."""
_REFUSED = {
    "DaskRunner": (
        "Beam's DaskRunner says DONE although it drops all branches of a graph but the last, and whatever a step "
        "gives when its bundle ends (docs/engines.md shows it)"
    ),
    "InteractiveRunner": "it keeps every intermediate result in memory",
}
_FETCH = "fetch it with `make engines-fetch`"
_NO_TIME_LIMIT = str(7 * 24 * 3600)
"""Seconds. Beam applies one limit to each request and to the whole job; its default of 300 s ended longer runs of Prism
and of the portable job service. An engine that does not start has its own limit, in gzcore.engines.start."""
_ANSWER_SECONDS = 5.0
"""Seconds for a server to answer."""
_SECRET = re.compile(r"^--\w*(secret|token|password|access_key|connection_string|credential)")
_ADDRESS = re.compile(r"\[?([\w.:-]+?)\]?:(\d+)")

Values = Callable[[str], str | None]


def check_runner(name: str, options: Sequence[str] = ()) -> str:
    """Return the name of a runner that can be used, here and now.

    Args:
        name: what ``--runner`` says.
        options: Beam's own options, which may name what the engine needs.

    Raises:
        UsageError: there is no such runner, it cannot be trusted, or an option is absent.
        GzError: something that it needs is not on this machine, or does not answer.
    """
    if name in _REFUSED:
        raise UsageError(f"--runner {name} is refused: {_REFUSED[name]}. Choose one of {', '.join(KNOWN)}.")
    if name not in KNOWN:
        raise UsageError(f"There is no runner {name!r}; choose one of {', '.join(KNOWN)}.")
    refuse_secrets(options)
    runner_options(name, 1, options)
    return name


def refuse_secrets(options: Sequence[str]) -> None:
    """Refuse credentials among the options: engines log them, show them in consoles and keep them in jobs.

    Raises:
        UsageError: one of them looks like a credential; its value is not repeated.
    """
    secret = next((name for option in options if _SECRET.search(name := option.partition("=")[0])), None)
    if secret is not None:
        raise UsageError(
            f"{secret} would be seen in logs and consoles; leave credentials to the environment of the launcher and of "
            "the workers (docs/cloud.md), and the option away."
        )


def runner_options(name: str, workers: int, options: Sequence[str] = ()) -> list[str]:
    """Return Beam's options for an engine: what it needs on this machine, then the user's, which win.

    Raises:
        UsageError: an option is absent.
        GzError: something that the engine needs is absent, or does not answer.
    """

    def value(option: str) -> str | None:
        return option_value(options, option)

    ours: Mapping[str, str] = {}
    if name in JOB_SERVERS:
        ours = {"job_server_timeout": _NO_TIME_LIMIT}
        if name == PORTABLE or value("job_endpoint") is not None:
            ours |= _job_service(value)
        else:
            ours |= _flink(value, workers) if name == FLINK else _prism(value)
    return [*(f"--{option}={text}" for option, text in ours.items()), *options]


def option_value(options: Sequence[str], name: str) -> str | None:
    """Return the last value that ``--name VALUE`` or ``--name=VALUE`` has among options, or None."""
    value = None
    for index, option in enumerate(options):
        if option.startswith(f"--{name}="):
            value = option.partition("=")[2]
        elif option == f"--{name}" and index + 1 < len(options):
            value = options[index + 1]
    return value


def _flink(value: Values, workers: int) -> dict[str, str]:
    """Flink behind a job server of our own; without another master, an embedded cluster in that very process."""
    jar = _needed_file(FLINK, "Beam's Flink job server", "GZPREP_FLINK_JAR", "flink-job-server.jar", value)
    _check_java(value("job_server_java_launcher") or "java")
    ours = {"flink_job_server_jar": jar, "flink_master": "[local]", "parallelism": str(workers)}
    if (value("flink_master") or "[local]") in ("[local]", "[auto]"):
        ours["environment_type"] = "LOOPBACK"
    return ours


def _check_java(launcher: str) -> None:
    if shutil.which(launcher) is None:
        raise GzError(
            f"{FLINK} needs Java 11 or newer, and there is no command {launcher!r}; "
            "install a Java runtime (on Debian: apt-get install default-jre-headless)."
        )


def _prism(value: Values) -> dict[str, str]:
    """Prism is one program, which Beam starts and ends."""
    program = _needed_file(PRISM, "the program prism", "GZPREP_PRISM", "prism", value)
    return {"prism_location": program, "environment_type": "LOOPBACK"}


def _needed_file(runner: str, what: str, variable: str, name: str, value: Values) -> str:
    """Find a file by the user's option, else by a variable of the environment, else where we fetch to."""
    option = "flink_job_server_jar" if runner == FLINK else "prism_location"
    path = value(option) or os.environ.get(variable) or str(CACHE / name)
    if not Path(path).is_file():
        raise GzError(f"{runner} needs {what}, and there is none at {path}; {_FETCH}, or name yours with {variable}.")
    return path


def _job_service(value: Values) -> dict[str, str]:
    """A job service that runs already; by default the launcher does the work that it hands out."""
    endpoint = value("job_endpoint")
    if endpoint is None:
        raise UsageError(
            f"--runner {PORTABLE} needs the address of a job service: add -- --job_endpoint=HOST:PORT "
            "(docs/engines.md says how to start one)."
        )
    _check_answers(endpoint, "the job service (--job_endpoint)")
    if value("environment_type") == "EXTERNAL":
        _check_answers(value("environment_config") or "", "the worker pool (--environment_config)")
    return {"environment_type": "LOOPBACK"}


def _check_answers(address: str, what: str) -> None:
    """Refuse an address that does not answer; what is not HOST:PORT (`embed`, JSON) is left to Beam."""
    host_and_port = _ADDRESS.fullmatch(address)
    if host_and_port is None:
        return
    try:
        socket.create_connection((host_and_port.group(1), int(host_and_port.group(2))), _ANSWER_SECONDS).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise GzError(f"Nothing answers at {address}, {what}: {reason}. Start it, then run this again.") from None
