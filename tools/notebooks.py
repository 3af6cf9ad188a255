"""Write the notebooks of docs/notebooks as files for Jupyter: notebooks.py FOLDER.

They are kept as text, in the form that MyST-NB and jupytext read: Markdown with cells of code.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

SOURCE = Path(__file__).parents[1] / "docs/notebooks"
_CELL = re.compile(r"^```\{code-cell\}[^\n]*\n((?::\w+:[^\n]*\n)*)(.*?)^```$\n?", re.MULTILINE | re.DOTALL)


class Cell(NamedTuple):
    """A cell: its text; whether it is code; and its tags, such as needs-torch."""

    text: str
    code: bool
    tags: tuple[str, ...] = ()


def cells(page: str) -> Iterator[Cell]:
    """The cells of a page, without its front matter."""
    body, at = re.sub(r"\A---\n.*?^---\n", "", page, flags=re.MULTILINE | re.DOTALL), 0
    for match in _CELL.finditer(body):
        yield from _prose(body[at : match.start()])
        yield Cell(match[2].strip(), code=True, tags=tuple(re.findall(r"[\w-]+", match[1].partition(":tags:")[2])))
        at = match.end()
    yield from _prose(body[at:])


def _prose(text: str) -> Iterator[Cell]:
    if text.strip():
        yield Cell(text.strip(), code=False)


def as_notebook(page: str) -> dict[str, Any]:
    """The document of Jupyter, nbformat 4.5."""
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    found = [_as_json(place, cell) for place, cell in enumerate(cells(page))]
    return {"cells": found, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def _as_json(place: int, cell: Cell) -> dict[str, Any]:
    shared = {"id": f"cell-{place}", "metadata": {"tags": list(cell.tags)}, "source": cell.text}
    if cell.code:
        return {**shared, "cell_type": "code", "execution_count": None, "outputs": []}
    return {**shared, "cell_type": "markdown"}


def main(folder: Path) -> None:
    """Write every notebook into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for source in sorted(SOURCE.glob("*.md")):
        path = folder / f"{source.stem}.ipynb"
        path.write_text(json.dumps(as_notebook(source.read_text(encoding="utf-8")), indent=1) + "\n", encoding="utf-8")
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
