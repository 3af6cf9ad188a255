"""Scores of real images and of defects planted into images without a known defect, and thresholds from them.

Thresholds are chosen on one half of the images; :func:`choose` has the rule.
"""

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from hough import longest_dark_line
from judged_images import Lists, Real
from planting import PLANTERS, Planted, plant_any_black_line

from gzcore.images import decode
from gzprep.catalogue.galaxy import DefectLine
from gzprep.images.defects import DETECTORS, find

FIXED = {"error_image": 0.95}
"""Thresholds that follow from the meaning of the score: half of the frame is black, but for a twentieth."""
ALLOWED = {"black_line": 0.0, "colour_line": 0.0, "saturated_background": 0.003, "frame_edge": 0.003}
"""Share of sound images of the choosing half that may be false alarms: none where the galaxy would be dropped."""
EACH = 2
"""Defects of a kind that are planted into an image, one at a time."""
HOUGH = "hough"
Scores = dict[str, dict[str, float]]
"""Detector, or baseline, to id, to score."""


@dataclass(frozen=True, slots=True)
class Case:
    """A planted defect, and what was made of it.

    Attributes:
        image: what it was planted into.
        score: ours.
        hough: the baseline's, of a black line.
        aside: distance of the farther end of the detected line from the planted line, px; NaN without a line.
        facts: of the planter.
    """

    image: Real
    score: float
    hough: float
    aside: float
    facts: dict[str, float]


@dataclass(frozen=True, slots=True)
class Survey:
    """Everything that was scored.

    Attributes:
        images: the real ones.
        lists: what is known of them.
        real: their scores.
        planted: cases of each detector.
        any_depth: black lines that may be too faint to be seen, unseen half.
    """

    images: list[Real]
    lists: Lists
    real: Scores
    planted: dict[str, list[Case]]
    any_depth: list[Case]

    def others(self, detector: str) -> list[Real]:
        """Images that have no known defect; unsure ones are left out."""
        out = self.lists.having(detector) | self.lists.having(detector, "unsure")
        return [image for image in self.images if image.id not in out]

    def cases(self, detector: str, *, chosen_on: bool) -> list[Case]:
        """Planted cases of one half."""
        return [case for case in self.planted[detector] if case.image.chosen_on == chosen_on]

    def scores(self, name: str, images: Sequence[Real]) -> list[float]:
        """Scores of real images."""
        return [self.real[name][image.id] for image in images]


def survey(images: list[Real], lists: Lists) -> Survey:
    """Score everything."""
    real: Scores = {name: {} for name in (*DETECTORS, HOUGH)}
    planted: dict[str, list[Case]] = {name: [] for name in DETECTORS}
    any_depth: list[Case] = []
    for image in images:
        pixels = decode(image.path.read_bytes(), "RGBA")
        for name, finding in find(pixels).items():
            real[name][image.id] = finding.score
        real[HOUGH][image.id] = longest_dark_line(pixels)
        if image.id not in lists.not_sound:
            for name, plant in PLANTERS.items():
                planted[name] += [_case(image, name, plant(pixels, rng)) for rng in chances(image, name)]
            if not image.chosen_on:
                rngs = chances(image, "any depth")
                any_depth += [_case(image, "black_line", plant_any_black_line(pixels, rng)) for rng in rngs]
    return Survey(images, lists, real, planted, any_depth)


def _case(image: Real, name: str, planted: Planted) -> Case:
    hough = longest_dark_line(planted.image) if name == "black_line" else 0.0
    finding, facts = find(planted.image, [name])[name], planted.facts
    aside = math.nan if finding.line is None or "x0" not in facts else _aside(finding.line, facts)
    return Case(image, finding.score, hough, aside, facts)


def _aside(line: DefectLine, facts: dict[str, float]) -> float:
    """Larger distance of a line's ends from the planted line, px."""
    x, y = facts["x1"] - facts["x0"], facts["y1"] - facts["y0"]
    ends = ((line.x0, line.y0), (line.x1, line.y1))
    return max(abs((px - facts["x0"]) * y - (py - facts["y0"]) * x) for px, py in ends) / max(math.hypot(x, y), 1.0)


def chances(image: Real, what: str) -> Iterator[np.random.Generator]:
    """Random numbers that are a function of the image and of what they are for."""
    for at in range(EACH):
        digest = hashlib.sha256(f"{image.id} {what} {at}".encode()).digest()
        yield np.random.default_rng(int.from_bytes(digest[:8], "big"))


def choose(seen: Survey, detector: str) -> float:
    """The lowest threshold, of two digits, with no more false alarms on the choosing half than are allowed."""
    if detector in FIXED:
        return FIXED[detector]
    scores = sorted(seen.scores(detector, [one for one in seen.others(detector) if one.chosen_on]), reverse=True)
    highest = scores[math.floor(ALLOWED[detector] * len(scores))]
    unit = 10.0 ** (math.floor(math.log10(highest)) - 1)
    return round(unit * (math.floor(highest / unit) + 1), 6)


def choose_hough(seen: Survey) -> float:
    """The length with the best F1 on the real images of the choosing half."""
    true = seen.lists.having("black_line")
    scores = {image.id: seen.real[HOUGH][image.id] for image in seen.images if image.chosen_on}

    def f1(threshold: float) -> float:
        alarms = {id_ for id_, score in scores.items() if score >= threshold}
        return 2 * len(alarms & true) / (len(alarms) + len(true & scores.keys()))

    return max(sorted(set(scores.values()) - {0.0}), key=f1)
