"""From a runner's name to a finished run. Names, and what each engine needs, are in :mod:`gzcore.engines.names`.

An engine behind a job server may wait for ever: for a server that does not answer, for a worker that cannot start. So
the first step of the graph leaves a sign of life in the dataset folder, which every worker writes into, on whatever
machine; without one within a time limit the run ends in one sentence. Once there is one, a run may take its time.
"""

import ctypes
import logging
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from types import FrameType

import apache_beam as beam
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.runner import PipelineRunner, create_runner
from apache_beam.runners.worker import sdk_worker

from gzcore.engines.names import DIRECT, JOB_SERVERS
from gzcore.errors import GzError, UsageError
from gzcore.storage.atomic import writing
from gzcore.storage.places import Place
from gzprep.dataset.folder import Folder

LIMIT = "GZPREP_START_LIMIT"
_OURS = f"{GzError.__module__}."
_START_LIMIT = 120.0
"""Seconds; a Java job server with Flink takes 10 on two busy cores, a cluster has to find room first."""
_AGAIN = 5.0
"""Seconds between reminders: Beam takes the first for a fault of the server's, and starts that again."""
_PATIENCE = 10.0
"""Seconds for what a stopped run leaves to end."""


def make_runner(name: str) -> PipelineRunner:
    """Make a runner.

    Beam's own ``DirectRunner`` is a switch that first tries to download a Go binary; ours is always FnApiRunner.
    """
    if name == DIRECT:
        return FnApiRunner()
    return create_runner(name)


def sign_of_life(folder: Folder) -> Place:
    """The file that a worker leaves when it begins; the next run sweeps it away if this one is killed."""
    return folder.temporaries / "started"


def greet(folder: Folder) -> None:
    """Say, from within a worker, that the engine works.

    Raises:
        GzError: the worker does not see the dataset folder.
    """
    sign = sign_of_life(folder)
    with writing(folder.root):
        if not sign.exists():  # buckets allow one write a second of an object
            sign.touch()


def run_to_the_end(pipeline: beam.Pipeline, runner: str, folder: Folder) -> None:
    """Run a pipeline and wait for its end; a job that we stop waiting for is cancelled.

    Raises:
        GzError: the engine did not start, or broke off.
    """
    if runner not in JOB_SERVERS:
        pipeline.run().wait_until_finish()
        return
    sign = sign_of_life(folder)
    try:
        with _quiet(), _in_a_sentence(runner, sign), _start_limit(runner, sign):
            _wait(pipeline)
    finally:
        with suppress(OSError):
            sign.unlink(missing_ok=True)


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
    give_up = time.monotonic() + _PATIENCE
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
    """Let Beam's threads that read a job's messages see its end, while nobody hears them complain."""
    for thread in threading.enumerate():
        if thread.name == "wait_until_finish_read":
            thread.join(_PATIENCE)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep job servers' logs and workers' tracebacks off the terminal: what goes wrong reaches us as an exception."""
    before, hook = logging.root.manager.disable, threading.excepthook

    def unless_gone(args: threading.ExceptHookArgs) -> None:
        ours = args.exc_type.__module__.partition(".")[0] != "grpc" and "hannel closed" not in str(args.exc_value)
        if ours:  # else a thread of gRPC's complains that a server is gone
            hook(args)

    logging.disable(logging.CRITICAL)
    sdk_worker.print = lambda *_, **__: None  # a LOOPBACK worker is a thread of ours, and prints 60 lines an error
    threading.excepthook = unless_gone
    try:
        yield
    finally:
        threading.excepthook = hook
        del sdk_worker.print
        logging.disable(before)


@contextmanager
def _start_limit(runner: str, sign: Place) -> Iterator[None]:
    """End the wait for an engine that gives no sign of life.

    An alarm interrupts whatever the main thread waits in; where that is not ours (a notebook's thread), there is none.
    """
    limit = start_limit()

    def too_late(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        if not sign.exists():
            raise GzError(
                f"{runner} did not start: after {limit:g} s no worker has begun. Is there one, does it have this "
                f"Python with gzprep, and does it see {sign.parents[2]}? ({LIMIT} sets another number of seconds.)"
            )

    with _alarm(limit, too_late) if limit else nullcontext():
        yield


@contextmanager
def _in_a_sentence(runner: str, sign: Place) -> Iterator[None]:
    """Tell an engine's own failure in one sentence; what a worker of ours said is left to the launcher to find."""
    try:
        yield
    except GzError:
        raise
    except Exception as error:
        if _OURS in str(error):
            raise
        what, then = "did not start", ""
        if sign.exists():
            what, then = "broke off", " Run the same command again: it goes on where it stopped."
        raise GzError(f"{runner} {what}: {_reason(error)}{then}") from error


def start_limit() -> float:
    """Seconds within which a worker must have begun; 0: no limit.

    Raises:
        UsageError: the variable of the environment holds something else.
    """
    text = os.environ.get(LIMIT, str(_START_LIMIT))
    try:
        limit = float(text)
    except ValueError:
        limit = -1.0
    if not 0 <= limit < threading.TIMEOUT_MAX:
        raise UsageError(f"{LIMIT} is {text!r}; expected a number of seconds, 0 for no limit.")
    return limit


@contextmanager
def _alarm(seconds: float, ring: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _reason(error: Exception) -> str:
    """The telling part of an engine's error: gRPC's details, or the last line of a remote traceback."""
    details = getattr(error, "details", None)
    text = str(details() if callable(details) else error).strip()
    return (text.splitlines() or [type(error).__name__])[-1].strip().rstrip(".") + "."
