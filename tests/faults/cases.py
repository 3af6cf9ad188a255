"""One fault from beginning to end: disturb a command, judge how it ended, give it again, and compare what it made.

After every fault one of these must hold. **unharmed**: the disturbed command itself ended well, with the undisturbed
result. **made good**: the same command, given again, made the undisturbed result. **refused**: the same command was
refused in one sentence, and changed nothing. A disturbed command that is not killed ends well or in one sentence.
"""

import importlib
import os
import random
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.faults.commands import COMMANDS, SEEDS, Command, Material, Result, environment, leftovers
from tests.faults.events import Events
from tests.faults.forking import Ended, Running, Shared, fork
from tests.faults.kinds import KINDS, Fault, Scene, arm
from tests.faults.processes import count_imports, interrupt_early, kill_a_worker

TWO_RUNS, EARLY_INTERRUPT, WORKER_KILLED = "two_runs", "early_interrupt", "worker_killed"
KINDS_OF_CASES = (*KINDS, TWO_RUNS, EARLY_INTERRUPT, WORKER_KILLED)
_COPIED = ("changed", "data_deleted")
"""Kinds that change what a command reads. It may then end well with what it has read, and say what was missing."""
_KILLING = {
    "kill": signal.SIGKILL,
    "terminate": signal.SIGTERM,
    "killed_too_large": signal.SIGXFSZ,
    EARLY_INTERRUPT: signal.SIGINT,
}
_ABORTED = "random_device"
"""TensorFlow's C++ aborts where it cannot open the system's random numbers; that cannot be caught in Python."""
_WORST = 400
"""Letters of an output that a report repeats."""


@dataclass(frozen=True)
class Case:
    """One fault: everything else follows from these three."""

    command: str
    kind: str
    seed: int

    def __str__(self) -> str:
        return f"{self.command}, {self.kind}, seed {self.seed}"


@dataclass(frozen=True)
class Outcome:
    """How a case ended.

    Attributes:
        case: the case.
        ended: ``killed``, ``sentence`` or ``well``: the disturbed command.
        outcome: ``unharmed``, ``made good`` or ``refused``; ``failed`` if none of them holds.
        told: the sentence of the disturbed command, or what is wrong.
    """

    case: Case
    ended: str
    outcome: str
    told: str


class Stage:
    """Runs the cases of one program in a folder of its own."""

    def __init__(self, folder: Path, material: Material) -> None:
        self.folder, self.material = folder, material
        self._baselines: dict[str, tuple[int, Result]] = {}
        self._imports: dict[str, int] = {}

    def baseline(self, name: str) -> tuple[int, Result]:
        """Number of events of an undisturbed command, and its result."""
        if name not in self._baselines:
            scene = self.scene(Case(name, "none", 0))
            ended = self._begin(name, scene, lambda shared: _count(scene, shared)).end()
            if ended.code:
                raise RuntimeError(f"{name} fails without a fault: {ended.err}")
            self._baselines[name] = ended.events, COMMANDS[name].result(scene)
            shutil.rmtree(scene.folder)
        return self._baselines[name]

    def imports(self, name: str) -> int:
        """Number of imports of an undisturbed command, in a process of its own."""
        if name not in self._imports:
            scene, command = self.scene(Case(name, "none", 1)), COMMANDS[name]
            self._imports[name] = count_imports([command.program, *command.words(scene, self.material)], scene)
        return self._imports[name]

    def scene(self, case: Case) -> Scene:
        """Fresh folders for a case."""
        command = COMMANDS[case.command]
        folder = self.folder / f"{case.command.replace(' ', '-')}-{case.kind}-{case.seed}"
        shutil.rmtree(folder, ignore_errors=True)
        data = command.data(self.material)
        scene = Scene(folder, folder / "made", folder / "data")
        scene.temporary.mkdir(parents=True)
        if case.kind in _COPIED:
            shutil.copytree(data, scene.data)
        else:
            scene.data.symlink_to(data, target_is_directory=True)
        if command.starts_with_run:
            shutil.copytree(self.material.run, scene.made)
        elif case.command == "gztrain predict":
            scene.made.mkdir()
        return scene

    def run(self, case: Case) -> Outcome:
        """Run a case; its folder is removed if all is well."""
        trial = Trial(self, case)
        outcome = trial.judge(trial.disturb())
        if outcome.outcome != "failed":
            shutil.rmtree(trial.scene.folder, ignore_errors=True)
        return outcome

    def _begin(self, name: str, scene: Scene, arm_it: Callable[[Shared], None], *, again: bool = False) -> Running:
        command = COMMANDS[name]
        words = (command.again if again else command.words)(scene, self.material)
        argv = [command.program, *(str(word) for word in words)]
        main = importlib.import_module(f"{command.program}.cli").main
        return fork(main, argv, environment(scene), arm_it)

    begin = _begin


def _count(scene: Scene, shared: Shared) -> None:
    Events((scene.folder,), lambda event: shared.count(event.number)).install()


