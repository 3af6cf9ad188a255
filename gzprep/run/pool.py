"""Bins written by worker processes of this machine, without Beam in them.

Beam's own multi-process mode deals the bins out beforehand and starts a whole Beam in every worker: 6 s and 200 MB
each. Here the bins wait in one queue, the largest first, and a worker takes the next when it is free; it has imported
no more than what makes a bin.
"""

import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import forkserver
from types import TracebackType
from typing import Self

import cv2

from gzcore.errors import GzError
from gzcore.machine import start_method
from gzprep.catalogue.galaxy import unpack
from gzprep.dataset.shards import Bin
from gzprep.prepare.bin import BinRecord, write_bin
from gzprep.prepare.job import Job
from gzprep.run.progress import Reporter

_SINGLE_THREADED = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_GALAXIES_A_WORKER = 150
"""A worker takes about a second to start, in which another one prepares this many galaxies."""


def useful_workers(wanted: int, galaxies: int) -> int:
    """Number of workers worth starting: no more than asked for, and one alone for a small job."""
    return max(1, min(wanted, galaxies // _GALAXIES_A_WORKER))


def settle() -> None:
    """Make a process a worker: OpenCV keeps to one thread, and the garbage collector to what is made from now on.

    There is one worker a core already; and looking through Beam's modules again and again took some percent of a
    worker's time.
    """
    cv2.setNumThreads(1)
    gc.freeze()


def prepare_to_fork() -> None:
    """Start the process that workers are forked from: it imports what they need while we do other things."""
    for name in _SINGLE_THREADED:
        os.environ.setdefault(name, "1")
    if start_method() != "forkserver":
        return
    forkserver.set_forkserver_preload(["gzprep.run.pool", "gzprep.prepare.finish"])
    forkserver.ensure_running()


def write_packed_bin(job: Job, name: str, rows: list[bytes]) -> BinRecord:
    """Write one bin of packed galaxies, and tell whoever watches."""
    with Reporter(job.progress) as reporter:
        return write_bin(job, Bin.parse(name), map(unpack, rows), reporter.galaxy)


class BinPool:
    """Worker processes that write bins; leave the ``with`` block to get rid of them, whatever they are doing."""

    def __init__(self, workers: int) -> None:
        prepare_to_fork()
        context = multiprocessing.get_context(start_method())
        self.executor = ProcessPoolExecutor(workers, context, initializer=_start_worker)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            for process in multiprocessing.active_children():
                process.kill()  # what they were writing has no name yet
        self.executor.shutdown(cancel_futures=True)

    def write(self, job: Job, bins: dict[str, list[bytes]]) -> Iterator[BinRecord]:
        """Write bins, the one with the most records first; yield their records as they are done.

        Raises:
            GzError: a worker ended before its work.
        """
        order = sorted(bins, key=lambda name: _records(job, name, len(bins[name])), reverse=True)
        futures = [self.executor.submit(write_packed_bin, job, name, bins[name]) for name in order]
        for future in as_completed(futures):
            yield _result(future)


def _records(job: Job, name: str, rows: int) -> int:
    return rows * (1 + job.recipe.views.count * (len(Bin.parse(name).shard_splits) - 1))


def _result(future: Future[BinRecord]) -> BinRecord:
    try:
        return future.result()
    except BrokenProcessPool:
        raise GzError(
            "A worker process was ended from outside, perhaps for lack of memory; run the same command again (with "
            "fewer --workers if it happens twice): it goes on where it stopped."
        ) from None


def _start_worker() -> None:
    """Leave Ctrl-C to the launcher, settle, and end when the launcher ends, however it does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    settle()
    threading.Thread(target=_follow_the_launcher, daemon=True).start()


def _follow_the_launcher() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
