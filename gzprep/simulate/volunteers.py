"""Simulates volunteers who classify a galaxy by the decision tree. Each volunteer may be wrong.

The probability of an answer follows from the truth. If the galaxy is easy to see, the right answer is likely; if not,
similar answers are likely too. As in the real survey, the answer to one question decides which question comes next.
"""

import random
from collections import Counter
from collections.abc import Iterator, Mapping

from gzcore.dataset.tree import Question
from gzcore.hashing import generator
from gzprep.catalogue.surveys import gz2
from gzprep.simulate.truth import GalaxyTruth

Chances = dict[str, dict[str, float]]
"""For each question name, the relative probability of each answer; they need not sum to 1."""
Votes = dict[str, dict[str, int]]
"""For each question name, the number of votes for each answer."""

FEATURED, ARTIFACT = "featured-or-disk", "artifact"
_FIRST = "smooth-or-featured-gz2"
_WINDINGS = ("tight", "medium", "loose")
_BULGES = ("no", "just-noticeable", "obvious", "dominant")


def classify(truth: GalaxyTruth, seed: int, index: int) -> Votes:
    """Ask about 43 volunteers, and count their votes for every answer to the ten questions.

    The number of volunteers is drawn as in Galaxy Zoo 2: 43 with a deviation of 5, from 23 to 64.
    """
    rng = generator("simulate-votes", seed, index)
    volunteers = round(sum(rng.random() for _ in range(12)) * 5.2 - 6 * 5.2 + 42.6)  # a sum of 12 is nearly normal
    chances = chances_of(truth)
    given = Counter(answer for _ in range(max(23, min(64, volunteers))) for answer in walk(chances, rng))
    return {
        question.name: {answer: given[question.name, answer] for answer in question.answers} for question in gz2().asked
    }


def walk(chances: Chances, rng: random.Random) -> Iterator[tuple[str, str]]:
    """Take one volunteer through the tree; yields (question name, answer)."""
    given: dict[str, str] = {}
    for question in gz2().asked:
        if _is_asked(question, given):
            given[question.name] = _draw(chances[question.name], rng)
            yield question.name, given[question.name]


def _is_asked(question: Question, given: Mapping[str, str]) -> bool:
    """Whether the tree leads to a question; after the answer "artifact" no question follows."""
    if given.get(_FIRST) == ARTIFACT:
        return False
    return question.parent is None or given.get(question.parent[0]) == question.parent[1]


def _draw(chances: dict[str, float], rng: random.Random) -> str:
    point = rng.random() * sum(chances.values())
    for answer, chance in chances.items():
        point -= chance
        if point < 0:
            return answer
    return next(reversed(chances))  # rounding: the point lay at the very end


def chances_of(truth: GalaxyTruth) -> Chances:
    """The chance of every answer to every question, for one galaxy."""
    seen = truth.clarity
    return {
        _FIRST: _first(truth),
        "disk-edge-on-gz2": _yes_no(_edge_on(truth)),
        "has-spiral-arms-gz2": _yes_no(_spiral(truth)),
        "bar-gz2": _yes_no(0.25 + 0.68 * seen if truth.bar else 0.04 + 0.14 * (1 - seen)),
        "bulge-size-gz2": _near(_BULGES, truth.bulge or ("obvious" if truth.sersic > 2.5 else "just-noticeable"), seen),
        "something-odd-gz2": _yes_no(_odd(truth)),
        "how-rounded-gz2": _roundness(truth.axis_ratio),
        "bulge-shape-gz2": _bulge_shape(truth),
        "spiral-winding-gz2": _near(_WINDINGS, truth.winding or "tight", seen),
        "spiral-arm-count-gz2": _arm_count(truth),
    }


def _first(truth: GalaxyTruth) -> dict[str, float]:
    artifact = 0.86 if truth.kind == "artifact" else 0.02 + 0.03 * (1 - truth.clarity)
    visible = {"smooth": 0.06, "artifact": 0.2, "edge-on": 0.82}.get(truth.kind, _pattern(truth))
    if truth.kind == "smooth" and truth.roundness == "cigar":
        visible = 0.2
    # If its features cannot be seen, a featured galaxy is taken for a smooth one.
    featured = visible * (0.2 + 0.8 * truth.clarity) + 0.05 if truth.kind != "smooth" else visible
    return {"smooth": (1 - artifact) * (1 - featured), FEATURED: (1 - artifact) * featured, ARTIFACT: artifact}


def _pattern(truth: GalaxyTruth) -> float:
    """How much of a disc's structure there is to see, 0 to 1."""
    structures = (
        0.5 + 0.42 * truth.arm_strength if truth.arms else 0.0,
        0.75 if truth.bar else 0.0,
        0.85 if truth.odd in ("ring", "irregular") else 0.0,
        {"dominant": 0.3, "obvious": 0.42}.get(truth.bulge, 0.55),
    )
    return min(max(structures) + 0.05 * (len([share for share in structures if share]) - 1), 0.97)


