"""The detectors by name, and the way from findings to a verdict: thresholds and policies of the recipe are applied.

To add a detector: write a module with a function from a :class:`~gzprep.images.defects.planes.Planes` to a
``Finding``, put it into ``DETECTORS``, give it a threshold in ``config.Defects`` and a name in ``Reason``.
"""

from collections.abc import Callable, Iterable, Mapping

from gzcore.images import Pixels
from gzprep.catalogue.galaxy import DefectVerdict, Finding, Reason, Rejection, RejectionStage
from gzprep.config import Defects, Detector, LineDetector
from gzprep.images.defects.black_line import black_line
from gzprep.images.defects.colour_line import colour_line
from gzprep.images.defects.error_image import error_image
from gzprep.images.defects.frame_edge import frame_edge
from gzprep.images.defects.planes import Planes
from gzprep.images.defects.saturated_background import saturated_background

DETECTORS: dict[str, Callable[[Planes], Finding]] = {
    "error_image": error_image,
    "black_line": black_line,
    "colour_line": colour_line,
    "saturated_background": saturated_background,
    "frame_edge": frame_edge,
}
"""Detectors by name; the names are those of the recipe and of ``Reason``."""


def find(image: Pixels, names: Iterable[str] = tuple(DETECTORS)) -> dict[str, Finding]:
    """Run some detectors on an image.

    Args:
        image: uint8 [H, W], [H, W, 3] or [H, W, 4], RGB; at least 64 px a side. A turned or mirrored copy gets the
            same scores.
        names: of the detectors to run.

    Returns:
        Finding of each detector, by name.
    """
    planes = Planes(image)
    return {name: DETECTORS[name](planes) for name in names}


def judge(image: Pixels, rules: Defects) -> DefectVerdict:
    """Run every detector that is not off on an image, and apply the policies."""
    return decide(find(image, wanted(rules)), rules)


def wanted(rules: Defects) -> tuple[str, ...]:
    """Names of the detectors that are not off."""
    return tuple(name for name in DETECTORS if _rule(rules, name).policy != "off")


def decide(findings: Mapping[str, Finding], rules: Defects) -> DefectVerdict:
    """Compare scores with thresholds and apply the policies. The first detector that drops gives the reason.

    Args:
        findings: of every wanted detector. The verdict keeps all scores and lines, so that it can be made again with
            another threshold without the image.
        rules: thresholds and policies.
    """
    hits = [name for name in wanted(rules) if findings[name].score >= _rule(rules, name).threshold]
    flagged, dropped, filled = (
        tuple(name for name in hits if _rule(rules, name).policy == policy) for policy in ("flag", "drop", "inpaint")
    )
    return DefectVerdict(
        scores={name: finding.score for name, finding in findings.items()},
        flags=flagged,
        rejection=_rejection(dropped[0], findings[dropped[0]].score, rules) if dropped else None,
        lines={name: finding.line for name, finding in findings.items() if finding.line is not None},
        inpainted=() if dropped else tuple(name for name in filled if findings[name].line is not None),
    )


def _rule(rules: Defects, name: str) -> Detector | LineDetector:
    rule: Detector | LineDetector = getattr(rules, name)
    return rule


def _rejection(name: str, score: float, rules: Defects) -> Rejection:
    threshold = _rule(rules, name).threshold
    return Rejection(RejectionStage.DEFECT, Reason(name), f"score {score:.3f}, threshold {threshold:g}")
