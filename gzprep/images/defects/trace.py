"""From a short ray to the whole line that it is a part of: where the line starts and ends, and its evidence."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from gzcore.images import Pixels
from gzprep.images.defects.rays import Ray

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.integer]
Evidence = Callable[[Floats], Floats]
"""Function from pixel values along a ray to evidence for a line: float32 [rows, columns], narrower by a margin on each
side. Positive values speak for a line, negative ones against it."""
_PAD = 64
"""Columns that are added beyond each border of a plane: as many as the widest strip has."""
_REACH = 512
"""A line is followed for at most this many rows up and down."""
_WINDOW = 1.5
"""Rows up and down that are used to refine a ray's position and slope, in multiples of the ray's own rows."""
_TURN = 1 / 14
"""Largest difference from the ray's slope that is tried. In the few rows of a ray many slopes look the same."""
_OFFSETS: Floats = np.arange(-2, 3).astype(np.float32)
"""Offsets from the ray's middle that are tried, in columns."""
_FINE_TURN, _FINE_OFFSETS = 1 / 60, (_OFFSETS[1:-1] / 2).astype(np.float32)
"""The same for the refined ray."""


@dataclass(frozen=True)
class Ground:
    """A plane on which rays are followed.

    Attributes:
        plane: uint8 [h, w].
        table: float32 [256], the value of each grey level, such as its logarithm.
    """

    plane: Pixels
    table: Floats

    def rows(self, ray: Ray, reach: int) -> tuple[int, Pixels]:
        """Cut out the rows up to ``reach`` px from a ray's middle; columns, transposed, if the ray is level.

        Returns:
            Index of the first row, and the rows with _PAD px more at each end that repeat the border.
        """
        first, last = max(0, int(ray.y) - reach), int(ray.y) + reach + 1
        rows = cv2.transpose(self.plane[:, first:last]) if ray.level else self.plane[first:last]
        return first, np.asarray(cv2.copyMakeBorder(rows, 0, 0, _PAD, _PAD, cv2.BORDER_REPLICATE))


@dataclass(frozen=True, slots=True)
class Strip:
    """Pixels along a ray: one row of the strip for each row of the plane.

    Attributes:
        values: float32 [rows, columns]; the ray runs down the middle column. Beyond the border, border values repeat.
        ray: in pixels of the plane.
        first: plane row of the strip's first row.
        column: int [rows]: plane column of the strip's first column.
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
    """The part of a line with the most evidence.

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
    """Follow a ray to the start and the end of its line.

    Args:
        ground: the plane.
        ray: in pixels of the plane.
        evidence: positive for a line, negative against it.
        margin: columns by which the result of ``evidence`` is narrower on each side.
        least: if the evidence near the ray is lower, the ray is not followed: the trace has a score and no length.

    Returns:
        The strip around the line, and the part of the line with the most evidence.
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
    first, padded = ground.rows(ray, reach)
    column = np.rint(ray.x + ray.slope * (np.arange(first, first + len(padded)) - ray.y)).astype(np.intp) - half
    # A window that would leave the padding is moved back: it lies wholly beyond the border, where all values are equal.
    width = 2 * half + 1
    start = np.minimum(np.maximum(column + _PAD, 0), padded.shape[1] - width)
    start += np.arange(0, padded.size, padded.shape[1])
    windows = np.ndarray((padded.size - width + 1, width), np.uint8, padded, strides=(1, 1))
    return Strip(np.asarray(cv2.LUT(windows[start], ground.table)), ray, first, column)


def _gains(strip: Strip, evidence: Floats, slopes: Floats, offsets: Floats) -> tuple[Ints, Floats, Floats]:
    """Sum the evidence along straight paths, one for each pair of slope and offset.

    Returns:
        Plane columns [rows, paths]; running sums [rows + 1, paths]; running sums less their minimum so far, which is
        the best score of a part that ends at this row.
    """
    rows, width = evidence.shape
    path = np.repeat(strip.ray.slope + slopes, len(offsets)) * strip.below[:, None]
    path += np.tile(strip.ray.x + offsets, len(slopes))
    columns = np.rint(path, out=path).astype(np.intp)
    origins = np.arange(0, rows * width, width) - strip.column - (strip.values.shape[1] - width) // 2
    summed = np.zeros((rows + 1, path.shape[1]), np.float32)
    np.cumsum(evidence.ravel()[columns + origins[:, None]], axis=0, out=summed[1:])
    return columns, summed, summed - least_so_far(summed)


def least_so_far(values: Floats) -> Floats:
    """Running minimum over rows. The span doubles with each step, which is faster than np.minimum.accumulate."""
    step = 1
    while step < len(values):
        least = values.copy()
        np.minimum(values[step:], values[:-step], out=least[step:])
        values, step = least, 2 * step
    return values


def _slopes(reach: int, most: float) -> Floats:
    """Slopes from -``most`` to ``most``, spaced so that neighbours are one column apart ``reach`` rows away."""
    count = int(reach * most) + 1
    return (np.arange(-count, count + 1) / reach).astype(np.float32)


def _steered(strip: Strip, evidence: Floats, slopes: Floats) -> tuple[float, float, float]:
    """The best evidence for a line near a ray, and that line's offset and slope relative to the ray."""
    _, _, gains = _gains(strip, evidence, slopes, _OFFSETS)
    most = gains.max(axis=0)
    slope, offset = divmod(int(most.argmax()), len(_OFFSETS))
    return float(most.max()), float(_OFFSETS[offset]), float(slopes[slope])


def _best_stretch(strip: Strip, evidence: Floats) -> Trace:
    slopes = _slopes(int(np.abs(strip.below).max()) + 1, _FINE_TURN)
    columns, summed, gains = _gains(strip, evidence, slopes, _FINE_OFFSETS)
    path = int(gains.max(axis=0).argmax())
    end = int(gains[:, path].argmax())
    start = int(summed[: end + 1, path].argmin())
    used = columns[start:end, path]
    ends = _point(strip, start, float(used[0])), _point(strip, end - 1, float(used[-1]))
    across, down = abs(ends[1][0] - ends[0][0]), abs(ends[1][1] - ends[0][1])
    longer = float(np.hypot(across, down)) / max(across, down, 1.0)  # a slanting line is longer than its rows
    return Trace(float(gains[end, path]) * max(longer, 1.0), *ends, (start, end), used - strip.column[start:end])


def _point(strip: Strip, row: int, column: float) -> tuple[float, float]:
    """Coordinates (x, y) in the plane of a strip's row and a plane's column."""
    y = float(strip.first + row)
    return (y, column) if strip.ray.level else (column, y)
