"""Judging a run: the report's thirteen metrics, beside what can be had without looking, and how sure they are.

:mod:`gztrain.evaluation.figures` states the one rule they follow; ``docs/metrics.md`` says of every key what it is.
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
from gztrain.evaluation.figures import WHOLE, Columns, Evidence, Key, tally
from gztrain.evaluation.predictions import Predictions
from gztrain.evaluation.summary import spreads, verdict

SCHEMA = 1
"""Version of metrics.json."""

Json = dict[str, Any]


def judge(
    predictions: Predictions, scheme: Scheme, *, baseline: Baseline, bootstrap: int = 1000, seed: int = 0
) -> Json:
    """Judge predictions: the entry of one split in metrics.json.

    Args:
        predictions: of N galaxies, for the labels of the scheme.
        scheme: its labels and questions.
        baseline: what can be said without an image.
        bootstrap: resamples of galaxies for the intervals; 0 for none.
        seed: of the resamples.

    Raises:
        GzError: the predictions are of other labels, or of no galaxy.
    """
    check(predictions, scheme)
    found = describe(predictions, scheme)
    blind = {
        name: describe(replace(predictions, probabilities=_repeated(values, predictions)), scheme)
        for name, values in (("majority", baseline.majority), ("image_free", baseline.image_free))
    }
    intervals = find_intervals(predictions, scheme, bootstrap, seed)
    return {
        **found,
        **verdict(found, blind["majority"], intervals),
        "baselines": blind,
        "bootstrap": {"resamples": bootstrap, "seed": seed, "level": LEVEL},
        "intervals": intervals,
    }


def as_document(scheme: str, splits: Mapping[str, Json], training: Json | None = None) -> Json:
    """Put what was found on the splits of a run, and what there is to say of its training, into metrics.json's form."""
    trained = {} if training is None else {"training": training}
    return {"schema": SCHEMA, "scheme": scheme, **trained, "splits": dict(splits)}


def check(predictions: Predictions, scheme: Scheme) -> None:
    """Refuse predictions that cannot be judged.

    Raises:
        GzError: they are of other labels, or of no galaxy.
    """
    if predictions.names != scheme.names:
        raise GzError(
            f"Scheme {scheme.name} has the labels {', '.join(scheme.names)}; "
            f"the predictions are of {', '.join(predictions.names)}."
        )
    if not predictions.ids:
        raise GzError("There is no galaxy to judge: the split is empty.")


def _repeated(values: Doubles, predictions: Predictions) -> Floats:
    return np.broadcast_to(values.astype(np.float32), predictions.probabilities.shape)


def describe(predictions: Predictions, scheme: Scheme) -> Json:
    """Work out every figure of some predictions, of the scheme, of each question and of each label."""
    evidence = Evidence(predictions, scheme)
    everyone = np.ones((1, len(predictions.ids)))
    figures = tally(evidence, everyone, rank_exactly)
    found = nest({key: as_number(key, value[0]) for key, value in figures.items()})
    for name, spread in zip(scheme.names, spreads(predictions.probabilities), strict=True):
        found["per_label"][name]["spread"] = spread
    for place, question in enumerate(scheme.questions):
        found["per_question"][question.name] |= {
            "title": question.title,
            "classes": list(classes(question)),
            "confusion": confusion(evidence, place),
        }
    return {"galaxies": len(predictions.ids), **found}


def rank_exactly(evidence: Evidence, columns: Columns) -> tuple[Doubles, Doubles]:
    """AUC and average precision of the pooled values of some labels, by scikit-learn; each [1], NaN if undefined."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    scores, truths, _ = evidence.pairs(columns)
    auc = roc_auc_score(truths, scores) if 0 < truths.sum() < truths.size else math.nan
    precision = average_precision_score(truths, scores) if truths.any() else math.nan
    return np.array([auc]), np.array([precision])


def rank_resamples(evidence: Evidence, columns: Columns, *, counts: Doubles) -> tuple[Doubles, Doubles]:
    """The same of R resamples at once; ``counts`` [R, N] says how often each galaxy was drawn."""
    return evidence.ranking(columns).figures(counts)


def confusion(evidence: Evidence, question: int) -> list[list[int]]:
    """Galaxies by true class (row) and predicted class (column), of those of which the question is known."""
    known = evidence.of_questions["known_questions"][:, question] == 1
    true, said = (answers[known] for answers in evidence.answers(question))
    size = len(classes(evidence.scheme.questions[question]))
    table = np.bincount(true * size + said, minlength=size * size).reshape(size, size)
    return [[int(count) for count in row] for row in table]


def find_intervals(predictions: Predictions, scheme: Scheme, number: int, seed: int) -> Json:
    """Percentile intervals of every figure but the counts, over resamples of galaxies; empty where there are none."""
    evidence = Evidence(predictions, scheme)
    drawn = resamples(len(predictions.ids), number, seed, width=len(scheme.names))
    parts = [tally(evidence, counts, partial(rank_resamples, counts=counts)) for counts in drawn]
    rates = [key for key in (parts[0] if parts else {}) if key[-1] not in WHOLE]
    return nest({key: interval(np.concatenate([part[key] for part in parts])) for key in rates})


def as_number(key: Key, value: float) -> int | float | None:
    """A figure as JSON holds it: None if undefined, an int if it counts something."""
    if not math.isfinite(value):
        return None
    return round(value) if key[-1] in WHOLE else float(value)


def nest(figures: Mapping[Key, Any]) -> Json:
    """Turn paths into nested objects, the figures of the whole first."""
    found: Json = {}
    for key in sorted(figures, key=len):
        place = found
        for step in key[:-1]:
            place = place.setdefault(step, {})
        place[key[-1]] = figures[key]
    return found
