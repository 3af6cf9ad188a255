"""The graph on one screen, and how it is run."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import apache_beam as beam

from gzcore.engines.beam.dataflow import Sent, send_graph
from gzcore.engines.beam.run import make_pipeline, run_to_the_end
from gzcore.engines.names import DIRECT, runner_options
from gzprep.catalogue.read import row_groups
from gzprep.prepare.job import PreparationJob
from gzprep.run.beam.transforms import GroupByBin, ReadGalaxies, WriteBins, WriteManifest, sign_of_life


def build(root: beam.Pipeline, job: PreparationJob, workers: int = 1) -> beam.PCollection:
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
        | "GroupByBin" >> GroupByBin(job)  # (Bin, [packed Galaxy])
        | "WriteBins" >> WriteBins(job, workers)  # BinRecord
        | "WriteManifest" >> WriteManifest(job)  # the manifest
    )


def run(job: PreparationJob, runner: str, workers: int, options: Sequence[str] = ()) -> None:
    """Run the graph and wait for its end.

    Args:
        job: what is made of what.
        runner: name of the engine.
        workers: processes of this machine, or parts under way at a time on Flink.
        options: Beam's own, as the user gives them.

    Raises:
        UsageError: Beam does not take an option.
        GzError: the engine is absent, did not start, or broke off.
    """
    pipeline = make_pipeline(runner, runner_options(runner, workers, options))
    build(pipeline, job, workers if runner == DIRECT else 1)
    run_to_the_end(pipeline, runner, sign_of_life(job.folder))


def send(job: PreparationJob, options: Sequence[str]) -> Sent | None:
    """Send the graph to Dataflow and return at once; see :func:`gzcore.engines.beam.dataflow.send_graph`."""
    return send_graph(partial(build, job=job), options)


def counters(result: Any) -> dict[str, int]:  # noqa: ANN401 -- Beam has no types
    """Committed counters of a finished run, by name."""
    return {counter.key.metric.name: counter.committed for counter in result.metrics().query()["counters"]}
