"""The Dirichlet-multinomial likelihood of the vote counts (Walmsley et al. 2022, eq. 2). It needs no binary labels.

A question has one logit for each of its answers, also for the twin and for a dropped answer, since they got votes too.

A derived question has the votes of other questions. Where these are in the scheme, too, the network must not learn from
the same votes twice: the gradient of the derived question is made a hundred times smaller. Adam, which divides a
gradient by its size, trains the last layer of this question as before; what all questions share hardly hears it.
"""

from dataclasses import dataclass

import numpy as np
from keras import ops

from gztrain.data.dataset import Scheme
from gztrain.data.labels import Answers, Floats
from gztrain.training.losses.base import Tensor

LEAST, RANGE = 1.0, 100.0
"""Concentrations lie between 1 and 101, as in Zoobot, so that every Dirichlet distribution has a single peak."""
_ECHO = 0.01
"""What is left of the gradient of a derived question."""
_SHIFT = 4
"""Stirling's series is accurate to 1e-8 from 1 + 4 on."""


@dataclass(frozen=True, eq=False)
class DirichletMultinomial:
    """Negative log likelihood of the vote counts, over the questions that have counts.

    Attributes:
        scheme: its Q questions.
        min_votes: a question with fewer votes is masked. A question without counts is always masked.
    """

    scheme: Scheme
    min_votes: int
    name = "dirichlet"

    @property
    def outputs(self) -> int:
        """One logit for each answer, question after question."""
        return len(self.scheme.fraction_places)

    def targets(self, batch: Answers) -> Floats:
        """Number of votes for each answer, zeros where the question is masked: float32 [B, O]."""
        of_answer = [question.index for question in self.scheme.questions for _ in question.answers]
        totals = batch.votes[:, of_answer]
        counted = totals >= max(self.min_votes, 1)  # false for NaN, which means that there are no counts
        votes = np.rint(batch.fractions[:, list(self.scheme.fraction_places)] * totals)
        return np.where(counted & np.isfinite(votes), votes, 0).astype(np.float32)

    def per_galaxy(self, targets: Tensor, logits: Tensor) -> Tensor:
        """Negative log likelihoods of unmasked questions, summed, divided by the number of questions, float32 [B]."""
        votes, alpha = ops.cast(targets, "float32"), concentrations(self._heard_once(ops.cast(logits, "float32")))
        total, size = self._by_question(votes), self._by_question(alpha)
        by_answer = self._by_question(log_rising(alpha, votes) - log_rising(1.0, votes))
        likelihood = by_answer + log_rising(1.0, total) - log_rising(size, total)
        has_votes = ops.cast(total > 0, "float32")  # without votes the likelihood is 0, its gradient only nearly 0
        return -ops.sum(has_votes * likelihood, axis=-1) / len(self.scheme.questions)

    def _heard_once(self, logits: Tensor) -> Tensor:
        """The same logits; those of a question whose votes others have, too, pass on little of their gradient.

        So it is where all sources of a derived question are in the scheme. Where one is not, its votes are heard
        through the derived question alone, which then passes on all of its gradient.
        """
        names = {question.name for question in self.scheme.questions}
        pairs = zip(self.scheme.questions, self.scheme.fraction_blocks, strict=True)
        echoes = [block for question, block in pairs if question.sources and names.issuperset(question.sources)]
        if not echoes:
            return logits
        share = np.ones(self.outputs, np.float32)
        for block in echoes:
            share[block] = _ECHO
        return share * logits + (1 - share) * ops.stop_gradient(logits)

    def _by_question(self, of_answers: Tensor) -> Tensor:
        """Sum over the answers of each question: [B, O] to [B, Q]."""
        return ops.stack([ops.sum(of_answers[:, block], axis=-1) for block in self.scheme.fraction_blocks], axis=-1)

    def probabilities(self, logits: Tensor) -> Tensor:
        """Expected share of each label among the votes for labels and twin, float32 [B, L].

        Dropped answers are left out, because labels do not cover them. Such a share is not the probability that the
        label wins. It lies on the same side of one half, but closer to one half.
        """
        return ops.concatenate(
            [
                known[:, : len(question.used)] / ops.sum(known, axis=-1, keepdims=True)
                for question, known in zip(self.scheme.questions, self._known(concentrations(logits)), strict=True)
            ],
            axis=-1,
        )

    def _known(self, of_answers: Tensor) -> list[Tensor]:
        """For each question, the columns of its labels and its twin; a dropped answer is the last column."""
        pairs = zip(self.scheme.fraction_blocks, self.scheme.questions, strict=True)
        return [of_answers[:, block.start : block.stop - (question.dropped is not None)] for block, question in pairs]


def concentrations(logits: Tensor) -> Tensor:
    """Parameters of the Dirichlet distributions, float32 between 1 and 101."""
    return LEAST + RANGE * ops.sigmoid(ops.cast(logits, "float32"))


def log_rising(start: Tensor, steps: Tensor) -> Tensor:
    """Logarithm of the rising factorial: log gamma(start + steps) - log gamma(start), for start >= 1 and steps >= 0.

    Keras has no log gamma function, and a difference of two of them would lose four of the seven digits of float32. So
    the difference of their Stirling series is computed term by term, from ``start + 4`` on. The first four factors are
    corrected for one by one.
    """
    first_factors = sum(ops.log1p(steps / (start + number)) for number in range(_SHIFT))
    low = start + _SHIFT
    high = low + steps
    series = (low - 0.5) * ops.log1p(steps / low) + steps * ops.log(high) - steps
    return series + _stirling(high) - _stirling(low) - first_factors


def _stirling(x: Tensor) -> Tensor:
    """The terms of log gamma(x) that follow (x - 1/2) log x - x + log(2 pi) / 2 in Stirling's series."""
    square = 1 / (x * x)
    return (1 / 12 - square * (1 / 360 - square / 1260)) / x


def questions_without_votes(votes: Floats, scheme: Scheme) -> tuple[str, ...]:
    """Names of the questions for which no galaxy has a vote count. This loss cannot learn them.

    Args:
        votes: total votes of each question, float32 [N, Q]; NaN without counts.
        scheme: the scheme whose questions are checked.
    """
    has_votes = np.any(votes > 0, axis=0).tolist()  # a comparison with NaN is false
    return tuple(question.name for question in scheme.questions if not has_votes[question.index])
