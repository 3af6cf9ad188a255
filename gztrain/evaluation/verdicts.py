"""What is wrong with a model, question by question and label by label, each in a sentence.

A finding is told where the figures show it, not where they merely cannot rule it out. One kind is an exception: a
question is named as not better than the commonest answer, too, if its galaxies are too few to show that it is better.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from gzcore.dataset.tree import Question
from gztrain.data.dataset import Scheme
from gztrain.evaluation.predictions import Predictions
from gztrain.evaluation.swapped import find_swapped

Json = Mapping[str, Any]
Kind = Literal["constant", "hardly", "swapped", "reversed", "chance", "never", "always", "commonest", "off", "few"]
"""In the order in which they are told."""
KINDS: tuple[Kind, ...] = (
    *("constant", "hardly", "swapped", "reversed", "chance", "never", "always", "commonest", "off", "few"),
)
SAME = 1e-4
"""If a probability varies by less than this over all galaxies, it does not depend on the image."""
HARDLY = 0.01
"""A probability that varies by less than this over all galaxies hardly depends on the image."""
FEW_GALAXIES, FEW_CASES = 100, 10
"""A label rests on few galaxies if fewer are known, or fewer have the rarer of its two values."""
_Z95 = 1.96
_OFF = 2.0
"""Probabilities are off if their calibration error is so many times that of a perfectly calibrated model."""


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with a label or a question.

    Attributes:
        kind: what is wrong.
        of: name of the label or the question.
        sentence: the same in words, with its figures.
    """

    kind: Kind
    of: str
    sentence: str

    def document(self) -> dict[str, str]:
        """The finding as JSON has it."""
        return {"kind": self.kind, "of": self.of, "sentence": self.sentence}


def find(predictions: Predictions, scheme: Scheme, judged: Json, majority: Json) -> list[Finding]:
    """Everything that is wrong with a model, by kind.

    Args:
        predictions: of the galaxies.
        scheme: its questions.
        judged: the figures of the split, with intervals.
        majority: figures of the commonest answers.

    Returns:
        Findings in the order of :data:`KINDS`, and of the tree.
    """
    found = list(_swapped(predictions, scheme, judged))
    exchanged = {finding.of for finding in found}
    for question in scheme.questions:
        found += _of_question(question, judged, majority)
        for label in question.labels:
            found += [each for each in _of_label(label, judged) if label not in exchanged or each.kind != "reversed"]
    return sorted(found, key=lambda finding: KINDS.index(finding.kind))


def _of_label(name: str, judged: Json) -> Iterator[Finding]:
    label = judged["per_label"][name]
    known, positives, spread = label["known_labels"], label["positives"], label["spread"]
    if not known:
        return
    if spread < SAME:
        yield Finding("constant", name, f"The output for {name} does not depend on the image.")
    elif spread < HARDLY:
        yield Finding(
            "hardly", name, f"The output for {name} hardly depends on the image: it moves by {spread:.2g} at most."
        )
    if spread >= SAME:
        yield from _ranks(name, label, judged["intervals"].get("per_label", {}).get(name, {}).get("auc"))
    yes = label["true_positives"] + label["false_positives"]
    if positives and not yes:
        yield Finding("never", name, f"It never says {name}, which {positives} of {known} galaxies are.")
    if yes == known and positives < known:
        yield Finding("always", name, f"It says {name} of every galaxy; {positives} of {known} are.")
    if known < FEW_GALAXIES or min(positives, known - positives) < FEW_CASES:
        yield Finding("few", name, f"{name} rests on {known} galaxies, {positives} of them positive.")


def _ranks(name: str, label: Json, bounds: Sequence[float] | None) -> Iterator[Finding]:
    auc = label["auc"]
    if auc is None:
        return
    low, high = bounds or (auc, auc)
    words = f"AUC {auc:.3f}" + (f", {low:.3f} to {high:.3f}" if bounds else "")
    reach = by_chance(label)
    if reach:
        ends = max(0.0, 0.5 - reach), min(1.0, 0.5 + reach)
        words += f", where few cases give {ends[0]:.3f} to {ends[1]:.3f} by chance"
    if high < 0.5 and auc <= 0.5 - reach:
        yield Finding(
            "reversed",
            name,
            f"{name} is ranked worse than chance ({words}): its labels look swapped, since 1 - p would have "
            f"{1 - auc:.3f}.",
        )
    elif low <= 0.5 or auc < 0.5 + reach:
        yield Finding("chance", name, f"{name} is not shown to be ranked better than chance ({words}).")


def by_chance(label: Json) -> float:
    """How far from 0.5 chance alone takes an AUC in 95 % of cases, if few galaxies have the rarer value; else 0.

    Drawing galaxies again cannot show this: of one positive galaxy it draws the same one again and again. The spread is
    sqrt((P + F + 1) / (12 P F)) (Mann and Whitney 1947).
    """
    positives, negatives = label["positives"], label["known_labels"] - label["positives"]
    if not 0 < min(positives, negatives) < FEW_CASES:
        return 0.0
    return _Z95 * math.sqrt((positives + negatives + 1) / (12 * positives * negatives))


