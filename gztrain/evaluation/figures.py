"""From predictions to figures, such as accuracy and AUC, for all galaxies or for many bootstrap resamples at once.

One rule holds everywhere. A probability above 0.5 predicts 1. A figure of several labels pools their unmasked values.
F1 is a mean over labels. Accuracy is the share of (galaxy, question) pairs whose most probable answer is right. A
question is known for a galaxy if none of its labels is masked. An undefined figure is NaN.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from gztrain.data.dataset import Scheme
from gztrain.data.labels import Doubles, Floats, Ints, chosen_answers
from gztrain.evaluation.bootstrap import Ranking, rank
from gztrain.evaluation.predictions import Predictions

COUNTS = ("true_positives", "true_negatives", "false_positives", "false_negatives")
METRICS = (
    *("loss", "accuracy", "mean_absolute_error", "root_mean_squared_error", "binary_accuracy", "auc"),
    *("precision", "recall", "f1", *COUNTS),
)
"""The thirteen metrics in the tables of the 2024 report, with its names and in its order."""
WHOLE = (*COUNTS, "known_labels", "known_questions", "positives")
"""Figures that are counts, and so whole numbers."""
_ORDER = (*METRICS, "auc_macro", "average_precision", "average_precision_macro", *WHOLE[len(COUNTS) :])

Key = tuple[str, ...]
"""Path of a figure in the JSON document, such as ("per_label", name, "auc")."""
Figures = dict[Key, Doubles]
"""The value of each figure in each of R resamples, [R]."""
Columns = tuple[int, int]
"""Columns of some labels: the first, and one past the last."""
Ranker = Callable[["Evidence", Columns], tuple[Doubles, Doubles]]
"""Function that returns AUC and average precision of the pooled values of some labels, each [R]."""

_CLIP = 1e-7
"""Keras' epsilon: probabilities are clipped to this distance from 0 and 1 before the logarithm."""


@dataclass(frozen=True)
class Group:
    """Labels that share figures: all labels of a scheme, those of one question, or a single label."""

    key: Key
    columns: Columns
    questions: slice | None


def groups(scheme: Scheme) -> Iterator[Group]:
    """All groups of a scheme: single labels first, then questions, then the whole scheme."""
    for place, name in enumerate(scheme.names):
        yield Group(("per_label", name), (place, place + 1), None)
    for place, (question, block) in enumerate(zip(scheme.questions, scheme.blocks, strict=True)):
        yield Group(("per_question", question.name), (block.start, block.stop), slice(place, place + 1))
    yield Group((), (0, len(scheme.names)), slice(0, len(scheme.questions)))


@dataclass(frozen=True, eq=False)
class Evidence:
    """The contribution of each galaxy to each sum. The sums of a resample are weighted sums of these contributions.

    Attributes:
        predictions: of N galaxies and L labels.
        scheme: the L labels and their Q questions.
    """

    predictions: Predictions
    scheme: Scheme
    _rankings: dict[Columns, Ranking] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def of_labels(self) -> dict[str, Doubles]:
        """Contributions for each galaxy and label, each float64 [N, L]; 0 where masked."""
        truth, known = self.predictions.labels == 1, self.predictions.mask == 1
        said = self.predictions.probabilities > 0.5
        error = np.abs(self.predictions.probabilities - truth.astype(np.float64))
        sums = {
            "true_positives": said & truth,
            "true_negatives": ~said & ~truth,
            "false_positives": said & ~truth,
            "false_negatives": ~said & truth,
            "loss": -np.log1p(-error.clip(_CLIP, 1 - _CLIP)),
            "mean_absolute_error": error,
            "root_mean_squared_error": error**2,
        }
        return {name: (known * value).astype(np.float64) for name, value in sums.items()}

    @cached_property
    def of_questions(self) -> dict[str, Doubles]:
        """Contributions for each galaxy and question, each float64 [N, Q]: whether it is known, and known and right."""
        known = np.stack([self.predictions.mask[:, block].all(axis=1) for block in self.scheme.blocks], axis=1)
        right = np.stack([np.equal(*self.answers(place)) for place in range(len(self.scheme.blocks))], axis=1)
        return {"known_questions": known.astype(np.float64), "accuracy": (known & right).astype(np.float64)}

    def answers(self, question: int) -> tuple[Ints, Ints]:
        """True and predicted class of each galaxy in a question of the scheme, each int64 [N], masked or not."""
        block = self.scheme.blocks[question]
        labels, probabilities = self.predictions.labels[:, block], self.predictions.probabilities[:, block]
        return chosen_answers(labels), chosen_answers(probabilities)

    def pairs(self, columns: Columns) -> tuple[Floats, Ints, Ints]:
        """Probability, label and galaxy index of every unmasked value among some labels, each [M]."""
        first, last = columns
        galaxies, labels = np.nonzero(self.predictions.mask[:, first:last])
        unmasked = (galaxies, labels + first)
        return self.predictions.probabilities[unmasked], self.predictions.labels[unmasked], galaxies

    def ranking(self, columns: Columns) -> Ranking:
        """The pairs of some labels, sorted once."""
        if columns not in self._rankings:
            self._rankings[columns] = rank(*self.pairs(columns))
        return self._rankings[columns]


