"""Progress of a command that works in stages, such as reading and drawing: one line on a person's terminal."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gzcore.console import say

OnStage = Callable[[str, int, int], None]
"""Takes what is being done, such as ``Reading``, how much of it is done, and how much there is."""

PLAIN_EVERY = 5.0
"""Seconds between two lines where there is no terminal."""


def silent(title: str, done: int, total: int) -> None:
    """Show nothing."""


@contextmanager
def stages() -> Iterator[OnStage]:
    """Show stages on standard error: a bar on a terminal; elsewhere a line every 5 seconds."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _plain()
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=None)

        def show(title: str, done: int, total: int) -> None:
            progress.update(task, description=title, completed=done, total=total)

        yield show


def _plain() -> OnStage:
    said = time.monotonic()

    def show(title: str, done: int, total: int) -> None:
        nonlocal said
        if time.monotonic() - said > PLAIN_EVERY:
            said = time.monotonic()
            say(f"{title}: {done:,} of {total:,}")

    return show
