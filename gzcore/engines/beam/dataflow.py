"""A job on Google Cloud Dataflow: sent, watched, and told about in sentences.

We wait by ourselves: Beam's own waiting hides the job's state, takes five seconds longer than the job, and ends in an
assertion when the network fails for a while.
"""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions
from apache_beam.runners.runner import PipelineResult, create_runner

from gzcore.engines.dataflow import cancel_command, console_address
from gzcore.engines.names import DATAFLOW
from gzcore.errors import GzError, Stopped, UsageError
from gzprep.prepare.job import Job
from gzprep.run.beam.counters import NAMESPACE
from gzprep.run.beam.pipeline import build, refuse_unknown, silence

_EVERY = 10.0
"""Seconds between two looks at a job."""
_LATE = 60.0
"""Seconds that the reason of a failure may be later than the failure."""
_ENDS = {"DONE", "FAILED", "CANCELLED", "UPDATED", "DRAINED"}
_OURS = re.compile(r"gzcore\.errors\.\w+: (.*?)(?: \[while running|\n|\Z)")
_LONGEST = 600
"""Letters of a sentence that is not ours."""
_QUERY = re.compile(r"\?\S+")

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Sent:
    """A job that Dataflow has taken.

    Attributes:
        id, project, region: what it goes by.
        result: Beam's handle on it.
    """

    id: str
    project: str
    region: str
    result: PipelineResult

    @property
    def address(self) -> str:
        """Where a person watches it."""
        return console_address(self.project, self.region, self.id)

    @property
    def how_to_cancel(self) -> str:
        """How a person ends it."""
        return cancel_command(self.project, self.region, self.id)

    @property
    def client(self) -> Any:  # noqa: ANN401 -- Beam has no types
        """Beam's client of the service."""
        return self.result._runner.dataflow_client  # noqa: SLF001 -- Beam's own waiting takes it from there, too


def send(job: Job, options: Sequence[str]) -> Sent | None:
    """Send a job; return at once.

    Returns:
        The job, or None where it was written into a template.

    Raises:
        UsageError: an option does not fit.
        GzError: it could not be staged, or Dataflow refused it.
    """
    silence()
    refuse_unknown(DATAFLOW, options)
    try:
        settings = PipelineOptions(list(options))
        pipeline = beam.Pipeline(runner=create_runner(DATAFLOW), options=settings)
    except ValueError as error:
        raise UsageError(f"Beam does not take these options: {_reason(error)}") from None
    build(pipeline, job)
    try:
        result = pipeline.run()
    except GzError:
        raise
    except Exception as error:
        raise GzError(f"Dataflow did not take the job: {_reason(error)}") from error
    if not result.has_job:
        return None
    google = settings.view_as(GoogleCloudOptions)
    return Sent(result.job_id(), google.project, google.region, result)


def _reason(error: Exception) -> str:
    """What an error says, in one line, without what stands behind a question mark: addresses of uploads are secrets."""
    text = " ".join(str(getattr(error, "message", None) or error).split()) or type(error).__name__
    return _QUERY.sub("", text)[:_LONGEST].rstrip(".") + "."


def follow(job: Sent, tell: Tell) -> dict[str, int]:
    """Wait for the end of a job, and tell each new state.

    Returns:
        Its counters, by name.

    Raises:
        GzError: it failed, or was cancelled, or cannot be seen any more.
        Stopped: the user pressed Ctrl-C. The job runs on.
    """
    try:
        state = _wait(job, tell)
    except KeyboardInterrupt:
        raise Stopped(
            f"Stopped watching. The job runs on, and writes the manifest by itself; watch it at {job.address}, or end "
            f"it with: {job.how_to_cancel}"
        ) from None
    if state == "DONE":
        return _counters(job)
    if state == "FAILED":
        raise _failure(job)
    raise GzError(
        f"Dataflow job {job.id} was {state.lower()}; the same command goes on where it stopped. See {job.address}"
    )


def _wait(job: Sent, tell: Tell) -> str:
    told = ""
    while True:
        state = _state(job)
        if state != told:
            tell(f"Dataflow job {job.id}: {state.lower().replace('_', ' ')}")
        if state in _ENDS:
            return state
        told = state
        time.sleep(_EVERY)


def _state(job: Sent) -> str:
    try:
        state = job.client.get_job(job.id).current_state
    except Exception as error:  # Beam has tried for minutes
        raise GzError(f"Lost sight of Dataflow job {job.id}: {_reason(error)} It runs on; see {job.address}") from error
    return str(state.name).removeprefix("JOB_STATE_") if state else "UNKNOWN"


def _counters(job: Sent) -> dict[str, int]:
    """Counters of ours, added up over the steps."""
    total: dict[str, int] = {}
    for counter in job.result.metrics().query()["counters"]:
        if counter.key.metric.namespace == NAMESPACE:
            total[counter.key.metric.name] = total.get(counter.key.metric.name, 0) + (counter.committed or 0)
    return total


def _failure(job: Sent) -> GzError:
    """A failed job's own error: ours if a worker raised one, else the last thing that Dataflow said."""
    messages = _error_messages(job)
    ours = [found.group(1) for message in messages if (found := _OURS.search(message))]
    if ours:
        return GzError(f"{ours[-1]} (Dataflow job {job.id}; its log is at {job.address})")
    lines = messages[-1].strip().splitlines() if messages else ["it did not say why"]
    return GzError(
        f"Dataflow job {job.id} failed: {_QUERY.sub('', lines[-1]).rstrip('.')}. The same command goes on where it "
        f"stopped; its log is at {job.address}"
    )


def _error_messages(job: Sent) -> list[str]:
    """What a job says of its errors, which may come later than its end."""
    give_up = time.monotonic() + _LATE
    while True:
        found: list[str] = []
        page, token = job.client.list_messages(job.id, minimum_importance="JOB_MESSAGE_ERROR")
        while True:
            found += [message.message_text for message in page]
            if not token:
                break
            page, token = job.client.list_messages(job.id, page_token=token, minimum_importance="JOB_MESSAGE_ERROR")
        if found or time.monotonic() > give_up:
            return found
        time.sleep(min(_EVERY, 1.0))
