"""Cross-entropy label by label: one logit a label, weighted and masked; plain or focal."""

from dataclasses import dataclass

import numpy as np
from keras import ops

from gztrain.data.dataset import Scheme
from gztrain.data.labels import Answers, Floats, Policy, true_labels
from gztrain.training.losses.base import Tensor


@dataclass(frozen=True, eq=False)
class CrossEntropy:
    """Masked binary cross-entropy; a weight multiplies both terms of its label, and of no other (F16).

    Attributes:
        scheme: its L labels; one output each.
        policy: how votes became labels.
        min_votes: a question with fewer votes is masked.
        weights: one a label, float32 [L].
    """

    scheme: Scheme
    policy: Policy
    min_votes: int
    weights: Floats
    name = "bce"

    @property
    def outputs(self) -> int:
        """One logit a label."""
        return len(self.scheme.names)

    def targets(self, batch: Answers) -> Floats:
        """Labels, then mask: float32 [B, 2 L]."""
        return np.concatenate(true_labels(batch, self.scheme, self.policy, self.min_votes), axis=1, dtype=np.float32)

    def loss(self, targets: Tensor, logits: Tensor) -> Tensor:
        """Sum of the weighted terms of unmasked labels over the number of labels, float32 [B]."""
        labels, mask = ops.split(ops.cast(targets, "float32"), 2, axis=-1)
        towards = ops.cast(logits, "float32") * (2 * labels - 1)  # positive where the logit has the right sign
        return ops.sum(self.weights * mask * self._term(towards), axis=-1) / self.outputs

    def _term(self, towards: Tensor) -> Tensor:
        return ops.softplus(-towards)  # -log(sigmoid(towards)) without its overflow

    def probabilities(self, logits: Tensor) -> Tensor:
        """Probability of each label, float32 [B, L]."""
        return ops.sigmoid(ops.cast(logits, "float32"))


@dataclass(frozen=True, eq=False)
class Focal(CrossEntropy):
    """Focal loss: cross-entropy times (1 - p)^gamma, p the probability of what is true (Lin et al. 2017, eq. 4).

    Attributes:
        gamma: 0 gives cross-entropy; larger turns further away from what is already right.
    """

    gamma: float = 2.0
    name = "focal"

    def _term(self, towards: Tensor) -> Tensor:
        return ops.exp(-self.gamma * ops.softplus(towards)) * ops.softplus(-towards)
