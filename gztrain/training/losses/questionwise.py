"""Categorical cross-entropy of each question: a softmax over the answers that are labels, and the twin.

A question of one label has two logits, one for the label and one for its twin. A dropped answer has no logit: galaxies
for which it wins are masked, so it is never the true class.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise

import numpy as np
from keras import ops

from gztrain.data.labels import Answers, Floats, classes
from gztrain.training.losses.base import Tensor, WeightedLabels


@dataclass(frozen=True, eq=False)
class Softmax(WeightedLabels):
    """Masked categorical cross-entropy, times the weight of the true class. A twin has the weight of its label."""

    name = "softmax"

    @property
    def outputs(self) -> int:
        """One logit for each class, question after question."""
        return len(self._is_twin)

    @cached_property
    def _blocks(self) -> tuple[slice, ...]:
        ends = accumulate((len(classes(question)) for question in self.scheme.questions), initial=0)
        return tuple(slice(start, stop) for start, stop in pairwise(ends))

    @cached_property
    def _label_of(self) -> list[int]:
        """Column of the label that each logit belongs to; a twin belongs to the label that it is the twin of."""
        pairs = zip(self.scheme.blocks, self.scheme.questions, strict=True)
        return [min(block.start + number, block.stop - 1) for block, q in pairs for number in range(len(classes(q)))]

    @cached_property
    def _is_twin(self) -> list[bool]:
        return [answer == question.twin for question in self.scheme.questions for answer in classes(question)]

    def targets(self, batch: Answers) -> Floats:
        """One-hot classes of each question, zeros where it is masked: float32 [B, O]."""
        labels, mask = (values[:, self._label_of] for values in self.labels_and_mask(batch))
        return (mask * np.where(self._is_twin, 1 - labels, labels)).astype(np.float32)

    def per_galaxy(self, targets: Tensor, logits: Tensor) -> Tensor:
        """Sum of the weighted terms of unmasked questions, divided by the number of questions, float32 [B]."""
        weighted = ops.cast(targets, "float32") * self.weights[self._label_of]
        logs = self._by_question(ops.log_softmax, logits)
        terms = ops.sum(weighted * logs, axis=-1)
        if self.smoothing:
            terms = (1 - self.smoothing) * terms + self.smoothing * self._spread(weighted, logs)
        return -terms / len(self._blocks)

    def _spread(self, weighted: Tensor, logs: Tensor) -> Tensor:
        """The terms of labels that are spread over all answers, as in keras.losses.CategoricalCrossentropy, [B]."""
        return sum(ops.sum(weighted[:, b], axis=-1) * ops.mean(logs[:, b], axis=-1) for b in self._blocks)

    def probabilities(self, logits: Tensor) -> Tensor:
        """Probability of each label, float32 [B, L]."""
        columns = [column for column, twin in enumerate(self._is_twin) if not twin]
        return ops.take(self._by_question(ops.softmax, logits), columns, axis=-1)

    def _by_question(self, function: Callable[..., Tensor], logits: Tensor) -> Tensor:
        logits = ops.cast(logits, "float32")
        return ops.concatenate([function(logits[:, block], axis=-1) for block in self._blocks], axis=-1)
