"""Faults that need a process of its own from its very start: Ctrl-C while it imports, and a worker that is killed."""

import os
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.faults.commands import environment
from tests.faults.forking import LONGEST, Ended
from tests.faults.kinds import Scene
from tests.running import ROOT, child_environment

_STARTUP = Path(__file__).parent / "startup"
_EARLY = 150
"""Imports of the first tenths of a second."""
_EVENTS_OF_A_BIN = 20
"""Fewer than a worker sees in each bin."""


def start(words: Sequence[str | Path], scene: Scene, **settings: str) -> Ended:
    """Run a command in a process of its own, with a fault set by variables of the environment."""
    ticket = scene.folder / "ticket"
    path = os.pathsep.join(map(str, (_STARTUP, ROOT)))
    variables = {**environment(scene), "GZ_FAULT_TICKET": str(ticket), "PYTHONPATH": path, **settings}
    call = [sys.executable, "-m", *(str(word) for word in words)]
    done = subprocess.run(
        call,
        capture_output=True,
        text=True,
        errors="replace",
        env={**child_environment(), **variables},
        timeout=LONGEST,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr, 0, ticket.exists())


def count_imports(words: Sequence[str | Path], scene: Scene) -> int:
    """Number of imports of an undisturbed command."""
    count = scene.folder / "imports"
    ended = start(words, scene, GZ_FAULT_INTERRUPT_AT="0", GZ_FAULT_COUNT=str(count))
    if ended.code:
        raise RuntimeError(ended.err)
    return int(count.read_text())


def interrupt_early(words: Sequence[str | Path], scene: Scene, rng: random.Random, imports: int) -> Ended:
    """Press Ctrl-C at some import; in half of the cases at one of the first."""
    last = _EARLY if rng.random() < 0.5 else imports
    return start(words, scene, GZ_FAULT_INTERRUPT_AT=str(rng.randint(1, last)))


def kill_a_worker(words: Sequence[str | Path], scene: Scene, rng: random.Random) -> Ended:
    """Kill a worker with SIGKILL, as the system does for lack of memory."""
    at = str(rng.randint(1, _EVENTS_OF_A_BIN))
    return start([*words, "--workers", "2"], scene, GZ_FAULT_KILL_WORKER_AT=at, GZ_FAULT_ROOT=str(scene.folder))
