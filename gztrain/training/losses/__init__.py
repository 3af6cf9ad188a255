"""The losses that training can minimise, and the step from logits to label probabilities.

A training loss computes its targets on the host, with numpy, and the loss from targets and logits on the device. The
loss of a galaxy is a sum over its unmasked labels, divided by a number that is the same for every galaxy. So the mean
over a batch does not depend on how batches are cut, and a masked question adds 0.
"""

import numpy as np

from gzcore.errors import GzError, UsageError
from gztrain.data.dataset import Scheme
from gztrain.data.labels import Floats, Policy, Ties
from gztrain.training.losses.base import TrainingLoss
from gztrain.training.losses.labelwise import CrossEntropy, Focal
from gztrain.training.losses.questionwise import Softmax
from gztrain.training.losses.votewise import DirichletMultinomial, questions_without_votes

LOSSES = ("bce", "softmax", "focal", "dirichlet")
"""Names of the losses; the first is the default."""

UNWEIGHTED = ("dirichlet",)
"""Losses that use no label weights, because they use votes instead of labels."""

__all__ = ["LOSSES", "UNWEIGHTED", "TrainingLoss", "make_loss", "questions_without_votes"]


def make_loss(  # noqa: PLR0913 -- what a recipe may say of a loss
    name: str,
    scheme: Scheme,
    weights: Floats | None = None,
    *,
    policy: Policy = "asked",
    min_votes: int = 1,
    ties: Ties = "keep",
    gamma: float = 2.0,
    smoothing: float = 0.0,
) -> TrainingLoss:
    """Create a training loss.

    Args:
        name: one of ``LOSSES``.
        scheme: its L labels.
        weights: weight of each label, float32 [L]; None for equal weights. The losses in ``UNWEIGHTED`` ignore them.
        policy: label policy, ``asked`` or ``report``.
        min_votes: a question with fewer votes is masked.
        ties: whether a question with two best answers is masked; ``dirichlet`` uses votes, and masks none.
        gamma: of ``focal``. The larger it is, the less do labels count that are predicted well; 0 gives ``bce``.
        smoothing: how far labels are moved to the middle, in [0, 1). ``dirichlet`` has no labels and ignores it.

    Raises:
        UsageError: there is no such loss.
        GzError: the weights do not fit the scheme.
    """
    if name not in LOSSES:
        raise UsageError(f"There is no loss {name!r}; choose one of {', '.join(LOSSES)}.")
    if name == "dirichlet":
        return DirichletMultinomial(scheme, min_votes)
    weights = check_weights(weights, scheme)
    if name == "softmax":
        return Softmax(scheme, policy, min_votes, weights, smoothing, ties=ties)
    if name == "focal":
        return Focal(scheme, policy, min_votes, weights, smoothing, gamma, ties=ties)
    return CrossEntropy(scheme, policy, min_votes, weights, smoothing, ties=ties)


def check_weights(weights: Floats | None, scheme: Scheme) -> Floats:
    """Check the weights of a scheme's labels, and return them as float32 [L]; ones if ``weights`` is None.

    Raises:
        GzError: their number is not that of the labels, or a weight is negative or not finite.
    """
    if weights is None:
        return np.ones(len(scheme.names), np.float32)
    if weights.shape != (len(scheme.names),):
        raise GzError(f"Scheme {scheme.name} has {len(scheme.names)} labels, but {weights.size} weights came.")
    if not (np.isfinite(weights) & (weights >= 0)).all():
        raise GzError(f"Weights of labels must be finite and not negative, but {weights.tolist()} came.")
    return weights.astype(np.float32)
