"""What a model says of N images, turned into votes: fractions with their intervals, and the chance of being asked."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gztrain.data.dataset import Scheme
from gztrain.data.labels import Doubles, Floats, classes
from gztrain.predict.catalogue.asked import chances
from gztrain.predict.catalogue.intervals import Scaling, dirichlet_bounds
from gztrain.predict.catalogue.network import Seen

LEAST, RANGE = 1.0, 100.0
"""Concentrations lie between 1 and 101: those of :mod:`gztrain.training.losses.votewise`."""


@dataclass(frozen=True, eq=False)
class Votes:
    """Votes that are expected for N galaxies.

    Attributes:
        fractions: of all answers of all questions of a scheme, float64 [N, F]; NaN where nothing is known of an answer.
        low: lower ends of the intervals, float64 [N, F].
        high: upper ends.
        asked: the chance that each question is asked, float64 [N, Q]; NaN where that is not known.
    """

    fractions: Doubles
    low: Doubles
    high: Doubles
    asked: Doubles


def shares_of(probabilities: Floats, scheme: Scheme, place: int) -> Doubles:
    """Probabilities of the labels and the twin of a question, adding up to 1, float64 [N, K]."""
    question, given = scheme.questions[place], probabilities[:, scheme.blocks[place]].astype(np.float64)
    if len(classes(question)) > given.shape[1]:
        given = np.concatenate([given, 1 - given.sum(axis=1, keepdims=True)], axis=1)
    elif given.shape[1] == 1:
        return given
    given = np.clip(given, 1e-9, 1)
    shares: Doubles = given / given.sum(axis=1, keepdims=True)
    return shares


def concentrations(logits: Floats) -> Doubles:
    """Concentrations of all answers, float64 [N, F], from the logits of the loss ``dirichlet``."""
    return LEAST + RANGE / (1 + np.exp(-logits.astype(np.float64)))


def expected_votes(seen: Seen, scheme: Scheme, scalings: Sequence[Scaling] | None, usual: float) -> Votes:
    """Work out votes and intervals.

    Args:
        seen: what the network says of N images.
        scheme: its questions.
        scalings: one for each question; None: the logits are those of the loss ``dirichlet``.
        usual: how many volunteers see a galaxy; a question is answered by those that come to it.
    """
    blocks = list(zip(scheme.questions, scheme.fraction_blocks, strict=True))
    if scalings is None:
        alpha = concentrations(_known(seen.logits))
        means = [alpha[:, block] / alpha[:, block].sum(axis=1, keepdims=True) for _, block in blocks]
    else:
        means = [
            scaling.fractions(shares_of(seen.probabilities, scheme, place)) for place, scaling in enumerate(scalings)
        ]
    by_answer = {
        (question.name, answer): column
        for (question, _), mean in zip(blocks, means, strict=True)
        for answer, column in zip(question.answers, mean.T, strict=True)
    }
    asked = chances(scheme.questions, by_answer, len(seen.probabilities))
    if scalings is None:
        voters = [np.nan_to_num(chance * usual) for chance in asked]
        ends = [
            dirichlet_bounds(alpha[:, block], number)[1:] for (_, block), number in zip(blocks, voters, strict=True)
        ]
    else:
        ends = [scaling.bounds(mean) for scaling, mean in zip(scalings, means, strict=True)]
    low, high = (np.concatenate(parts, axis=1) for parts in zip(*ends, strict=True))
    return Votes(np.concatenate(means, axis=1), low, high, np.stack(asked, axis=1))


def _known(logits: Floats | None) -> Floats:
    if logits is None:
        raise ValueError("votes by formula need logits")
    return logits
