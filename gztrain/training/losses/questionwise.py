"""Cross-entropy question by question: a softmax over the answers that can be true.

A question of one label has two outputs, label and twin. A dropped answer has none: a galaxy of which it wins is
masked, so its logit would only ever be pushed down.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise

import numpy as np
from keras import ops

from gztrain.data.dataset import Scheme
from gztrain.data.labels import Answers, Floats, Ints, Policy, classes, true_labels
from gztrain.training.losses.base import Tensor


@dataclass(frozen=True, eq=False)
class Softmax:
    """Masked categorical cross-entropy, times the weight of the true answer; a twin has the weight of its label.

    Attributes:
        scheme: its Q questions.
        policy: how votes became labels.
        min_votes: a question with fewer votes is masked.
        weights: one a label, float32 [L].
    """

    scheme: Scheme
    policy: Policy
    min_votes: int
    weights: Floats
    name = "softmax"

    @property
    def outputs(self) -> int:
        """One logit a class, question by question."""
        return len(self._is_twin)

    @cached_property
    def _blocks(self) -> tuple[slice, ...]:
        ends = accumulate((len(classes(question)) for question in self.scheme.questions), initial=0)
        return tuple(slice(start, stop) for start, stop in pairwise(ends))

    @cached_property
    def _label_of(self) -> list[int]:
        """Label that each output speaks of: its own, or the one it is the twin of."""
        parts = zip(self.scheme.blocks, self.scheme.questions, strict=True)
        return [min(block.start + place, block.stop - 1) for block, q in parts for place in range(len(classes(q)))]

    @cached_property
    def _is_twin(self) -> list[bool]:
        return [answer == question.twin for question in self.scheme.questions for answer in classes(question)]

    def targets(self, batch: Answers) -> Floats:
        """One-hot classes of each question, zeros where it is masked: float32 [B, O]."""
        labels, mask = (part[:, self._label_of] for part in self._truth(batch))
        return (mask * np.where(self._is_twin, 1 - labels, labels)).astype(np.float32)

    def _truth(self, batch: Answers) -> tuple[Ints, Ints]:
        return true_labels(batch, self.scheme, self.policy, self.min_votes)

    def loss(self, targets: Tensor, logits: Tensor) -> Tensor:
        """Sum of the weighted terms of unmasked questions over the number of questions, float32 [B]."""
        weighted = ops.cast(targets, "float32") * self.weights[self._label_of]
        return -ops.sum(weighted * self._by_question(ops.log_softmax, logits), axis=-1) / len(self._blocks)

    def probabilities(self, logits: Tensor) -> Tensor:
        """Probability of each label, float32 [B, L]."""
        places = [place for place, twin in enumerate(self._is_twin) if not twin]
        return ops.take(self._by_question(ops.softmax, logits), places, axis=-1)

    def _by_question(self, function: Callable[..., Tensor], logits: Tensor) -> Tensor:
        logits = ops.cast(logits, "float32")
        return ops.concatenate([function(logits[:, block], axis=-1) for block in self._blocks], axis=-1)
