"""Figures for a population in which answers are more or less frequent than among the galaxies that were judged.

Each galaxy with a known answer gets a weight: the share of that answer in the population, divided by its share among
the galaxies. So the weighted shares are those of the population. This is right where galaxies with the same answer
look alike in both ("label shift"; Saerens et al. 2002, Lipton et al. 2018). Recall and AUC compare galaxies of given
answers, so a label's own recall and AUC do not depend on how frequent it is; they are not given again.
"""

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from gzcore.console import printable, shown
from gzcore.dataset.tree import Question
from gzcore.errors import GzError, UsageError
from gztrain.data.dataset import Dataset, Scheme
from gztrain.data.labels import Doubles, Ints, chosen_answers, classes
from gztrain.evaluation.bootstrap import interval, resamples
from gztrain.evaluation.calibration import BINS, bins_of
from gztrain.evaluation.predictions import Predictions
from gztrain.evaluation.strata import Draws

Json = dict[str, Any]
_SUM = 2e-3
"""Shares of all answers may add up to 1 give or take this much, since they are often rounded."""


@dataclass(frozen=True)
class Prevalence:
    """How frequent labels are in a population.

    Attributes:
        file: name of the file that says so.
        shares: share of each label, 0 to 1, among the galaxies that have an answer to its question.
        unused: labels in the file that belong to questions of the data set that the run does not answer.
    """

    file: str
    shares: Mapping[str, float]
    unused: tuple[str, ...] = ()


def read_prevalence(path: Path, scheme: Scheme, dataset: Dataset) -> Prevalence:
    """Read a CSV file with the columns ``label`` and ``share``.

    A label is named as in a data set (``bar-gz2_yes``). The other answer of a question of one label may be named, too.

    Raises:
        UsageError: a label is unknown or comes twice, a share is no number from 0 to 1, or the shares of a question
            do not fit together.
        GzError: the file is absent or no such table.
    """
    known = {name for question in dataset.questions for name in _names(question)}
    own = {name for question in scheme.questions for name in _names(question)}
    shares: dict[str, float] = {}
    for number, label, share in _rows(path):
        _check_row(f"{path}, line {number}", label, share, known, shares)
        shares[label] = float(share)
    for question in dataset.questions:
        _check_sum(path, question, shares)
    used = {name: share for name, share in shares.items() if name in own}
    if not used:
        raise UsageError(f"{path} has the share of no label of the run; expected one of {', '.join(sorted(own))}.")
    return Prevalence(path.name, used, tuple(sorted(set(shares) - own)))


def _rows(path: Path) -> list[tuple[int, str, str]]:
    """Number, label and share of each line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if not {"label", "share"} <= set(reader.fieldnames or ()):
                raise GzError(f"{path} has no columns label and share in its first line, which --prevalence needs.")
            return [(reader.line_num, str(row["label"]).strip(), str(row["share"]).strip()) for row in reader]
    except FileNotFoundError:
        raise GzError(f"There is no file {path}; name a CSV file with the columns label and share.") from None
    except (OSError, UnicodeError, csv.Error) as error:
        raise GzError(f"{path} cannot be read as CSV ({printable(str(error))}).") from None


def _check_row(where: str, label: str, share: str, known: set[str], before: Mapping[str, float]) -> None:
    if label not in known:
        raise UsageError(f"{where}: there is no label {shown(label)}; expected one of {', '.join(sorted(known))}.")
    if label in before:
        raise UsageError(f"{where}: the label {label} comes twice; give its share once.")
    try:
        fits = 0 <= float(share) <= 1
    except ValueError:
        fits = False
    if not fits:
        raise UsageError(f"{where}: the share of {label} is {shown(share)}; expected a number from 0 to 1.")


def _check_sum(path: Path, question: Question, shares: Mapping[str, float]) -> None:
    names = _names(question)
    given = [shares[name] for name in names if name in shares]
    total = sum(given)
    if len(given) == len(names) and abs(total - 1) > _SUM:
        raise UsageError(f"{path}: the shares of {', '.join(names)} add up to {total:.4g}; expected 1.")
    if total > 1 + _SUM:
        raise UsageError(f"{path}: the shares of answers to {question.name} add up to {total:.4g}, more than 1.")


def _names(question: Question) -> tuple[str, ...]:
    """Names of the answers that can be true."""
    return tuple(f"{question.name}_{answer}" for answer in classes(question))


# ------------------------------------------------------------ figures


def corrected(predictions: Predictions, scheme: Scheme, prevalence: Prevalence, draws: Draws) -> Json:
    """Accuracy, precision and calibration in a population.

    Args:
        predictions: of N galaxies.
        scheme: its labels and questions.
        prevalence: the shares in the population. Answers without one share what is left as they do in the sample.
        draws: number of resamples for the intervals, and their seed.

    Returns:
        ``file``, ``unused``, ``uncorrected`` (questions that the file has no share of), and ``per_question``. A
        question's figures are None if no galaxy has an answer that is there in the population.
    """
    chosen = [place for place, question in enumerate(scheme.questions) if _has_share(question, prevalence)]
    return {
        "file": prevalence.file,
        "unused": list(prevalence.unused),
        "uncorrected": [question.name for place, question in enumerate(scheme.questions) if place not in chosen],
        "per_question": {
            scheme.questions[place].name: _of_question(predictions, scheme, place, prevalence, draws)
            for place in chosen
        },
    }


def _has_share(question: Question, prevalence: Prevalence) -> bool:
    return any(name in prevalence.shares for name in _names(question))


def target_shares(question: Question, sample: Doubles, prevalence: Prevalence) -> Doubles:
    """Share of each class in the population, float64 [C], from those in the sample; NaN if they can't be known."""
    given = np.array([prevalence.shares.get(name, np.nan) for name in _names(question)])
    absent = np.isnan(given)
    if not absent.any():
        return np.asarray(given / given.sum())
    left, among = max(0.0, 1 - float(np.nansum(given))), sample[absent].sum()
    if absent.sum() == 1:
        given[absent] = left
    else:
        given[absent] = left * sample[absent] / among if among else (0.0 if not left else np.nan)
    return given


