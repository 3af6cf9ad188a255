"""How much a vote would teach (BALD, Houlsby et al. 2011, arXiv:1112.5745; for galaxies Walmsley et al. 2020).

Several networks that agree have nothing to learn from a vote, even if all of them say "one half": the galaxy itself is
doubtful then. Where each is sure of another answer, a vote decides between them.
"""

from dataclasses import dataclass

import numpy as np

from gztrain.data.dataset import Scheme
from gztrain.data.labels import Doubles, Floats, classes
from gztrain.predict.catalogue.asked import chances
from gztrain.predict.catalogue.votes import shares_of


@dataclass(frozen=True, eq=False)
class Acquisition:
    """What votes on N galaxies would teach.

    Attributes:
        score: mean information of a vote over the questions, weighted by the chance that each is asked, bits,
            float64 [N].
        information: of a vote on each of the Q questions, bits, float64 [N, Q].
        asked: the chance that each is asked, float64 [N, Q]; 1 where it is not known.
    """

    score: Doubles
    information: Doubles
    asked: Doubles


def information(shares: Doubles) -> Doubles:
    """What a vote says of which network is right: the entropy of the mean less the mean entropy, bits, float64 [N].

    It is the mutual information of a vote and the network, and lies between 0 and log2 of the number of answers.

    Args:
        shares: of K answers, by M networks for N galaxies, float64 [M, N, K]; they add up to 1.
    """
    return np.asarray(np.maximum(_entropy(shares.mean(axis=0)) - _entropy(shares).mean(axis=0), 0))


def _entropy(shares: Doubles) -> Doubles:
    logs = np.log2(shares, out=np.zeros_like(shares), where=shares > 0)
    return np.asarray(-(shares * logs).sum(axis=-1))


def acquisition(samples: Floats, scheme: Scheme) -> Acquisition:
    """Work out what votes would teach.

    Args:
        samples: label probabilities of M networks for N galaxies, float32 [M, N, L].
        scheme: of the labels.
    """
    by_question = [_shares(samples, scheme, place) for place in range(len(scheme.questions))]
    found = np.stack([information(shares) for shares in by_question], axis=1)
    means = [shares.mean(axis=0) for shares in by_question]
    fractions = {
        (question.name, answer): column
        for question, mean in zip(scheme.questions, means, strict=True)
        for answer, column in zip(classes(question), mean.T, strict=False)
    }
    asked = np.nan_to_num(np.stack(chances(scheme.questions, fractions, samples.shape[1]), axis=1), nan=1.0)
    weights = np.maximum(asked, np.finfo(np.float64).tiny)
    return Acquisition((weights * found).sum(axis=1) / weights.sum(axis=1), found, asked)


def _shares(samples: Floats, scheme: Scheme, place: int) -> Doubles:
    members, galaxies, labels = samples.shape
    shares = shares_of(samples.reshape(-1, labels), scheme, place)
    if shares.shape[1] == 1:
        shares = np.concatenate([shares, 1 - shares], axis=1)
    return shares.reshape(members, galaxies, -1)