class Trial:
    """A case under way."""

    def __init__(self, stage: Stage, case: Case) -> None:
        self.stage, self.case = stage, case
        self.command: Command = COMMANDS[case.command]
        self.events, self.expected = stage.baseline(case.command)
        self.scene = stage.scene(case)
        self.rng = random.Random(str(case))
        self.at = self.rng.randint(1, max(self.events, 1))

    def disturb(self) -> Ended:
        """Run the command, and let the fault strike."""
        words = [self.command.program, *self.command.words(self.scene, self.stage.material)]
        if self.case.kind == TWO_RUNS:
            return self._two_runs()
        if self.case.kind == WORKER_KILLED:
            return kill_a_worker(words, self.scene, self.rng)
        if self.case.kind == EARLY_INTERRUPT:
            return interrupt_early(words, self.scene, self.rng, self.stage.imports(self.case.command))

        def arm_it(shared: Shared) -> None:
            arm(Fault(self.case.kind, self.at, self.rng, shared.strike), self.scene)

        ended = self.stage.begin(self.case.command, self.scene, arm_it).end()
        gone = self.scene.data.with_name("gone")
        if gone.exists():
            gone.rename(self.scene.data)
        return ended

    def _two_runs(self) -> Ended:
        """Hold a first run at its event until a second one has ended; how the second one ended."""
        reached, go_on = os.pipe(), os.pipe()

        def hold(shared: Shared) -> None:
            def on_event(event: object) -> None:
                if getattr(event, "number", 0) == self.at:
                    shared.strike()
                    os.write(reached[1], b".")
                    os.read(go_on[0], 1)

            Events((self.scene.folder,), on_event).install()

        first = self.stage.begin(self.case.command, self.scene, hold)
        os.close(reached[1])
        os.read(reached[0], 1)  # nothing comes if the first run ends before its event
        second = self.stage.begin(self.case.command, self.scene, lambda _: None, again=True).end()
        os.write(go_on[1], b".")
        held = first.end()
        for descriptor in (reached[0], *go_on):
            os.close(descriptor)
        self.first_problem = self._problem_of(held)
        return Ended(second.code, second.out, second.err, held.events, held.struck)

    first_problem: str | None = None

    def judge(self, disturbed: Ended) -> Outcome:
        """Judge how the disturbed command ended, give it again, and compare."""
        problem = self._problem_of(disturbed) or self.first_problem
        if problem:
            return self._failed(disturbed, problem)
        before = self._result()
        if disturbed.code == 0 and self.case.kind not in _COPIED and before != self._wanted:
            return self._failed(disturbed, f"ended well, but the result differs: {_difference(before, self._wanted)}")
        again = self.stage.begin(self.case.command, self.scene, lambda _: None, again=True).end()
        return self._compare(disturbed, again, before)

    def _compare(self, disturbed: Ended, again: Ended, before: Result) -> Outcome:
        told = _last_line(disturbed.err)
        now = self._result()
        if again.code == 0 and now == self._wanted:
            left = leftovers(self.scene)
            if left:
                return self._failed(again, f"left behind: {', '.join(left[:5])}")
            outcome = "unharmed" if disturbed.code == 0 and before == now else "made good"
            return Outcome(self.case, _ending(disturbed), outcome, told)
        problem = _problem(again, self.command.program)
        if again.code == 0:
            problem = f"given again, the result differs: {_difference(now, self._wanted)}"
        elif problem is None and now == before:
            outcome = "refused" if disturbed.code else "unharmed"
            return Outcome(self.case, _ending(disturbed), outcome, _last_line(again.err))
        return self._failed(again, f"given again: {problem or 'refused, and something changed'}")

    @cached_property
    def _wanted(self) -> Result:
        """What must have been made: of changed data, what an undisturbed command makes of them."""
        if self.case.kind != "changed":
            return self.expected
        scene = Scene(self.scene.folder, self.scene.folder / "fresh", self.scene.data)
        if self.case.command == "gztrain predict":
            scene.made.mkdir()
        fresh = self.stage.begin(self.case.command, scene, lambda _: None).end()
        wanted = self.command.result(scene)
        shutil.rmtree(scene.made, ignore_errors=True)
        return wanted if fresh.code == 0 else {"undisturbed": fresh.err}

    def _result(self) -> Result:
        return self.command.result(self.scene)

    def _problem_of(self, ended: Ended) -> str | None:
        wanted = _KILLING.get(self.case.kind)
        if wanted is not None and ended.code == -wanted and "Traceback" not in ended.err:
            return None
        if self.case.kind == "handles" and ended.code == -signal.SIGABRT and _ABORTED in ended.err:
            return None
        if not ended.struck and self.case.kind not in {"too_large", "killed_too_large"}:
            return f"the fault did not strike: {ended.events} events, at {self.at} of {self.events}: {ended.err}"
        return _problem(ended, self.command.program)

    def _failed(self, ended: Ended, problem: str) -> Outcome:
        return Outcome(self.case, _ending(ended), "failed", f"{problem} | {ended.code} {ended.err[-_WORST:]!r}")


def _problem(ended: Ended, program: str) -> str | None:
    """What is wrong with the way in which a command ended; None where nothing is."""
    if ended.code == 0:
        return None if "Traceback" not in ended.err else "a traceback"
    if ended.code < 0 or ended.code not in {1, 2, 130, 143}:
        return f"ended by {ended.code}"
    for word in ("Traceback", "unexpected", "This is a fault", "Exception ignored"):
        if word in ended.err:
            return f"says {word!r}"
    last = _last_line(ended.err)
    return None if last.startswith(f"{program}: ") or ended.code == 130 else f"no sentence: {last!r}"


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def _ending(ended: Ended) -> str:
    return "killed" if ended.code < 0 else "sentence" if ended.code else "well"


def _difference(found: Result, wanted: Result) -> str:
    names = sorted({*found, *wanted})
    return ", ".join(name for name in names if found.get(name) != wanted.get(name))[:_WORST]


def all_cases() -> list[Case]:
    """Every case of the whole comparison."""
    header, *rows = [line.split() for line in SEEDS.strip().splitlines()]
    names = dict(zip(header, COMMANDS, strict=True))
    assert all(name.endswith(f" {short}") for short, name in names.items())
    return [
        Case(name, kind, seed)
        for place, name in enumerate(names.values())
        for kind, *seeds in rows
        for seed in range(int(seeds[place]))
    ]
