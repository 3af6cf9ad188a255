"""The command about surveys: which there are, and the decision tree of one."""

import shutil
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gzcore.cli import AsJson, print_json
from gzcore.errors import UsageError
from gzcore.storage.options import path
from gzprep.cli.options import app

if TYPE_CHECKING:
    from gzprep.catalogue.survey import Survey


@app.command()
def surveys(
    survey: Annotated[
        str | None, typer.Argument(metavar="NAME|FILE", help="Draw the decision tree of this one.")
    ] = None,
    svg: Annotated[
        Path | None, typer.Option(parser=path, metavar="FILE", help="Write the tree as a drawing (SVG) to this file.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List the surveys that gzprep knows, or draw the decision tree of one."""
    from gzprep.catalogue.surveys import find_survey, known_survey, survey_files

    if survey is None:
        if svg is not None:
            raise UsageError("--svg draws one survey; name it, such as: gzprep surveys gz2 --svg gz2.svg.")
        known = [known_survey(name) for name in survey_files()]
        print_json([_facts(one) for one in known]) if as_json else _show_list(known)
        return
    chosen = find_survey(survey)
    if svg is not None:
        _write(chosen, svg)
    if as_json:
        print_json({**_facts(chosen), **chosen.document()})
    elif svg is None:
        _show_tree(chosen)


def _facts(survey: "Survey") -> dict[str, str | int]:
    return {
        "name": survey.name,
        "title": survey.title,
        "question_count": len(survey.tree),
        "answer_count": len(survey.fraction_names),
        "label_count": len(survey.label_names),
        "suffix": survey.suffix,
    }


def _show_list(known: Sequence["Survey"]) -> None:
    from gzcore.console import show_line

    rows: list[tuple[str, ...]] = [("survey", "questions", "answers", "labels", "suffix", "title")]
    rows += [tuple(map(str, (*_numbers(survey), survey.suffix or "-", survey.title))) for survey in known]
    widths = [max(len(row[place]) for row in rows) for place in range(5)]
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(row[place].rjust(widths[place]) for place in (1, 2, 3))]
        show_line("  ".join((*cells, row[4].ljust(widths[4]), row[5])).rstrip())
    show_line("The tree of one: gzprep surveys NAME.")


def _numbers(survey: "Survey") -> tuple[str, int, int, int]:
    return survey.name, len(survey.tree), len(survey.fraction_names), len(survey.label_names)


def _show_tree(survey: "Survey") -> None:
    from gzcore.console import show_line
    from gzprep.catalogue.tree_nodes import nodes_of_survey
    from gzprep.catalogue.tree_text import KEY, tree_lines

    width = max(40, min(shutil.get_terminal_size().columns, 100))
    schemes = "; ".join(
        f"{scheme} ({len(wanted)} question{'s' * (len(wanted) > 1)})" for scheme, wanted in survey.schemes.items()
    )
    after = [KEY, f"Schemes: {schemes}." if schemes else None, *survey.citations, survey.licence, survey.url]
    lines = [*_wrapped(_summary(survey), width), "", *tree_lines(nodes_of_survey(survey), width)]
    for line in (*lines, *(part for text in after if text is not None for part in _wrapped(text, width))):
        show_line(line)


def _summary(survey: "Survey") -> str:
    name, questions, answers, labels = _numbers(survey)
    first = survey.fraction_columns[0]
    column = survey.aliases.get(first, first.removesuffix("_fraction"))
    counts = f"{questions} questions, {answers} answers, {labels} labels"
    return f"{survey.title} ({name}): {counts}. The first column is {column}."


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _write(survey: "Survey", file: Path) -> None:
    from gzcore.console import say
    from gzcore.storage.atomic import appearing, sweep, writing
    from gzprep.catalogue.tree_nodes import nodes_of_survey
    from gzprep.catalogue.tree_svg import tree_svg

    drawn, _, _ = tree_svg(nodes_of_survey(survey), f"The decision tree of {survey.title}")
    sweep(file.parent, file.name)
    with writing(file), appearing(file) as target:
        target.write(drawn.encode())
    say(f"The tree of {survey.name} is drawn in {file}.")
