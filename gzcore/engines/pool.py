"""Worker processes of this machine, without Beam in them.

Beam's own multi-process mode divides the work beforehand and starts a whole Beam in every worker (docs/performance.md
has the time and memory). It prints pages of text when a worker fails or Ctrl-C is pressed. Here the work waits in one
queue, a free worker takes the next piece, and a worker imports only what the work needs.
"""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, nullcontext
from multiprocessing import forkserver, resource_tracker
from types import ModuleType, TracebackType
from typing import Any, Literal, Self, TypeVar

from gzcore.errors import GzError, system_sentence
from gzcore.machine import start_method

Method = Literal["forkserver", "spawn"]
"""How a worker begins: as a copy of a small server process that has imported what is needed, or as a new Python."""
_SINGLE_THREADED = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_ENDED = (
    "A worker process was ended from outside, perhaps for lack of memory; run the same command again (with "
    "fewer --workers if it happens twice): it goes on where it stopped."
)
T = TypeVar("T")


def start_forkserver(modules: Sequence[str]) -> None:
    """Start the process that workers are copied from; it imports modules while this process does other things.

    Numerical libraries keep to one thread in it, for there is a worker a core. Does nothing on Windows, which has no
    such process: :class:`WorkerPool` then starts each worker as a new Python.
    """
    if start_method() != "forkserver":
        return
    forkserver.set_forkserver_preload(["gzcore.engines.server", *modules])
    with _one_thread(), _without_interrupts():
        forkserver.ensure_running()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Start processes whose numerical libraries keep to one thread; the environment of this one stays as it was."""
    unset = [name for name in _SINGLE_THREADED if name not in os.environ]
    os.environ.update(dict.fromkeys(unset, "1"))
    try:
        yield
    finally:
        for name in unset:
            os.environ.pop(name, None)


@contextmanager
def _without_main() -> Iterator[None]:
    """Start processes that do not import the script that is running.

    Python would run the script again in each of them, as far as its guard ``if __name__ == "__main__"``. A script that
    has none would begin the same work anew in each worker. Our workers need nothing of it.
    """
    script = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = script


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Start processes that Ctrl-C does not reach: a terminal sends it to all, and a new Python shows a traceback.

    The processes inherit that the signal is blocked. Where it came meanwhile, this process gets it at the end.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # it would unblock the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class WorkerPool:
    """Worker processes; they end when the ``with`` block is left."""

    def __init__(self, workers: int, method: Method, begin: Callable[[], None] | None = None) -> None:
        """Make a pool; its processes start when there is work.

        Args:
            workers: number of processes at most.
            method: how they begin.
            begin: called once in each of them, before any work.
        """
        context = multiprocessing.get_context(start_method() if method == "forkserver" else method)
        self._executor = ProcessPoolExecutor(workers, context, initializer=_begin, initargs=(begin,))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._kill()
        self._executor.shutdown(cancel_futures=True)

    def _kill(self) -> None:
        """End the workers at once: what they were writing has no name yet."""
        processes = self._executor._processes  # noqa: SLF001 -- Python 3.14 has kill_workers
        for process in list((processes or {}).values()):
            process.kill()

    def run(self, function: Callable[..., T], calls: Iterable[tuple[Any, ...]]) -> Iterator[T]:
        """Call a function with each tuple of arguments, in this order; yield what it gives as it is done.

        Raises:
            GzError: a worker ended before its work; or what the function itself raises.
        """
        hidden = nullcontext() if function.__module__ == "__main__" else _without_main()
        with hidden, _without_interrupts():
            futures = self._submitted(function, calls)
        for future in as_completed(futures):
            yield _result(future)

    def _submitted(self, function: Callable[..., T], calls: Iterable[tuple[Any, ...]]) -> list[Future[T]]:
        """Hand out the work; processes start here."""
        try:
            return [self._executor.submit(function, *arguments) for arguments in calls]
        except BrokenProcessPool:
            raise GzError(_ENDED) from None
        except (OSError, EOFError, RuntimeError) as error:
            reason = system_sentence(error) or f"The system says: {str(error) or type(error).__name__}."
            raise GzError(f"Worker processes cannot be started. {reason}") from error


def _result(future: Future[T]) -> T:
    try:
        return future.result()
    except BrokenProcessPool:
        raise GzError(_ENDED) from None


def _begin(begin: Callable[[], None] | None) -> None:
    """Leave Ctrl-C to the launcher, get ready, and end when the launcher ends, however it does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if begin is not None:
        begin()
    threading.Thread(target=_follow_the_launcher, daemon=True).start()


def _follow_the_launcher() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
