"""What every objective can do."""

from typing import Any, Protocol

from gztrain.data.labels import Answers, Floats

Tensor = Any
"""A tensor of the backend in use, or a numpy array."""


class Objective(Protocol):
    """A loss and all that goes with it, for the L labels of one scheme."""

    @property
    def name(self) -> str:
        """What the command line calls it."""

    @property
    def outputs(self) -> int:
        """Logits that a model must give, O."""

    def targets(self, batch: Answers) -> Floats:
        """What the loss compares logits with, made on the host: float32 [B, W]."""

    def loss(self, targets: Tensor, logits: Tensor) -> Tensor:
        """Loss of each galaxy, float32 [B], of targets [B, W] and logits [B, O]; finite at any finite logit."""

    def probabilities(self, logits: Tensor) -> Tensor:
        """Probability of each label, float32 [B, L], of logits [B, O]."""
