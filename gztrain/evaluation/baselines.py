"""Two baselines that ignore the image: the frequency of each label, and the most common answer to each question."""

from dataclasses import dataclass

import numpy as np

from gzcore.errors import GzError
from gztrain.data.dataset import Scheme
from gztrain.data.label_counts import LabelCounts
from gztrain.data.labels import Doubles, chosen_answers


@dataclass(frozen=True, eq=False)
class Baseline:
    """Two predictors that give every galaxy the same probabilities. They are computed from the training galaxies.

    Attributes:
        image_free: frequency of each label among the galaxies for which it is known, float64 [L]. These are the best
            probabilities that ignore the image.
        majority: 1 for the most common answer to each question, else 0, float64 [L].
    """

    image_free: Doubles
    majority: Doubles


def make_baseline(counts: LabelCounts, scheme: Scheme) -> Baseline:
    """Compute the baselines of a scheme from the label counts of the training galaxies.

    If a question is not known for any training galaxy, its labels get equal frequencies. The most common answer
    is chosen by :func:`gztrain.data.labels.chosen_answers`.

    Raises:
        GzError: the counts belong to other labels.
    """
    if counts.names != scheme.names:
        raise GzError(f"The label counts are not those of scheme {scheme.name}: {', '.join(counts.names)}.")
    shares = [_shares(counts, block) for block in scheme.blocks]
    return Baseline(np.concatenate(shares), np.concatenate([_commonest(of_question) for of_question in shares]))


def _shares(counts: LabelCounts, block: slice) -> Doubles:
    positives, answered = counts.positives[block], counts.answered[block]
    equal = np.full(len(positives), 1 / max(len(positives), 2))
    shares: Doubles = np.divide(positives, answered, out=equal, where=answered > 0)
    return shares


def _commonest(shares: Doubles) -> Doubles:
    return np.array(np.arange(len(shares)) == chosen_answers(shares[None, :]), np.float64)
