"""Catalogues of any survey with simulated votes, for trials: the tree is walked as volunteers walk it.

The votes follow from no image. Each galaxy has a chance for each answer, and volunteers answer by these chances.
"""

import random
from collections import Counter
from collections.abc import Iterator

from gzcore.hashing import generator
from gzprep.catalogue.survey import Survey

VOLUNTEERS = 40
"""Volunteers who look at a galaxy; Galaxy Zoo asks about 40."""
Given = tuple[str, str]
"""A question, without the suffix of its survey, and the answer."""
Row = dict[str, str | int | float]


def draw_catalogue(survey: Survey, seed: int, galaxies: int) -> list[Row]:
    """Rows of a catalogue, as the survey names its columns: id, file name, and votes or fractions.

    Args:
        survey: its tree, and the names of its columns.
        seed: another seed gives other votes.
        galaxies: how many; galaxy 7 is the same in a catalogue of any length.
    """
    return [_row(survey, index, draw_votes(survey, seed, index)) for index in range(galaxies)]


def draw_votes(survey: Survey, seed: int, index: int) -> Counter[Given]:
    """The votes for each answer of one galaxy, a function of (survey, seed, index)."""
    rng = generator("simulate-survey", seed, index)
    chances = {question.name: [rng.random() ** 2 + 0.02 for _ in question.answers] for question in survey.questions}
    return Counter(given for _ in range(VOLUNTEERS) for given in _walk(survey, chances, rng))


def _walk(survey: Survey, chances: dict[str, list[float]], rng: random.Random) -> Iterator[Given]:
    """Take one volunteer through the tree."""
    given: set[Given] = set()
    for question in survey.questions:
        if question.derived is None and (not question.leads or given.intersection(question.leads)):
            answer = rng.choices(question.answers, chances[question.name])[0]
            given.add((question.name, answer))
            yield question.name, answer


def _row(survey: Survey, index: int, votes: Counter[Given]) -> Row:
    row: Row = {survey.id_column: f"{100_000 + index}"}
    if survey.image_file is None:
        row |= {survey.aliases.get("filename", "filename"): f"{100_000 + index}.jpg"}
        row |= {} if survey.path_column else {"subfolder": ""}
    fractions = shares_of(survey, votes)
    for question, entry in zip(survey.asked, survey.questions, strict=False):  # derived questions come last
        for column, answer in zip(question.fraction_columns, entry.answers, strict=True):
            if entry.columns is not None and entry.columns.fractions:
                row[survey.aliases[column]] = fractions[entry.name, answer]
        for column, answer in zip(question.columns, entry.answers, strict=True):
            if entry.columns is None or entry.columns.votes:
                row[survey.aliases.get(column, column)] = votes[entry.name, answer]
    return row


def shares_of(survey: Survey, votes: Counter[Given]) -> dict[Given, float]:
    """Vote fractions; multiplied along the tree if those of the survey are; 0 for a question that was not asked."""
    shares: dict[Given, float] = {}
    for question in survey.questions:
        total = sum(votes[question.name, answer] for answer in question.answers)
        factor = sum(shares[lead] for lead in question.leads) if survey.cumulative and question.leads else 1.0
        shares |= {
            (question.name, answer): factor * votes[question.name, answer] / max(total, 1)
            for answer in question.answers
        }
    return shares