def _of_question(question: Question, judged: Json, majority: Json) -> Iterator[Finding]:
    name, figures = question.name, judged["per_question"][question.name]
    if not figures["known_questions"]:
        return
    bounds = judged["intervals"].get("per_question", {}).get(name, {}).get("above_commonest")
    difference = figures["above_commonest"]
    if (bounds[0] if bounds else difference) <= 0:
        beside = f"{figures['accuracy']:.3f} against {majority['per_question'][name]['accuracy']:.3f}"
        interval = f", a difference of {bounds[0]:+.3f} to {bounds[1]:+.3f}" if bounds else ""
        worse = (bounds[1] if bounds else difference) < 0
        how = "is worse than" if worse else "is not shown to be better than" if difference > 0 else "is no better than"
        yield Finding("commonest", name, f"{name} {how} the commonest answer ({beside}{interval}).")
    error, limit = figures["ece"], figures["ece_limit"]
    if error is not None and error > _OFF * limit:
        sentence = (
            f"The probabilities of {name} are off by {error:.3f} on average; those of a perfectly calibrated model "
            f"stay within {limit:.3f}."
        )
        yield Finding("off", name, sentence)


# ------------------------------------------------------------ swapped outputs


def _swapped(predictions: Predictions, scheme: Scheme, judged: Json) -> Iterator[Finding]:
    """Pairs of labels whose outputs look swapped, a finding for each of the two."""
    usable = {place: name for place, name in enumerate(scheme.names) if _is_ranked(judged, name)}
    own = {place: judged["per_label"][name]["auc"] for place, name in usable.items()}
    for pair in find_swapped(predictions, own):
        names = [scheme.names[place] for place in pair.labels]
        for name, other, mine, its in zip(names, names[::-1], pair.own, pair.crossed, strict=True):
            yield Finding(
                "swapped",
                name,
                f"The outputs of {name} and {other} look swapped: that of {other} ranks {name} with AUC {its:.3f}, its "
                f"own with {mine:.3f}.",
            )


def _is_ranked(judged: Json, name: str) -> bool:
    """Whether both values of a label are known of some galaxies, and its output depends on the image."""
    label = judged["per_label"][name]
    return label["auc"] is not None and label["spread"] >= SAME


# ------------------------------------------------------------ in short


_MANY = 4
"""So many labels are not listed if there are no others."""
_WORDS: dict[Kind, str] = {
    "constant": "no dependence on the image",
    "hardly": "hardly any dependence on the image",
    "swapped": "outputs look swapped",
    "reversed": "worse than chance, so labels look swapped",
    "chance": "not shown to be better than chance",
    "never": "never says yes",
    "always": "always says yes",
    "commonest": "not shown to be better than the commonest answer",
    "off": "probabilities are off",
    "few": "few galaxies",
}


def in_short(findings: Sequence[Finding], judged: Json, majority: Json) -> str:
    """All findings, a line for each kind: the labels or questions, and the figure that shows it."""
    parts = []
    for kind in KINDS:
        of_kind = [finding for finding in findings if finding.kind == kind]
        names = [_named(finding, judged, majority) for finding in of_kind]
        if kind == "few" and len(names) >= max(_MANY, len(judged["per_label"])):
            names = [_few_of_all([judged["per_label"][finding.of] for finding in of_kind])]
        if names and kind != "constant":  # the verdict begins with those
            parts.append(f"{_WORDS[kind][0].upper()}{_WORDS[kind][1:]}: {', '.join(names)}.")
    return "\n".join(parts)


def _few_of_all(labels: Sequence[Json]) -> str:
    """In place of a long list: every label rests on few galaxies."""
    known, positives = ([label[key] for label in labels] for key in ("known_labels", "positives"))
    galaxies = f"{min(known)} to {max(known)} galaxies"
    return (
        f"each of the {len(labels)} labels rests on {galaxies}, {min(positives)} to {max(positives)} of them positive"
    )


def _named(finding: Finding, judged: Json, majority: Json) -> str:
    name = finding.of
    if finding.kind == "commonest":
        pair = (judged["per_question"][name]["accuracy"], majority["per_question"][name]["accuracy"])
        return f"{name} ({pair[0]:.3f} against {pair[1]:.3f})"
    if finding.kind in ("reversed", "chance"):
        return f"{name} (AUC {judged['per_label'][name]['auc']:.3f})"
    if finding.kind == "off":
        return f"{name} (by {judged['per_question'][name]['ece']:.3f})"
    if finding.kind == "few":
        label = judged["per_label"][name]
        return f"{name} ({label['known_labels']} galaxies, {label['positives']} positive)"
    return name
