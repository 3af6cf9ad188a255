"""Labels and mask of a scheme, under a label policy and a minimum of votes; and which answer a model gives.

``asked`` masks a question that no volunteer answered, or whose dropped answer won. ``report`` masks nothing, and has no
minimum of votes: an unasked question has the label that follows from the zeros that the report filled in.
"""

from typing import Literal, Protocol, get_args

import numpy as np
import numpy.typing as npt

from gzcore.dataset.tree import Question
from gztrain.data.dataset import Scheme

Policy = Literal["asked", "report"]
POLICIES: tuple[Policy, ...] = get_args(Policy)
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]


class Answers(Protocol):
    """The part of a :class:`gztrain.data.Batch` that labels need."""

    @property
    def fractions(self) -> Floats:
        """Vote fractions, float32 [B, 32]; NaN where not asked."""

    @property
    def votes(self) -> Floats:
        """Total votes of Q0 to Q10, float32 [B, 11]; NaN without counts."""

    def labels(self, policy: Policy) -> tuple[Ints, Ints]:
        """All labels and their mask under a policy, each int64 [B, 22]."""


def true_labels(batch: Answers, scheme: Scheme, policy: Policy, min_votes: int = 1) -> tuple[Ints, Ints]:
    """Choose the labels of a scheme, and mask what is not known.

    Args:
        batch: labels, votes and mask of B galaxies.
        scheme: which labels, L of them.
        policy: how votes became labels.
        min_votes: under ``asked``, a question with fewer is masked; one without counts is kept.

    Returns:
        Labels and mask, each int64 [B, L] of 0 and 1; a masked label is 0.
    """
    labels, mask = (part[:, list(scheme.places)] for part in batch.labels(policy))
    if policy == "asked":
        mask = mask * enough_votes(batch.votes, scheme, min_votes)
    return labels * mask, mask


def enough_votes(votes: Floats, scheme: Scheme, min_votes: int) -> Ints:
    """Tell of which labels the question has enough votes, or no counts: int64 [B, L] of 0 and 1."""
    of_label = [question.index for question in scheme.questions for _ in question.used]
    return (~(votes[:, of_label] < min_votes)).astype(np.int64)  # NaN is not less than anything


def chosen_answers(values: Floats | Doubles | Ints) -> Ints:
    """Which answer the values of a question choose, for N galaxies: its place in :func:`classes`, int64 [N].

    The rule stands here alone. A question with several labels: the label with the largest value. A question with one
    label: that label if its value is above one half, else its twin.

    Args:
        values: probabilities, shares or labels of the K labels of a question, [N, K].
    """
    return np.where(values[:, 0] > 0.5, 0, 1) if values.shape[1] == 1 else values.argmax(axis=1)


def classes(question: Question) -> tuple[str, ...]:
    """Answers of a question that can be true: the used ones, then the twin. A dropped one is masked."""
    return question.used if question.twin is None else (*question.used, question.twin)
