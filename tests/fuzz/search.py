"""The search for documents that a parser cannot cope with, guided by the lines of our code that each one reaches.

A document that reaches a line which none has reached before is kept, and changed further. A search runs in a fork of
its own: a crash of a C++ library or a hang ends the fork, and the document that it was reading is found in memory that
is shared with it.
"""

import contextlib
import json
import mmap
import os
import random
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from tests.fuzz.mutate import mutated
from tests.fuzz.targets import BadSentence, Target
from tests.running import ROOT

_OURS = tuple(str(ROOT / package) + os.sep for package in ("gzcore", "gzprep", "gztrain"))
Watch = Callable[[bytes], contextlib.AbstractContextManager[None]]
"""What is around the reading of a document."""
_LARGEST = 1 << 20
"""Bytes of a document, at most."""
_SECONDS = 20
"""A document that takes more CPU time hangs its reader."""
_WAITING = 600
"""So does one that takes longer without using the CPU; long, since a busy machine makes everything slow."""
_MEMORY = 6 << 30
"""Bytes of address space: a document that asks for more is a finding."""


@dataclass
class Findings:
    """What a search found.

    Attributes:
        executions: documents that were read.
        taken: those that were read without an error.
        kept: documents that reached something new.
        failures: an error that is not ours and where it was raised, to the smallest document that makes it.
    """

    executions: int = 0
    taken: int = 0
    kept: int = 0
    failures: dict[str, bytes] = field(default_factory=dict)


class Lines:
    """Notes which lines of our code are reached."""

    def __init__(self) -> None:
        self.seen: set[tuple[CodeType, int]] = set()

    def new(self, run: Callable[[], Any]) -> bool:
        """Run something; whether it reached a line that was not reached before."""
        before = len(self.seen)
        sys.settrace(self._trace)
        try:
            run()
        finally:
            sys.settrace(None)
        return len(self.seen) > before

    def _trace(self, frame: FrameType, _: str, __: Any) -> Any:
        return self._line if frame.f_code.co_filename.startswith(_OURS) else None

    def _line(self, frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            self.seen.add((frame.f_code, frame.f_lineno))
        return self._line


def inputs(rng: random.Random, pool: Sequence[bytes], target: Target) -> Iterator[bytes]:
    """Yield changed documents for ever; those that were kept last are changed most."""
    while True:
        at = rng.randrange(len(pool)) if rng.random() < 0.5 else rng.randrange(max(0, len(pool) - 20), len(pool))
        yield mutated(rng, pool[at], pool, target.mutations, _LARGEST)


def search(
    target: Target, seeds: Sequence[bytes], seed: int, *, seconds: float | None = None, most: int | None = None
) -> Findings:
    """Search until so much CPU time is used up, or so many documents have been read; here, without a fork."""
    return _search(target, list(seeds), random.Random(seed), _until(seconds, most), contextlib.nullcontext)


def _until(seconds: float | None, most: int | None) -> Callable[[int], bool]:
    end = None if seconds is None else time.process_time() + seconds

    def goes_on(executions: int) -> bool:
        return (most is None or executions < most) and (end is None or time.process_time() < end)

    return goes_on


def _search(
    target: Target,
    pool: list[bytes],
    rng: random.Random,
    goes_on: Callable[[int], bool],
    watched: Watch,
) -> Findings:
    findings, lines = Findings(), Lines()
    for data in tuple(pool):
        with watched(data):
            _read(target, data, lines, findings)
    for data in inputs(rng, pool, target):
        if not goes_on(findings.executions):
            return findings
        with watched(data):
            new = _read(target, data, lines, findings)
        if new:
            pool.append(data)
            findings.kept += 1
    raise AssertionError  # inputs never end


def _read(target: Target, data: bytes, lines: Lines, findings: Findings) -> bool:
    """Read a document; whether it reached something new."""
    findings.executions += 1
    sentences: list[str | None] = []
    try:
        new = lines.new(lambda: sentences.append(target(data)))
    except Exception as error:  # what is searched for
        kind = kind_of(error)
        known = findings.failures.get(kind)
        if known is None or len(data) < len(known):
            findings.failures[kind] = data
        return False
    findings.taken += sentences == [None]
    return new


def kind_of(error: BaseException) -> str:
    """Errors of one kind come from one line of one file."""
    source = error.__cause__ if isinstance(error, BadSentence) and error.__cause__ is not None else error
    frames = traceback.extract_tb(source.__traceback__)
    ours = [entry for entry in frames if entry.filename.startswith(_OURS)] or list(frames)
    return f"{type(error).__name__} in {Path(ours[-1].filename).name}:{ours[-1].lineno}"


def smaller(target: Target, data: bytes, kind: str, tries: int = 300) -> bytes:
    """A smaller document that fails in the same place: stretches are left out while that is so."""
    size = len(data) // 2
    while size and tries:
        for start in range(0, len(data), size):
            tries -= 1
            candidate = data[:start] + data[start + size :]
            if tries and _fails_at(target, candidate, kind):
                data = candidate
                break
        else:
            size //= 2
    return data


def _fails_at(target: Target, data: bytes, kind: str) -> bool:
    with _clocks():
        try:
            target(data)
        except Exception as error:
            return kind_of(error) == kind
    return False


def search_in_fork(target: Target, seeds: Sequence[bytes], seed: int, seconds: float) -> Findings:
    """The same in a fork, which may crash, hang or use up memory."""
    current, answer = mmap.mmap(-1, _LARGEST + 8), mmap.mmap(-1, 16 << 20)
    pid = os.fork()
    if not pid:
        _limit()
        findings = _search(target, list(seeds), random.Random(seed), _until(seconds, None), _noting(current))
        failures = {kind: smaller(target, data, kind).hex() for kind, data in findings.failures.items()}
        _store(answer, json.dumps([findings.executions, findings.taken, findings.kept, failures]).encode())
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code == 0:
        executions, taken, kept, failures = json.loads(_load(answer))
        return Findings(executions, taken, kept, {kind: bytes.fromhex(text) for kind, text in failures.items()})
    name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    return Findings(failures={f"the process ended by {name}": _load(current)})


def _limit() -> None:
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, resource.RLIM_INFINITY))


@contextlib.contextmanager
def _clocks() -> Iterator[None]:
    """End this process by a signal if a document takes too long. What the search does between documents counts not."""
    signal.setitimer(signal.ITIMER_PROF, _SECONDS)
    signal.alarm(_WAITING)
    yield
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.alarm(0)


def _noting(current: mmap.mmap) -> Watch:
    @contextlib.contextmanager
    def watched(data: bytes) -> Iterator[None]:
        _store(current, data)
        with _clocks():
            yield

    return watched


def _store(memory: mmap.mmap, data: bytes) -> None:
    memory[:8] = len(data).to_bytes(8, "little")
    memory[8 : 8 + len(data)] = data


def _load(memory: mmap.mmap) -> bytes:
    return memory[8 : 8 + int.from_bytes(memory[:8], "little")]
