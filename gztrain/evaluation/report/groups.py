"""The tables of groups of galaxies (``--by``) and of a population with other shares (``--prevalence``)."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from gzcore.console import printable
from gztrain.evaluation.prevalence import about_prevalence
from gztrain.evaluation.report.formatting import percent, rate, whole
from gztrain.evaluation.report.gather import RunReport
from gztrain.evaluation.report.tables import Cell, Table, TableRow, figure, name_of

Json = Mapping[str, Any]
_HEAD = ("", "galaxies", "accuracy", name_of("auc_macro"))


def by_columns(run: RunReport) -> tuple[Table, ...]:
    """A table for each column that galaxies were grouped by, of all questions together."""
    return tuple(_of_column(name, part) for name, part in run.judged.get("by", {}).items())


def _of_column(name: str, part: Json) -> Table:
    rows = tuple(_row(group["name"], group, "galaxies") for group in part["groups"])
    without = f" {whole(part['without'])} galaxies have no value." if part["without"] else ""
    return Table(f"By {printable(name)}, all questions together.{without}", _HEAD, rows)


def of_question(run: RunReport, question: str) -> tuple[Table, ...]:
    """The same for one question."""
    return tuple(
        Table(
            f"By {printable(name)}.",
            _HEAD,
            tuple(_row(group["name"], group["per_question"][question], "known_questions") for group in part["groups"]),
        )
        for name, part in run.judged.get("by", {}).items()
    )


def _row(name: str, figures: Json, count: str) -> TableRow:
    of = partial(figure, figures, intervals=figures["intervals"])
    return TableRow(printable(name), (figure(figures, count), of("accuracy"), of("auc_macro")))


def by_prevalence(run: RunReport) -> Table | None:
    """Each question in the population beside the sample; None if no shares were given."""
    part = run.judged.get("prevalence")
    if part is None:
        return None
    rows = tuple(_population_rows(run, part))
    head = ("", "share of the galaxies", "in the population", "precision", "there", "accuracy", "there", "ECE", "there")
    words = (f"Figures for a population with the shares of {part['file']}.", *about_prevalence(part))
    return Table(printable(" ".join(words)), head, rows)


def _population_rows(run: RunReport, part: Json) -> Iterator[TableRow]:
    blank = Cell("")
    for question in run.scheme.questions:
        found = part["per_question"].get(question.name)
        if found is None:
            continue
        plain, effective = run.judged["per_question"][question.name], found["effective_galaxies"]
        figures = (figure(plain, "accuracy"), figure(found, "accuracy", found["intervals"]))
        note = "" if effective is None else f"counts as {effective:,.0f} of {whole(found['galaxies'])} galaxies"
        cells = (*[blank] * 4, *figures, figure(plain, "ece"), figure(found, "ece"))
        yield TableRow(f"Q{question.index} {question.title}", cells, note)
        for answer in found["answers"]:
            before = run.judged["per_label"].get(answer["label"], {}).get("precision")
            there = [Cell("" if answer[key] is None else percent(answer[key])) for key in ("sample", "population")]
            precision = [Cell(rate(before)), Cell(rate(answer["precision"]))]
            name = answer["label"].removeprefix(f"{question.name}_")
            yield TableRow(printable(name), (*there, *precision, *[blank] * 4))
