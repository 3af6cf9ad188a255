"""Moments at which a fault can strike: every call of this process that changes a file below some folders.

An audit hook sees each file that is opened for writing, renamed, removed or made. Data that Python writes are seen
because files opened for writing get a raw layer of ours, which is called once for each ``write`` that the system gets.
Writes of C and C++ libraries are not seen; the kinds ``too_large`` and ``killed_too_large`` let the system itself stop
those. An audit hook cannot be removed, so all this is for a process that runs one command and ends.
"""

import builtins
import io
import os
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate", "os.link", "os.symlink"}
_WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


@dataclass(frozen=True)
class Event:
    """A call that is about to change a file.

    Attributes:
        number: counted from 1, over all threads.
        what: ``write``, ``fsync``, ``open``, or the name of the audit event, such as ``os.rename``.
        path: the file; empty where it has no name.
        halfway: does the first half of a write; nothing for other calls.
    """

    number: int
    what: str
    path: str
    halfway: Callable[[], object] = lambda: None


OnEvent = Callable[[Event], None]


class Events:
    """Counts the events below some folders, and hands each to a function before the call is made."""

    def __init__(self, roots: Sequence[Path], on_event: OnEvent) -> None:
        self._roots = tuple(f"{root.resolve()}{os.sep}" for root in roots)
        self._on_event = on_event
        self._number = 0
        self._lock = threading.Lock()
        self._busy = threading.local()

    def install(self) -> None:
        """Watch this process from now on, and until it ends."""
        sys.addaudithook(self._audit)
        fsync = os.fsync

        def seen_fsync(descriptor: Any) -> None:
            self.note("fsync", self._roots[0])
            fsync(descriptor)

        os.fsync = seen_fsync  # type: ignore[assignment]
        opened = _watched_open(self)
        for module in (builtins, io, sys.modules["_io"]):
            module.open = opened  # type: ignore[attr-defined]

    def note(self, what: str, path: object, halfway: Callable[[], object] = lambda: None) -> None:
        """Count an event, if it is below one of the folders."""
        text = _as_text(path)
        if getattr(self._busy, "now", False) or not f"{text}{os.sep}".startswith(self._roots):
            return
        self._busy.now = True  # what the fault itself does is no event
        try:
            with self._lock:
                self._number += 1
                number = self._number
            self._on_event(Event(number, what, text, halfway))
        finally:
            self._busy.now = False

    def _audit(self, name: str, arguments: tuple[Any, ...]) -> None:
        if name == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITE_FLAGS:
            self.note("open", arguments[0])
        elif name in _CHANGES:
            self.note(name, arguments[0])


def _as_text(path: object) -> str:
    return os.path.abspath(os.fsdecode(path)) if isinstance(path, str | bytes | os.PathLike) else ""  # noqa: PTH100


def _watched_open(events: Events) -> Callable[..., Any]:
    """``open`` whose files tell of every write; files that are only read are opened as ever."""
    ordinary = io.open

    class Raw(io.FileIO):
        """The layer that calls the system, once a write."""

        def write(self, data: Any) -> int:
            whole = bytes(data)
            events.note("write", self.name, lambda: super(Raw, self).write(whole[: len(whole) // 2]))
            return super().write(data)

    def opened(
        file: Any,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        closefd: bool = True,  # noqa: FBT001, FBT002
        opener: Any = None,
    ) -> Any:
        if not set(mode) & set("wax+"):
            return ordinary(file, mode, buffering, encoding, errors, newline, closefd, opener)
        raw = Raw(file, mode.replace("b", "").replace("t", ""), closefd, opener)
        if buffering == 0:
            return raw
        layer = io.BufferedRandom if "+" in mode else io.BufferedWriter
        buffered = layer(raw, buffering if buffering > 1 else io.DEFAULT_BUFFER_SIZE)
        return buffered if "b" in mode else io.TextIOWrapper(buffered, encoding, errors, newline)

    return opened
