"""Schemes without a folder, and galaxies and predictions made up for a test."""

import re
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from gzcore.dataset.tree import Question
from gztrain.data.dataset import Scheme
from gztrain.data.labels import Floats, Ints, Policy
from gztrain.evaluation.panel import Panel
from gztrain.evaluation.predictions import Predictions
from tests.gz2 import FRACTION_NAMES, LABEL_NAMES, QUESTIONS, SCHEMES, scheme_labels
from tests.running import ROOT

DOCUMENT = ROOT / "docs" / "metrics.md"
ALL_SCHEMES = tuple(SCHEMES)


def scheme_of(name: str) -> Scheme:
    """A scheme as a data set's manifest gives it."""
    questions = tuple(Question(**asdict(QUESTIONS[index])) for index in SCHEMES[name])
    fractions = tuple(FRACTION_NAMES.index(name) for question in questions for name in question.fraction_columns)
    places = scheme_labels(name)
    return Scheme(name, questions, places, tuple(LABEL_NAMES[place] for place in places), fractions)


@dataclass(frozen=True)
class Galaxies:
    """What the judging modules read of a batch."""

    fractions: Floats
    votes: Floats
    label_asked: Ints
    label_report: Ints
    mask: Ints

    def labels(self, policy: Policy) -> tuple[Ints, Ints]:
        """Labels and mask, as a batch gives them."""
        if policy == "report":
            return self.label_report, np.ones_like(self.mask)
        return self.label_asked, self.mask

    def fractions_of(self, _: Policy) -> Floats:
        """The fractions that labels come from: these galaxies have no debiased ones."""
        return self.fractions


def some_galaxies(number: int, seed: int = 0) -> Galaxies:
    """Galaxies with votes drawn at random; some questions not asked, some without counts."""
    rng = np.random.default_rng(seed)
    fractions, labels, mask = [], [], []
    votes = rng.integers(1, 40, (number, len(QUESTIONS))).astype(np.float32)
    for question in QUESTIONS:
        width = len(question.answers)
        counts = np.stack([rng.multinomial(int(n), np.full(width, 1 / width)) for n in votes[:, question.index]])
        winner = counts.argmax(axis=1)
        asked = rng.random(number) < 0.7
        known = asked & (np.array([question.answers[place] != question.dropped for place in winner]))
        fractions.append(np.where(asked[:, None], counts / votes[:, [question.index]], np.nan))
        labels.append(known[:, None] * (winner[:, None] == np.arange(len(question.used))))
        mask.append(np.repeat(known[:, None], len(question.used), axis=1))
        votes[:, question.index] *= asked
    votes[rng.random(votes.shape) < 0.2] = np.nan
    report = np.concatenate(
        [np.eye(len(q.used), dtype=np.int64)[rng.integers(len(q.used), size=number)] for q in QUESTIONS], 1
    )
    return Galaxies(
        np.concatenate(fractions, axis=1).astype(np.float32),
        votes,
        np.concatenate(labels, axis=1).astype(np.int64),
        report,
        np.concatenate(mask, axis=1).astype(np.int64),
    )


def some_predictions(scheme: Scheme, number: int, seed: int = 0, steps: int = 0) -> Predictions:
    """Random labels, masked question by question, and probabilities that know something of them.

    Args:
        scheme: their labels.
        number: of galaxies.
        seed: of the chance.
        steps: round probabilities to so many steps, so that there are ties; 0: do not.
    """
    rng = np.random.default_rng(seed)
    probabilities = rng.random((number, len(scheme.names)))
    labels, mask = np.zeros((2, *probabilities.shape), np.int64)
    for block in scheme.blocks:
        width = block.stop - block.start
        mask[:, block] = rng.random((number, 1)) < 0.7
        winner = rng.integers(max(width, 2), size=number)
        labels[:, block] = winner[:, None] == np.arange(width)
    labels *= mask
    probabilities = 0.7 * probabilities + 0.25 * labels
    if steps:
        probabilities = np.rint(probabilities * steps) / steps
    ids = tuple(f"{place:03d}" for place in range(number))
    return Predictions(ids, probabilities.astype(np.float32), labels, mask, scheme.names)


def with_votes(predictions: Predictions, scheme: Scheme, seed: int = 0, votes: int = 20) -> Predictions:
    """Predictions with votes that agree with their labels: the winner has two thirds or more. Unknown: not asked."""
    rng = np.random.default_rng(seed)
    number = len(predictions.ids)
    fractions = np.full((number, len(scheme.fraction_places)), np.nan, np.float32)
    for place, question in enumerate(scheme.questions):
        labels = predictions.labels[:, scheme.blocks[place]]
        width, rows = len(question.answers), np.arange(number)
        winner = np.where(labels.any(axis=1), labels.argmax(axis=1), len(question.used) if question.twin else 0)
        counts = np.zeros((number, width))
        counts[rows, winner] = rng.integers(-(-2 * votes // 3), votes + 1, number)
        counts[rows, (winner + 1) % width] += votes - counts.sum(axis=1)
        known = predictions.mask[:, scheme.blocks[place]].all(axis=1)
        fractions[:, scheme.fraction_blocks[place]] = np.where(known[:, None], counts / votes, np.nan)
    shape = (number, len(scheme.questions))
    return replace(predictions, panel=Panel(fractions, np.full(shape, votes, np.float32), np.zeros(shape, np.int64)))


def documented_keys() -> set[str]:
    """The keys of metrics.json that docs/metrics.md describes, each of them once."""
    documented = re.findall(r"^\| `([^`]+)` \|", DOCUMENT.read_text(), flags=re.MULTILINE)
    assert len(documented) == len(set(documented))
    return set(documented)


def paths(value: Any, scheme: Scheme, path: str = "") -> set[str]:
    """Keys of a document as docs/metrics.md writes them: what repeats stands once, under a name in capitals."""
    if not isinstance(value, dict):
        return {path} if path else set()
    names = dict.fromkeys(scheme.names, "LABEL") | {question.name: "QUESTION" for question in scheme.questions}
    names |= {"val": "SPLIT", "test": "SPLIT", "majority": "BASELINE", "image_free": "BASELINE"}
    found = {path} if path and not path.endswith(("LABEL", "QUESTION", "SPLIT", "BASELINE")) else set()
    if path.endswith(("BASELINE", "intervals", "mean", "sd")):
        return {path}  # the same keys once more
    for key, item in value.items():
        found |= paths(item, scheme, f"{path}.{names.get(key, key)}".lstrip("."))
    return found
