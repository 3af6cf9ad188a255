"""What a person sees: lines, tables, sizes and times here; plots and pages in the modules of this room."""

import sys
from collections.abc import Iterable


def printable(text: str) -> str:
    """Spell out control characters, which a catalogue may hold and a terminal would obey."""
    return "".join(
        char if char.isprintable() or char == " " else char.encode("unicode_escape").decode() for char in text
    )


def shown(value: object, most: int = 80) -> str:
    """A value in a sentence: as Python writes it, and not longer than some characters."""
    text = repr(value)
    return text if len(text) <= most else f"{text[:most]}..."


def brief(error: object, most: int = 300) -> str:
    """What an error of another library says, for a sentence of ours: it may quote a whole document."""
    text = str(error)
    return text if len(text) <= most else f"{text[:most]}..."


def reason_of(error: BaseException, most: int = 300) -> str:
    """The first line of what an error of another library says, for the end of a sentence of ours."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return brief(printable(lines[0]).rstrip(". "), most)


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


_NAMES = 36
"""Width of the column of names up to which a narrow terminal does not cut them: they are to be typed."""


def show_table(title: str, rows: Iterable[tuple[str, ...]], header: tuple[str, ...]) -> None:
    """Print a table on standard output: the first column names, which are never cut, and the others numbers."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", header_style="dim", box=None, pad_edge=False)
    rows = list(rows)
    longest = max((len(row[0]) for row in rows), default=0)
    for place, name in enumerate(header):
        if place == 0:
            table.add_column(name, min_width=min(longest, _NAMES), no_wrap=longest <= _NAMES)
        else:
            table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*(escape(printable(cell)) for cell in row))
    Console().print(table)


def show_line(text: str) -> None:
    """Print a line on standard output."""
    sys.stdout.write(f"{printable(text)}\n")
