"""Bins written by worker processes of this machine, the largest first, without Beam in them."""

import gc
from collections.abc import Iterator

import cv2

from gzcore.engines.pool import WorkerPool, start_forkserver
from gzprep.catalogue.galaxy import unpack
from gzprep.dataset.shards import Bin
from gzprep.prepare.bin import write_bin
from gzprep.prepare.bin_record import BinRecord
from gzprep.prepare.job import PreparationJob
from gzprep.run.progress import Reporter

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
    """Start the process that workers are copied from: it imports what they need while we do other things."""
    start_forkserver(["gzprep.run.pool", "gzprep.prepare.finish"])


def write_packed_bin(job: PreparationJob, target: Bin, rows: list[bytes]) -> BinRecord:
    """Write one bin of packed galaxies, and report each galaxy to the launcher."""
    with Reporter(job.progress) as reporter:
        return write_bin(job, target, map(unpack, rows), reporter.galaxy)


def write_bins(job: PreparationJob, bins: dict[Bin, list[bytes]], workers: int) -> Iterator[BinRecord]:
    """Write bins, the one with the most records first; yield their records as they are done.

    Args:
        job: what is made of what.
        bins: packed galaxies, by bin.
        workers: processes.

    Raises:
        GzError: a worker ended before its work, or could not do it.
    """
    prepare_to_fork()
    order = sorted(bins, key=lambda target: _records(job, target, len(bins[target])), reverse=True)
    with WorkerPool(workers, "forkserver", settle) as pool:
        yield from pool.run(write_packed_bin, [(job, target, bins[target]) for target in order])


def _records(job: PreparationJob, target: Bin, galaxies: int) -> int:
    return galaxies * (1 + job.recipe.views.count * (len(target.shard_splits) - 1))
