"""The graph on one screen, and how it is run."""

import contextlib
import io
import logging
from collections.abc import Sequence
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from gzcore.engines.beam.run import make_runner, run_to_the_end
from gzcore.engines.names import DIRECT, JOB_SERVERS, runner_options
from gzcore.errors import UsageError
from gzprep.catalogue.read import row_groups
from gzprep.prepare.job import Job
from gzprep.run.beam.transforms import GroupByBin, ReadGalaxies, WriteBins, WriteManifest


def build(root: beam.Pipeline, job: Job, workers: int = 1) -> beam.PCollection:
    """Build the graph: catalogue in, dataset folder out.

    Args:
        root: where the graph begins.
        job: what is made of what.
        workers: processes that write bins on this machine; 1 where the engine has workers of its own.
    """
    groups = [group for file in job.source.catalogues for group in row_groups(file)]
    return (
        root
        | "CreateRowGroups" >> beam.Create(groups, reshuffle=False)  # RowGroup; the next step spreads them
        | "ReadGalaxies" >> ReadGalaxies(job)  # Galaxy
        | "GroupByBin" >> GroupByBin(job)  # (bin name, [packed Galaxy])
        | "WriteBins" >> WriteBins(job, workers)  # BinRecord
        | "WriteManifest" >> WriteManifest(job)  # the manifest
    )


def run(job: Job, runner: str, workers: int, options: Sequence[str] = ()) -> None:
    """Run the graph and wait for its end."""
    silence()
    refuse_unknown(runner, options)
    flags = runner_options(runner, workers, options)
    pipeline = beam.Pipeline(runner=make_runner(runner), options=PipelineOptions(flags))
    build(pipeline, job, workers if runner == DIRECT else 1)
    run_to_the_end(pipeline, runner, job.folder)


def refuse_unknown(runner: str, options: Sequence[str]) -> None:
    """Refuse options that nobody knows: Beam drops them with a line in its log. A job server may know more than Beam.

    Raises:
        UsageError: Beam has no such option, or does not take its value.
    """
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            unknown = _unknown(PipelineOptions(list(options)))
    except SystemExit:  # a value that does not fit, said below 300 lines of usage
        last = (said.getvalue().splitlines() or ["error: they do not fit"])[-1].partition("error: ")[2]
        raise UsageError(f"Beam does not take these options: {last}") from None
    if unknown and runner not in JOB_SERVERS:
        raise UsageError(f"Beam knows no option --{', --'.join(unknown)} for {runner}; look for a slip of the pen.")


def _unknown(options: PipelineOptions) -> list[str]:
    seen = options.get_all_options(drop_default=True, retain_unknown_options=True).keys()
    return sorted(seen - options.get_all_options(drop_default=True).keys())


def silence() -> None:
    """Keep Beam's log to itself: what goes wrong reaches us as an exception; it would show it again in 100 lines."""
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)


def counters(result: Any) -> dict[str, int]:  # noqa: ANN401 -- Beam has no types
    """Committed counters of a finished run, by name."""
    return {counter.key.metric.name: counter.committed for counter in result.metrics().query()["counters"]}
