"""Watching a run: a live bar on a terminal, lines elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from gzcore.console import human_time, printable, say
from gztrain.runs.history import Line

_PLAIN_EVERY = 30.0
"""Seconds between two lines of plain progress within an epoch."""


class Watch(Protocol):
    """Somebody who watches a run."""

    def tell(self, sentence: str) -> None:
        """Something to know."""

    def expect(self, steps: int, done: int) -> None:
        """The run has so many steps at most, of which some are done."""

    def advance(self, line: Line) -> None:
        """A line of the history was written."""


class Quiet:
    """Nobody watches; what there is to know is said all the same."""

    def tell(self, sentence: str) -> None:
        """Say it on standard error."""
        say(sentence)

    def expect(self, steps: int, done: int) -> None:
        """Take no notice."""

    def advance(self, line: Line) -> None:
        """Take no notice."""


class Plain:
    """A line an epoch, and one now and then within long ones: for files and pipes."""

    def __init__(self) -> None:
        self._steps, self._began, self._start, self._said = 0, time.monotonic(), 0, time.monotonic()

    def tell(self, sentence: str) -> None:
        """Say it on standard error."""
        say(sentence)

    def expect(self, steps: int, done: int) -> None:
        """Note it."""
        self._steps, self._start, self._began = steps, done, time.monotonic()

    def advance(self, line: Line) -> None:
        """Say it at the end of an epoch, or when it was long ago that anything was said."""
        if line.val_loss is None and time.monotonic() - self._said < _PLAIN_EVERY:
            return
        self._said = time.monotonic()
        done = max(line.step - self._start, 1)
        left = (self._said - self._began) / done * (self._steps - line.step)
        say(f"{sentence_of(line)}, step {line.step} of {self._steps} at most, {human_time(left)} left at most")


class Live:
    """A bar on a terminal."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None

    def tell(self, sentence: str) -> None:
        """Say it above the bar."""
        self._progress.console.print(escape(printable(sentence)), highlight=False)

    def expect(self, steps: int, done: int) -> None:
        """Show the bar."""
        self._task = self._progress.add_task("Compiling", total=steps, completed=done, numbers="")

    def advance(self, line: Line) -> None:
        """Move it; the end of an epoch leaves a line."""
        if self._task is not None:
            title, numbers = f"{line.stage}, epoch {line.epoch}", f"loss {line.loss:.4f}, {line.samples_per_s:.0f}/s"
            self._progress.update(self._task, completed=line.step, description=title, numbers=numbers)
        if line.val_loss is not None:
            self.tell(sentence_of(line))


def sentence_of(line: Line) -> str:
    """A line of the history in words."""
    parts = [f"{line.stage}, epoch {line.epoch}: loss {line.loss:.4f}"]
    if line.val_loss is not None:
        parts.append(f"validation {line.val_loss:.4f}")
    if line.val_auc is not None:
        parts.append(f"AUC {line.val_auc:.3f}")
    return ", ".join([*parts, f"{line.samples_per_s:.0f} samples/s"])


@contextmanager
def watching(*, quiet: bool) -> Iterator[Watch]:
    """Watch a run: a live bar on a terminal, lines elsewhere, nothing where it is to be quiet."""
    console = Console(stderr=True)
    if quiet:
        yield Quiet()
    elif not console.is_terminal:
        yield Plain()
    else:
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[numbers]}"))
        with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
            yield Live(progress)
