"""Live progress: workers send one byte a galaxy to a socket of the launcher, some at a time.

Beam tells nothing while a pipeline runs. A datagram works from any process of this machine, and is simply lost where
nobody listens. One a galaxy would wake the launcher for each: a hundredth of the time that the galaxy itself takes.
"""

import contextlib
import math
import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from gzprep.records import Rejection

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
    """The worker's end; does nothing where the address is empty or dead."""

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
            except OSError:  # progress is a courtesy: a launcher that is gone, or sleeps, stops no worker
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
    """Listen for galaxies on a thread, and yield the address to send to.

    Args:
        on_galaxy: called once a galaxy; True where it was rejected.
    """
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
    """Read until the end, also when nobody can be shown anything any more: else the workers would wait for us."""
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
