"""Each question beside the commonest answer and beside a second panel of volunteers, galaxy by galaxy.

A second panel has as many volunteers as the first. Its score against the first is the ceiling: a model cannot be held
to more. The formula and its prior stand in :mod:`gzcore.dataset.second_panel`. Differences are paired: the same
galaxies are drawn again for both sides of a comparison.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gztrain.data.dataset import Scheme
from gztrain.data.labels import Doubles, chosen_answers, classes
from gztrain.evaluation.baselines import Baseline
from gztrain.evaluation.bootstrap import interval, resamples
from gztrain.evaluation.figures import Evidence
from gztrain.evaluation.predictions import Predictions

Json = dict[str, Any]
ENTROPY_BINS = 5


@dataclass(frozen=True, eq=False)
class Scores:
    """What each galaxy adds to the scores of a question, each float64 [N].

    Attributes:
        known: 1 where the answer of the first panel is known.
        right: 1 where the model gives it.
        commonest: 1 where it is the commonest answer of the training galaxies.
        counted: 1 where it is known, and the number of votes, too.
        second: probability that a second panel gives it; 0 where not counted.
    """

    known: Doubles
    right: Doubles
    commonest: Doubles
    counted: Doubles
    second: Doubles


def scores_of(evidence: Evidence, baseline: Baseline, place: int) -> Scores:
    """The scores of a question."""
    predictions, block = evidence.predictions, evidence.scheme.blocks[place]
    true, said = evidence.answers(place)
    commonest = chosen_answers(baseline.majority[None, block])[0]
    known = evidence.of_questions["known_questions"][:, place]
    second = np.full(len(known), np.nan)
    if predictions.panel is not None:
        second = predictions.panel.agreement(evidence.scheme, place)
    counted = known * np.isfinite(second)
    agreed = np.where(counted == 1, np.nan_to_num(second), 0.0)
    return Scores(known, known * (true == said), known * (true == commonest), counted, agreed)


@dataclass(eq=False)
class _Drawn:
    """Values of the resamples, in pieces."""

    commonest: list[Doubles] = field(default_factory=list)
    ceiling: list[Doubles] = field(default_factory=list)
    panel: list[Doubles] = field(default_factory=list)

    def add(self, scores: Scores, counts: Doubles, rng: np.random.Generator) -> None:
        """Add R resamples of N galaxies, counts [R, N]. The votes of the second panel are drawn, too.

        A galaxy that was drawn twice gets two second panels: with one for both, the scores would scatter too widely.
        """
        drawn = np.repeat(np.tile(scores.second, len(counts)), counts.ravel().astype(np.int64)).reshape(counts.shape)
        agreed = (rng.random(counts.shape) < drawn).sum(axis=1)  # 0 where not counted, since ``second`` is 0 there
        self.commonest.append(_share(counts @ (scores.right - scores.commonest), counts @ scores.known))
        number = counts @ scores.counted
        self.ceiling.append(_share(agreed.astype(np.float64), number))
        self.panel.append(_share(counts @ (scores.counted * scores.right - scores.second), number))


def _share(part: Doubles, whole: Doubles) -> Doubles:
    share: Doubles = np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
    return share


def compare(
    predictions: Predictions, scheme: Scheme, baseline: Baseline, *, bootstrap: int, seed: int
) -> tuple[dict[str, Json], dict[str, Json]]:
    """Compare each question with the commonest answer and a second panel.

    Args:
        predictions: of N galaxies.
        scheme: its questions.
        baseline: has the commonest answers.
        bootstrap: number of resamples; 0: no intervals.
        seed: of the resamples; the same as for all figures.

    Returns:
        Figures by question, and their intervals by question (empty without resamples).
    """
    evidence = Evidence(predictions, scheme)
    scores = {q.name: scores_of(evidence, baseline, place) for place, q in enumerate(scheme.questions)}
    drawn = {name: _Drawn() for name in scores}
    rng = np.random.default_rng(seed)
    for counts in resamples(len(predictions.ids), bootstrap, seed, width=3):
        for name, of_question in scores.items():
            drawn[name].add(of_question, counts, rng)
    figures = {name: _figures(of_question) for name, of_question in scores.items()}
    return figures, {name: _intervals(values) for name, values in drawn.items() if values.ceiling}


def _figures(scores: Scores) -> Json:
    known, counted = scores.known.sum(), scores.counted.sum()
    ceiling = scores.second.sum() / counted if counted else None
    right = (scores.right * scores.counted).sum() / counted if counted else None
    return {
        "above_commonest": float((scores.right - scores.commonest).sum() / known) if known else None,
        "ceiling": None if ceiling is None else float(ceiling),
        "ceiling_galaxies": int(counted),
        "above_ceiling": None if ceiling is None else float(right - ceiling),
    }


def _intervals(drawn: _Drawn) -> Json:
    return {
        "above_commonest": interval(np.concatenate(drawn.commonest)),
        "ceiling": interval(np.concatenate(drawn.ceiling)),
        "above_ceiling": interval(np.concatenate(drawn.panel)),
    }


# ------------------------------------------------------------ where volunteers differ


def volunteers(predictions: Predictions, scheme: Scheme, baseline: Baseline) -> dict[str, Json | None]:
    """For each question: confusion of the model beside that of the volunteers, and errors by entropy of the votes.

    Only galaxies whose volunteers were asked count. None for predictions that came without votes.
    """
    evidence = Evidence(predictions, scheme)
    return {q.name: _volunteers(evidence, baseline, place) for place, q in enumerate(scheme.questions)}


def _volunteers(evidence: Evidence, baseline: Baseline, place: int) -> Json | None:
    panel, scheme = evidence.predictions.panel, evidence.scheme
    if panel is None:
        return None
    shares = panel.shares(scheme, place)
    scores, size = scores_of(evidence, baseline, place), len(classes(scheme.questions[place]))
    rows = (scores.known == 1) & np.isfinite(shares).all(axis=1)
    true, said = (answers[rows] for answers in evidence.answers(place))
    soft = np.zeros((size, size))
    np.add.at(soft, true, shares[rows])
    table = np.bincount(true * size + said, minlength=size * size).reshape(size, size)
    return {
        "galaxies": int(rows.sum()),
        "estimated": int((panel.estimated[:, place] * scores.counted).sum()),
        "confusion": table.tolist(),
        "soft_confusion": soft.round(4).tolist(),
        "fraction_rmse": _fraction_rmse(evidence, place, shares, rows),
        "by_entropy": list(_by_entropy(entropy(shares[rows]), _rows(scores, rows))),
    }


def _rows(scores: Scores, rows: Any) -> Scores:  # noqa: ANN401 -- what numpy takes as an index
    return Scores(*(getattr(scores, key)[rows] for key in ("known", "right", "commonest", "counted", "second")))


def _fraction_rmse(evidence: Evidence, place: int, shares: Doubles, rows: Any) -> float | None:  # noqa: ANN401 -- an index
    block = evidence.scheme.blocks[place]
    given = evidence.predictions.probabilities[rows, block].astype(np.float64)
    errors = given - shares[rows][:, : given.shape[1]]
    return float(np.sqrt(np.mean(errors**2))) if errors.size else None


def entropy(shares: Doubles) -> Doubles:
    """Entropy of vote shares [N, K], as a share of its largest value: 0 if all agree, 1 if the votes are even."""
    logs = np.log(shares, out=np.zeros(shares.shape), where=shares > 0)
    return np.asarray(-(shares * logs).sum(axis=1) / np.log(max(shares.shape[1], 2)))


def _by_entropy(values: Doubles, scores: Scores) -> Iterator[Json]:
    """The error of the model and of a second panel in five bins of entropy."""
    bins = np.minimum((values * ENTROPY_BINS).astype(int), ENTROPY_BINS - 1)
    for number in range(ENTROPY_BINS):
        here = bins == number
        galaxies, counted = int(here.sum()), scores.counted[here].sum()
        yield {
            "low": number / ENTROPY_BINS,
            "high": (number + 1) / ENTROPY_BINS,
            "galaxies": galaxies,
            "error": float(1 - scores.right[here].mean()) if galaxies else None,
            "panel_error": float(1 - scores.second[here].sum() / counted) if counted else None,
        }
