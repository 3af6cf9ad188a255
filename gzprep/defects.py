"""Detectors of defective images: each a function array -> score, judged by threshold and policy of the recipe.

They see the decoded source image, before any view is made of it. To add one: write the function, put it into
``DETECTORS``, give it a threshold in ``config.Defects`` and a name in ``records.Reason``.
"""

from collections.abc import Callable

import numpy as np

from gzprep.config import Defects, Detector
from gzprep.geometry import Pixels
from gzprep.records import Reason, Rejection, Stage, Verdict

_BLACK = 3
"""Largest grey level that counts as black: an error image is 0 there, but JPEG may lift it by a little."""
_BRIGHT_BITS = np.array((255 - _BLACK, 255 - _BLACK, 255 - _BLACK, 0), np.uint8).view(np.uint32)[0]


def error_image(image: Pixels) -> float:
    """Share of black pixels in the bottom half of a uint8 [H, W, 4] image, 0 to 1 (F4).

    A pixel is black where no channel exceeds ``_BLACK``. The sky of a real cutout is noisy and stays far below 1.
    """
    bottom = np.ascontiguousarray(image[(image.shape[0] + 1) // 2 :])
    # A pixel is one number of 32 bits: black where none of the bits above the lowest two is set in any channel.
    bright = bottom.view(np.uint32) & _BRIGHT_BITS
    lit: float = np.count_nonzero(bright) / bright.size
    return 1 - lit


DETECTORS: dict[str, Callable[[Pixels], float]] = {"error_image": error_image}
"""Name, as in the recipe and in ``Reason``, to function."""


def judge(image: Pixels, rules: Defects) -> Verdict:
    """Score an image with every detector that is not off, and apply each one's policy."""
    return decide({name: DETECTORS[name](image) for name in wanted(rules)}, rules)


def wanted(rules: Defects) -> tuple[str, ...]:
    """Names of the detectors that are not off."""
    return tuple(name for name in DETECTORS if getattr(rules, name).policy != "off")


def decide(scores: dict[str, float], rules: Defects) -> Verdict:
    """Hold scores against thresholds; the first detector to drop names the reason.

    Args:
        scores: of every wanted detector; kept as they are, so that another threshold needs no image.
        rules: thresholds and policies.
    """
    detectors = ((name, getattr(rules, name)) for name in wanted(rules))
    hits = [(name, detector) for name, detector in detectors if scores[name] >= detector.threshold]
    flags = tuple(name for name, detector in hits if detector.policy == "flag")
    dropped = [(name, detector) for name, detector in hits if detector.policy == "drop"]
    return Verdict(scores, flags, _rejection(*dropped[0], scores) if dropped else None)


def _rejection(name: str, detector: Detector, scores: dict[str, float]) -> Rejection:
    return Rejection(Stage.DEFECT, Reason(name), f"score {scores[name]:.3f}, threshold {detector.threshold:g}")
