"""The metrics of a run: the thirteen of the 2024 report and others, with baselines and confidence intervals.

:mod:`gztrain.evaluation.figures` states the rule that all of them follow. ``docs/metrics.md`` explains every key.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from gzcore.errors import GzError
from gztrain.data.dataset import Scheme
from gztrain.data.labels import Doubles, Floats, classes
from gztrain.evaluation.baselines import Baseline
from gztrain.evaluation.bootstrap import LEVEL, interval, resamples
from gztrain.evaluation.calibration import calibration
from gztrain.evaluation.comparisons import compare, volunteers
from gztrain.evaluation.figures import WHOLE, Columns, Evidence, Key, compute_figures
from gztrain.evaluation.predictions import Predictions
from gztrain.evaluation.strata import Draws, by_panel
from gztrain.evaluation.summary import spreads, summarise
from gztrain.evaluation.verdicts import find

SCHEMA = 1
"""Version of metrics.json."""

Json = dict[str, Any]


def judge(
    predictions: Predictions, scheme: Scheme, *, baseline: Baseline, bootstrap: int = 1000, seed: int = 0
) -> Json:
    """Evaluate predictions.

    Args:
        predictions: of N galaxies, for the labels of the scheme.
        scheme: its labels and questions.
        baseline: probabilities that ignore the image.
        bootstrap: number of resamples for the intervals; 0 for no intervals.
        seed: of the resamples.

    Returns:
        The entry of one split in metrics.json.

    Raises:
        GzError: the predictions belong to other labels, or there are none.
    """
    check(predictions, scheme)
    figures = describe(predictions, scheme)
    baselines = {
        name: describe(replace(predictions, probabilities=_repeated(values, predictions)), scheme)
        for name, values in (("majority", baseline.majority), ("image_free", baseline.image_free))
    }
    intervals = find_intervals(predictions, scheme, bootstrap, seed)
    add_judgement(figures, intervals, predictions, scheme, baseline, draws=(bootstrap, seed))
    majority, known = baselines["majority"], {**figures, "intervals": intervals}
    findings = find(predictions, scheme, known, majority) if figures["galaxies"] > 1 else []
    return {
        **figures,
        **summarise(figures, majority, intervals, findings),
        "findings": [finding.document() for finding in findings],
        "baselines": baselines,
        "bootstrap": {"resamples": bootstrap, "seed": seed, "level": LEVEL},
        "intervals": intervals,
    }


def add_judgement(  # noqa: PLR0913 -- all that figures are judged by
    figures: Json, intervals: Json, predictions: Predictions, scheme: Scheme, baseline: Baseline, *, draws: Draws
) -> None:
    """Add to the figures of each question what it is judged by: ceiling, calibration, votes and agreement.

    Args:
        figures: of the predictions; they are added to.
        intervals: of the figures; they are added to, too.
        predictions: of N galaxies.
        scheme: its questions.
        baseline: has the commonest answers.
        draws: number of resamples, and their seed.
    """
    compared, bounds = compare(predictions, scheme, baseline, bootstrap=draws[0], seed=draws[1])
    parts = (
        compared,
        calibration(predictions, scheme, seed=draws[1]),
        by_panel(predictions, scheme, draws),
        {name: {"volunteers": found} for name, found in volunteers(predictions, scheme, baseline).items()},
    )
    for name, of_question in figures["per_question"].items():
        for part in parts:
            of_question.update(part[name])
        if bounds:
            intervals["per_question"][name].update(bounds[name])


def as_document(scheme: str, splits: Mapping[str, Json], training: Json | None = None) -> Json:
    """The document of metrics.json: the entries of all splits, and facts about the training if there are any."""
    trained = {} if training is None else {"training": training}
    return {"schema": SCHEMA, "scheme": scheme, **trained, "splits": dict(splits)}


def check(predictions: Predictions, scheme: Scheme) -> None:
    """Check that predictions can be evaluated.

    Raises:
        GzError: they belong to other labels, or there are none.
    """
    if predictions.names != scheme.names:
        raise GzError(
            f"Scheme {scheme.name} has the labels {', '.join(scheme.names)}; "
            f"the predictions are of {', '.join(predictions.names)}."
        )
    if not predictions.ids:
        raise GzError("There is no galaxy to evaluate on: the split is empty.")


def _repeated(values: Doubles, predictions: Predictions) -> Floats:
    return np.broadcast_to(values.astype(np.float32), predictions.probabilities.shape)


def describe(predictions: Predictions, scheme: Scheme) -> Json:
    """Compute every figure of some predictions: for the whole scheme, each question and each label."""
    evidence = Evidence(predictions, scheme)
    each_once = np.ones((1, len(predictions.ids)))
    figures = compute_figures(evidence, each_once, rank_exactly)
    document = nest({key: as_number(key, value[0]) for key, value in figures.items()})
    for name, spread in zip(scheme.names, spreads(predictions.probabilities), strict=True):
        document["per_label"][name]["spread"] = spread
    for number, question in enumerate(scheme.questions):
        document["per_question"][question.name] |= {
            "title": question.title,
            "classes": list(classes(question)),
            "confusion": confusion(evidence, number),
        }
    return {"galaxies": len(predictions.ids), **document}


def rank_exactly(evidence: Evidence, columns: Columns) -> tuple[Doubles, Doubles]:
    """AUC and average precision of the pooled values of some labels, by scikit-learn; each [1], NaN if undefined."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    scores, labels, _ = evidence.pairs(columns)
    auc = roc_auc_score(labels, scores) if 0 < labels.sum() < labels.size else math.nan
    precision = average_precision_score(labels, scores) if labels.any() else math.nan
    return np.array([auc]), np.array([precision])


def rank_resamples(evidence: Evidence, columns: Columns, *, counts: Doubles) -> tuple[Doubles, Doubles]:
    """The same for R resamples at once; ``counts`` [R, N] says how often each galaxy was drawn."""
    return evidence.ranking(columns).figures(counts)


def confusion(evidence: Evidence, question: int) -> list[list[int]]:
    """Number of galaxies by true class (row) and predicted class (column), where the question is known."""
    known = evidence.of_questions["known_questions"][:, question] == 1
    true, predicted = (answers[known] for answers in evidence.answers(question))
    size = len(classes(evidence.scheme.questions[question]))
    table = np.bincount(true * size + predicted, minlength=size * size).reshape(size, size)
    return [[int(count) for count in row] for row in table]


def find_intervals(predictions: Predictions, scheme: Scheme, number: int, seed: int) -> Json:
    """Percentile intervals of every figure except the counts, over resamples of galaxies; empty for 0 resamples."""
    evidence = Evidence(predictions, scheme)
    drawn = resamples(len(predictions.ids), number, seed, width=len(scheme.names))
    chunks = [compute_figures(evidence, counts, partial(rank_resamples, counts=counts)) for counts in drawn]
    rates = [key for key in (chunks[0] if chunks else {}) if key[-1] not in WHOLE]
    return nest({key: interval(np.concatenate([figures[key] for figures in chunks])) for key in rates})


def as_number(key: Key, value: float) -> int | float | None:
    """A figure as a JSON number: None if undefined, an int if it is a count."""
    if not math.isfinite(value):
        return None
    return round(value) if key[-1] in WHOLE else float(value)


def nest(figures: Mapping[Key, Any]) -> Json:
    """Turn paths into nested objects; the figures of the whole scheme come first."""
    document: Json = {}
    for key in sorted(figures, key=len):
        branch = document
        for step in key[:-1]:
            branch = branch.setdefault(step, {})
        branch[key[-1]] = figures[key]
    return document
