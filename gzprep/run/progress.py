"""Live progress: workers send one byte a galaxy to a socket of the launcher, some at a time.

Beam tells nothing while a pipeline runs. A datagram works from any process of this machine, and is simply lost where
no launcher listens. A message for each galaxy would wake the launcher each time: a hundredth of a galaxy's own time.
"""

import contextlib
import math
import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gzcore.console import human_time, say
from gzcore.console.stages import PLAIN_EVERY
from gzprep.catalogue.galaxy import Rejection

_DONE, _REJECTED = b"d", b"r"
_CLOSE = b"q"
_PATIENCE = 5.0
"""Seconds to wait for a launcher that does not read, such as one whose terminal was stopped with Ctrl-S."""
_INTERVAL = 0.1
"""Seconds between two messages of a worker: a bar moves smoothly."""
_LONGEST_MESSAGE = 4096
"""Bytes, a galaxy each."""
_LONGEST_FOLDER = 80
"""A socket's address may have 104 bytes in all (sys/un.h of macOS; 108 on Linux)."""


class Reporter:
    """The worker's end; does nothing where the address is empty or no launcher listens there."""

    def __init__(self, address: str) -> None:
        self.socket: socket.socket | None = _connect(address) if address else None
        self._untold = bytearray()
        self._told = -math.inf

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tell()
        self._stop()

    def galaxy(self, rejection: Rejection | None) -> None:
        """Tell of one galaxy, soon: of the first at once."""
        if self.socket is not None:
            self._untold += _DONE if rejection is None else _REJECTED
            if time.monotonic() - self._told >= _INTERVAL or len(self._untold) == _LONGEST_MESSAGE:
                self._tell()

    def _tell(self) -> None:
        if self.socket is not None and self._untold:
            try:
                self.socket.send(self._untold)
            except OSError:  # a launcher that has ended, or does not read, stops no worker
                self._stop()
            self._untold.clear()
            self._told = time.monotonic()

    def _stop(self) -> None:
        if self.socket is not None:
            self.socket.close()
            self.socket = None


def _connect(address: str) -> socket.socket | None:
    client = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    client.settimeout(_PATIENCE)
    try:
        client.connect(address)
    except OSError:
        client.close()
        return None
    return client


@contextlib.contextmanager
def listen(on_galaxy: Callable[[bool], None]) -> Iterator[str]:
    """Listen for galaxies on a thread, and yield the address to send to; an empty one where the system has no such.

    Args:
        on_galaxy: called once a galaxy; True where it was rejected.
    """
    if not hasattr(socket, "AF_UNIX"):  # Windows
        say("This system shows no progress while galaxies are prepared.")
        yield ""
        return
    folder = tempfile.gettempdir() if len(tempfile.gettempdir()) <= _LONGEST_FOLDER else "/tmp"  # noqa: S108
    with tempfile.TemporaryDirectory(prefix="gzprep-", dir=folder) as directory:
        address = os.fspath(Path(directory) / "progress")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
            server.bind(address)
            thread = threading.Thread(target=_receive, args=(server, on_galaxy), daemon=True)
            thread.start()
            try:
                yield address
            finally:
                _close(address)
                thread.join(_PATIENCE)


def _receive(server: socket.socket, on_galaxy: Callable[[bool], None]) -> None:
    """Read until the end, also when the terminal is gone: else the workers would wait for us."""
    shown = True
    while (message := server.recv(_LONGEST_MESSAGE)) != _CLOSE:
        try:
            for one in message if shown else b"":
                on_galaxy(one == _REJECTED[0])
        except OSError:  # standard error is closed: `2>&1 | head`
            shown = False


def _close(address: str) -> None:
    """Queue a last message behind those that are still to be read."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client, contextlib.suppress(OSError):
        client.settimeout(_PATIENCE)
        client.sendto(_CLOSE, address)


@dataclass
class GalaxyTally:
    """How far a run is."""

    total: int
    done: int = 0
    rejected: int = 0
    began: float = field(default_factory=time.monotonic)

    def add(self, rejected: bool) -> None:  # noqa: FBT001 -- what the progress socket hands over
        """Count one galaxy. The clock starts with the first, so that start-up does not spoil the rate."""
        if self.done == 0:
            self.began = time.monotonic()
        self.done += 1
        self.rejected += rejected

    @property
    def rate(self) -> float:
        """Galaxies a second since the first one."""
        return (self.done - 1) / max(time.monotonic() - self.began, 1e-9) if self.done > 1 else 0.0

    def line(self) -> str:
        """How far the run is, as a sentence."""
        left = f", {human_time((self.total - self.done) / self.rate)} left" if self.rate else ""
        return f"{self.done} of {self.total} galaxies, {self.rejected} rejected, {self.rate:.0f} galaxies/s{left}"


@contextmanager
def galaxy_progress(title: str, total: int) -> Iterator[Callable[[bool], None]]:
    """Show progress over galaxies: a live bar on a terminal, a line now and then elsewhere.

    Yields:
        A function to call once a galaxy, with whether it was rejected.
    """
    tally = GalaxyTally(total)
    console = Console(stderr=True)
    show = _live if console.is_terminal else _plain
    with show(console, title, tally) as refresh:

        def advance(rejected: bool) -> None:  # noqa: FBT001
            tally.add(rejected)
            refresh()

        yield advance


@contextmanager
def _live(console: Console, title: str, tally: GalaxyTally) -> Iterator[Callable[[], None]]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rejected]} rejected"),
        TextColumn("{task.fields[rate]:.0f}/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(title, total=tally.total, rejected=0, rate=0.0)
        yield lambda: progress.update(task, completed=tally.done, rejected=tally.rejected, rate=tally.rate)


@contextmanager
def _plain(_: Console, title: str, tally: GalaxyTally) -> Iterator[Callable[[], None]]:
    said = time.monotonic()

    def refresh() -> None:
        nonlocal said
        if time.monotonic() - said > PLAIN_EVERY:
            said = time.monotonic()
            say(f"{title}: {tally.line()}")

    yield refresh
    if tally.done:
        say(f"{title}: {tally.done} of {tally.total} galaxies, {tally.rejected} rejected")
