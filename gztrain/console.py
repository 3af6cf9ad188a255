"""What a person sees: progress, tables, errors. Nothing here decides anything."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from gztrain.history import Line

_PLAIN_EVERY = 30.0
"""Seconds between two lines of plain progress within an epoch."""


def printable(text: str) -> str:
    """Spell out control characters, which a data set may hold and a terminal would obey."""
    return "".join(
        char if char.isprintable() or char == " " else char.encode("unicode_escape").decode() for char in text
    )


def say(text: str) -> None:
    """Print a line of text for a person, on standard error."""
    sys.stderr.write(f"{printable(text)}\n")


def show_line(text: str) -> None:
    """Print a line on standard output."""
    sys.stdout.write(f"{printable(text)}\n")


def show_table(title: str, rows: Iterable[tuple[str, ...]], header: tuple[str, ...]) -> None:
    """Print a table on standard output: the first column text, the others numbers."""
    table = Table(title=title, title_justify="left", title_style="bold", header_style="dim", box=None, pad_edge=False)
    for place, name in enumerate(header):
        table.add_column(name, justify="left" if place == 0 else "right")
    for row in rows:
        table.add_row(*(escape(printable(cell)) for cell in row))
    Console().print(table)


def human_time(seconds: float) -> str:
    """A duration as a person would say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes, hours = seconds / 60, seconds / 3600
    return f"{minutes:.0f} min" if minutes < 90 else f"{hours:.1f} h"


def number(value: float | None, digits: int = 3) -> str:
    """A figure of a table; a dash where it is undefined."""
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.{digits}f}"


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


_SHOWN = (
    ("accuracy", "accuracy"),
    ("binary_accuracy", "binary accuracy"),
    ("auc", "AUC, labels pooled"),
    ("auc_macro", "AUC, mean over labels"),
    ("average_precision_macro", "average precision, mean"),
    ("precision", "precision"),
    ("recall", "recall"),
    ("f1", "F1"),
    ("loss", "cross-entropy"),
    ("mean_absolute_error", "mean absolute error"),
    ("root_mean_squared_error", "root mean squared error"),
)
_COUNTS = ("true_positives", "true_negatives", "false_positives", "false_negatives")
Json = Mapping[str, Any]


def show_metrics(document: Json, run: str | None) -> None:
    """Print what metrics.json says, split by split, beside what can be had without looking."""
    if left_out := document.get("training", {}).get("damaged_records"):
        show_line(f"Training left out {left_out} damaged records in an epoch.")
    for split, found in document["splits"].items():
        blind = found["baselines"]
        rows = [
            (title, number(found[key]), _between(found["intervals"].get(key)), *_blind(blind, key))
            for key, title in _SHOWN
        ]
        header = ("", "model", "95 % interval", "commonest answer", "frequencies")
        show_table(f"{found['galaxies']} {split} galaxies, scheme {document['scheme']}", rows, header)
        show_line("")
        show_table("Labels", list(_label_rows(found)), ("", "known", "share of 1", "AUC", "95 % interval"))
        show_line("")
        show_line(f"Counts: {', '.join(f'{found[key]} {_words(key)}' for key in _COUNTS)}.")
        if found.get("damaged_records"):
            show_line(f"{found['damaged_records']} damaged records were left out.")
        show_line(found["verdict"])
    show_line(f"Everything is in {run}" if run else "Nothing was kept; --run names a folder to keep it in.")


def _words(key: str) -> str:
    return key.replace("_", " ")


def _blind(baselines: Json, key: str) -> tuple[str, str]:
    return number(baselines["majority"][key]), number(baselines["image_free"][key])


def _between(bounds: Sequence[float] | None) -> str:
    return f"{bounds[0]:.3f} to {bounds[1]:.3f}" if bounds else "-"


def _label_rows(found: Json) -> Iterator[tuple[str, ...]]:
    for name, label in found["per_label"].items():
        known, sure = label["known_labels"], found["intervals"].get("per_label", {}).get(name, {})
        share = label["positives"] / known if known else None
        yield name, str(known), number(share), number(label["auc"]), _between(sure.get("auc"))


def show_folds(document: Json, run: str) -> None:
    """Print what a cross-validation came to: mean and standard deviation over folds, and all galaxies together."""
    found = document["splits"]["val"]
    folds = found["folds"]
    rows = [
        (
            title,
            number(folds["mean"][key]),
            number(folds["sd"][key]),
            number(found[key]),
            *_blind(found["baselines"], key),
        )
        for key, title in _SHOWN
    ]
    header = ("", "mean", "sd", "all together", "commonest answer", "frequencies")
    show_table(
        f"{len(folds['numbers'])} folds, {found['galaxies']} galaxies, scheme {document['scheme']}", rows, header
    )
    show_line("")
    show_line(found["verdict"])
    show_line(f"Everything is in {run}")


def show_models(rows: Iterable[Any]) -> None:
    """Print the models that can be trained."""
    cells = [
        (
            row.name,
            f"{row.parameters:,}",
            "-" if row.backbone_parameters is None else f"{row.backbone_parameters:,}",
            "the crop" if row.size is None else f"{row.size} px",
            f"{row.min_size} px",
            "yes" if row.imagenet else "-",
        )
        for row in rows
    ]
    show_table("Models", cells, ("", "parameters", "of the backbone", "input", "smallest", "ImageNet weights"))


@contextmanager
def image_progress(*, quiet: bool) -> Iterator[Callable[[int], Any]]:
    """Count images on a terminal; yields a function to call with how many more are done."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda _: None
        return
    columns = (TextColumn("Classifying"), TextColumn("{task.completed:.0f} images, {task.speed!s:.6} images/s"))
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=None)
        yield lambda count: progress.update(task, advance=count)


_STAGES = {
    "read": "records read and checked, one thread",
    "parse": "records parsed, one thread",
    "decode": "images decoded, one thread",
    "batches": "all of that, with the reader's threads",
    "to_device": "sent to the device",
    "step": "training steps on one batch",
    "whole": "training steps on shards",
}


def show_bench(found: Mapping[str, Any]) -> None:
    """Print what a benchmark found."""
    rates = found["samples_per_second"]
    rows = [(text, f"{rates[name]:,.0f}") for name, text in _STAGES.items()]
    show_table(
        f"{found['model']} on {', '.join(found['devices'])}, batches of {found['batch']}", rows, ("", "samples/s")
    )
    show_line("")
    show_line(found["advice"])
