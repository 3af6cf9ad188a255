"""The protocol of a training loss."""

from typing import Any, Protocol

from gztrain.data.labels import Answers, Floats

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
