"""From traces to findings: which line is the strongest, where it lies in the original image, and how wide it is."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from gzprep.catalogue.galaxy import DefectLine, Finding
from gzprep.images.defects.planes import Planes
from gzprep.images.defects.trace import Strip, Trace


@dataclass(frozen=True, slots=True)
class Candidate:
    """A line that was followed in a plane; the strongest candidate becomes the finding.

    Attributes:
        trace: the line, in px of the plane.
        scale: width in image pixels of one pixel of the plane.
        width: of the line, px of the plane.
        score: of the line.
    """

    trace: Trace
    scale: int
    width: float
    score: float


def strongest(planes: Planes, candidates: Iterable[Candidate]) -> Finding:
    """The candidate with the highest score, as a finding; a score of 0 and no line where there is none."""
    best = max(candidates, key=lambda candidate: candidate.score, default=None)
    if best is None or best.score <= 0:
        return Finding(0.0)
    if not len(best.trace.columns):
        return Finding(best.score)
    ends = (planes.to_image(*_full_size(point, best.scale)) for point in (best.trace.start, best.trace.end))
    (x0, y0), (x1, y1) = sorted(ends, key=lambda point: (point[1], point[0]))  # the upper end first
    return Finding(best.score, DefectLine(x0, y0, x1, y1, best.width * best.scale))


def _full_size(point: tuple[float, float], scale: int) -> tuple[float, float]:
    """Coordinates of the middle of a pixel of the plane, in px of the full-size plane."""
    x, y = point
    return x * scale + (scale - 1) / 2, y * scale + (scale - 1) / 2


def width_of(strip: Strip, trace: Trace, half: int) -> float:
    """Width of a line at half its depth or height, measured across the line, px of the plane.

    Args:
        strip: pixels around the line.
        trace: the line.
        half: distance from the line, in columns, of the pixels that it is compared with.
    """
    rows, columns = np.arange(*trace.rows), trace.columns
    if not len(rows):
        return 0.0
    around = np.arange(-half, half + 1)
    nearby = (columns[:, None] + around).clip(0, strip.values.shape[1] - 1)
    profile = strip.values[rows[:, None], nearby].mean(axis=0)
    profile -= (profile[0] + profile[-1]) / 2
    within = profile * np.sign(profile[half]) >= abs(profile[half]) / 2
    left, right = _run(within[half::-1]), _run(within[half:])
    across, down = abs(trace.end[0] - trace.start[0]), abs(trace.end[1] - trace.start[1])
    tilt = max(across, down) / max(float(np.hypot(across, down)), 1.0)
    return (left + right - 1) * max(tilt, 0.5)


def _run(within: np.ndarray) -> int:
    """How many values are true before the first false one."""
    return int(np.argmin(within)) if not within.all() else len(within)
