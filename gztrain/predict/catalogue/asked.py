"""The chance that a volunteer is asked a question: the product along the decision tree."""

from collections.abc import Mapping, Sequence

import numpy as np

from gzcore.dataset.tree import Question
from gztrain.data.labels import Doubles


def chances(questions: Sequence[Question], fractions: Mapping[tuple[str, str], Doubles], number: int) -> list[Doubles]:
    """The chance that each question is asked, for N galaxies.

    It is 1 for a question without a parent. Else it is the chance that the parent question is asked, times the fraction
    of the answer that leads on. Where several answers lead to a question, their chances add up, since a volunteer gives
    one answer.

    Args:
        questions: of a scheme; parents come before the questions that follow them.
        fractions: of each answer, by (question, answer), float64 [N].
        number: N.

    Returns:
        One float64 [N] a question, 0 to 1; NaN where an answer that leads to it is not among ``fractions``.
    """
    known: dict[str, Doubles] = {}
    unknown = np.full(number, np.nan)
    for question in questions:
        terms = [
            known.get(parent, unknown) * fractions.get((parent, answer), unknown) for parent, answer in question.parents
        ]
        known[question.name] = np.minimum(np.sum(terms, axis=0), 1.0) if terms else np.ones(number)
    return [known[question.name] for question in questions]
