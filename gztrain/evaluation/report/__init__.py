"""The report of one or more runs: one self-contained HTML page, and its figures as PNG files."""

from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from gzcore.errors import UsageError
from gzcore.storage.atomic import write_output, writing
from gzcore.storage.places import Place
from gztrain.runs.folder import RunFolder

if TYPE_CHECKING:
    from gztrain.evaluation.report.drawings import Drawing

PAGE = "report.html"


def write_report(runs: Sequence[Path], folder: Path, *, data: Place | None = None, split: str | None = None) -> Path:
    """Write ``report.html`` into a folder, and the figures of each run as PNG into its own ``figures/``.

    Args:
        runs: run folders.
        folder: folder of the page; it is created if needed.
        data: where the dataset folder of the runs is now; None: where it was during training.
        split: ``val`` or ``test``; None: test for runs that were evaluated on it, else val.

    Returns:
        Path of the page.

    Raises:
        GzError: a run cannot be read or was not evaluated, or a file cannot be written.
    """
    from gzcore.console.theme import style
    from gztrain.evaluation.report.drawings import draw
    from gztrain.evaluation.report.gather import gather
    from gztrain.evaluation.report.page import make_page, render, run_part

    if not runs:
        raise UsageError("A report needs a run; name one run folder or more.")
    reports = [gather(run, data, split) for run in runs]
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    parts = []
    with style():
        for number, (path, report) in enumerate(zip(runs, reports, strict=True)):
            drawn = draw(report)
            save_figures(path, chain.from_iterable(drawn.values()))
            parts.append(run_part(report, drawn, number))
    page = render(make_page(reports, parts))
    write_output(folder / PAGE, page.encode())
    return folder / PAGE


def save_figures(run: Path, drawings: "Iterable[Drawing]") -> None:
    """Save figures as PNG files in the run folder.

    Raises:
        GzError: a file cannot be written.
    """
    from gzcore.console.theme import to_png

    folder = RunFolder(run).figures
    for drawing in drawings:
        write_output(folder / f"{drawing.name}.png", to_png(drawing.figure))
