"""The launcher: from the command line to a running graph, and from whatever happens to one sentence."""

import contextlib
import json
import re
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from types import FrameType
from typing import Any

from gzcore.errors import GzError, Stopped, UsageError
from gzcore.storage.atomic import read_if_there
from gzcore.storage.places import Place
from gztrain.predict.beam.parts_plan import SUMMARY, Plan, begin, locked, make_plan
from gztrain.predict.beam.pipeline import build
from gztrain.predict.beam.runners import (
    DATAFLOW,
    DIRECT,
    JOB_SERVERS,
    make_pipeline,
    quiet,
    run_to_the_end,
    runner_options,
    send,
    start_limit,
)

Json = dict[str, Any]
_OURS = re.compile(r"gzcore\.errors\.(?:GzError|UsageError): (.*?)(?: \[while running|\n|\Z)")
_QUERY = re.compile(r"\?\S+")
"""What follows a question mark in an address may be a secret."""
_LONGEST = 600


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for.

    Attributes:
        run: run folder.
        wanted: one dataset folder, or images and folders of them.
        out: folder of predictions.
        runner: name of the engine.
        workers: processes.
        options: Beam's own.
    """

    run: Place
    wanted: Sequence[Place]
    out: Place
    runner: str
    workers: int = 1
    options: Sequence[str] = ()


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
    run, out = request.run.absolute(), request.out.absolute()
    wanted = [place.absolute() for place in request.wanted]
    if not wanted:
        raise UsageError("There is nothing to predict; name a dataset folder, or images, in front of Beam's options.")
    flags = runner_options(request.runner, request.workers, request.options, [out, run, *wanted])
    plan = make_plan(run, wanted, out)
    with locked(out), quiet(), _in_a_sentence(request.runner):
        begin(plan)
        sent = _run(plan, request, flags)
    return sent or _summary(plan)


def _run(plan: Plan, request: Request, flags: Sequence[str]) -> Json:
    pipeline = make_pipeline(request.runner, flags)
    plan = replace(plan, job=replace(plan.job, awaited=request.runner in JOB_SERVERS))
    build(pipeline, plan, min(request.workers, len(plan.parts)) if request.runner == DIRECT else 1)
    if request.runner == DATAFLOW:
        return {"out": str(plan.job.out), **send(pipeline)}
    with start_limit(request.runner, plan.job):
        run_to_the_end(pipeline)
    return {}


def _summary(plan: Plan) -> Json:
    found = read_if_there(plan.job.file(SUMMARY))
    if found is None:
        raise GzError(f"The engine has ended, and there is no {SUMMARY} in {plan.job.out}; do its workers see it?")
    return dict(json.loads(found))


@contextlib.contextmanager
def _in_a_sentence(runner: str) -> Iterator[None]:
    """Find our own error in what an engine made of it; what else an engine says is told in its last line."""
    with _noting_interrupts() as interrupted:
        try:
            yield
        except (Exception, KeyboardInterrupt) as error:
            if interrupted():
                raise Stopped("Stopped; the same command goes on where it stopped.") from None
            if isinstance(error, GzError):
                raise type(error)(str(error).partition(" [while running")[0]) from None
            found = _OURS.search(str(error))
            if found is None and runner == DIRECT:
                raise  # a fault of ours
            raise GzError(found.group(1) if found else _told_by(runner, error)) from error


def _told_by(runner: str, error: BaseException) -> str:
    details = getattr(error, "details", None)
    text = str(details() if callable(details) else getattr(error, "message", None) or error).strip()
    last = (text.splitlines() or [type(error).__name__])[-1].strip().rstrip(".")
    return (
        f"{runner} failed: {_QUERY.sub('', last)[:_LONGEST]}. The same command goes on where it stopped; --debug shows "
        "all that it said."
    )


@contextlib.contextmanager
def _noting_interrupts() -> Iterator[Callable[[], bool]]:
    """Note Ctrl-C, which Beam turns into an error of its own, and a polite request to end."""
    seen = threading.Event()

    def note(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        seen.set()
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield seen.is_set
        return
    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield seen.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
