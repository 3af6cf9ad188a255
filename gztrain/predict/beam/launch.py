"""The launcher: from the command line to a running graph, and from whatever happens to one sentence."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gzcore.console import say
from gzcore.engines.dataflow import Fleet, JobKind, check_dataflow, dataflow_options
from gzcore.engines.ending import one_sentence
from gzcore.engines.names import DATAFLOW, check_runner
from gzcore.errors import GzError, UsageError
from gzcore.storage.atomic import read_if_there
from gzcore.storage.places import Place, Url
from gztrain.predict.beam.parts_plan import SUMMARY, WORK, PredictionPlan, begin, locked, make_plan
from gztrain.predict.crops import unread

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
class PredictionRequest:
    """What the user asked for.

    Attributes:
        run: run folder.
        wanted: one dataset folder, or images and folders of them.
        out: folder of predictions.
        runner: name of the engine.
        workers: processes.
        options: Beam's own.
        resize: bring images of another size than those of the training to that size.
    """

    run: Place
    wanted: Sequence[Place]
    out: Place
    runner: str
    workers: int = 1
    options: Sequence[str] = ()
    resize: bool = False


def predict(request: PredictionRequest) -> Json:
    """Predict on an engine.

    Returns:
        The summary; of a job on Dataflow, which writes it by itself, ``out`` and ``job`` and ``console``, or
        ``template``.

    Raises:
        UsageError: something that was asked for does not fit.
        GzError: something is absent or damaged, or the engine failed.
        Stopped: the user pressed Ctrl-C.
    """
    run, out = request.run.absolute(), request.out.absolute()
    wanted = [place.absolute() for place in request.wanted]
    if not wanted:
        raise UsageError("There is nothing to predict; name a dataset folder, or images, in front of Beam's options.")
    _check_engine(request, [out, run, *wanted])
    plan = make_plan(run, wanted, out, resize=request.resize)
    if plan.others:
        say(unread(plan.others))
    with locked(out), one_sentence():
        begin(plan)
        return _send(plan, request) if request.runner == DATAFLOW else _run(plan, request)


def _check_engine(request: PredictionRequest, places: Sequence[Place]) -> None:
    check_runner(request.runner, request.options)
    if request.runner == DATAFLOW:
        check_dataflow(JOBS, request.options, places)


def _send(plan: PredictionPlan, request: PredictionRequest) -> Json:
    """Send the job to Dataflow, which writes the summary by itself."""
    from gztrain.predict.beam.pipeline import send

    if not isinstance(plan.job.out, Url):
        raise UsageError(f"{DATAFLOW} writes into a bucket; {plan.job.out} is on this machine.")
    return send(plan, dataflow_options(JOBS, FLEET, request.options, plan.job.out, machines=len(plan.parts)))


def _run(plan: PredictionPlan, request: PredictionRequest) -> Json:
    """Run the graph here or on a cluster, and read the summary that it has written."""
    from gztrain.predict.beam.pipeline import run

    run(plan, request.runner, request.workers, request.options)
    return _summary(plan)


def _summary(plan: PredictionPlan) -> Json:
    found = read_if_there(plan.job.file(SUMMARY))
    if found is None:
        raise GzError(f"The engine has ended, and there is no {SUMMARY} in {plan.job.out}; do its workers see it?")
    return dict(json.loads(found))
