"""Parts predicted by worker processes of this machine, each with the model and without Beam.

Beam's own processes deal the parts out beforehand, and print pages when one fails or Ctrl-C is pressed.
"""

import functools
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import Any, Self

from gzcore.errors import GzError
from gztrain.environment import choose_backend, quiet_imports, uncollected
from gztrain.predict.beam.parts_plan import Job, Part, PartRecord


def load_eyes(job: Job) -> Any:  # noqa: ANN401 -- gztrain.predict.beam.part.Eyes, which loads Keras
    """Load Keras, then the model: only where it is used, and never in a launcher."""
    choose_backend()
    with quiet_imports(), uncollected():
        from gztrain.predict.beam.part import Eyes
    return Eyes(job)


def predict_with(job: Job, part: Part, eyes: Any) -> PartRecord:  # noqa: ANN401 -- as above
    """Predict a part with a model that was loaded."""
    from gztrain.predict.beam.part import predict_part

    return predict_part(job, part, eyes)


class PartPool:
    """Worker processes; leave the ``with`` block to get rid of them, whatever they are doing."""

    def __init__(self, workers: int) -> None:
        context = multiprocessing.get_context("spawn")  # a process that has loaded TensorFlow must not be forked
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

    def predict(self, job: Job, parts: Sequence[Part]) -> Iterator[PartRecord]:
        """Predict parts; yield their records as they are done.

        Raises:
            GzError: a worker ended before its work.
        """
        for future in as_completed([self.executor.submit(_predict, job, part) for part in parts]):
            yield _result(future)


def _predict(job: Job, part: Part) -> PartRecord:
    return predict_with(job, part, _eyes(job))


_eyes = functools.cache(load_eyes)
"""The model of a worker process."""


def _result(future: Future[PartRecord]) -> PartRecord:
    try:
        return future.result()
    except BrokenProcessPool:
        raise GzError(
            "A worker process was ended from outside, perhaps for lack of memory; run the same command again (with "
            "fewer --workers if it happens twice): it goes on where it stopped."
        ) from None


def _start_worker() -> None:
    """Leave Ctrl-C to the launcher, and end when the launcher ends, however it does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow_the_launcher, daemon=True).start()


def _follow_the_launcher() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
