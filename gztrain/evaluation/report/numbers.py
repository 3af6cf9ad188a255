"""The numbers behind the plots: ROC and precision-recall curves, reliability, and the worst mistakes."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gzcore.dataset.tree import Question
from gztrain.data.labels import Doubles, Floats, Ints, chosen_answers, classes

_POINTS = 201
"""Largest number of points of a drawn curve. A ROC curve of 40,000 galaxies has as many corners, too many to see."""
BINS = 10
"""Number of bins of the reliability diagram."""
_Z95 = 1.959964
"""97.5 % quantile of the normal distribution."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A curve to draw, x and y float64 [P], and the area under the full curve."""

    x: Doubles
    y: Doubles
    area: float


def roc_curve(labels: Ints, scores: Floats) -> Curve | None:
    """ROC curve of one label; None if there are only positives or only negatives.

    Args:
        labels: 0 or 1, int64 [N].
        scores: probabilities, float32 [N].
    """
    from sklearn.metrics import auc
    from sklearn.metrics import roc_curve as exact

    if not 0 < labels.sum() < len(labels):
        return None
    false, true, _ = exact(labels, scores)
    return _thin(Curve(false, true, float(auc(false, true))))


def precision_recall_curve(labels: Ints, scores: Floats) -> Curve | None:
    """Precision against recall of one label, with its average precision; None if all labels are equal."""
    from sklearn.metrics import average_precision_score
    from sklearn.metrics import precision_recall_curve as exact

    if not 0 < labels.sum() < len(labels):
        return None
    precision, recall, _ = exact(labels, scores)
    return _thin(Curve(recall[::-1], precision[::-1], float(average_precision_score(labels, scores))))


def _thin(curve: Curve) -> Curve:
    """Keep at most ``_POINTS`` points, spread evenly along the length of the curve, with both ends."""
    if len(curve.x) <= _POINTS:
        return curve
    along = np.concatenate(([0.0], np.cumsum(np.hypot(np.diff(curve.x), np.diff(curve.y)))))
    kept = np.searchsorted(along, np.linspace(0, along[-1], _POINTS)).clip(0, len(along) - 1)
    kept = np.unique(np.concatenate((kept, [len(along) - 1])))
    return Curve(curve.x[kept], curve.y[kept], curve.area)


@dataclass(frozen=True, slots=True)
class Reliability:
    """A reliability diagram with ten bins of predicted probability.

    Attributes:
        given: mean predicted probability of each bin, float64 [10]; NaN for an empty bin.
        share: share of the labels in each bin that are 1, likewise.
        low, high: 95 % interval of that share (Wilson 1927).
        counts: number of labels in each bin, int64 [10].
        error: expected calibration error: the mean distance between share and given over all labels (Naeini 2015).
    """

    given: Doubles
    share: Doubles
    low: Doubles
    high: Doubles
    counts: Ints
    error: float


def reliability(labels: Ints, scores: Floats) -> Reliability:
    """Compare predicted probabilities with the labels, in bins of probability.

    Args:
        labels: 0 or 1, int64 [N], unmasked values only.
        scores: their probabilities, float32 [N].
    """
    bins = np.minimum((scores * BINS).astype(np.int64), BINS - 1)
    counts = np.bincount(bins, minlength=BINS)
    with np.errstate(invalid="ignore"):
        given = np.bincount(bins, scores, BINS) / counts
        share = np.bincount(bins, labels, BINS) / counts
    low, high = wilson(share, counts)
    gap = float(np.nansum(np.abs(given - share) * counts) / max(counts.sum(), 1))
    return Reliability(given, share, low, high, counts, gap)


def wilson(share: Doubles, counts: Ints) -> tuple[Doubles, Doubles]:
    """95 % interval of a share (Wilson 1927); NaN where the count is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = _Z95**2 / counts
        middle = (share + spread / 2) / (1 + spread)
        half = _Z95 * np.sqrt(share * (1 - share) / counts + spread / (4 * counts)) / (1 + spread)
    return middle - half, middle + half


@dataclass(frozen=True, slots=True)
class Mistake:
    """A galaxy that was wrongly classified.

    Attributes:
        row: its row in the predictions.
        said: the model's answer.
        truth: the volunteers' answer.
        margin: probability of the model's answer minus that of the volunteers' answer, 0 to 1.
    """

    row: int
    said: str
    truth: str
    margin: float


def worst_mistakes(question: Question, probabilities: Floats, labels: Ints, mask: Ints, number: int) -> list[Mistake]:
    """The mistakes of which the model was most certain, largest margin first.

    Args:
        question: a question with K labels.
        probabilities: float32 [N, K].
        labels: int64 [N, K].
        mask: int64 [N, K].
        number: largest number of mistakes to return.
    """
    names = classes(question)
    given = _with_twin(probabilities.astype(np.float64))
    said, truth = chosen_answers(probabilities), chosen_answers(labels)
    rows = np.arange(len(given))
    margin = given[rows, said] - given[rows, truth]
    wrong = np.flatnonzero(mask.all(axis=1) & (said != truth))
    chosen = wrong[np.argsort(-margin[wrong], kind="stable")][:number]
    return [Mistake(int(row), names[said[row]], names[truth[row]], float(margin[row])) for row in chosen]


def _with_twin(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.concatenate((values, 1 - values), axis=1) if values.shape[1] == 1 else values
