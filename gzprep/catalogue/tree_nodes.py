"""A decision tree as nodes: which question follows which answer. Text and SVG are drawn from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gzcore.dataset.tree import Question
from gzprep.catalogue.question import Answer
from gzprep.catalogue.survey import Survey

LABEL, TWIN, DROPPED = "label", "twin", "dropped"
"""What an answer is: a label; the answer where the label is 0; an answer where the question is masked."""


@dataclass(frozen=True, slots=True)
class Branch:
    """An answer, and the questions that follow it.

    Attributes:
        answer: its name.
        kind: ``label``, ``twin`` or ``dropped``.
        children: the questions that volunteers are asked next.
    """

    answer: str
    kind: str
    children: tuple["Node", ...] = ()


@dataclass(frozen=True, slots=True)
class Node:
    """A question.

    Attributes:
        name: without the suffix of the survey.
        title: the question as a person would ask it.
        branches: its answers.
        note: what the tree cannot show, such as several answers that lead here; or empty.
    """

    name: str
    title: str
    branches: tuple[Branch, ...]
    note: str = ""

    @property
    def leads_on(self) -> bool:
        """Whether a question follows one of its answers."""
        return any(branch.children for branch in self.branches)


def nodes_of_survey(survey: Survey) -> tuple[Node, ...]:
    """The questions of a survey that follow no single answer, with all that follow them."""
    notes = {}
    for question, entry in zip(survey.tree, survey.questions, strict=True):
        if entry.derived is not None:
            notes[question.name] = f"derived from {_listed(entry.derived.sources)}"
        elif entry.parents is not None:
            notes[question.name] = f"asked after {_listed(entry.parents)}"
    return nodes_of(survey.tree, suffix=survey.suffix, notes=notes)


def nodes_of(
    questions: Sequence[Question], suffix: str = "", notes: Mapping[str, str] | None = None
) -> tuple[Node, ...]:
    """The questions that follow no single answer, with all that follow them.

    Args:
        questions: a tree; parents come before the questions that follow them.
        suffix: what is left out of names, without its hyphen.
        notes: remarks, by the name of the question with its suffix.
    """
    made: dict[str, Node] = {}
    for question in reversed(questions):  # children first
        branches = tuple(
            Branch(answer, _kind(question, answer), _children((question.name, answer), questions, made))
            for answer in question.answers
        )
        name = question.name.removesuffix(f"-{suffix}") if suffix else question.name
        note = (notes or {}).get(question.name, _note(question, suffix))
        made[question.name] = Node(name, question.title, branches, note)
    return tuple(made[question.name] for question in questions if question.parent is None)


def _note(question: Question, suffix: str) -> str:
    """Where a question comes that has no place below a single answer."""
    if question.parent is not None or not question.parents:
        return ""
    return f"after {_listed([(name.removesuffix(f'-{suffix}'), answer) for name, answer in question.parents])}"


def _children(answer: Answer, questions: Sequence[Question], made: Mapping[str, Node]) -> tuple[Node, ...]:
    return tuple(made[question.name] for question in questions if question.parent == answer)


def _kind(question: Question, answer: str) -> str:
    return LABEL if answer in question.used else TWIN if answer == question.twin else DROPPED


def _listed(answers: Sequence[Answer]) -> str:
    """Answers in words, each question once: ``smooth-or-featured: smooth or featured-or-disk``."""
    by_question: dict[str, list[str]] = {}
    for name, answer in answers:
        by_question.setdefault(name, []).append(answer)
    return "; ".join(f"{name}: {' or '.join(given)}" for name, given in by_question.items())
