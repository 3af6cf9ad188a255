"""From votes to labels, shown on one galaxy of the data set (Fig 27 and 28)."""

from typing import Any

import numpy as np

from gzprep.dataset.read import read_rows
from gzprep.report import plots
from gzprep.report.figure import Figure, Gallery, Section, Tile, Value, count_of, numbers, plot_picture
from gzprep.report.pictures import as_picture, name_of, read_frame, thumbnail
from gzprep.report.study import Study

NOT_ASKED = "\N{EN DASH}"


def one_galaxy_section(study: Study) -> Section | None:
    """Build the section; None where no galaxy is sound, or there are no labels. Call within ``theme.style()``."""
    row = _example(study) if study.answered else None
    if row is None:
        return None
    figures = (_decomposed(study, row),) if study.hard else (_binarised(study, row), _decomposed(study, row))
    return Section("one-galaxy", "From votes to labels", "One galaxy of this data set, step by step.", figures)


def _example(study: Study) -> dict[str, Any] | None:
    """The galaxy of the sample's first fifty that was asked the most questions."""
    ids = [known.id for known in study.sample[:50]]
    wanted: Any = [("id_str", "in", ids)]
    rows = read_rows(study.folder.catalogue, filters=wanted) if ids else []
    return max(rows, key=lambda row: (sum(row["mask"]), row["id_str"]), default=None)


def _binarised(study: Study, row: dict[str, Any]) -> Figure:
    """Fig 27: vote fractions, and the labels that follow from them."""
    columns = study.columns.fractions
    labels = dict(
        zip(study.columns.labels, zip(row["label_asked"], row["mask"], row["label_report"], strict=True), strict=True)
    )
    values = [row[column] for column in columns]
    names = [study.short(column) for column in columns]
    colours = [question.index for question in study.questions for _ in question.answers]
    fractions = [np.nan if value is None else value for value in values]
    plot = plots.bars(names, {f"vote fractions of galaxy {row['id_str']}": fractions}, colours)
    rows: list[tuple[Value, ...]] = []
    for column, value in zip(columns, fractions, strict=True):
        asked, mask, report = labels.get(column.removesuffix("_fraction"), (None, None, None))
        rows.append((column, value, asked if mask else None, report))
    frame = None if study.images is None else read_frame(study.images, name_of(row))
    tiles = (
        ()
        if frame is None
        else (Tile(as_picture(thumbnail(frame, 200), f"Galaxy {row['id_str']}."), (row["id_str"],)),)
    )
    return Figure(
        "fig-27",
        "Vote fractions become labels",
        "For each question the largest fraction becomes 1 and the others 0. A question without bars was not asked: "
        "the policy "
        "“asked” leaves it out, the policy “report” takes 0 for every fraction.",
        numbers(("fraction", "value", "label_asked", "label_report"), rows),
        plots=(plot_picture(plot, f"Bars: the vote fractions of galaxy {row['id_str']}."),),
        galleries=(Gallery("", tiles),) if tiles else (),
    )


def _decomposed(study: Study, row: dict[str, Any]) -> Figure:
    """Fig 28: the label vector, question by question."""
    rows: list[tuple[Value, ...]] = []
    for question in study.questions:
        block = study.columns.label_slice(question)
        mask, asked, report = (row[name][block] for name in ("mask", "label_asked", "label_report"))
        under_asked = " ".join(map(str, asked)) if any(mask) else NOT_ASKED
        rows.append(
            (f"Q{question.index}", question.title, ", ".join(question.used), under_asked, " ".join(map(str, report)))
        )
    known = sum(row[3] != NOT_ASKED for row in rows)
    head = ("question", "title", "labels", "asked", "report")
    return Figure(
        "fig-28",
        "A label vector, taken apart",
        f"{count_of(len(study.columns.labels), 'label')} of galaxy {row['id_str']}, question by question. Answered: "
        f"{known} of {count_of(len(rows), 'question')}. A dash is a masked question: loss and metrics leave it out.",
        numbers(head, rows),
        tabled=True,
    )
