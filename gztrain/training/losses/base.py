"""The protocol of a training loss, and what losses on labels share."""

from dataclasses import dataclass, field
from typing import Any, Protocol

from gztrain.data.dataset import Scheme
from gztrain.data.labels import Answers, Floats, Ints, Policy, Ties, true_labels

Tensor = Any
"""A tensor of the backend in use, or a numpy array."""


class TrainingLoss(Protocol):
    """A loss for the L labels of one scheme."""

    @property
    def name(self) -> str:
        """Its name on the command line."""

    @property
    def outputs(self) -> int:
        """Number of logits that the model must return, O."""

    def targets(self, batch: Answers) -> Floats:
        """The targets that logits are compared with, computed on the host: float32 [B, W]."""

    def per_galaxy(self, targets: Tensor, logits: Tensor) -> Tensor:
        """Loss of each galaxy, float32 [B], from targets [B, W] and logits [B, O]; finite for any finite logit."""

    def probabilities(self, logits: Tensor) -> Tensor:
        """Probability of each label, float32 [B, L], from logits [B, O]."""


@dataclass(frozen=True, eq=False)
class WeightedLabels:
    """The labels that a loss compares with, and their weights.

    Attributes:
        scheme: its L labels and Q questions.
        policy: label policy, ``asked`` or ``report``.
        min_votes: a question with fewer votes is masked.
        weights: weight of each label, float32 [L].
        ties: whether a question with two best answers is masked.
        smoothing: how far labels are moved to the middle, in [0, 1); 0: not at all.
    """

    scheme: Scheme
    policy: Policy
    min_votes: int
    weights: Floats
    ties: Ties = field(default="keep", kw_only=True)
    smoothing: float = 0.0

    def labels_and_mask(self, batch: Answers) -> tuple[Ints, Ints]:
        """Labels and mask of a batch, each int64 [B, L]."""
        return true_labels(batch, self.scheme, self.policy, self.min_votes, self.ties)
