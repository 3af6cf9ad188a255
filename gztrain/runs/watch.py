"""Shows the progress of a run: a live bar on a terminal, plain lines in a file or a pipe."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from gzcore.console import human_time, printable, say
from gztrain.runs.history import HistoryLine

_PLAIN_EVERY = 30.0
"""Seconds between two lines of plain progress within an epoch."""


class Watch(Protocol):
    """Shows the progress of a run."""

    def tell(self, sentence: str) -> None:
        """Show a sentence to the user."""

    def introduce(self, sentences: Iterable[str]) -> None:
        """Show what the run is, before it begins."""

    def expect(self, steps: int, done: int) -> None:
        """Start to show progress: the run has ``steps`` steps at most, and ``done`` of them are complete."""

    def advance(self, line: HistoryLine) -> None:
        """Show the progress after a line of the history."""

    def conclude(self, sentence: str) -> None:
        """Show that the training has ended, and what came of it."""


class Quiet:
    """Shows no progress, only sentences."""

    def tell(self, sentence: str) -> None:
        """Print it on standard error."""
        say(sentence)

    def introduce(self, sentences: Iterable[str]) -> None:
        """Do nothing."""

    def expect(self, steps: int, done: int) -> None:
        """Do nothing."""

    def advance(self, line: HistoryLine) -> None:
        """Do nothing."""

    def conclude(self, sentence: str) -> None:
        """Do nothing."""


class Plain:
    """Prints a line for each epoch, and every 30 seconds within a long epoch: for files and pipes."""

    def __init__(self) -> None:
        self._steps, self._began, self._start, self._said = 0, time.monotonic(), 0, time.monotonic()

    def tell(self, sentence: str) -> None:
        """Print it on standard error."""
        say(sentence)

    def introduce(self, sentences: Iterable[str]) -> None:
        """Print a line for each."""
        for sentence in sentences:
            say(sentence)

    def expect(self, steps: int, done: int) -> None:
        """Remember the number of steps and the time."""
        self._steps, self._start, self._began = steps, done, time.monotonic()

    def advance(self, line: HistoryLine) -> None:
        """Print a line at the end of an epoch, or if the last one was printed 30 seconds ago."""
        if line.val_loss is None and time.monotonic() - self._said < _PLAIN_EVERY:
            return
        self._said = time.monotonic()
        done = max(line.step - self._start, 1)
        left = (self._said - self._began) / done * (self._steps - line.step)
        say(f"{sentence_of(line)}, step {line.step} of {self._steps} at most, {human_time(left)} left at most")

    def conclude(self, sentence: str) -> None:
        """Print it."""
        say(sentence)


class Live:
    """A bar on a terminal."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None

    def tell(self, sentence: str) -> None:
        """Print it above the bar."""
        self._progress.console.print(escape(printable(sentence)), highlight=False)

    def introduce(self, sentences: Iterable[str]) -> None:
        """Print a line for each above the bar."""
        for sentence in sentences:
            self.tell(sentence)

    def expect(self, steps: int, done: int) -> None:
        """Show the bar."""
        self._task = self._progress.add_task("Compiling the first step", total=steps, completed=done, numbers="")

    def advance(self, line: HistoryLine) -> None:
        """Update the bar; at the end of an epoch also print a line."""
        if self._task is not None:
            title, numbers = f"{line.stage}, epoch {line.epoch}", f"loss {line.loss:.4f}, {line.samples_per_s:.0f}/s"
            self._progress.update(self._task, completed=line.step, description=title, numbers=numbers)
        if line.val_loss is not None:
            self.tell(sentence_of(line))

    def conclude(self, sentence: str) -> None:
        """Bring the bar to its end, also where the training ended early, and print the sentence."""
        if self._task is not None:
            done = self._progress.tasks[self._task].completed
            self._progress.update(self._task, total=done, description="Trained")
        self.tell(sentence)


def sentence_of(line: HistoryLine) -> str:
    """A line of the history in words."""
    phrases = [f"{line.stage}, epoch {line.epoch}: loss {line.loss:.4f}"]
    if line.val_loss is not None:
        phrases.append(f"validation loss {line.val_loss:.4f}")
    if line.val_auc is not None:
        phrases.append(f"validation AUC {line.val_auc:.3f}")
    return ", ".join([*phrases, f"{line.samples_per_s:.0f} samples/s"])


@contextmanager
def watching(*, quiet: bool) -> Iterator[Watch]:
    """Context that shows the progress of a run: a live bar on a terminal, else plain lines; none if ``quiet``."""
    console = Console(stderr=True)
    if quiet:
        yield Quiet()
    elif not console.is_terminal:
        yield Plain()
    else:
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[numbers]}"))
        with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
            yield Live(progress)
