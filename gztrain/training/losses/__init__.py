"""What training minimises, and how logits become probabilities of labels.

An objective makes targets on the host, in numpy, and takes a loss of them and of logits on the device. The loss
of a galaxy is a sum over what is known of it, divided by a number that is the same for every galaxy: the mean
over a batch therefore does not depend on how batches are cut, and a masked question neither adds nor dilutes.
"""

import numpy as np

from gzcore.errors import GzError, UsageError
from gztrain.data.dataset import Scheme
from gztrain.data.labels import Floats, Policy
from gztrain.training.losses.base import Objective
from gztrain.training.losses.labelwise import CrossEntropy, Focal
from gztrain.training.losses.questionwise import Softmax
from gztrain.training.losses.votewise import DirichletMultinomial, silent_questions

OBJECTIVES = ("bce", "softmax", "focal", "dirichlet")
"""Names of the objectives; the first is the default."""

UNWEIGHTED = ("dirichlet",)
"""Objectives without weights of labels: they count votes, not labels."""

__all__ = ["OBJECTIVES", "UNWEIGHTED", "Objective", "make_objective", "silent_questions"]


def make_objective(  # noqa: PLR0913 -- what a recipe may say of a loss
    name: str,
    scheme: Scheme,
    weights: Floats | None = None,
    *,
    policy: Policy = "asked",
    min_votes: int = 1,
    gamma: float = 2.0,
) -> Objective:
    """Make an objective.

    Args:
        name: one of ``OBJECTIVES``.
        scheme: its L labels.
        weights: one a label, float32 [L]; None weighs all alike. Those of ``UNWEIGHTED`` have no use for them.
        policy: how votes became labels.
        min_votes: a question with fewer votes is masked.
        gamma: how far ``focal`` turns away from what is already right; 0 is ``bce``.

    Raises:
        UsageError: there is no such objective.
        GzError: the weights are not those of the scheme.
    """
    if name not in OBJECTIVES:
        raise UsageError(f"There is no loss {name!r}; choose one of {', '.join(OBJECTIVES)}.")
    if name == "dirichlet":
        return DirichletMultinomial(scheme, min_votes)
    weights = check_weights(weights, scheme)
    if name == "softmax":
        return Softmax(scheme, policy, min_votes, weights)
    if name == "focal":
        return Focal(scheme, policy, min_votes, weights, gamma)
    return CrossEntropy(scheme, policy, min_votes, weights)


def check_weights(weights: Floats | None, scheme: Scheme) -> Floats:
    """Return the weights of a scheme's labels, float32 [L]; ones where none are given.

    Raises:
        GzError: there are more or fewer than labels, or one is negative or not finite.
    """
    if weights is None:
        return np.ones(len(scheme.names), np.float32)
    if weights.shape != (len(scheme.names),):
        raise GzError(f"Scheme {scheme.name} has {len(scheme.names)} labels, but {weights.size} weights came.")
    if not (np.isfinite(weights) & (weights >= 0)).all():
        raise GzError(f"Weights of labels must be finite and not negative, but {weights.tolist()} came.")
    return weights.astype(np.float32)