def _of_question(predictions: Predictions, scheme: Scheme, place: int, prevalence: Prevalence, draws: Draws) -> Json:
    question, block = scheme.questions[place], scheme.blocks[place]
    known = np.asarray(predictions.mask[:, block].all(axis=1))
    labels, scores = predictions.labels[known, block], predictions.probabilities[known, block].astype(np.float64)
    true, said = chosen_answers(labels), chosen_answers(scores)
    names = _names(question)
    counts = np.bincount(true, minlength=len(names)).astype(np.float64)
    sample = counts / max(1, len(true))
    target = target_shares(question, sample, prevalence)
    weights = weights_of(true, target)
    absent = [name for at, name in enumerate(names) if not counts[at] and target[at] != 0]  # NaN: not known
    figures = _figures(labels, scores, (true, said), weights)
    precision = [_precision(labels[:, at], scores[:, at], weights) for at in range(len(question.used))]
    answers = [
        {"label": name, "sample": float(sample[at]), "population": _number(target[at]), "precision": exact}
        for at, (name, exact) in enumerate(zip_longest(names, precision))
    ]
    bounds = _intervals(predictions, known, (true, said), target, draws)
    return {
        "galaxies": len(true),
        "effective_galaxies": None if weights is None else float(weights.sum() ** 2 / (weights**2).sum()),
        "absent": absent,
        **figures,
        "answers": answers,
        "intervals": {"accuracy": bounds},
    }


def weights_of(true: Ints, target: Doubles) -> Doubles | None:
    """The weight of each galaxy, with a mean of 1: float64 [K]; None if an answer of the population is not there.

    Args:
        true: class of each galaxy, int64 [K].
        target: share of each class in the population, float64 [C].
    """
    counts = np.bincount(true, minlength=len(target))
    if not len(true) or not np.isfinite(target).all() or (target[counts == 0] > 0).any():
        return None
    ratios = np.divide(target * len(true), counts, out=np.zeros(len(target)), where=counts > 0)
    return np.asarray(ratios[true])


def _figures(labels: Ints, scores: Doubles, answers: tuple[Ints, Ints], weights: Doubles | None) -> Json:
    if weights is None:
        return dict.fromkeys(("accuracy", "ece", "brier"))
    each = np.repeat(weights, labels.shape[1])
    gaps = np.bincount(bins_of(scores.ravel()), each * (scores.ravel() - labels.ravel()), BINS)
    return {
        "accuracy": float((weights * np.equal(*answers)).sum() / weights.sum()),
        "ece": float(np.abs(gaps).sum() / each.sum()),
        "brier": float((each * (scores - labels).ravel() ** 2).sum() / each.sum()),
    }


def _precision(labels: Ints, scores: Doubles, weights: Doubles | None) -> float | None:
    """Of the galaxies that are given a label, a probability above 0.5, the weighted share that has it."""
    given = scores > 0.5
    if weights is None or not weights[given].sum() > 0:
        return None
    return float((weights * labels)[given].sum() / weights[given].sum())


def _intervals(
    predictions: Predictions, known: np.ndarray, answers: tuple[Ints, Ints], target: Doubles, draws: Draws
) -> list[float] | None:
    """Interval of the accuracy: galaxies are drawn again, and each draw is weighted to the same population."""
    number = len(predictions.ids)
    true, right = np.full(number, -1), np.zeros(number, bool)
    true[known], right[known] = answers[0], np.equal(*answers)
    of_class = (true[:, None] == np.arange(len(target))).astype(np.float64)
    there = target > 0
    drawn = []
    for counts in resamples(number, draws[0], draws[1], width=len(target)):
        with np.errstate(invalid="ignore", divide="ignore"):
            recalls = (counts @ (of_class * right[:, None]))[:, there] / (counts @ of_class)[:, there]
        drawn.append(recalls @ target[there])
    return interval(np.concatenate(drawn)) if drawn and np.isfinite(target).all() else None


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


# ------------------------------------------------------------ in words


def about_prevalence(part: Json) -> Iterator[str]:
    """Sentences: what could not be corrected, which galaxies count for nothing, and what of the file was not used."""
    for name, figures in part["per_question"].items():
        if figures["absent"]:
            yield f"No galaxy has the answer {', '.join(figures['absent'])}, so {name} cannot be corrected."
        yield from _left_out(name, figures)
    if part["uncorrected"]:
        yield f"{part['file']} has no share of an answer to {', '.join(part['uncorrected'])}."
    if part["unused"]:
        yield f"This run does not answer for {', '.join(part['unused'])}, so their shares were not used."


def _left_out(name: str, figures: Json) -> Iterator[str]:
    """The galaxies whose answer is not there in the population, so that their weight is 0."""
    for answer in figures["answers"]:
        if answer["population"] == 0 and answer["sample"]:
            galaxies = round(answer["sample"] * figures["galaxies"])
            yield (
                f"{galaxies} of {figures['galaxies']} galaxies have the answer {answer['label']}, which the population "
                f"does not have, so they are left out of {name}."
            )
