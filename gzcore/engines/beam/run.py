"""From a runner's name to an empty graph, and from a full graph to its end.

Names, and what each engine needs, are in :mod:`gzcore.engines.names`; the wait for an engine's start is in
:mod:`gzcore.engines.start`.
"""

import contextlib
import ctypes
import io
import logging
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.runner import PipelineRunner, create_runner
from apache_beam.runners.worker import sdk_worker

from gzcore.engines.beam.notebooks import Pipeline
from gzcore.engines.ending import last_line, one_line, own_error
from gzcore.engines.names import DIRECT, JOB_SERVERS
from gzcore.engines.start import SignOfLife, limited_start
from gzcore.errors import GzError, UsageError

_END_SECONDS = 10.0
"""Seconds for what a stopped run leaves to end."""


def make_pipeline(runner: str, flags: Sequence[str]) -> beam.Pipeline:
    """Make an empty graph for an engine.

    Args:
        runner: a name that :func:`gzcore.engines.names.check_runner` has let pass.
        flags: Beam's options, ours and the user's.

    Raises:
        UsageError: Beam has no such option, or does not take its value.
    """
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)  # what goes wrong reaches us as an exception
    options = _parsed(runner, flags)
    try:
        return Pipeline(runner=_make_runner(runner), options=options)
    except ValueError as error:
        raise UsageError(f"Beam does not take these options: {one_line(error)}") from None


def _parsed(runner: str, flags: Sequence[str]) -> PipelineOptions:
    """Refuse options that are unknown: Beam drops them with a line in its log. A job server may know more than Beam."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            options = PipelineOptions(list(flags))
            unknown = _unknown(options)
    except SystemExit:  # a value that does not fit, said below 300 lines of usage
        last = (said.getvalue().splitlines() or ["error: they do not fit"])[-1].partition("error: ")[2]
        raise UsageError(f"Beam does not take these options: {last}") from None
    if unknown and runner not in JOB_SERVERS:
        raise UsageError(f"Beam knows no option --{', --'.join(unknown)} for {runner}; check how it is spelled.")
    return options


def _unknown(options: PipelineOptions) -> list[str]:
    seen = options.get_all_options(drop_default=True, retain_unknown_options=True).keys()
    return sorted(seen - options.get_all_options(drop_default=True).keys())


def _make_runner(name: str) -> PipelineRunner:
    """Beam's own ``DirectRunner`` is a switch that first tries to download a Go binary; ours is always FnApiRunner."""
    return FnApiRunner() if name == DIRECT else create_runner(name)


def run_to_the_end(pipeline: beam.Pipeline, runner: str, sign: SignOfLife) -> None:
    """Run a graph and wait for its end; a job that we stop waiting for is cancelled.

    Args:
        pipeline: the graph.
        runner: name of its engine.
        sign: what a worker leaves when it begins, for engines behind a job server.

    Raises:
        GzError: the engine did not start, or broke off.
    """
    with quiet():
        if runner not in JOB_SERVERS:
            _wait(pipeline)
            return
        try:
            with _in_a_sentence(runner, sign), limited_start(runner, sign):
                _wait(pipeline)
        finally:
            with suppress(OSError):
                sign.remove()


@contextmanager
def _in_a_sentence(runner: str, sign: SignOfLife) -> Iterator[None]:
    """Tell an engine's own failure in one sentence; what a worker of ours said is left to the launcher to find."""
    try:
        yield
    except Exception as error:
        if own_error(error) is not None:
            raise
        what, then = "did not start", ""
        if sign.given():
            what, then = "broke off", " Run the same command again: it goes on where it stopped."
        raise GzError(f"{runner} {what}: {last_line(error)}{then}") from error


def _wait(pipeline: beam.Pipeline) -> None:
    result = pipeline.run()
    try:
        result.wait_until_finish()
    except BaseException:
        with suppress(Exception):
            result.cancel()  # else it would write on, into a folder whose lock we give up
        _stop_loopback()
        _join_readers()
        raise


def _stop_loopback() -> None:
    """End the bundles that threads of this process are at.

    They would write on; and a process that ends while a thread is inside OpenCV is aborted, with another exit code.
    """
    give_up = time.monotonic() + _END_SECONDS
    while (busy := _threads_in_a_bundle()) and time.monotonic() < give_up:
        for thread in busy:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(SystemExit))
        time.sleep(0.05)


def _threads_in_a_bundle() -> list[int]:
    work = sdk_worker.SdkHarness._execute.__code__  # noqa: SLF001 -- where a LOOPBACK worker runs a bundle
    frames = sys._current_frames()  # noqa: SLF001 -- there is no other way to see what a thread does
    return [
        thread for thread, frame in frames.items() if any(at.f_code is work for at, _ in traceback.walk_stack(frame))
    ]


def _join_readers() -> None:
    """Let Beam's threads that read a job's messages see its end while their complaints are still kept quiet."""
    for thread in threading.enumerate():
        if thread.name == "wait_until_finish_read":
            thread.join(_END_SECONDS)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep job servers' logs and workers' tracebacks off the terminal: what goes wrong reaches us as an exception."""
    before, hook = logging.root.manager.disable, threading.excepthook

    def unless_gone(args: threading.ExceptHookArgs) -> None:
        ours = args.exc_type.__module__.partition(".")[0] != "grpc" and "hannel closed" not in str(args.exc_value)
        if ours:  # else a thread of gRPC's complains that a server is gone
            hook(args)

    logging.disable(logging.CRITICAL)
    sdk_worker.print = lambda *_, **__: None  # a worker in this process prints 60 lines an error
    threading.excepthook = unless_gone
    try:
        yield
    finally:
        threading.excepthook = hook
        del sdk_worker.print
        logging.disable(before)
