"""From a short ray to the whole line it is part of: where it starts, where it ends, and how much speaks for it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from gzprep.detectors.rays import Ray
from gzprep.geometry import Pixels

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.integer]
Evidence = Callable[["Strip"], Floats]
"""What each pixel of a strip says: float32 [rows, columns], narrower than the strip by a margin at either side."""
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


@dataclass(frozen=True, slots=True)
class Strip:
    """Pixels along a ray, a row of them for each row of the plane.

    Attributes:
        values: float32 [rows, columns]; the ray runs down the middle column. The plane goes on as it ends.
        inside: bool [rows, columns]: whether a pixel is of the plane.
        ray: in pixels of the plane.
        first: plane row of the first row.
        column: int [rows]: plane column of the first column.
    """

    values: Floats
    inside: npt.NDArray[np.bool_]
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
        start, end: (x, y) in the plane; where there is no evidence at all, both are the same.
        rows: strip rows, from the first to one past the last.
        columns: int [rows]: strip column in each of them.
    """

    score: float
    start: tuple[float, float]
    end: tuple[float, float]
    rows: tuple[int, int]
    columns: Ints


def follow(plane: Pixels, table: Floats, ray: Ray, margin: int, evidence: Evidence) -> tuple[Strip, Trace]:
    """Follow a ray to where its line starts and ends.

    Args:
        plane: uint8 [h, w].
        table: float32 [256], what each grey level is worth.
        ray: in pixels of this plane.
        margin: columns that ``evidence`` needs at either side.
        evidence: what speaks for a line; negative against it.

    Returns:
        The strip around the line, and the stretch of it that the most evidence speaks for.
    """
    window = int(_WINDOW * ray.rows)
    near = _cut_strip(plane, table, ray, window, int(window * _TURN) + len(_OFFSETS) + margin)
    slopes = _slopes(window, _TURN)
    slope, offset = _steered(near, evidence(near), slopes)
    line = replace(ray, x=ray.x + offset, slope=ray.slope + slope)
    reach = min(max(plane.shape), _REACH)
    strip = _cut_strip(plane, table, line, reach, int(reach * _FINE_TURN) + len(_FINE_OFFSETS) + margin)
    return strip, _best_stretch(strip, evidence(strip))


def _cut_strip(plane: Pixels, table: Floats, ray: Ray, reach: int, half: int) -> Strip:
    """Cut the pixels along a ray out of a plane: ``reach`` rows up and down, ``half`` columns to either side."""
    upright = plane.T if ray.level else plane
    height, width = upright.shape
    first, last = max(0, int(ray.y) - reach), min(height, int(ray.y) + reach + 1)
    rows = np.arange(first, last)
    column = np.rint(ray.x + ray.slope * (rows - ray.y)).astype(np.int32) - half
    columns = column[:, None] + np.arange(2 * half + 1, dtype=np.int32)
    inside = (columns >= 0) & (columns < width)
    values = table[upright[rows[:, None], columns.clip(0, width - 1)]]
    return Strip(values, inside, ray, first, column)


def _gains(strip: Strip, evidence: Floats, slopes: Floats, offsets: Floats) -> tuple[Ints, Floats, Floats]:
    """Evidence along straight paths: their columns [paths, rows], its sums, and their rise at each row."""
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


def _steered(strip: Strip, evidence: Floats, slopes: Floats) -> tuple[float, float]:
    """Slope and offset, relative to the ray's, of the path with the most evidence."""
    _, _, gains = _gains(strip, evidence, slopes, _OFFSETS)
    slope, offset = divmod(int(gains.max(axis=1).argmax()), len(_OFFSETS))
    return float(slopes[slope]), float(_OFFSETS[offset])


def _best_stretch(strip: Strip, evidence: Floats) -> Trace:
    rows, width = evidence.shape
    slopes = _slopes(int(np.abs(strip.below).max()) + 1, _FINE_TURN)
    columns, summed, gains = _gains(strip, evidence, slopes, _FINE_OFFSETS)
    path, end = divmod(int(gains.argmax()), rows + 1)
    start = int(summed[path, : end + 1].argmin())
    used = columns[path, start:end] + (strip.inside.shape[1] - width) // 2
    return _as_trace(strip, float(gains[path, end]), start, end, used)


def _as_trace(strip: Strip, gain: float, start: int, end: int, columns: Ints) -> Trace:
    if end == start:
        nowhere = (0.0, 0.0)
        return Trace(0.0, nowhere, nowhere, (start, end), columns)
    ends = [_point(strip, start, int(columns[0])), _point(strip, end - 1, int(columns[-1]))]
    across, down = abs(ends[1][0] - ends[0][0]), abs(ends[1][1] - ends[0][1])
    stretch = float(np.hypot(across, down)) / max(across, down, 1.0)  # a slanting line is longer than it has rows
    return Trace(gain * max(stretch, 1.0), ends[0], ends[1], (start, end), columns)


def _point(strip: Strip, row: int, column: int) -> tuple[float, float]:
    x, y = float(strip.column[row] + column), float(strip.first + row)
    return (y, x) if strip.ray.level else (x, y)
