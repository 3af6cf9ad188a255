"""Live progress: workers send one byte a galaxy to a socket of the launcher.

Beam tells nothing while a pipeline runs. A datagram costs a microsecond or two, works from any process of this
machine, and is simply lost where nobody listens.
"""

import contextlib
import os
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from gzprep.records import Rejection

_DONE, _REJECTED = b"d", b"r"
_CLOSE = b"q"


class Reporter:
    """The worker's end; does nothing where the address is empty or dead."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.socket: socket.socket | None = None

    def __enter__(self) -> Self:
        if self.address:
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            with contextlib.suppress(OSError):
                self.socket.connect(self.address)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.socket is not None:
            self.socket.close()

    def galaxy(self, rejection: Rejection | None) -> None:
        """Tell of one galaxy."""
        if self.socket is not None:
            with contextlib.suppress(OSError):  # progress is a courtesy: a launcher that is gone stops no worker
                self.socket.send(_DONE if rejection is None else _REJECTED)


@contextlib.contextmanager
def listen(on_galaxy: Callable[[bool], None]) -> Iterator[str]:
    """Listen for galaxies on a thread, and yield the address to send to.

    Args:
        on_galaxy: called once a galaxy; True where it was rejected.
    """
    with tempfile.TemporaryDirectory(prefix="gzprep-") as directory:
        address = os.fspath(Path(directory) / "progress")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
            server.bind(address)
            thread = threading.Thread(target=_receive, args=(server, on_galaxy), daemon=True)
            thread.start()
            try:
                yield address
            finally:
                _close(address)
                thread.join()


def _receive(server: socket.socket, on_galaxy: Callable[[bool], None]) -> None:
    while (message := server.recv(1)) != _CLOSE:
        on_galaxy(message == _REJECTED)


def _close(address: str) -> None:
    """Queue a last message behind those that are still to be read."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        client.sendto(_CLOSE, address)
