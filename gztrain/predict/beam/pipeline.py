"""The Beam graph: parts in, files of predictions out, and one summary when every part is done."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import gzcore.engines.beam  # noqa: F401 -- before all else of Beam: it imports Beam quietly

# isort: split
import apache_beam as beam
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.shared import Shared
from apache_beam.utils.windowed_value import WindowedValue

from gzcore.engines.beam.dataflow import receipt, send_graph
from gzcore.engines.beam.run import make_pipeline, run_to_the_end
from gzcore.engines.names import DIRECT, JOB_SERVERS, runner_options
from gzcore.engines.start import SignOfLife
from gzcore.storage.atomic import json_bytes, write_bytes
from gztrain.predict.beam.parts_plan import FORMAT, SUMMARY, Part, PartRecord, PredictionJob, PredictionPlan
from gztrain.predict.beam.pool import load_classifier, predict_parts, predict_with

Json = dict[str, Any]
_REASONS = 20
"""Largest number of reasons in the summary; the rest are counted together."""


def build(root: beam.Pipeline, plan: PredictionPlan, workers: int = 1) -> beam.PCollection:
    """Build the graph.

    Args:
        root: an empty pipeline.
        plan: the parts, and what a worker needs to know.
        workers: processes that predict on this machine; 1 where the engine has workers of its own.
    """
    predict = PredictPart(plan.job) if workers == 1 else PooledPredictPart(plan.job, workers)
    return (
        root
        | "CreateParts" >> beam.Create(plan.parts, reshuffle=False)  # Part: a name and two numbers
        | "Spread" >> beam.Reshuffle()
        | "Predict" >> beam.ParDo(predict)  # PartRecord
        | "Rekey" >> beam.Map(lambda record: (0, record))
        | "Gather" >> beam.GroupByKey()
        | "Summarise" >> beam.Map(finish, plan.job)  # the summary
    )


def run(plan: PredictionPlan, runner: str, workers: int, options: Sequence[str]) -> None:
    """Run the graph and wait for its end.

    Args:
        plan: the parts, and what a worker needs to know.
        runner: name of the engine.
        workers: processes of this machine, or parts under way at a time on Flink.
        options: Beam's own, as the user gives them.

    Raises:
        UsageError: Beam does not take an option.
        GzError: the engine is not installed, did not start, or failed.
    """
    job = replace(plan.job, awaited=runner in JOB_SERVERS)
    pipeline = make_pipeline(runner, runner_options(runner, workers, options))
    build(pipeline, replace(plan, job=job), min(workers, len(plan.parts)) if runner == DIRECT else 1)
    run_to_the_end(pipeline, runner, SignOfLife(job.sign_of_life, job.out, "gztrain"))


def send(plan: PredictionPlan, options: Sequence[str]) -> Json:
    """Send the graph to Dataflow and return at once with the name of the job and where to watch it.

    See :func:`gzcore.engines.beam.dataflow.send_graph`.
    """
    return {"out": str(plan.job.out), **receipt(send_graph(partial(build, plan=plan), options), options)}


class PredictPart(beam.DoFn):
    """Part -> PartRecord. The model is loaded once a process, by whichever thread comes first."""

    def __init__(self, job: PredictionJob) -> None:
        super().__init__()
        self.job = job
        self._shared = Shared()

    def setup(self) -> None:
        """Write the sign of life if the launcher waits for it; load the model unless this process has it already."""
        if self.job.awaited:
            write_bytes(self.job.sign_of_life, b"")
        self._classifier = self._shared.acquire(lambda: load_classifier(self.job), tag=self.job.model)

    def process(self, part: Part) -> Iterator[PartRecord]:
        """Predict one part."""
        yield predict_with(self.job, part, self._classifier)


class PooledPredictPart(beam.DoFn):
    """Gathers the parts of a bundle and lets worker processes predict them; for engines without any of their own."""

    def __init__(self, job: PredictionJob, workers: int) -> None:
        super().__init__()
        self.job, self.workers = job, workers

    def start_bundle(self) -> None:
        """Begin with no parts."""
        self._parts: list[Part] = []

    def process(self, part: Part) -> None:
        """Keep a part."""
        self._parts.append(part)

    def finish_bundle(self) -> Iterator[WindowedValue]:
        """Predict all parts, and yield their records as they are done."""
        window = GlobalWindow()
        for record in predict_parts(self.job, self._parts, self.workers):
            yield WindowedValue(record, window.max_timestamp(), [window])


def finish(group: tuple[int, Iterable[PartRecord]], job: PredictionJob) -> Json:
    """Write the summary. A worker does this, so that the launcher need not wait."""
    summary = summarise(sorted(group[1], key=lambda record: record.file), job)
    write_bytes(job.file(SUMMARY), json_bytes(summary))
    return summary


def summarise(records: Sequence[PartRecord], job: PredictionJob) -> Json:
    """Add up the records of all parts; ``seconds`` is the sum over all workers."""
    rejected: Counter[str] = Counter()
    for record in records:
        rejected.update(record.rejected)
    objects = sum(record.objects for record in records)
    made = [record for record in records if record.seconds]
    return {
        "format": FORMAT,
        "run": str(job.run),
        "model": job.model,
        "rows_by": job.key,
        "objects": objects,
        "predicted": objects - rejected.total(),
        "rejected": _most_common(rejected),
        "other_size": None if job.frame is None else sum(record.other_size for record in records),
        "frame": job.frame,
        "seconds": round(sum(record.seconds for record in made), 3),
        "parts_made": len(made),
        "parts": [{key: value for key, value in asdict(record).items() if key != "seconds"} for record in records],
    }


def _most_common(rejected: Counter[str]) -> dict[str, int]:
    told = dict(rejected.most_common(_REASONS))
    rest = rejected.total() - sum(told.values())
    return {**told, "other reasons": rest} if rest else told
