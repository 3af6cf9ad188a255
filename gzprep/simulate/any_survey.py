"""Catalogues of any survey with simulated votes, for trials: the tree is walked as volunteers walk it.

Each galaxy has a chance for each answer, and volunteers answer by these chances. They follow from the truth of a galaxy
where Galaxy Zoo 2 has a question of the same name with the same answers; all others are drawn, and say nothing of its
image.
"""

import random
from collections import Counter
from collections.abc import Iterator, Mapping

from gzcore.hashing import generator
from gzprep.catalogue.question import SurveyQuestion
from gzprep.catalogue.survey import Survey
from gzprep.catalogue.surveys import gz2
from gzprep.simulate.volunteers import Chances

VOLUNTEERS = 40
"""Volunteers who look at a galaxy; Galaxy Zoo asks about 40."""
Given = tuple[str, str]
"""A question, without the suffix of its survey, and the answer."""
Row = dict[str, str | int | float]
_SAME = {"features": "featured-or-disk", "cigar-shaped": "cigar"}
"""Answers that Galaxy Zoo 2 has under another name."""


def draw_catalogue(survey: Survey, seed: int, galaxies: int) -> list[Row]:
    """Rows of a catalogue, as the survey names its columns: id, file name, and votes or fractions.

    Args:
        survey: its tree, and the names of its columns.
        seed: another seed gives other votes.
        galaxies: how many; galaxy 7 is the same in a catalogue of any length.
    """
    return [row_of(survey, f"{100_000 + index}", draw_votes(survey, seed, index)) for index in range(galaxies)]


def draw_votes(survey: Survey, seed: int, index: int, truth: Chances | None = None) -> Counter[Given]:
    """The votes for each answer of one galaxy.

    Args:
        survey: its tree.
        seed: another seed gives other votes.
        index: of the galaxy.
        truth: its chances of the answers of Galaxy Zoo 2; None: all chances are drawn.

    Returns:
        A function of (survey, seed, index, truth).
    """
    rng = generator("simulate-survey", seed, index)
    chances = {question.name: [rng.random() ** 2 + 0.02 for _ in question.answers] for question in survey.questions}
    for question in survey.questions:
        chances[question.name] = _by_truth(question, truth or {}) or chances[question.name]
    return Counter(given for _ in range(VOLUNTEERS) for given in _walk(survey, chances, rng))


def _by_truth(question: SurveyQuestion, truth: Mapping[str, Mapping[str, float]]) -> list[float] | None:
    """The chances of the answers of a question; None where Galaxy Zoo 2 did not ask it so."""
    known = truth.get(gz2().column_prefix(question.name), {})
    answers = [
        next((name for name in (answer, _SAME.get(answer)) if name in known), None) for answer in question.answers
    ]
    return None if None in answers else [known[name] + 0.01 for name in answers if name is not None]


def _walk(survey: Survey, chances: dict[str, list[float]], rng: random.Random) -> Iterator[Given]:
    """Take one volunteer through the tree."""
    given: set[Given] = set()
    for question in survey.questions:
        if question.derived is None and (not question.leads or given.intersection(question.leads)):
            answer = rng.choices(question.answers, chances[question.name])[0]
            given.add((question.name, answer))
            yield question.name, answer


def row_of(survey: Survey, name: str, votes: Counter[Given]) -> Row:
    """The row of a galaxy, as the survey names its columns; its image is ``<name>.jpg``."""
    row: Row = {survey.id_column: name}
    if survey.image_file is None:
        row |= {survey.aliases.get("filename", "filename"): f"{name}.jpg"}
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
