"""Labels and mask of a scheme, under a label policy and a minimum of votes; and which answer a model gives.

``asked`` masks a question that no volunteer answered, or whose dropped answer won. A run may also mask one with few
votes, or with two best answers. ``report`` masks nothing: an unasked question has the label that follows from the
zeros that the report filled in. ``debiased`` is as ``asked``, from the debiased fractions of Hart et al. 2016.
"""

from typing import Literal, Protocol, get_args

import numpy as np
import numpy.typing as npt

from gzcore.dataset.tree import Question
from gztrain.data.dataset import Scheme

Policy = Literal["asked", "report", "debiased"]
POLICIES: tuple[Policy, ...] = get_args(Policy)
Ties = Literal["mask", "keep"]
MIN_VOTES = 5
"""Votes that a question needs by default: the fewest from which a second panel of volunteers would give more than nine
labels of ten again, on real and on simulated galaxies (docs/labels.md)."""
TIE = 2e-6
"""Fractions closer than this are equal: gzprep's own limit, and the rounding of two float32."""
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]


class Answers(Protocol):
    """The part of a :class:`gztrain.data.Batch` that labels need."""

    @property
    def fractions(self) -> Floats:
        """Vote fractions, float32 [B, F]; NaN where not asked."""

    @property
    def votes(self) -> Floats:
        """Total votes of each question, float32 [B, Q]; NaN without counts."""

    def fractions_of(self, policy: Policy) -> Floats:
        """The fractions that labels under a policy come from, float32 [B, F]."""

    def labels(self, policy: Policy) -> tuple[Ints, Ints]:
        """All labels and their mask under a policy, each int64 [B, L] of all labels of a record."""


def true_labels(
    batch: Answers, scheme: Scheme, policy: Policy, min_votes: int = 1, ties: Ties = "keep"
) -> tuple[Ints, Ints]:
    """Choose the labels of a scheme, and mask what is not known.

    Args:
        batch: labels, votes and mask of B galaxies.
        scheme: which labels, L of them.
        policy: how votes became labels.
        min_votes: except under ``report``, a question with fewer is masked; one without counts is kept.
        ties: except under ``report``, ``mask`` a question whose two best answers have as many votes, or ``keep`` the
            label that gzprep drew by a hash of the galaxy.

    Returns:
        Labels and mask, each int64 [B, L] of 0 and 1; a masked label is 0.
    """
    labels, mask = (part[:, scheme.places] for part in batch.labels(policy))
    if policy != "report":
        mask = mask * enough_votes(batch.votes, scheme, min_votes)
        if ties == "mask":
            mask = mask * (1 - tied(batch.fractions_of(policy), scheme))
    return labels * mask, mask


def enough_votes(votes: Floats, scheme: Scheme, min_votes: int) -> Ints:
    """Tell of which labels the question has enough votes, or no counts: int64 [B, L] of 0 and 1."""
    return (~(votes[:, scheme.question_places] < min_votes)).astype(np.int64)  # NaN is not less than anything


def tied(fractions: Floats, scheme: Scheme) -> Ints:
    """Tell of which labels the question has two best answers: int64 [B, L] of 0 and 1."""
    places = scheme.answer_places
    answers = np.where(places < 0, -np.inf, fractions[:, places])  # [B, L, A]
    answers.sort(axis=2)  # NaN comes last: where no volunteer was asked, nothing is tied
    return (answers[..., -1] - answers[..., -2] <= TIE).astype(np.int64)


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