def compute_figures(evidence: Evidence, counts: Doubles, ranker: Ranker) -> Figures:
    """Compute every figure of R resamples.

    Args:
        evidence: of N galaxies.
        counts: how often each galaxy was drawn, float64 [R, N].
        ranker: computes AUC and average precision.
    """
    labels = {name: counts @ values for name, values in evidence.of_labels.items()}
    questions = {name: counts @ values for name, values in evidence.of_questions.items()}
    ranks = {columns: ranker(evidence, columns) for columns in {group.columns for group in groups(evidence.scheme)}}
    figures: Figures = {}
    for group in groups(evidence.scheme):
        columns = slice(*group.columns)
        of_group = _rates({name: total[:, columns] for name, total in labels.items()})
        of_group["auc"], of_group["average_precision"] = ranks[group.columns]
        if group.questions is not None:
            of_group |= _accuracy({name: total[:, group.questions] for name, total in questions.items()})
            singles = [ranks[column, column + 1] for column in range(*group.columns)]
            of_group["auc_macro"], of_group["average_precision_macro"] = (
                _mean(values) for values in zip(*singles, strict=True)
            )
        figures |= {(*group.key, name): of_group[name] for name in _ORDER if name in of_group}
    return figures


def _rates(sums: dict[str, Doubles]) -> dict[str, Doubles]:
    """Figures of some labels, [R], from their sums, each [R, K]."""
    tp, tn, fp, fn = (sums[name] for name in COUNTS)
    totals = {name: value.sum(axis=1) for name, value in sums.items()}
    known = (tp + tn + fp + fn).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            **{name: totals[name] for name in COUNTS},
            "known_labels": known,
            "positives": (tp + fn).sum(axis=1),
            "loss": totals["loss"] / known,
            "mean_absolute_error": totals["mean_absolute_error"] / known,
            "root_mean_squared_error": np.sqrt(totals["root_mean_squared_error"] / known),
            "binary_accuracy": (tp + tn).sum(axis=1) / known,
            "precision": tp.sum(axis=1) / (tp + fp).sum(axis=1),
            "recall": tp.sum(axis=1) / (tp + fn).sum(axis=1),
            "f1": _mean(list((2 * tp / (2 * tp + fp + fn)).T)),
        }


def _accuracy(sums: dict[str, Doubles]) -> dict[str, Doubles]:
    known, right = (sums[name].sum(axis=1) for name in ("known_questions", "accuracy"))
    with np.errstate(invalid="ignore"):
        return {"known_questions": known, "accuracy": right / known}


def _mean(values: Sequence[Doubles]) -> Doubles:
    """Mean over the labels whose figure is defined: K arrays [R] to [R]."""
    table = np.stack(values)
    known = np.isfinite(table)
    with np.errstate(invalid="ignore"):
        means: Doubles = np.where(known, table, 0).sum(axis=0) / known.sum(axis=0)
    return means
