"""The kinds of fault, and how each strikes the process that it is armed in.

A fault is a function of its kind, a command and a seed: the seed chooses the event at which it strikes, and what else
there is to choose. The number of events of an undisturbed command is measured first.
"""

import errno
import os
import random
import resource
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from tests.faults.events import Event, Events


@dataclass(frozen=True)
class Scene:
    """The folders of a command that is to be disturbed.

    Attributes:
        folder: everything of this case, the machine's temporary folder included.
        made: what the command makes.
        data: what it reads: a copy, if the kind of fault changes it.
    """

    folder: Path
    made: Path
    data: Path

    @property
    def temporary(self) -> Path:
        """The machine's temporary folder."""
        return self.folder / "tmp"


@dataclass(frozen=True)
class Fault:
    """A fault that is about to be armed.

    Attributes:
        kind: a key of :data:`KINDS`.
        at: number of the event at which it strikes, from 1.
        rng: for whatever else is to be chosen.
        struck: to be called when it strikes.
    """

    kind: str
    at: int
    rng: random.Random
    struck: Callable[[], None]


Strike = Callable[[Event], None]


def at_event(fault: Fault, strike: Strike) -> Strike:
    """Strike at one event."""

    def on_event(event: Event) -> None:
        if event.number == fault.at:
            fault.struck()
            strike(event)

    return on_event


def from_event(fault: Fault, strike: Strike) -> Strike:
    """Strike at one event and at every later one."""

    def on_event(event: Event) -> None:
        if event.number >= fault.at:
            fault.struck()
            strike(event)

    return on_event


def send(number: signal.Signals, *, halfway: bool = False) -> Strike:
    """Send this process a signal; ``halfway``: after the first half of a write."""

    def strike(event: Event) -> None:
        if halfway:
            event.halfway()
        os.kill(os.getpid(), number)

    return strike


def fail(number: int, path: str) -> NoReturn:
    """Fail as the system does."""
    raise OSError(number, os.strerror(number), path)


# ---------------------------------------------------------------- one function a kind


def kill(fault: Fault, _: Scene) -> Strike:
    """SIGKILL; in half of the cases in the middle of a write."""
    return at_event(fault, send(signal.SIGKILL, halfway=fault.rng.random() < 0.5))


def terminate(fault: Fault, _: Scene) -> Strike:
    """SIGTERM, as a batch system sends it."""
    return at_event(fault, send(signal.SIGTERM))


def interrupt(fault: Fault, _: Scene) -> Strike:
    """Ctrl-C."""
    return at_event(fault, send(signal.SIGINT))


def full_disk(fault: Fault, _: Scene) -> Strike:
    """No space from some moment on: half of the data still fit."""

    def strike(event: Event) -> None:
        if event.what in {"write", "os.mkdir"}:
            event.halfway()
            fail(errno.ENOSPC, event.path)

    return from_event(fault, strike)


def quota(fault: Fault, _: Scene) -> Strike:
    """The quota is used up, which is noticed as data are flushed to the disk."""

    def strike(event: Event) -> None:
        if event.what in {"write", "fsync"}:
            fail(errno.EDQUOT, event.path)

    return from_event(fault, strike)


def read_only(fault: Fault, scene: Scene) -> Strike:
    """The folder is read-only from the start, or becomes so, as a file system does after an error of its disk."""
    first = 1 if fault.rng.random() < 0.5 else max(1, fault.at * 3 // 4)  # the last events are in the temporary folder

    def on_event(event: Event) -> None:
        if event.number >= first and not event.path.startswith(str(scene.temporary)):
            fault.struck()
            fail(errno.EROFS, event.path)

    return on_event


def broken_disk(fault: Fault, _: Scene) -> Strike:
    """One call fails with an error of the disk."""
    return at_event(fault, lambda event: fail(errno.EIO, event.path))


def slow_disk(fault: Fault, _: Scene) -> Strike:
    """Every call takes some milliseconds."""

    def on_event(_: Event) -> None:
        fault.struck()
        time.sleep(fault.rng.uniform(0, 0.004))

    return on_event


def clock(fault: Fault, _: Scene) -> Strike:
    """The clock is set back or forward by up to a year; the monotonic one goes forward, as after a sleep."""
    change = fault.rng.choice((-1, 1)) * 10 ** fault.rng.uniform(0, 7.5)
    clocks = {"time": change, "monotonic": abs(change), "perf_counter": abs(change)}

    def strike(_: Event) -> None:
        for name, seconds in clocks.items():
            ordinary = getattr(time, name)
            setattr(time, name, lambda ordinary=ordinary, seconds=seconds: ordinary() + seconds)

    return at_event(fault, strike)


def deleted(fault: Fault, scene: Scene) -> Strike:
    """What the command makes is removed under its feet."""
    return at_event(fault, lambda _: shutil.rmtree(scene.made, ignore_errors=True))


def data_deleted(fault: Fault, scene: Scene) -> Strike:
    """What the command reads is gone from some moment on."""

    def strike(_: Event) -> None:
        scene.data.rename(scene.data.with_name("gone"))

    return at_event(fault, strike)


def changed(fault: Fault, scene: Scene) -> Strike:
    """An image is replaced by another one, or cut short."""
    images = sorted(scene.data.rglob("*.jpg"))
    one, other = fault.rng.sample(images, 2)
    new = other.read_bytes() if fault.rng.random() < 0.5 else one.read_bytes()[:-200]

    def strike(_: Event) -> None:
        one.write_bytes(new)

    return at_event(fault, strike)


def handles(fault: Fault, _: Scene) -> Strike:
    """No more than a few files may be opened beside those that are open already."""
    free = fault.rng.randrange(9)
    used = {int(path.name) for path in Path("/dev/fd").iterdir()}  # one of them is of this very look
    unused = [number for number in range(max(used) + free + 2) if number not in used]
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (unused[free], hard))
    fault.struck()
    return lambda _: None


def too_large(fault: Fault, _: Scene) -> Strike:
    """The system lets no file grow beyond some size; it stops C++ libraries as well."""
    _limit_files(fault)
    return lambda _: None


def killed_too_large(fault: Fault, _: Scene) -> Strike:
    """The same, and the system kills the process that tries: in the middle of a write, wherever it comes from."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    _limit_files(fault)
    return lambda _: None


def _limit_files(fault: Fault) -> None:
    size = int(2 ** fault.rng.uniform(6, 15))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    fault.struck()


Arm = Callable[[Fault, Scene], Strike]
KINDS: dict[str, Arm] = {
    "kill": kill,
    "terminate": terminate,
    "interrupt": interrupt,
    "full_disk": full_disk,
    "quota": quota,
    "too_large": too_large,
    "killed_too_large": killed_too_large,
    "read_only": read_only,
    "broken_disk": broken_disk,
    "slow_disk": slow_disk,
    "clock": clock,
    "deleted": deleted,
    "data_deleted": data_deleted,
    "changed": changed,
    "handles": handles,
}
"""Kinds that strike the process of the command itself."""


def arm(fault: Fault, scene: Scene) -> None:
    """Arm a fault in this process, which runs one command and ends."""
    Events((scene.folder,), KINDS[fault.kind](fault, scene)).install()
