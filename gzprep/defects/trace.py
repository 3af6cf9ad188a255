"""From a short ray to the whole line it is part of: where it starts, where it ends, and how much speaks for it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from gzprep.defects.rays import Ray
from gzprep.geometry import Pixels

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.integer]
Evidence = Callable[[Floats], Floats]
"""What each pixel says, from the values along a ray: float32 [rows, columns], a margin less at either side."""
_PAD = 64
"""Columns a plane goes on for beyond its border: as many as any strip is wide."""
_REACH = 512
"""A line is followed for so many rows up and down."""
_WINDOW = 1.5
"""A ray is steered by what lies so many times its own rows up and down."""
_TURN = 1 / 14
"""Slopes are looked for so far to either side of a ray's: in its few rows many slopes look alike."""
_OFFSETS: Floats = np.arange(-2, 3).astype(np.float32)
"""Columns to either side of a ray's middle."""
_FINE_TURN, _FINE_OFFSETS = 1 / 60, (_OFFSETS[1:-1] / 2).astype(np.float32)
"""The same once it is steered."""


@dataclass(frozen=True)
class Ground:
    """A plane on which rays are followed.

    Attributes:
        plane: uint8 [h, w].
        table: float32 [256], what each grey level is worth.
    """

    plane: Pixels
    table: Floats

    @cached_property
    def upright(self) -> Pixels:
        """The plane with _PAD columns more at either side, as it ends there."""
        return np.asarray(cv2.copyMakeBorder(self.plane, 0, 0, _PAD, _PAD, cv2.BORDER_REPLICATE))

    @cached_property
    def level(self) -> Pixels:
        """The same of the transposed plane."""
        return np.asarray(cv2.copyMakeBorder(cv2.transpose(self.plane), 0, 0, _PAD, _PAD, cv2.BORDER_REPLICATE))


@dataclass(frozen=True, slots=True)
class Strip:
    """Pixels along a ray, a row of them for each row of the plane.

    Attributes:
        values: float32 [rows, columns]; the ray runs down the middle column. The plane goes on as it ends.
        ray: in pixels of the plane.
        first: plane row of the first row.
        column: int [rows]: plane column of the first column.
    """

    values: Floats
    ray: Ray
    first: int
    column: Ints

    @property
    def below(self) -> Floats:
        """How far below the ray's middle each row is, float32 [rows]."""
        return np.arange(len(self.column), dtype=np.float32) + np.float32(self.first - self.ray.y)


@dataclass(frozen=True, slots=True)
class Trace:
    """The best stretch of a line.

    Attributes:
        score: evidence, summed over its length in px of the plane.
        start, end: (x, y) in the plane.
        rows: strip rows, from the first to one past the last.
        columns: int [rows]: strip column in each of them.
    """

    score: float
    start: tuple[float, float]
    end: tuple[float, float]
    rows: tuple[int, int]
    columns: Ints


def follow(ground: Ground, ray: Ray, evidence: Evidence, margin: int, least: float) -> tuple[Strip, Trace]:
    """Follow a ray to where its line starts and ends.

    Args:
        ground: what it runs through.
        ray: in pixels of the ground.
        evidence: what speaks for a line; negative against it.
        margin: columns that ``evidence`` takes off at either side.
        least: where less than this is found around the ray, it is not followed: the trace has a score, and no length.

    Returns:
        The strip around the line, and the stretch of it that the most evidence speaks for.
    """
    window = int(_WINDOW * ray.rows)
    near = _cut_strip(ground, ray, window, int(window * _TURN) + len(_OFFSETS) + margin)
    gain, offset, slope = _steered(near, evidence(near.values), _slopes(window, _TURN))
    if gain < least:
        return near, Trace(gain, (0.0, 0.0), (0.0, 0.0), (0, 0), np.zeros(0, np.intp))
    line = replace(ray, x=ray.x + offset, slope=ray.slope + slope)
    reach = min(max(ground.plane.shape), _REACH)
    strip = _cut_strip(ground, line, reach, int(reach * _FINE_TURN) + len(_FINE_OFFSETS) + margin)
    return strip, _best_stretch(strip, evidence(strip.values))


def _cut_strip(ground: Ground, ray: Ray, reach: int, half: int) -> Strip:
    """Cut the pixels along a ray out of a plane: ``reach`` rows up and down, ``half`` columns to either side."""
    padded = ground.level if ray.level else ground.upright
    first, last = max(0, int(ray.y) - reach), min(len(padded), int(ray.y) + reach + 1)
    column = np.rint(ray.x + ray.slope * (np.arange(first, last) - ray.y)).astype(np.intp) - half
    # Windows are taken whole. One that would leave the padding lies all beyond the border, where nothing changes.
    windows = sliding_window_view(padded, 2 * half + 1, axis=1)
    pixels = windows[np.arange(first, last), (column + _PAD).clip(0, windows.shape[1] - 1)]
    return Strip(np.asarray(cv2.LUT(pixels, ground.table)), ray, first, column)


def _gains(strip: Strip, evidence: Floats, slopes: Floats, offsets: Floats) -> tuple[Ints, Floats, Floats]:
    """Along straight paths: their columns [paths, rows], the evidence summed, and how far it has risen at each row."""
    rows, width = evidence.shape
    path = (strip.ray.slope + slopes[:, None, None]) * strip.below + (strip.ray.x + offsets[:, None])
    columns = np.rint(path.reshape(-1, rows)).astype(np.intp)
    columns -= strip.column + (strip.values.shape[1] - width) // 2
    along = evidence.ravel()[columns + np.arange(0, rows * width, width)]
    summed = np.zeros((len(columns), rows + 1), np.float32)
    np.cumsum(along, axis=1, out=summed[:, 1:])
    return columns, summed, summed - np.minimum.accumulate(summed, axis=1)


def _slopes(reach: int, most: float) -> Floats:
    """Slopes up to ``most`` to either side, so close that neighbours are a column apart ``reach`` rows away."""
    count = int(reach * most) + 1
    return (np.arange(-count, count + 1) / reach).astype(np.float32)


def _steered(strip: Strip, evidence: Floats, slopes: Floats) -> tuple[float, float, float]:
    """The most that speaks for a line around a ray, and the line's offset and slope relative to the ray's."""
    _, _, gains = _gains(strip, evidence, slopes, _OFFSETS)
    most = gains.max(axis=1)
    slope, offset = divmod(int(most.argmax()), len(_OFFSETS))
    return float(most.max()), float(_OFFSETS[offset]), float(slopes[slope])


def _best_stretch(strip: Strip, evidence: Floats) -> Trace:
    rows, width = evidence.shape
    slopes = _slopes(int(np.abs(strip.below).max()) + 1, _FINE_TURN)
    columns, summed, gains = _gains(strip, evidence, slopes, _FINE_OFFSETS)
    path, end = divmod(int(gains.argmax()), rows + 1)
    start = int(summed[path, : end + 1].argmin())
    used = columns[path, start:end] + (strip.values.shape[1] - width) // 2
    ends = _point(strip, start, int(used[0])), _point(strip, end - 1, int(used[-1]))
    across, down = abs(ends[1][0] - ends[0][0]), abs(ends[1][1] - ends[0][1])
    longer = float(np.hypot(across, down)) / max(across, down, 1.0)  # than it has rows, as it slants
    return Trace(float(gains[path, end]) * max(longer, 1.0), *ends, (start, end), used)


def _point(strip: Strip, row: int, column: int) -> tuple[float, float]:
    x, y = float(strip.column[row] + column), float(strip.first + row)
    return (y, x) if strip.ray.level else (x, y)
