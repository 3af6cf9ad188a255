"""Questions from the columns of a user's own catalogue: of 0 and 1, fractions, classes, or votes.

Each column is a question of its own, or, where the columns ``bar_yes`` and ``bar_no`` hold votes or fractions that add
up to 1, they are the answers of one question ``bar``.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from gzcore.console import shown
from gzcore.errors import UsageError
from gzprep.catalogue.own_columns import MOST_CLASSES, OwnColumn
from gzprep.catalogue.question import MOST_LETTERS, Columns, SurveyQuestion
from gzprep.catalogue.survey import Survey

_PAIRS = ({"yes", "no"}, {"true", "false"}, {"y", "n"}, {"t", "f"})
"""Words that mean yes and no; yes is the answer that becomes the label."""
_ROUNDING = 0.01
"""How far from 1 the fractions of a question may add up."""


def unlabelled(name: str, title: str) -> Survey:
    """The survey of galaxies without labels: one question that has no answer for any of them, so its mask is 0."""
    question = SurveyQuestion(
        name="label", title="No label is given", used=("yes",), twin="no", columns=Columns(unknown=True)
    )
    return Survey(name=name, title=title, own_labels=True, questions=(question,))


def survey_of_columns(name: str, title: str, columns: Mapping[str, OwnColumn]) -> Survey:
    """Make a survey of columns.

    Args:
        name: of the survey.
        title: what a reader is told.
        columns: what they hold, in the order in which they are named.

    Raises:
        UsageError: no question can be made of a column.
    """
    questions = tuple(_questions(columns))
    names = [question.name for question in questions]
    twice = next((one for one in names if names.count(one) > 1), None)
    if twice is not None:
        raise UsageError(f"Two columns of --labels would both be the question {twice}; rename one of them.")
    return Survey(name=name, title=title, own_labels=True, questions=questions)


def _questions(columns: Mapping[str, OwnColumn]) -> Iterator[SurveyQuestion]:
    """Yield the questions, in the order of their first columns."""
    together = _together(columns)
    done: set[str] = set()
    for name, column in columns.items():
        _refuse_long([name, *column.words])
        prefix = _parts(name)[0]
        if name not in together.get(prefix, ()):
            yield _alone(column)
        elif prefix not in done:
            done.add(prefix)
            yield _of_answers(prefix, [columns[one] for one in together[prefix]])


def _parts(name: str) -> tuple[str, str]:
    """Question and answer that a column is named after: ``bar_yes`` and ``bar_yes_fraction`` are the yes of bar."""
    question, _, answer = name.removesuffix("_fraction").rpartition("_")
    return question, answer


def _together(columns: Mapping[str, OwnColumn]) -> dict[str, list[str]]:
    """Columns that are the answers of one question, by its name."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name in columns:
        if all(_parts(name)):
            groups[_parts(name)[0]].append(name)
    return {
        prefix: names
        for prefix, names in groups.items()
        if len(names) > 1 and _belong([columns[name] for name in names])
    }


def _belong(columns: Sequence[OwnColumn]) -> bool:
    """Whether columns hold votes, or fractions that add up to 1 in each row."""
    if any(column.texts for column in columns):
        return False
    if _are_votes(columns):
        return True
    total = np.sum([column.values for column in columns], axis=0)
    return all(column.is_share for column in columns) and bool(np.all(~(np.abs(total - 1) > _ROUNDING)))


def _are_votes(columns: Sequence[OwnColumn]) -> bool:
    return all(column.is_whole for column in columns) and any((column.known > 1).any() for column in columns)


def _of_answers(name: str, columns: Sequence[OwnColumn]) -> SurveyQuestion:
    """The question whose answers have a column each."""
    answers = tuple(_word(_parts(column.name)[1]) for column in columns)
    names = tuple(column.name for column in columns)
    own = Columns(votes=names) if _are_votes(columns) else Columns(fractions=names)
    return _question(name, answers, own)


def _alone(column: OwnColumn) -> SurveyQuestion:
    """The question that one column is.

    Raises:
        UsageError: it is none; the sentence says what was expected.
    """
    if column.is_share:
        return _question(column.name, ("yes", "no"), Columns(share=column.name))
    if column.texts or column.is_whole:
        return _of_classes(column)
    raise UsageError(
        f"The column {column.name} of --labels holds numbers such as {column.known[0]:g}; expected 0 and 1, fractions "
        "from 0 to 1, names of classes, or votes in columns such as bar_yes and bar_no."
    )


def _of_classes(column: OwnColumn) -> SurveyQuestion:
    words = sorted(column.words, key=_as_number)
    if len(words) > MOST_CLASSES:
        raise UsageError(
            f"The column {column.name} of --labels holds more than {MOST_CLASSES} different values, such as "
            f"{column.example()}; expected classes, 0 and 1, or fractions from 0 to 1."
        )
    if 2 < len(words) == column.filled:
        raise UsageError(
            f"The column {column.name} of --labels holds another value in every row, such as {column.example()}; "
            "expected classes, each of several galaxies."
        )
    if len(words) < 2:
        raise UsageError(
            f"The column {column.name} of --labels holds {column.example()} alone; expected two classes or more."
        )
    if {word.lower() for word in words} in _PAIRS:
        yes, no = sorted(words, key=lambda word: word.lower() in {"no", "false", "n", "f"})
        return _question(column.name, ("yes", "no"), Columns(classes=column.name, words=(yes, no)))
    return _question(column.name, tuple(map(_word, words)), Columns(classes=column.name, words=tuple(words)))


def _as_number(word: str) -> tuple[float, str]:
    """Sorts numbers by their size, and other words after them."""
    return (float(word), word) if re.fullmatch(r"\d{1,15}(\.\d{1,15})?", word) else (float("inf"), word)


def _refuse_long(names: Sequence[str]) -> None:
    longest = max(names, key=len)
    if len(longest) > MOST_LETTERS:
        raise UsageError(
            f"A name of --labels has {len(longest):,} letters: {shown(longest)}; use {MOST_LETTERS:,} at most."
        )


def _question(name: str, answers: tuple[str, ...], columns: Columns) -> SurveyQuestion:
    """A question of two answers has one label and its twin; one of more has a label for each."""
    if len(set(answers)) < len(answers):
        raise UsageError(f"Two answers of {name} would have the same name among {', '.join(answers)}; rename one.")
    used, twin = (answers[:1], answers[1]) if len(answers) == 2 else (answers, None)
    return SurveyQuestion(name=_word(name), title=name, used=used, twin=twin, columns=columns)


def _word(text: str) -> str:
    """The text as the name of a question or of an answer: letters, digits and the signs . _ + -."""
    word = re.sub(r"[^A-Za-z0-9._+-]+", "-", text).strip("-._+")[:100]
    if not word:
        raise UsageError(f"{text!r} of --labels cannot be the name of a question or answer: use letters and digits.")
    return word
