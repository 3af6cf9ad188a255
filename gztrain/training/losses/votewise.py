"""The Dirichlet-multinomial likelihood of the votes (Walmsley et al. 2022, eq. 2): no binarisation.

A question has an output for each of its answers, twin and dropped ones too: people voted for them.
"""

from dataclasses import dataclass

import numpy as np
from keras import ops

from gztrain.data.dataset import Scheme
from gztrain.data.labels import Answers, Floats
from gztrain.training.losses.base import Tensor

LEAST, RANGE = 1.0, 100.0
"""Concentrations lie between 1 and 101, as in Zoobot: every Dirichlet has a single peak."""
_SHIFT = 4
"""From where on Stirling's series holds to 1e-8."""


@dataclass(frozen=True, eq=False)
class DirichletMultinomial:
    """Negative log likelihood of the vote counts, of the questions that have any.

    Attributes:
        scheme: its Q questions.
        min_votes: a question with fewer votes is masked; one without counts always is.
    """

    scheme: Scheme
    min_votes: int
    name = "dirichlet"

    @property
    def outputs(self) -> int:
        """One logit an answer, question by question."""
        return len(self.scheme.fraction_places)

    def targets(self, batch: Answers) -> Floats:
        """Votes for each answer, whole numbers, zeros where the question is masked: float32 [B, O]."""
        of_answer = [question.index for question in self.scheme.questions for _ in question.answers]
        totals = batch.votes[:, of_answer]
        counted = totals >= max(self.min_votes, 1)  # false for NaN, which stands for no counts
        votes = np.rint(batch.fractions[:, list(self.scheme.fraction_places)] * totals)
        return np.where(counted & np.isfinite(votes), votes, 0).astype(np.float32)

    def loss(self, targets: Tensor, logits: Tensor) -> Tensor:
        """Sum of the negative log likelihoods of unmasked questions over the number of questions, float32 [B]."""
        votes, alpha = ops.cast(targets, "float32"), concentrations(logits)
        total, size = self._by_question(votes), self._by_question(alpha)
        by_answer = self._by_question(log_rising(alpha, votes) - log_rising(1.0, votes))
        likelihood = by_answer + log_rising(1.0, total) - log_rising(size, total)
        heard = ops.cast(total > 0, "float32")  # without votes it is 0, but its gradient only nearly
        return -ops.sum(heard * likelihood, axis=-1) / len(self.scheme.questions)

    def _by_question(self, of_answers: Tensor) -> Tensor:
        """Sum over the answers of each question: [B, O] to [B, Q]."""
        return ops.stack([ops.sum(of_answers[:, block], axis=-1) for block in self.scheme.fraction_blocks], axis=-1)

    def probabilities(self, logits: Tensor) -> Tensor:
        """Expected share of each label among the votes for labels and twin, float32 [B, L].

        Dropped answers are left out, as the labels know nothing of them. A share is not the chance of winning: it
        lies on the same side of one half, but nearer to it.
        """
        return ops.concatenate(
            [
                known[:, : len(question.used)] / ops.sum(known, axis=-1, keepdims=True)
                for question, known in zip(self.scheme.questions, self._known(concentrations(logits)), strict=True)
            ],
            axis=-1,
        )

    def _known(self, of_answers: Tensor) -> list[Tensor]:
        """For each question, the part of the answers that are used or a twin; the dropped one is the last."""
        pairs = zip(self.scheme.fraction_blocks, self.scheme.questions, strict=True)
        return [of_answers[:, block.start : block.stop - (question.dropped is not None)] for block, question in pairs]


def concentrations(logits: Tensor) -> Tensor:
    """Parameters of the Dirichlet distributions, float32 between 1 and 101."""
    return LEAST + RANGE * ops.sigmoid(ops.cast(logits, "float32"))


def log_rising(start: Tensor, steps: Tensor) -> Tensor:
    """Logarithm of the rising factorial: log gamma(start + steps) - log gamma(start), for start from 1, steps from 0.

    The difference of two log gammas would lose four of float32's seven digits, and Keras has none: this takes the
    difference of their Stirling series term by term, from ``start + 4`` on, and walks the rest.
    """
    walked = sum(ops.log1p(steps / (start + place)) for place in range(_SHIFT))
    low = start + _SHIFT
    high = low + steps
    series = (low - 0.5) * ops.log1p(steps / low) + steps * ops.log(high) - steps
    return series + _stirling(high) - _stirling(low) - walked


def _stirling(x: Tensor) -> Tensor:
    """What the logarithm of gamma has beyond (x - 1/2) log x - x + log(2 pi) / 2."""
    square = 1 / (x * x)
    return (1 / 12 - square * (1 / 360 - square / 1260)) / x


def silent_questions(votes: Floats, scheme: Scheme) -> tuple[str, ...]:
    """Names of a scheme's questions of which no galaxy has a vote count: this objective cannot learn them.

    Args:
        votes: total votes of Q0 to Q10, float32 [N, 11]; NaN without counts.
        scheme: the questions to look at.
    """
    heard = np.any(votes > 0, axis=0).tolist()  # NaN is not more than anything
    return tuple(question.name for question in scheme.questions if not heard[question.index])
