"""Outputs that belong to each other's labels: two labels whose columns were exchanged somewhere.

Two signs are looked for, of which one is enough:

- Each label is ranked much better by the output of the other, and surely so: both gains together are four times as
  large as their standard error. That needs many galaxies, or outputs that rank well.
- The labels are clearly more probable with the two outputs exchanged, by the likelihood ratio, and each is ranked
  better, too. It also sees that an output fits the frequency of the other label, so it finds weak networks judged on
  few galaxies.

The likelihood ratio is a sum over galaxies, and is compared with its own standard error (Vuong 1989). That it must be
four times as large leaves less than one false alarm in a hundred for all pairs of 21 labels together. A wrong frequency
alone is no exchange, so the ranks must agree.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np

from gztrain.data.labels import Doubles
from gztrain.evaluation.predictions import Predictions

CLEAR = 0.1
"""The other output must rank a label better by this much of AUC, and so much better than chance."""
_STANDARD_ERRORS = 4.0
_CLIP = 1e-3
"""Probabilities are kept at this distance from 0 and 1: no single galaxy decides."""
_AT_A_TIME = 1 << 14
"""Galaxies whose logarithms are in memory."""


@dataclass(frozen=True)
class Swapped:
    """Two labels whose outputs look swapped.

    Attributes:
        labels: their places.
        own: AUC of each label by its own output.
        crossed: by the output of the other.
    """

    labels: tuple[int, int]
    own: tuple[float, float]
    crossed: tuple[float, float]


def find_swapped(predictions: Predictions, own: Mapping[int, float]) -> Iterator[Swapped]:
    """Yield the pairs of labels whose outputs look swapped.

    Args:
        predictions: of the galaxies.
        own: AUC by its own output of each label that can be ranked and whose output depends on the image, by place.
    """
    gained = _gained(predictions)
    for first, second in combinations(own, 2):
        weak = max(own[first], own[second]) < 0.5 + 2 * CLEAR
        likely = gained[first, second] > 0 and standard_errors(predictions, first, second) > _STANDARD_ERRORS
        if not (weak or likely):
            continue
        mine = own[first], own[second]
        crossed = _auc(predictions, first, second), _auc(predictions, second, first)
        pairs = list(zip(mine, crossed, strict=True))
        clearly = all(other > before + CLEAR and other > 0.5 + CLEAR for before, other in pairs)
        better = all(other > max(before, 0.5) for before, other in pairs)
        surely = clearly and _errors_of_gains(predictions, (first, second), pairs) > _STANDARD_ERRORS
        if (weak and surely) or (likely and better):
            yield Swapped((first, second), mine, crossed)


def _gained(predictions: Predictions) -> Doubles:
    """The log likelihood ratio of every pair of outputs exchanged over as they are, float64 [L, L].

    It is far quicker than pair after pair, and of a sound network hardly any is above 0.
    """
    width = len(predictions.names)
    of_output = np.zeros((width, width))  # log likelihood of a label by an output
    for start in range(0, len(predictions.ids), _AT_A_TIME):
        here = slice(start, start + _AT_A_TIME)
        given = predictions.probabilities[here].astype(np.float64).clip(_CLIP, 1 - _CLIP)
        known, true = predictions.mask[here] == 1, predictions.labels[here] == 1
        of_output += (known & true).T @ np.log(given) + (known & ~true).T @ np.log1p(-given)
    gain = of_output - np.diag(of_output)[:, None]
    return gain + gain.T


def standard_errors(predictions: Predictions, first: int, second: int) -> float:
    """The log likelihood ratio of two outputs exchanged over as they are, in units of its standard error."""
    gains = _gain(predictions, first, second) + _gain(predictions, second, first)
    error = float(gains.std()) * np.sqrt(len(gains))
    return float(gains.sum()) / error if error > 0 else 0.0


def _gain(predictions: Predictions, label: int, output: int) -> Doubles:
    """How much more probable a label is by another output than by its own, float64 [N], logarithms; 0: not known."""
    columns = predictions.probabilities[:, [output, label]].astype(np.float64).clip(_CLIP, 1 - _CLIP)
    odds = np.where(predictions.labels[:, label, None] == 1, np.log(columns), np.log1p(-columns))
    gains: Doubles = np.where(predictions.mask[:, label] == 1, odds[:, 0] - odds[:, 1], 0.0)
    return gains


def _errors_of_gains(predictions: Predictions, labels: tuple[int, int], pairs: list[tuple[float, float]]) -> float:
    """How much the AUC of both labels grows by the output of the other, in units of the standard error.

    That is the scatter over all ways to give the outputs to the galaxies. An AUC is a sum of labels times ranks, so the
    covariance of two of them is a product of two sums (Hoeffding 1951). It counts: where two labels are answers of one
    question, one gain is nearly the other, and both together scatter up to twice as much as if they were independent.
    """
    first, second = labels
    terms = (_ranked(predictions, first, second), _ranked(predictions, second, first))
    variance = sum(
        float((one @ other) * (gain @ its) / np.sqrt((number - 1) * (count - 1)))
        for (one, gain, number), (other, its, count) in product(terms, repeat=2)
    )
    return float(sum(crossed - own for own, crossed in pairs) / np.sqrt(variance))


def _ranked(predictions: Predictions, label: int, output: int) -> tuple[Doubles, Doubles, int]:
    """What an AUC gains by another output, as two factors for each galaxy, and how many galaxies are known.

    Returns:
        The label over the number of pairs that an AUC compares, and the rank by the other output less that by its own.
        Both have mean 0 over the galaxies whose label is known, and are 0 for all others.
    """
    from scipy.stats import rankdata

    known = predictions.mask[:, label] == 1
    true = predictions.labels[known, label]
    factors: Doubles = np.zeros((2, len(known)))
    factors[0, known] = (true - true.mean()) / (true.sum() * (1 - true).sum())
    columns = predictions.probabilities[known][:, [output, label]]
    factors[1, known] = np.subtract(*rankdata(columns, axis=0).T)
    return factors[0], factors[1], int(known.sum())


def _auc(predictions: Predictions, label: int, output: int) -> float:
    """AUC of the output of one label against another label, over the galaxies of which that is known."""
    from sklearn.metrics import roc_auc_score

    known = predictions.mask[:, label] == 1
    return float(roc_auc_score(predictions.labels[known, label], predictions.probabilities[known, output]))
