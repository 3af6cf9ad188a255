"""Binary cross-entropy of each label, weighted and masked; plain or focal."""

from dataclasses import dataclass

import numpy as np
from keras import ops

from gztrain.data.labels import Answers, Floats
from gztrain.training.losses.base import Tensor, WeightedLabels


@dataclass(frozen=True, eq=False)
class CrossEntropy(WeightedLabels):
    """Masked binary cross-entropy. The weight of a label multiplies both terms of that label (F16).

    With ``smoothing`` s, a label of 1 counts as 1 - s / 2 and one of 0 as s / 2, as in keras.losses.BinaryCrossentropy.
    """

    name = "bce"

    @property
    def outputs(self) -> int:
        """One logit for each label."""
        return len(self.scheme.names)

    def targets(self, batch: Answers) -> Floats:
        """Labels, then mask: float32 [B, 2 L]."""
        return np.concatenate(self.labels_and_mask(batch), axis=1, dtype=np.float32)

    def per_galaxy(self, targets: Tensor, logits: Tensor) -> Tensor:
        """Sum of the weighted terms of unmasked labels, divided by the number of labels, float32 [B]."""
        labels, mask = ops.split(ops.cast(targets, "float32"), 2, axis=-1)
        signed = ops.cast(logits, "float32") * (2 * labels - 1)  # positive where the logit has the right sign
        return ops.sum(self.weights * mask * self._term(signed), axis=-1) / self.outputs

    def _term(self, signed: Tensor) -> Tensor:
        right = ops.softplus(-signed)  # -log(sigmoid(signed)), but without overflow
        if not self.smoothing:
            return right
        return (1 - self.smoothing / 2) * right + self.smoothing / 2 * ops.softplus(signed)

    def probabilities(self, logits: Tensor) -> Tensor:
        """Probability of each label, float32 [B, L]."""
        return ops.sigmoid(ops.cast(logits, "float32"))


@dataclass(frozen=True, eq=False)
class Focal(CrossEntropy):
    """Focal loss: cross-entropy times (1 - p)^gamma, p the probability of the true label (Lin et al. 2017, eq. 4).

    Attributes:
        gamma: 0 gives cross-entropy. The larger it is, the less do labels count that are predicted well.
    """

    gamma: float = 2.0
    name = "focal"

    def _term(self, signed: Tensor) -> Tensor:
        if not self.smoothing:
            return ops.exp(-self.gamma * ops.softplus(signed)) * ops.softplus(-signed)
        share = 1 - self.smoothing / 2  # of the true class, as in keras.losses.BinaryFocalCrossentropy
        missed = share * ops.sigmoid(-signed) + (1 - share) * ops.sigmoid(signed)
        return missed**self.gamma * super()._term(signed)
