"""What the figures show, as numbers: curves, reliability, and the galaxies that were most wrongly classified."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gzcore.dataset.tree import Question
from gztrain.data.labels import Doubles, Floats, Ints, classes

_POINTS = 201
"""Points of a drawn curve: a ROC of 40,000 galaxies has as many corners, and nobody can see them."""
BINS = 10
_Z95 = 1.959964
"""97.5 % quantile of the normal distribution."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A curve to draw, float64 [P] each way, and the area under the whole of it."""

    x: Doubles
    y: Doubles
    area: float


def roc_curve(labels: Ints, scores: Floats) -> Curve | None:
    """ROC of one label; None where only one class is there.

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
    """Precision against recall of one label, with its average precision; None where only one class is there."""
    from sklearn.metrics import average_precision_score
    from sklearn.metrics import precision_recall_curve as exact

    if not 0 < labels.sum() < len(labels):
        return None
    precision, recall, _ = exact(labels, scores)
    return _thin(Curve(recall[::-1], precision[::-1], float(average_precision_score(labels, scores))))


def _thin(curve: Curve) -> Curve:
    """Keep the corners that can be seen: points evenly spread along the length of the curve, the ends among them."""
    if len(curve.x) <= _POINTS:
        return curve
    along = np.concatenate(([0.0], np.cumsum(np.hypot(np.diff(curve.x), np.diff(curve.y)))))
    kept = np.searchsorted(along, np.linspace(0, along[-1], _POINTS)).clip(0, len(along) - 1)
    kept = np.unique(np.concatenate((kept, [len(along) - 1])))
    return Curve(curve.x[kept], curve.y[kept], curve.area)


@dataclass(frozen=True, slots=True)
class Reliability:
    """Ten bins of given probability.

    Attributes:
        given: mean probability of each bin, float64 [10], NaN where it is empty.
        share: share of its labels that are 1, likewise.
        low, high: 95 % interval of that share (Wilson 1927).
        counts: labels in the bin, int64 [10].
        error: expected calibration error, the mean distance of share and given over all labels (Naeini 2015).
    """

    given: Doubles
    share: Doubles
    low: Doubles
    high: Doubles
    counts: Ints
    error: float


def reliability(labels: Ints, scores: Floats) -> Reliability:
    """Bin probabilities and compare them with what happened.

    Args:
        labels: 0 or 1, int64 [N], unmasked ones only.
        scores: their probabilities, float32 [N].
    """
    places = np.minimum((scores * BINS).astype(np.int64), BINS - 1)
    counts = np.bincount(places, minlength=BINS)
    with np.errstate(invalid="ignore"):
        given = np.bincount(places, scores, BINS) / counts
        share = np.bincount(places, labels, BINS) / counts
    low, high = wilson(share, counts)
    gap = float(np.nansum(np.abs(given - share) * counts) / max(counts.sum(), 1))
    return Reliability(given, share, low, high, counts, gap)


def wilson(share: Doubles, counts: Ints) -> tuple[Doubles, Doubles]:
    """95 % interval of a share (Wilson 1927); NaN where nothing was counted."""
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
        truth: the volunteers'.
        margin: how much more probable the model finds its own answer, 0 to 1.
    """

    row: int
    said: str
    truth: str
    margin: float


def worst_mistakes(question: Question, probabilities: Floats, labels: Ints, mask: Ints, number: int) -> list[Mistake]:
    """The mistakes that the model was surest of, largest margin first.

    Args:
        question: with K labels.
        probabilities: float32 [N, K].
        labels: int64 [N, K].
        mask: int64 [N, K].
        number: how many at most.
    """
    names = classes(question)
    given, true = (_with_twin(part.astype(np.float64)) for part in (probabilities, labels))
    said, truth = given.argmax(axis=1), true.argmax(axis=1)
    said = (
        np.where(given[:, 0] > 0.5, 0, 1) if probabilities.shape[1] == 1 else said
    )  # the rule of gztrain.evaluation.figures
    rows = np.arange(len(given))
    margin = given[rows, said] - given[rows, truth]
    wrong = np.flatnonzero(mask.all(axis=1) & (said != truth))
    chosen = wrong[np.argsort(-margin[wrong], kind="stable")][:number]
    return [Mistake(int(row), names[said[row]], names[truth[row]], float(margin[row])) for row in chosen]


def _with_twin(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.concatenate((values, 1 - values), axis=1) if values.shape[1] == 1 else values
