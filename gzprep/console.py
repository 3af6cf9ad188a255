"""What a person sees: progress, summaries, errors. Nothing here decides anything."""

import shlex
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

Json = Mapping[str, Any]
_PLAIN_EVERY = 5.0
"""Seconds between two lines of plain progress."""


def printable(text: str) -> str:
    """Spell out control characters, which a catalogue may hold and a terminal would obey."""
    return "".join(
        char if char.isprintable() or char == " " else char.encode("unicode_escape").decode() for char in text
    )


def say(text: str) -> None:
    """Print a line of text for a person, on standard error."""
    sys.stderr.write(f"{printable(text)}\n")


def human_bytes(size: float) -> str:
    """A number of bytes as a person would say it, in powers of ten."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def human_time(seconds: float) -> str:
    """A duration as a person would say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes, hours = seconds / 60, seconds / 3600
    return f"{minutes:.0f} min" if minutes < 90 else f"{hours:.1f} h"


@dataclass
class Tally:
    """How far a run is."""

    total: int
    done: int = 0
    rejected: int = 0
    began: float = field(default_factory=time.monotonic)

    def add(self, rejected: bool) -> None:  # noqa: FBT001 -- what the progress socket hands over
        """Count one galaxy. The clock starts with the first, so that start-up does not spoil the rate."""
        if self.done == 0:
            self.began = time.monotonic()
        self.done += 1
        self.rejected += rejected

    @property
    def rate(self) -> float:
        """Galaxies a second since the first one."""
        return (self.done - 1) / max(time.monotonic() - self.began, 1e-9) if self.done > 1 else 0.0

    def line(self) -> str:
        """The tally as a sentence."""
        left = f", {human_time((self.total - self.done) / self.rate)} left" if self.rate else ""
        return f"{self.done} of {self.total} galaxies, {self.rejected} rejected, {self.rate:.0f} galaxies/s{left}"


@contextmanager
def galaxy_progress(title: str, total: int) -> Iterator[Callable[[bool], None]]:
    """Show progress over galaxies: a live bar on a terminal, a line now and then elsewhere.

    Yields:
        A function to call once a galaxy, with whether it was rejected.
    """
    tally = Tally(total)
    console = Console(stderr=True)
    show = _live if console.is_terminal else _plain
    with show(console, title, tally) as refresh:

        def advance(rejected: bool) -> None:  # noqa: FBT001
            tally.add(rejected)
            refresh()

        yield advance


@contextmanager
def _live(console: Console, title: str, tally: Tally) -> Iterator[Callable[[], None]]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rejected]} rejected"),
        TextColumn("{task.fields[rate]:.0f}/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(title, total=tally.total, rejected=0, rate=0.0)
        yield lambda: progress.update(task, completed=tally.done, rejected=tally.rejected, rate=tally.rate)


@contextmanager
def _plain(_: Console, title: str, tally: Tally) -> Iterator[Callable[[], None]]:
    said = time.monotonic()

    def refresh() -> None:
        nonlocal said
        if time.monotonic() - said > _PLAIN_EVERY:
            said = time.monotonic()
            say(f"{title}: {tally.line()}")

    yield refresh
    if tally.done:
        say(f"{title}: {tally.done} of {tally.total} galaxies, {tally.rejected} rejected")


def show_table(title: str, rows: Iterable[tuple[str, ...]], header: tuple[str, ...]) -> None:
    """Print a table on standard output: the first column text, the others numbers."""
    table = Table(title=title, title_justify="left", title_style="bold", header_style="dim", box=None, pad_edge=False)
    for place, name in enumerate(header):
        table.add_column(name, justify="left" if place == 0 else "right")
    for row in rows:
        table.add_row(*(escape(printable(cell)) for cell in row))
    Console().print(table)


def show_line(text: str) -> None:
    """Print a line on standard output."""
    sys.stdout.write(f"{printable(text)}\n")


def show_summary(manifest: Json, out: str, seconds: float, example: str | None) -> None:
    """Print what a run made: galaxies, shards, label prevalence, where things are, and a galaxy to look at."""
    show_table("Galaxies", _count_rows(manifest["counts"]), ("", "train", "test", "all"))
    show_line("")
    show_table("Shards", _shard_rows(manifest["splits"]), ("", "files", "records", "size"))
    show_line("")
    show_table("Labels of answered questions", prevalence(manifest["labels"]), ("", "galaxies asked", "share of 1"))
    show_line("")
    show_line(
        f"Done in {human_time(seconds)}. Shards, manifest.json, catalogue.parquet and rejects.parquet are in {out}"
    )
    if example is not None:
        call = shlex.join(("gzprep", "preview", out, "--id", example, "--png", "galaxy.png"))  # an id may be anything
        show_line(f"Look at a galaxy with: {call}")


def _count_rows(counts: Json) -> list[tuple[str, ...]]:
    parts = [counts[name] for name in ("train", "test", "all")]
    rows = [("in", *(str(part["in"]) for part in parts)), ("out", *(str(part["out"]) for part in parts))]
    for kind in ("rejected", "flagged", "inpainted"):
        names = counts["all"][kind]
        rows += [(f"{kind}: {name}", *(str(part[kind].get(name, 0)) for part in parts)) for name in names]
    return rows


def _shard_rows(splits: Json) -> list[tuple[str, ...]]:
    return [
        (name, str(len(split["shards"])), str(split["records"]), human_bytes(split["bytes"]))
        for name, split in splits.items()
        if split["shards"]
    ]


def prevalence(labels: Json) -> list[tuple[str, str, str]]:
    """Label, galaxies that answered its question, and share of them with label 1, over train and test."""
    parts = [*labels["folds"].values(), labels["test"]]
    rows = []
    for place, name in enumerate(labels["names"]):
        answered = sum(part["answered"][place] for part in parts)
        ones = sum(part["asked"][place] for part in parts)
        rows.append((name, str(answered), f"{ones / answered:.3f}" if answered else "-"))
    return rows


def show_inspections(found: Iterable[Any]) -> None:
    """Print a line an image as it is looked at, and a count of each verdict: the inspections of gzprep.inspect."""
    counts: Counter[str] = Counter()
    for one in found:
        counts[one.verdict] += 1
        scores = "  ".join(f"{name} {score:.3f}" for name, score in one.scores.items())
        why = f"  ({one.detail})" if one.detail else ""
        defects = ", ".join(one.defects)
        sys.stdout.write(printable(f"{one.verdict:<9} {one.path}  {defects}{why}  {scores}".rstrip()) + "\n")
    sys.stdout.write(", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items())) + "\n")
