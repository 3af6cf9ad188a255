"""The launcher: from the command line to a running graph, and from whatever happens to one sentence."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gzcore.engines.dataflow import Fleet, JobKind, check_dataflow, dataflow_options
from gzcore.engines.ending import one_sentence
from gzcore.engines.names import DATAFLOW, check_runner
from gzcore.errors import GzError, UsageError
from gzcore.storage.places import as_place
from gztrain.predict.beam.parts_plan import SUMMARY, WORK, Plan, begin, locked, make_plan
from gztrain.predict.beam.places import address, read

Json = dict[str, Any]
JOBS = JobKind(
    "gztrain-predict",
    image="GZTRAIN_IMAGE",
    folder=f"{WORK}/dataflow",
    options={"experiments": "no_use_multiple_sdk_containers"},  # one process a machine: the model uses all cores
)
"""What our jobs on Dataflow have in common."""
FLEET = Fleet(num_workers=None, max_num_workers=20, number_of_worker_harness_threads=None)
"""The machines of a job, where no option says otherwise."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for.

    Attributes:
        run: run folder.
        wanted: one dataset folder, or images and folders of them; and behind them, Beam's own options.
        out: folder of predictions.
        runner: name of the engine.
        workers: processes.
    """

    run: str | Path
    wanted: Sequence[str]
    out: str | Path
    runner: str
    workers: int = 1

    @property
    def places(self) -> list[str]:
        """Addresses of what is to be predicted."""
        return [address(word) for word in self.wanted[: self._first_option]]

    @property
    def options(self) -> list[str]:
        """Beam's options."""
        return list(self.wanted[self._first_option :])

    @property
    def _first_option(self) -> int:
        return next((index for index, word in enumerate(self.wanted) if word.startswith("--")), len(self.wanted))


def predict(request: Request) -> Json:
    """Predict on an engine.

    Returns:
        The summary; of a job on Dataflow, which writes it by itself, ``out`` and ``job`` and ``console``, or
        ``template``.

    Raises:
        UsageError: something that was asked for does not fit.
        GzError: something is absent or damaged, or the engine failed.
        Stopped: the user pressed Ctrl-C.
    """
    run, out = address(request.run), address(request.out)
    if not request.places:
        raise UsageError("There is nothing to predict; name a dataset folder, or images, in front of Beam's options.")
    _check_engine(request, [out, run, *request.places])
    plan = make_plan(run, request.places, out)
    with locked(out), one_sentence():
        begin(plan)
        return _send(plan, request) if request.runner == DATAFLOW else _run(plan, request)


def _check_engine(request: Request, places: Sequence[str]) -> None:
    check_runner(request.runner, request.options)
    if request.runner == DATAFLOW:
        check_dataflow(JOBS, request.options, [as_place(place) for place in places])


def _send(plan: Plan, request: Request) -> Json:
    """Send the job to Dataflow, which writes the summary by itself."""
    from gztrain.predict.beam.pipeline import send

    out = as_place(plan.job.out)
    return send(plan, dataflow_options(JOBS, FLEET, request.options, out, machines=len(plan.parts)))


def _run(plan: Plan, request: Request) -> Json:
    """Run the graph here or on a cluster, and read the summary that it has written."""
    from gztrain.predict.beam.pipeline import run

    run(plan, request.runner, request.workers, request.options)
    return _summary(plan)


def _summary(plan: Plan) -> Json:
    found = read(plan.job.file(SUMMARY))
    if found is None:
        raise GzError(f"The engine has ended, and there is no {SUMMARY} in {plan.job.out}; do its workers see it?")
    return dict(json.loads(found))
