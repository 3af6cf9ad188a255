"""The figures of parts of the galaxies: by number of votes, and by agreement of the volunteers."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from gztrain.data.dataset import Scheme
from gztrain.data.labels import Doubles
from gztrain.evaluation.bootstrap import interval, resamples
from gztrain.evaluation.figures import Evidence, Figures, Key, compute_figures
from gztrain.evaluation.panel import Panel
from gztrain.evaluation.predictions import Predictions

Json = dict[str, Any]
Draws = tuple[int, int]
"""Number of resamples, and their seed."""
LEAST_VOTES = (1, 10, 20)
"""Smallest numbers of votes; Willett et al. (2013) ask for 20."""
LEAST_AGREEMENT = (0.5, 0.8)
"""Smallest shares of the votes that the winning answer has."""
NAMES = ("accuracy", "auc_macro")
"""The figures of a part."""
_RESAMPLES = 200
"""Most resamples behind an interval: there are many parts."""


def by_panel(predictions: Predictions, scheme: Scheme, draws: Draws) -> dict[str, dict[str, list[Json]]]:
    """Accuracy and AUC of each question over the galaxies with many votes, and with votes that agree.

    Returns:
        For each question ``by_votes`` and ``by_agreement``: a list of a few minima, each with galaxies, accuracy, mean
        AUC of its labels, and intervals. Both lists are empty for predictions that came without votes.
    """
    return {
        question.name: _of_one(predictions, scheme, place, draws) for place, question in enumerate(scheme.questions)
    }


def _of_one(predictions: Predictions, scheme: Scheme, place: int, draws: Draws) -> dict[str, list[Json]]:
    if predictions.panel is None:
        return {"by_votes": [], "by_agreement": []}
    alone, narrow = of_question(predictions, scheme, place)
    votes = np.where(predictions.panel.estimated[:, place] == 1, np.nan, predictions.panel.votes[:, place])
    values = {
        "by_votes": (votes.astype(np.float64), LEAST_VOTES),
        "by_agreement": (_largest(predictions.panel, scheme, place), LEAST_AGREEMENT),
    }
    return {name: list(_at_least(narrow, alone, *each, draws=draws)) for name, each in values.items()}


def _largest(panel: Panel, scheme: Scheme, place: int) -> Doubles:
    return np.asarray(panel.shares(scheme, place).max(axis=1))  # NaN where not asked


def _at_least(
    predictions: Predictions, scheme: Scheme, values: Doubles, minima: tuple[float, ...], *, draws: Draws
) -> Iterator[Json]:
    """The figures of the galaxies that have at least some value [N], for several such minima."""
    known = predictions.mask.all(axis=1)
    for least in minima:
        kept = np.flatnonzero(known & (values >= least))  # a comparison with NaN is false
        yield {"least": least, "galaxies": len(kept), **_figures(rows_of(predictions, kept), scheme, draws)}


def of_question(predictions: Predictions, scheme: Scheme, place: int) -> tuple[Scheme, Predictions]:
    """A scheme of one question, and the predictions for it, without votes."""
    question, block = scheme.questions[place], scheme.blocks[place]
    fractions = scheme.fraction_places[scheme.fraction_blocks[place]]
    alone = Scheme(question.name, (question,), scheme.places[block], scheme.names[block], fractions)
    arrays = {key: getattr(predictions, key)[:, block] for key in ("probabilities", "labels", "mask")}
    return alone, replace(predictions, names=alone.names, panel=None, **arrays)


def rows_of(predictions: Predictions, rows: Any) -> Predictions:  # noqa: ANN401 -- what numpy takes as an index
    """Predictions of some of the galaxies, without votes."""
    arrays = {key: getattr(predictions, key)[rows] for key in ("probabilities", "labels", "mask")}
    return replace(predictions, ids=tuple(predictions.ids[row] for row in rows), panel=None, **arrays)


def _figures(predictions: Predictions, scheme: Scheme, draws: Draws) -> Json:
    return as_entry(figures_at(predictions, scheme, draws, [(name,) for name in NAMES]))


def as_entry(found: Mapping[Key, tuple[float | None, list[float] | None]], *path: str) -> Json:
    """Accuracy and mean AUC of a part at a path, with their intervals."""
    values = {name: found[(*path, name)] for name in NAMES}
    figures = {name: value for name, (value, _) in values.items()}
    return {**figures, "intervals": {name: bounds for name, (_, bounds) in values.items()}}


def figures_at(
    predictions: Predictions, scheme: Scheme, draws: Draws, keys: Iterable[Key]
) -> dict[Key, tuple[float | None, list[float] | None]]:
    """Some figures of a few galaxies, each with its interval over at most 200 resamples; all None without galaxies.

    Args:
        predictions: of these galaxies alone.
        scheme: its labels and questions.
        draws: number of resamples, and their seed.
        keys: which figures, as :func:`gztrain.evaluation.figures.compute_figures` names them.
    """
    keys, number = list(keys), len(predictions.ids)
    if not number:
        return dict.fromkeys(keys, (None, None))
    evidence = Evidence(predictions, scheme)

    def of(counts: Doubles) -> Figures:
        return compute_figures(evidence, counts, lambda ev, columns: ev.ranking(columns).figures(counts))

    drawn_again = resamples(number, min(draws[0], _RESAMPLES), draws[1], width=max(4, len(scheme.names)))
    once, chunks = of(np.ones((1, number))), [of(counts) for counts in drawn_again]
    drawn = {key: np.concatenate([chunk[key] for chunk in chunks]) if chunks else np.empty(0) for key in keys}
    values = {key: float(once[key][0]) for key in keys}
    return {key: (value if np.isfinite(value) else None, interval(drawn[key])) for key, value in values.items()}
