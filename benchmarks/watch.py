"""Run a command and watch its processes from outside: seconds, peak memory, CPU seconds, the first record.

Nothing here knows what it watches: ours, the floor and the peers are measured by the same lines. Linux only (/proc).
"""

import os
import resource
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

_SAMPLE = 0.25
"""Seconds between two looks at memory: each costs the watched process a millisecond or so."""
_GLANCE = 0.02
"""Seconds between two looks for the first record."""
_TICK = os.sysconf("SC_CLK_TCK")
ALL_CORES = sorted(os.sched_getaffinity(0))
"""The cores that we may use."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What was seen of a command.

    Attributes:
        seconds: from its start to its end.
        peak_mb: most memory of all its processes at once, 10**6 bytes; shared pages are split among their users (PSS).
        cpu_seconds: of all its processes, to within a sample for those without a parent that waits.
        first_record: seconds until the first record was in a file; None where it was not looked for.
    """

    seconds: float
    peak_mb: float
    cpu_seconds: float
    first_record: float | None = None


@dataclass
class _Sight:
    """What has been seen so far."""

    out: Path | None
    began: float
    kilobytes: int = 0
    ticks: dict[int, int] = field(default_factory=dict)
    first_record: float | None = None

    def look(self, root: int) -> None:
        """Look at memory and CPU time of the tree."""
        pids = list(family(root))
        self.kilobytes = max(self.kilobytes, sum(map(pss_kilobytes, pids)))
        self.ticks.update((pid, max(cpu_ticks(pid), self.ticks.get(pid, 0))) for pid in pids)  # 0: it ended just now

    def glance(self, root: int) -> None:
        """Look whether there is a first record."""
        if self.waiting and any(holds_record(pid, self.out) for pid in family(root)):
            self.first_record = time.monotonic() - self.began

    @property
    def waiting(self) -> bool:
        """Whether a first record is still to come."""
        return self.out is not None and self.first_record is None


def watch(
    command: Sequence[str | Path],
    cores: Sequence[int],
    *,
    out: Path | None = None,
    settings: Mapping[str, str] | None = None,
    sample: float = _SAMPLE,
) -> Watched:
    """Run a command on so many cores and none beside.

    Args:
        command: what to run; what it prints is shown only where it fails.
        cores: the cores that it, and whatever it starts, may use.
        out: the dataset folder in which a first record is looked for.
        settings: environment variables over ours.
        sample: seconds between two looks at memory.
    """
    before = _children_seconds()
    with tempfile.TemporaryFile() as log:
        sight = _Sight(out, time.monotonic())
        with _started(command, cores, log, settings or {}) as process:
            _follow(process, sight, sample)
        seconds = time.monotonic() - sight.began
        if process.returncode != 0:
            raise SystemExit(_complaint(command, process.returncode, log))
    seen = sum(sight.ticks.values()) / _TICK
    cpu = max(seen, _children_seconds() - before)
    return Watched(seconds, sight.kilobytes * 1.024e-3, cpu, sight.first_record)


def _started(
    command: Sequence[str | Path], cores: Sequence[int], log: IO[bytes], settings: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start a command on these cores alone: it inherits them from us, who go back to all of them at once."""
    os.sched_setaffinity(0, cores)
    try:
        return subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | settings)  # noqa: S603
    finally:
        os.sched_setaffinity(0, ALL_CORES)


def _follow(process: subprocess.Popen[bytes], sight: _Sight, sample: float) -> None:
    ended = os.pidfd_open(process.pid)
    due = 0.0
    try:
        while not select.select([ended], [], [], _GLANCE if sight.waiting else sample)[0]:
            sight.glance(process.pid)
            if time.monotonic() >= due:
                sight.look(process.pid)
                due = time.monotonic() + sample
    finally:
        os.close(ended)


def _children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _complaint(command: Sequence[str | Path], code: int, log: IO[bytes]) -> str:
    log.seek(0)
    said = log.read().decode(errors="replace")[-3000:]
    return f"{said}\n{' '.join(map(str, command))} ended with {code}"


def family(root: int) -> Iterator[int]:
    """A process and its descendants."""
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        yield pid
        try:
            for task in Path(f"/proc/{pid}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
        except (OSError, ValueError):
            continue  # it ended while we looked


def pss_kilobytes(pid: int) -> int:
    """Resident memory of a process, kB of 1,024 bytes, shared pages split among their users."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def cpu_ticks(pid: int) -> int:
    """CPU time of a process, user and system, in clock ticks."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])


def holds_record(pid: int, out: Path | None) -> bool:
    """Tell whether a process has written a record: into a file without a name below the folder, or into a shard."""
    try:
        links = list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False
    return any(_is_filled(link, os.fspath(out)) for link in links)


def _is_filled(link: Path, out: str) -> bool:
    try:
        target = str(link.readlink())
        unnamed = target.startswith(out) and (target.endswith(" (deleted)") or ".part-" in target)
        return unnamed and link.stat().st_size > 0
    except OSError:
        return False


def last_cores(count: int) -> list[int]:
    """The last so many cores that we may use; fewer where there are not as many."""
    return ALL_CORES[-count:]


def say(text: str) -> None:
    """Tell a person how far we are; standard output is for the result."""
    sys.stderr.write(f"{text}\n")
