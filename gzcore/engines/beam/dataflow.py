"""A job on Google Cloud Dataflow: sent, watched, and told about in sentences.

We wait by ourselves: Beam's own waiting hides the job's state, takes five seconds longer than the job, and ends in an
assertion when the network fails for a while.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import GoogleCloudOptions
from apache_beam.runners.runner import PipelineResult

from gzcore.engines.beam.run import make_pipeline, quiet
from gzcore.engines.dataflow import cancel_command, console_address, template_location
from gzcore.engines.ending import last_line, one_line, own_sentence
from gzcore.engines.names import DATAFLOW
from gzcore.errors import GzError, Stopped

_EVERY = 10.0
"""Seconds between two looks at a job."""
_LATE = 60.0
"""Seconds that the reason of a failure may be later than the failure."""
_ENDS = {"DONE", "FAILED", "CANCELLED", "UPDATED", "DRAINED"}

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


def send(pipeline: beam.Pipeline) -> Sent | None:
    """Send a job; return at once.

    Returns:
        The job, or None where it was written into a template.

    Raises:
        GzError: it could not be staged, or Dataflow refused it.
    """
    google = pipeline.options.view_as(GoogleCloudOptions)
    try:
        with quiet():
            result = pipeline.run()
    except GzError:
        raise
    except Exception as error:
        raise GzError(f"Dataflow did not take the job: {one_line(error)}") from error
    return Sent(result.job_id(), google.project, google.region, result) if result.has_job else None


def send_graph(build: Callable[[beam.Pipeline], Any], options: Sequence[str]) -> Sent | None:
    """Build a graph for Dataflow and send it; see :func:`send`.

    Args:
        build: builds the graph in an empty pipeline.
        options: Beam's, from :func:`gzcore.engines.dataflow.dataflow_options`.

    Raises:
        UsageError: Beam does not take an option.
        GzError: it could not be staged, or Dataflow refused it.
    """
    pipeline = make_pipeline(DATAFLOW, options)
    build(pipeline)
    return send(pipeline)


def receipt(job: Sent | None, options: Sequence[str]) -> dict[str, str]:
    """What there is to tell of a job at once: ``job`` and ``console``, or ``template``, the file that holds it."""
    if job is None:
        return {"template": template_location(options) or ""}
    return {"job": job.id, "console": job.address}


def follow(job: Sent, tell: Tell, namespace: str) -> dict[str, int]:
    """Wait for the end of a job, and tell each new state.

    Args:
        job: what was sent.
        tell: shows a line to the user.
        namespace: whose counters are wanted.

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
            f"Stopped watching. The job runs on, and finishes its output by itself; watch it at {job.address}, or end "
            f"it with: {job.how_to_cancel}"
        ) from None
    if state == "DONE":
        return _counters(job, namespace)
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
        raise GzError(
            f"Lost sight of Dataflow job {job.id}: {one_line(error)} It runs on; see {job.address}"
        ) from error
    return str(state.name).removeprefix("JOB_STATE_") if state else "UNKNOWN"


def _counters(job: Sent, namespace: str) -> dict[str, int]:
    """Counters of a namespace, added up over the steps."""
    total: dict[str, int] = {}
    for counter in job.result.metrics().query()["counters"]:
        if counter.key.metric.namespace == namespace:
            total[counter.key.metric.name] = total.get(counter.key.metric.name, 0) + (counter.committed or 0)
    return total


def _failure(job: Sent) -> GzError:
    """A failed job's own error: ours if a worker raised one, else the last thing that Dataflow said."""
    messages = _error_messages(job)
    ours = [sentence for message in messages if (sentence := own_sentence(message)) is not None]
    if ours:
        return GzError(f"{ours[-1]} (Dataflow job {job.id}; its log is at {job.address})")
    return GzError(
        f"Dataflow job {job.id} failed: {last_line(messages[-1] if messages else '')} The same command goes on where "
        f"it stopped; its log is at {job.address}"
    )


def _error_messages(job: Sent) -> list[str]:
    """What a job says of its errors, which may come later than its end."""
    give_up = time.monotonic() + _LATE
    while True:
        messages = _messages_now(job)
        if messages or time.monotonic() > give_up:
            return messages
        time.sleep(min(_EVERY, 1.0))


def _messages_now(job: Sent) -> list[str]:
    """All error messages that a job has by now, page by page."""
    texts: list[str] = []
    page, token = job.client.list_messages(job.id, minimum_importance="JOB_MESSAGE_ERROR")
    while True:
        texts += [message.message_text for message in page]
        if not token:
            return texts
        page, token = job.client.list_messages(job.id, page_token=token, minimum_importance="JOB_MESSAGE_ERROR")
