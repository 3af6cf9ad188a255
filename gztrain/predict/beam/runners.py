"""Engines: what each needs, and how a graph is run on one. Beam would download an absent one, or wait for ever."""

import contextlib
import hashlib
import importlib.util
import io
import logging
import os
import re
import shutil
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType

import apache_beam as beam
from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.runner import PipelineRunner, create_runner
from apache_beam.runners.worker import sdk_worker

from gzcore.errors import GzError, UsageError
from gzcore.storage.atomic import withdraw
from gzcore.storage.places import Place, Url
from gztrain.predict.beam.parts_plan import WORK, Job

DIRECT, PORTABLE, PRISM = "DirectRunner", "PortableRunner", "PrismRunner"
FLINK, DATAFLOW = "FlinkRunner", "DataflowRunner"
KNOWN = (DIRECT, PORTABLE, PRISM, FLINK, DATAFLOW)
JOB_SERVERS = (PORTABLE, PRISM, FLINK)
"""Engines that a job server stands before: it may never answer, and may wait for ever for a worker."""
LIMIT = "GZPREP_START_LIMIT"
_START_LIMIT = 120.0
"""Seconds within which a worker must have begun."""
_AGAIN = 5.0
"""Seconds between reminders: Beam takes the first for a fault of the server's, and starts that again."""
_FILES = {
    FLINK: ("flink_job_server_jar", "GZPREP_FLINK_JAR", "flink-job-server.jar"),
    PRISM: ("prism_location", "GZPREP_PRISM", "prism"),
}
"""What an engine is, by Beam's option, by a variable of the environment, and where ``make engines-fetch`` puts it."""
_CACHE = Path(__file__).parents[3] / "engines" / ".cache"
_NO_TIME_LIMIT = str(7 * 24 * 3600)
"""Seconds; Beam gives this one limit to each request and to the stream that tells a job's end."""
_SECRET = re.compile(r"--\w*(secret|token|password|access_key|connection_string|credential)")
_NEEDED = {
    "project": "GOOGLE_CLOUD_PROJECT",
    "region": "CLOUDSDK_COMPUTE_REGION",
    "sdk_container_image": "GZTRAIN_IMAGE",
}
_FLEET = {
    "machine_type": "n2-standard-8",
    "max_num_workers": "20",
    "disk_size_gb": "50",
    "sdk_location": "container",
    "experiments": "no_use_multiple_sdk_containers",  # one process a machine: the model uses all cores by itself
}
"""Options of a job on Dataflow; the user's win."""


def option_value(options: Sequence[str], name: str) -> str | None:
    """Return the last value that ``--name VALUE`` or ``--name=VALUE`` has among options, or None."""
    found = None
    for place, option in enumerate(options):
        if option.startswith(f"--{name}="):
            found = option.partition("=")[2]
        elif option == f"--{name}" and place + 1 < len(options):
            found = options[place + 1]
    return found


def runner_options(name: str, workers: int, options: Sequence[str], places: Sequence[Place]) -> list[str]:
    """Return Beam's options for an engine: what it needs, then the user's, which win.

    Args:
        name: of the engine.
        workers: parts under way at a time, on Flink.
        options: the user's.
        places: all that is read or written; the first is the folder of predictions.

    Raises:
        UsageError: there is no such engine, or it needs to be told more.
        GzError: it is not on this machine.
    """
    if name not in KNOWN:
        raise UsageError(f"There is no runner {name!r}; choose one of {', '.join(KNOWN)}.")
    secret = next((key for option in options if _SECRET.match(key := option.partition("=")[0])), None)
    if secret is not None:
        raise UsageError(
            f"{secret} would be seen in logs and consoles; leave credentials to the environment (docs/cloud.md)."
        )
    if name == DIRECT:
        return list(options)
    needs: dict[str, Callable[[], dict[str, str]]] = {
        PORTABLE: lambda: _portable(options),
        PRISM: lambda: _loopback(PRISM, options),
        FLINK: lambda: _flink(workers, options),
        DATAFLOW: lambda: _dataflow(options, places),
    }
    return [*(f"--{key}={value}" for key, value in needs[name]().items()), *options]


def _portable(options: Sequence[str]) -> dict[str, str]:
    if option_value(options, "job_endpoint") is None:
        raise UsageError(f"--runner {PORTABLE} needs the address of a job service: add -- --job_endpoint=HOST:PORT.")
    return {"environment_type": "LOOPBACK", "job_server_timeout": _NO_TIME_LIMIT}


def _loopback(name: str, options: Sequence[str]) -> dict[str, str]:
    """An engine on this machine, which hands its work back to us."""
    option, variable, file = _FILES[name]
    path = option_value(options, option) or os.environ.get(variable) or str(_CACHE / file)
    if not Path(path).is_file():
        raise GzError(f"{name} is not at {path}; fetch it with `make engines-fetch`, or name yours with {variable}.")
    return {option: path, "environment_type": "LOOPBACK", "job_server_timeout": _NO_TIME_LIMIT}


def _flink(workers: int, options: Sequence[str]) -> dict[str, str]:
    launcher = option_value(options, "job_server_java_launcher") or "java"
    if shutil.which(launcher) is None:
        raise GzError(f"{FLINK} needs Java 11 or newer, and there is no command {launcher!r}; install a runtime.")
    ours = _loopback(FLINK, options) | {"flink_master": "[local]", "parallelism": str(workers)}
    if (option_value(options, "flink_master") or "[local]") not in ("[local]", "[auto]"):
        del ours["environment_type"]  # a cluster has workers of its own
    return ours


