"""A time limit for the start of an engine. Without one, a silent server would make the launcher wait for ever.

The first step of a graph writes a small file, the sign of life, into the output folder, which every worker can reach.
If none is there within the limit, the run ends in one sentence. Once it is there, the run has no time limit.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from gzcore.errors import GzError
from gzcore.machine import seconds_from_environment
from gzcore.storage.places import Place

LIMIT = "GZPREP_START_LIMIT"
"""Variable of the environment: seconds to wait for the first worker, in both packages."""
_LIMIT_SECONDS = 120.0
"""A Java job server with Flink takes 10 s on two busy cores; a cluster has to find room first."""
_AGAIN_SECONDS = 5.0
"""Between reminders: Beam takes the first for a fault of the server's, and starts that again."""


@dataclass(frozen=True, slots=True)
class SignOfLife:
    """A file that a worker leaves when it begins.

    Attributes:
        file: its place.
        folder: the output folder, which every worker must see.
        package: what the workers' Python must have: ``gzprep`` or ``gztrain``.
    """

    file: Place
    folder: Place
    package: str

    def give(self) -> None:
        """Leave the file, in a worker.

        Raises:
            OSError: the folder is not there, or cannot be written into.
        """
        if not self.file.exists():  # buckets allow one write a second of an object
            self.file.touch()

    def given(self) -> bool:
        """Whether a worker has left it."""
        return self.file.exists()

    def remove(self) -> None:
        """Take it away again."""
        self.file.unlink(missing_ok=True)


@contextmanager
def limited_start(runner: str, sign: SignOfLife) -> Iterator[None]:
    """End the wait for an engine that gives no sign of life.

    An alarm interrupts whatever the main thread waits in. Another thread (a notebook's) cannot have one, and Windows
    knows none: there the wait has no limit.

    Raises:
        GzError: time is up.
        UsageError: the limit is no number of seconds.
    """
    limit = start_limit()

    def too_late(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        if not sign.given():
            raise GzError(
                f"{runner} did not start: after {limit:g} s no worker has begun. Is there one, does it have this "
                f"Python with {sign.package}, and does it see {sign.folder}? ({LIMIT} sets another number of seconds.)"
            )

    in_main_thread = threading.current_thread() is threading.main_thread()
    if limit and in_main_thread and hasattr(signal, "SIGALRM"):
        with _alarm(limit, too_late):
            yield
    else:
        yield


def start_limit() -> float:
    """Seconds within which a worker must have begun; 0: no limit.

    Raises:
        UsageError: the variable of the environment holds something else.
    """
    return seconds_from_environment(LIMIT, _LIMIT_SECONDS, threading.TIMEOUT_MAX, "no limit")


@contextmanager
def _alarm(seconds: float, ring: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
