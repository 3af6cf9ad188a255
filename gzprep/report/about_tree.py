"""The decision tree of the data set, as a drawing: what volunteers were asked, and which answers are labels."""

from gzcore.console.colours import data_address, follow_theme
from gzprep.catalogue.tree_nodes import nodes_of
from gzprep.catalogue.tree_svg import tree_svg
from gzprep.report.figure import Figure, count_of, numbers
from gzprep.report.pictures import Picture
from gzprep.report.study import Study


def tree_figure(study: Study) -> Figure:
    """The drawing, and a row for each answer."""
    survey = study.manifest.survey
    drawn, width, height = tree_svg(
        nodes_of(study.questions, "" if survey is None else survey.suffix), "Tree", paper=None
    )
    address = data_address(follow_theme(drawn).encode(), "image/svg+xml")
    rows = [
        (question.name, answer, "label" if answer in question.used else "label 0" if answer == question.twin else "-")
        for question in study.questions
        for answer in question.answers
    ]
    labels = count_of(sum(len(question.used) for question in study.questions), "label")
    counts = (
        f"{count_of(len(study.questions), 'question')} with {len(rows)} answers, which give {labels} (filled dots)."
    )
    lines = "A line leads from an answer to the question that comes next."
    sentence = f"{counts} {lines}" if any(question.parents for question in study.questions) else counts
    return Figure(
        "tree",
        "Your labels as questions" if study.own_labels else "What volunteers were asked",
        sentence,
        numbers(("question", "answer", "use"), rows),
        drawings=(Picture(address, width, height, "The decision tree: each question is a box that lists its answers"),),
    )