def _dataflow(options: Sequence[str], places: Sequence[Place]) -> dict[str, str]:
    if not _has_google():
        raise GzError(f"{DATAFLOW} needs what the extra 'gcp' brings; install it with: pip install 'gzprep[gcp]'.")
    near = next((place for place in places if not isinstance(place, Url)), None)
    if near is not None:
        raise UsageError(
            f"{DATAFLOW} works on machines that do not see {near}; copy it into a bucket and name it gs://BUCKET/PATH."
        )
    known = {name: option_value(options, name) or os.environ.get(variable) for name, variable in _NEEDED.items()}
    absent = [name for name, value in known.items() if not value]
    if absent:
        wanted = " ".join(f"--{name}=..." for name in absent)
        raise UsageError(f"{DATAFLOW} needs to know more: add -- {wanted} (docs/cloud.md says how).")
    own = f"{places[0]}/{WORK}/dataflow"
    name = f"gztrain-predict-{hashlib.blake2b(str(places[0]).encode(), digest_size=5).hexdigest()}"
    found = {key: value for key, value in known.items() if value}
    return {**found, "job_name": name, "temp_location": own, "staging_location": own, **_FLEET}


def _has_google() -> bool:
    try:
        return importlib.util.find_spec("google.cloud.dataflow") is not None
    except ModuleNotFoundError:
        return False


def make_pipeline(name: str, flags: Sequence[str]) -> beam.Pipeline:
    """An empty graph for an engine. Beam's own ``DirectRunner`` may download a Go binary; ours never does.

    Raises:
        UsageError: Beam does not take the options.
    """
    runner: PipelineRunner = FnApiRunner() if name == DIRECT else create_runner(name)
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            pipeline = beam.Pipeline(runner=runner, options=PipelineOptions(list(flags)))
            unknown = _unknown(pipeline.options)
    except ValueError as error:
        raise UsageError(f"Beam does not take these options: {' '.join(str(error).split())}") from None
    except SystemExit:  # a value that does not fit, said below 300 lines of usage
        last = (said.getvalue().splitlines() or ["error: they do not fit"])[-1].partition("error: ")[2]
        raise UsageError(f"Beam does not take these options: {last}") from None
    if unknown and name not in JOB_SERVERS:  # a job server may know more than Beam
        raise UsageError(f"Beam knows no option --{', --'.join(unknown)}; look for a slip of the pen.")
    return pipeline


def _unknown(options: PipelineOptions) -> list[str]:
    """Options that nobody knows: Beam would drop them with a line in its log."""
    seen = options.get_all_options(drop_default=True, retain_unknown_options=True).keys()
    return sorted(seen - options.get_all_options(drop_default=True).keys())


def run_to_the_end(pipeline: beam.Pipeline) -> None:
    """Run a graph; a job that we stop waiting for is cancelled."""
    result = pipeline.run()
    try:
        result.wait_until_finish()
    except BaseException:
        with contextlib.suppress(Exception):
            result.cancel()
        raise


@contextlib.contextmanager
def start_limit(runner: str, job: Job) -> Iterator[None]:
    """End the wait for an engine whose workers give no sign of life; 0 seconds: wait for ever.

    Raises:
        UsageError: the variable of the environment holds no number of seconds.
        GzError: time is up.
    """
    limit = _limit()
    if runner not in JOB_SERVERS or not limit or threading.current_thread() is not threading.main_thread():
        yield
        return

    def too_late(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        if not job.sign_of_life.exists():
            raise GzError(
                f"{runner} did not start: after {limit:g} s no worker has begun. Is there one, does it have this "
                f"Python with gztrain, and does it see {job.out}? ({LIMIT} sets another number of seconds.)"
            )

    before = signal.signal(signal.SIGALRM, too_late)
    signal.setitimer(signal.ITIMER_REAL, limit, _AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        withdraw(job.sign_of_life)


def _limit() -> float:
    text = os.environ.get(LIMIT, str(_START_LIMIT))
    try:
        limit = float(text)
    except ValueError:
        limit = -1.0
    if not 0 <= limit < threading.TIMEOUT_MAX:
        raise UsageError(f"{LIMIT} is {text!r}; expected a number of seconds, 0 for no limit.")
    return limit


def send(pipeline: beam.Pipeline) -> dict[str, str]:
    """Send a job to Dataflow and return at once.

    Returns:
        ``job`` and ``console``, or ``template`` where the job was written into a file.
    """
    google = pipeline.options.view_as(GoogleCloudOptions)
    result = pipeline.run()
    if not result.has_job:
        return {"template": str(google.template_location)}
    job = str(result.job_id())
    return {
        "job": job,
        "console": f"https://console.cloud.google.com/dataflow/jobs/{google.region}/{job}?project={google.project}",
    }


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what Beam says of an error off the terminal: it reaches us as an exception, and is told in a sentence."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)  # some of it speaks as Python ends
    sdk_worker.print = lambda *_, **__: None  # a worker in this process prints 60 lines an error
    try:
        yield
    finally:
        del sdk_worker.print
        logging.disable(before)
