"""What can be had without looking at an image: the labels' frequencies, and the commonest answer."""

from dataclasses import dataclass

import numpy as np

from gzcore.errors import GzError
from gztrain.data.dataset import Scheme
from gztrain.data.label_counts import LabelCounts
from gztrain.data.labels import Doubles


@dataclass(frozen=True, eq=False)
class Baseline:
    """Two predictors that say the same of every galaxy, from the training galaxies alone.

    Attributes:
        image_free: how often each label is 1 where it is known, float64 [L]: the best constant probabilities.
        majority: 1 for the commonest answer of each question, else 0, float64 [L].
    """

    image_free: Doubles
    majority: Doubles


def make_baseline(counts: LabelCounts, scheme: Scheme) -> Baseline:
    """Derive the baselines of a scheme from label counts of the training galaxies.

    A question that no training galaxy answered has equal frequencies. A single label is the majority where it is 1
    more often than not.

    Raises:
        GzError: the counts are those of other labels.
    """
    if counts.names != scheme.names:
        raise GzError(f"The label counts are not those of scheme {scheme.name}: {', '.join(counts.names)}.")
    shares = [_shares(counts, block) for block in scheme.blocks]
    return Baseline(np.concatenate(shares), np.concatenate([_commonest(part) for part in shares]))


def _shares(counts: LabelCounts, block: slice) -> Doubles:
    positives, answered = counts.positives[block], counts.answered[block]
    nothing_known = np.full(len(positives), 1 / max(len(positives), 2))
    shares: Doubles = np.divide(positives, answered, out=nothing_known, where=answered > 0)
    return shares


def _commonest(shares: Doubles) -> Doubles:
    if len(shares) == 1:
        return np.array([shares[0] > 0.5], np.float64)
    return np.array(np.arange(len(shares)) == shares.argmax(), np.float64)