def _edge_on(truth: GalaxyTruth) -> float:
    if truth.kind == "edge-on":
        return 0.7 + 0.28 * truth.clarity
    return {"cigar": 0.75, "in-between": 0.12}.get(truth.roundness, 0.03 if truth.axis_ratio > 0.55 else 0.15)


def _spiral(truth: GalaxyTruth) -> float:
    if not truth.arms:
        return 0.3 if truth.odd == "ring" else 0.04 + 0.08 * (1 - truth.clarity)
    return min(0.3 + 0.35 * truth.arm_strength + 0.5 * truth.clarity, 0.98)


def _odd(truth: GalaxyTruth) -> float:
    return {"": 0.06, "ring": 0.6, "disturbed": 0.6, "irregular": 0.65, "merger": 0.85}[truth.odd]


def _roundness(axis_ratio: float) -> dict[str, float]:
    """Chances by the apparent axis ratio, crossing at 0.82 and 0.4."""
    is_round = 1 / (1 + 10 ** ((0.82 - axis_ratio) / 0.055))
    is_cigar = 1 / (1 + 10 ** ((axis_ratio - 0.39) / 0.06))
    return {"round": is_round, "in-between": max(1 - is_round - is_cigar, 0.02), "cigar": is_cigar}


def _bulge_shape(truth: GalaxyTruth) -> dict[str, float]:
    right = truth.bulge_shape or ("no-bulge" if truth.bulge == "no" else "round")
    # A boxy bulge is easily taken for a round one, also because the seeing blurs it.
    likely = {
        "round": {"round": 0.85, "boxy": 0.08, "no-bulge": 0.07},
        "boxy": {"round": 0.28, "boxy": 0.62, "no-bulge": 0.1},
        "no-bulge": {"round": 0.12, "boxy": 0.05, "no-bulge": 0.83},
    }[right]
    return _blur(likely, truth.clarity)


def _arm_count(truth: GalaxyTruth) -> dict[str, float]:
    answers = ("1", "2", "3", "4", "more-than-4")
    # Tightly wound arms, many arms and unclear ones cannot be counted.
    lost = 0.06 + 0.3 * (1 - truth.clarity) + 0.03 * max(truth.arms - 2, 0)
    lost += 0.15 if truth.winding == "tight" else 0.0
    if not truth.arms:
        return {"1": 0.08, "2": 0.25, "3": 0.02, "4": 0.01, "more-than-4": 0.02, "cant-tell": 0.62}
    counted = _near(answers, answers[min(truth.arms, 5) - 1], truth.clarity)
    return {**{answer: (1 - lost) * chance for answer, chance in counted.items()}, "cant-tell": lost}


def _near(answers: tuple[str, ...], right: str, clarity: float) -> dict[str, float]:
    """Probabilities of ordered answers: the further from the right one, the less likely; more so with clarity."""
    other = 0.33 - 0.22 * clarity
    weights = {answer: other ** abs(answers.index(answer) - answers.index(right)) for answer in answers}
    return {answer: weight / sum(weights.values()) for answer, weight in weights.items()}


def _blur(chances: dict[str, float], clarity: float) -> dict[str, float]:
    """Mix probabilities with pure guessing; the lower the clarity, the more guessing."""
    guess = 0.4 * (1 - clarity) / len(chances)
    return {answer: chance * (0.6 + 0.4 * clarity) + guess for answer, chance in chances.items()}


def _yes_no(yes: float) -> dict[str, float]:
    return {"yes": yes, "no": 1 - yes}


def summary(votes: Votes) -> str | None:
    """The class of a galaxy in the column "summary" of the catalogue; None where volunteers did not agree.

    The majority (over 0.5) of the first question decides; then, for a smooth galaxy, the most voted roundness, and for
    a featured one whether the majority saw it edge-on, with spiral arms, and barred.
    """
    first = votes[_FIRST]
    if _share(first, "smooth") > 0.5:
        rounded = votes["how-rounded-gz2"]
        return "smooth_" + max(rounded, key=lambda answer: rounded[answer]).replace("-", "")
    if _share(first, FEATURED) <= 0.5:
        return None
    if _share(votes["disk-edge-on-gz2"], "yes") > 0.5:
        return "edge_on_disk"
    barred = _share(votes["bar-gz2"], "yes") > 0.5
    if _share(votes["has-spiral-arms-gz2"], "yes") > 0.5:
        return "barred_spiral" if barred else "unbarred_spiral"
    return None if barred else "featured_without_bar_or_spiral"


def _share(votes: Mapping[str, int], answer: str) -> float:
    return votes[answer] / max(sum(votes.values()), 1)
