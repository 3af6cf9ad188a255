"""Which columns of a catalogue are read, and the name that a survey has for each.

A catalogue may have names of its own (``Class1.1``, ``file_loc``). From here on a column has the name that Galaxy Zoo
would give it; a message has the name that is in the file.
"""

from collections.abc import Collection, Iterator

from gzcore.dataset.tree import Question
from gzprep.catalogue.question import SurveyQuestion
from gzprep.catalogue.survey import Survey

EXTRAS = ("iauname", "ra", "dec", "summary")
"""Columns that are carried through to the data set's own catalogue where they exist."""
POSITIONS = {"ra": 360.0, "dec": 90.0}
"""Columns of degrees, and the largest number of each."""


def required(survey: Survey) -> tuple[str, ...]:
    """The columns that a catalogue needs beside those of its questions."""
    return ("id_str",) if survey.image_file is not None or survey.ids_are_files else ("id_str", "filename")


def numeric(survey: Survey) -> tuple[str, ...]:
    """The columns of numbers that a catalogue may have."""
    votes = (name for question, entry in questions(survey) for name in _numbers_of(question, entry))
    return (*votes, *survey.debiased_columns, *survey.debiased_aliases, *POSITIONS)


def _numbers_of(question: Question, entry: SurveyQuestion) -> Iterator[str]:
    """The columns of numbers of a question: all, or those whose names the survey gives."""
    own = entry.columns
    if own is None or own.fractions:
        yield from question.fraction_columns
    if own is None or own.votes:
        yield from question.columns
    if own is None or own.total:
        yield question.total_column
    if own is not None and own.share:
        yield question.fraction_columns[0]


def wanted(survey: Survey) -> dict[str, str]:
    """The columns that are read where they are there: the name in the file, and the survey's own."""
    first: dict[str, str] = {}
    for name, own in _pairs(survey):
        first.setdefault(name, own)
    return first


def shared(survey: Survey) -> dict[str, str]:
    """Columns that stand in the file for another one too: ``iauname`` where it is the id, and that it is read as."""
    first = wanted(survey)
    return {own: first[name] for name, own in _pairs(survey) if first[name] != own}


def _pairs(survey: Survey) -> Iterator[tuple[str, str]]:
    classes = (question.name for question, entry in questions(survey) if entry.columns and entry.columns.classes)
    ids = () if survey.ids_are_files else ("id_str",)
    for name in (*ids, "subfolder", "filename", *EXTRAS, *numeric(survey), *classes):
        yield in_file(survey, name), survey.debiased_aliases.get(name, name)


def in_file(survey: Survey, name: str) -> str:
    """What a column is called in the file."""
    if name == "id_str" and survey.ids_are_files:
        name = "filename"
    return survey.aliases.get(name, name)


def questions(survey: Survey) -> Iterator[tuple[Question, SurveyQuestion]]:
    """The questions that a catalogue has columns for, and what the survey says of each."""
    return zip(survey.asked, survey.questions, strict=False)  # derived questions come last


def has_debiased(survey: Survey, names: Collection[str]) -> bool:
    """Whether a file has debiased fractions of every answer, under one of their names."""
    found = {survey.debiased_aliases.get(name, name) for name in names}
    return bool(survey.debiased_columns) and found.issuperset(survey.debiased_columns)


def absent(survey: Survey, names: Collection[str]) -> list[str]:
    """The columns that a catalogue needs and does not have, by their names in the file.

    Args:
        survey: whose columns are looked for.
        names: of the columns that the file has.
    """
    lacking = [in_file(survey, name) for name in required(survey)]
    return [name for name in lacking if name not in names] + absent_votes(survey, names)


def absent_votes(survey: Survey, names: Collection[str]) -> list[str]:
    """The columns of votes and labels among those that :func:`absent` gives."""
    return [name for question, entry in questions(survey) for name in _absent(question, entry, names)]


def _absent(question: Question, entry: SurveyQuestion, names: Collection[str]) -> list[str]:
    own = entry.columns
    if own is not None:
        one = tuple(name for name in (own.share, own.classes) if name is not None)
        kinds = [[name for name in way if name not in names] for way in (own.fractions, own.votes, one) if way]
        return min(kinds, key=len, default=[])
    if all(name in names for name in question.columns):  # the fractions can be worked out
        return []
    return [name for name in question.fraction_columns if name not in names]
