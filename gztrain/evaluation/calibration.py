"""Whether probabilities are what they say: expected calibration error, Brier score, and temperatures that mend them.

The expected calibration error (ECE; Naeini et al. 2015) puts probabilities into ten bins of equal width, and is the
mean distance between the mean probability of a bin and the share of its labels that are 1. It is above zero for a
perfect model, too, since labels are few. So the value that a perfectly calibrated model exceeds in 2.5 % of the cases
stands beside it.

A temperature T divides the logits of a question (Guo et al. 2017): above 1 it makes a model less certain. It keeps the
order of the answers, so the most probable one stays. Of three or more labels that share a softmax, a probability may
cross one half, and with it precision, recall and the other figures that count what is above one half.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gztrain.data.dataset import Scheme
from gztrain.data.labels import Doubles, Floats, Ints, classes
from gztrain.evaluation.predictions import Predictions

BINS = 10
"""Number of bins of probability."""
_PERFECT = 400
"""Number of perfectly calibrated models that are simulated."""
_ROOM = 1 << 22
"""Random numbers in memory at a time."""
CLIP = 1e-7
"""Probabilities are kept at this distance from 0 and 1, as Keras does."""
COLDEST, HOTTEST = 0.2, 10.0
"""Temperatures lie between these."""
_PRIOR_SD = 0.5
"""Spread of log T before any galaxy is seen, so that few galaxies move a temperature little."""
_CHANCE = 1.92
"""A smaller rise of the log likelihood may be chance: half of the 95 % quantile of chi-squared (Wilks 1938)."""
_STEPS = 20
"""Steps, even in the logarithm, from 1 to the most probable temperature."""


def bins_of(scores: Floats | Doubles) -> Ints:
    """The bin of each probability, 0 to 9, int64."""
    return np.minimum((scores * BINS).astype(np.int64), BINS - 1)


def ece(labels: Ints, scores: Floats | Doubles) -> float | None:
    """Expected calibration error of labels int64 [M] with probabilities [M]; None if there are none."""
    return _gap(labels, scores) if len(labels) else None


def _gap(labels: Ints, scores: Floats | Doubles) -> float:
    """As :func:`ece`, of at least one label."""
    gaps = np.bincount(bins_of(scores), scores - labels, BINS)
    return float(np.abs(gaps).sum() / len(labels))


def ece_of_perfect(scores: Floats | Doubles, seed: int = 0) -> float | None:
    """The 97.5 % quantile of the ECE, if the probabilities [M] were exactly right; None if there are none."""
    if not len(scores):
        return None
    bins, rng = bins_of(scores), np.random.default_rng(seed)
    given, found = np.bincount(bins, scores, BINS), []
    step = max(1, _ROOM // len(scores))
    for start in range(0, _PERFECT, step):
        size = min(step, _PERFECT - start)
        labels = rng.random((size, len(scores)), np.float32) < scores
        places = bins + BINS * np.arange(size)[:, None]
        share = np.bincount(places.ravel(), labels.ravel(), size * BINS).reshape(size, BINS)
        found.append(np.abs(share - given).sum(axis=1) / len(scores))
    return float(np.quantile(np.concatenate(found), 0.975))


def calibration(predictions: Predictions, scheme: Scheme, *, seed: int = 0) -> dict[str, dict[str, float | None]]:
    """ECE, its limit, and Brier score of the known labels of each question, by the question's name."""
    found = {}
    for question, block in zip(scheme.questions, scheme.blocks, strict=True):
        known = predictions.mask[:, block] == 1
        labels, scores = predictions.labels[:, block][known], predictions.probabilities[:, block][known]
        brier = float(np.mean((scores.astype(np.float64) - labels) ** 2)) if len(labels) else None
        found[question.name] = {"ece": ece(labels, scores), "ece_limit": ece_of_perfect(scores, seed), "brier": brier}
    return found


# ------------------------------------------------------------ temperatures


def temper(probabilities: Floats | Doubles, temperature: float, *, joint: bool) -> Doubles:
    """Probabilities of one question at a temperature, float64 [N, K].

    Args:
        probabilities: of its K labels, [N, K].
        temperature: above 1: less certain.
        joint: whether the labels and what is left (the twin) are one softmax. Else each label is a sigmoid of its own.
    """
    given = np.clip(probabilities.astype(np.float64), CLIP, 1 - CLIP)
    if not joint:
        logits = (np.log(given) - np.log1p(-given)) / temperature
        return 1 / (1 + np.exp(-logits))
    powers = given ** (1 / temperature)
    result: Doubles = powers / powers.sum(axis=1, keepdims=True)
    return result


def is_joint(question_width: int, loss: str) -> bool:
    """Whether a question's labels share one softmax: those of several labels, under a loss that makes it so."""
    return question_width > 1 and loss in ("softmax", "dirichlet")


def fit_temperatures(predictions: Predictions, scheme: Scheme, loss: str) -> tuple[float, ...]:
    """The temperature of each question that lowers its calibration error, on the way to the most probable one.

    The most probable one is that at which the labels are most probable, given a prior around 1. A few galaxies for
    which the model is certain and wrong can ask for more than what the other probabilities need. So of the temperatures
    between 1 and that one, the one with the lowest calibration error of these galaxies is taken.

    Args:
        predictions: of galaxies that the model was not trained on, such as those of the validation fold.
        scheme: its questions.
        loss: the training loss, which says whether labels share a softmax.

    Returns:
        One for each question; 1 where no galaxy has a known answer, where the better fit may be chance, where no
        temperature on the way lowers the error, or where the labels that share a softmax have a twin.
    """
    return tuple(_fit(predictions, scheme, place, loss) for place in range(len(scheme.questions)))


def _fit(predictions: Predictions, scheme: Scheme, place: int, loss: str) -> float:
    from scipy.optimize import minimize_scalar

    question, block = scheme.questions[place], scheme.blocks[place]
    known = predictions.mask[:, block].all(axis=1)
    joint = is_joint(len(question.used), loss)
    if not known.any() or (joint and len(classes(question)) > len(question.used)):
        return 1.0
    labels, scores = predictions.labels[known, block], predictions.probabilities[known, block]

    def cost(log_temperature: float) -> float:
        tempered = temper(scores, float(np.exp(log_temperature)), joint=joint).clip(1e-12, 1 - 1e-12)
        likelihood = np.log(tempered)[labels == 1].sum()
        if not joint:
            likelihood += np.log1p(-tempered)[labels == 0].sum()
        return float(-likelihood + (log_temperature / _PRIOR_SD) ** 2 / 2)

    found = minimize_scalar(cost, bounds=(np.log(COLDEST), np.log(HOTTEST)), method="bounded")
    if cost(0.0) - found.fun <= _CHANCE:
        return 1.0
    between = np.exp(np.linspace(0, found.x, _STEPS + 1))
    errors = [_gap(labels.ravel(), temper(scores, temperature, joint=joint).ravel()) for temperature in between]
    return float(between[np.argmin(errors)])


def layer_settings(scheme: Scheme, temperatures: Sequence[float], loss: str) -> Mapping[str, Any]:
    """What :class:`gztrain.models.layers.Temperature` needs to know."""
    widths = [len(question.used) for question in scheme.questions]
    joint = [is_joint(width, loss) for width in widths]
    return {"widths": widths, "temperatures": list(temperatures), "joint": joint}
