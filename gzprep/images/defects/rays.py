"""Sums along straight lines: along every short line through a plane, at every place and angle, in one go.

A plane is cut into strips of 16 rows. Through a strip runs a ray from every column of its first row to the column 0 to
15 further right in its last row; the mirrored and the transposed plane give the other
angles. Sums over 2 rows are built of those over 1, sums over 4 of those over 2, and so on, as in the fast Radon
transform (Götz and Druckmüller 1996, Pattern Recognition 29, 711; Brady 1998, SIAM J. Comput. 27, 107): a hundred
thousand of them cost a fifth of what decoding the image does.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import cv2
import numpy as np

from gzcore.images import Pixels

ROWS = 16
"""Rows a ray runs through."""
DEEPEST = 15
"""Largest level of a plane: the sum of 16 then fits into eight bits."""
_TURNS = 4
"""A plane, its mirror image, and the same of the transposed plane."""
_APART = (32, 10)
"""Rows and columns around a ray that was found in which no other is looked for."""
Sums = Pixels
"""uint8 [slopes and phases, values]: sums along rays. Neighbours in ``values`` are a column apart."""
Measure = Callable[[Sums], Sums]
"""What to make of sums: uint8 with a margin less at either end of the values; 0 is nothing."""


@dataclass(frozen=True, slots=True)
class Ray:
    """A short straight line through a plane.

    Attributes:
        x, y: its middle, px of the plane; of the transposed plane where ``level``.
        slope: px to the right for each row down, -1 to 1.
        level: whether it runs nearer to level than to upright.
        strength: what the measure made of it.
        profile: sums along it and along its neighbours, up to the margin of its fan at either side.
        rows: rows it runs through.
    """

    x: float
    y: float
    slope: float
    level: bool
    strength: int
    profile: tuple[int, ...]
    rows: int = ROWS

    def enlarged(self, times: int) -> "Ray":
        """The same ray on a plane so many times as large."""
        aside = (times - 1) / 2
        return replace(self, x=times * self.x + aside, y=times * self.y + aside, rows=times * self.rows)


class _Place(NamedTuple):
    """Which ray of a fan."""

    turn: int
    strip: int
    column: int
    slope: int


def compressed(scale: float, full: float) -> Pixels:
    """Table from a grey level to 0..DEEPEST that grows with log(1 + level / scale) and is full at ``full``."""
    curve = np.log1p(np.arange(256) / scale) / np.log1p(full / scale)
    levels: Pixels = np.rint(DEEPEST * np.minimum(curve, 1)).astype(np.uint8)
    return levels


@dataclass(frozen=True)
class Fan:
    """The rays of a plane.

    Attributes:
        sums: uint8 [16 slopes, phases, values]; strips of the second phase lie half a strip further down.
        height, width: of the plane.
        strips: strips of a phase.
        margin: columns at either side that are there to be compared with.
        stride: columns of a strip in ``values``: the plane's, both margins, and room for the steepest rays.
    """

    sums: Pixels
    height: int
    width: int
    strips: int
    margin: int
    stride: int

    def strongest(self, measure: Measure, least: int, most: int) -> list[Ray]:
        """Find the strongest rays, no two of them side by side.

        Args:
            measure: what makes a ray strong.
            least: weaker rays are not returned.
            most: so many rays are returned at most.
        """
        strengths = measure(self.sums.reshape(ROWS * self._phases, -1))
        if strengths.max() < least:
            return []
        strengths = strengths.reshape(ROWS, self._phases, -1)
        peaks = self._peaks(strengths)
        found: list[Ray] = []
        while len(found) < most:
            turn, strip, column = (int(place) for place in np.unravel_index(peaks.argmax(), peaks.shape))
            strength = int(peaks[turn, strip, column])
            if strength < least:
                break
            value = (turn * self.strips + strip // self._phases) * self.stride + column
            slope = int(strengths[:, strip % self._phases, value].argmax())
            profile = self.sums[slope, strip % self._phases, value : value + 2 * self.margin + 1].tolist()
            place = _Place(turn, strip, column, slope)
            found.append(self._ray(place, strength, profile))
            self._clear(peaks, place)
        return found

    @property
    def _phases(self) -> int:
        phases: int = self.sums.shape[1]
        return phases

    def _peaks(self, strengths: Sums) -> Sums:
        """The strongest slope at every place, uint8 [turns, strips, columns]; 0 where rays begin outside the plane."""
        flat = np.zeros((self._phases, _TURNS * self.strips * self.stride), np.uint8)
        strengths.max(axis=0, out=flat[:, : strengths.shape[2]])
        strips = flat.reshape(self._phases, _TURNS, self.strips, self.stride).transpose(1, 2, 0, 3)
        peaks = strips.reshape(_TURNS, self._phases * self.strips, self.stride)
        for turns, rows, columns in ((slice(0, 2), self.height, self.width), (slice(2, 4), self.width, self.height)):
            peaks[turns, max((rows - ROWS) * self._phases // ROWS + 1, 0) :] = 0  # strips that end inside the plane
            peaks[turns, :, columns:] = 0
        return peaks

    def _columns(self, turn: int) -> int:
        return self.height if turn > 1 else self.width

    def _ray(self, place: _Place, strength: int, profile: list[int]) -> Ray:
        turn, strip, column, slope = place
        x, y, steep = column + slope / 2, strip * ROWS / self._phases + (ROWS - 1) / 2, slope / (ROWS - 1)
        if turn % 2:
            x, steep, profile = self._columns(turn) - 1 - x, -steep, profile[::-1]
        return Ray(x, y, steep, turn > 1, strength, tuple(profile))

    def _clear(self, peaks: Sums, place: _Place) -> None:
        """Forget what lies around a ray, in its own plane and in the mirrored one."""
        turn, strip, column, slope = place
        mirrored = self._columns(turn) - 1 - column - slope // 2
        near = _APART[0] * self._phases // ROWS
        strips = slice(max(strip - near, 0), strip + near + 1)
        for where, middle in ((turn, column), (turn ^ 1, mirrored)):
            peaks[where, strips, max(middle - _APART[1], 0) : max(middle + _APART[1] + 1, 0)] = 0


def most_along_rays(plane: Pixels) -> int:
    """No sum along a ray exceeds this: the largest of each row or column, summed over those a ray runs through."""
    rows = np.ones(ROWS, np.uint8)
    return max(int(np.convolve(plane.max(axis=across), rows, "valid").max()) for across in (0, 1))


def ray_sums(plane: Pixels, margin: int, phases: Literal[1, 2]) -> Fan:
    """Sum along all rays of a plane.

    Args:
        plane: uint8 [h, w], 0..DEEPEST. Beyond its border it goes on as it ends.
        margin: columns to add at either side, so that what lies there can be compared with.
        phases: 1 for strips side by side; 2 for strips that overlap by half, which costs twice as much.
    """
    height, width = plane.shape
    side = max(height, width)
    # Strips that end inside the plane and, for a second phase, one of which only the upper half may do so.
    strips = max(-(-(side * phases // ROWS) // phases), 1)
    stride = side + 2 * margin + ROWS - 1
    # [1 slope, 16 blocks of a row, values]: rows of one strip lie apart, so that whole strips are added in one go.
    sums = _rows(plane, margin, strips, stride).reshape(1, ROWS, -1)
    while sums.shape[1] > 2:  # the last two blocks are the halves of a strip
        sums = _joined(sums)
    return Fan(_phased(sums, stride, phases), height, width, strips, margin, stride)


def _rows(plane: Pixels, margin: int, strips: int, stride: int) -> Pixels:
    """Rows of a plane and its turns, uint8 [16 rows of a strip, turns, strips, stride]."""
    rows = np.empty((ROWS, _TURNS, strips, stride), np.uint8)
    for turn, one in ((0, plane), (2, np.asarray(cv2.transpose(plane), np.uint8))):
        both = _with_mirror_image(one, margin, strips * ROWS, stride)
        rows[:, turn : turn + 2] = both.reshape(2, strips, ROWS, stride).transpose(2, 0, 1, 3)
    return rows


def _with_mirror_image(plane: Pixels, margin: int, height: int, stride: int) -> Pixels:
    """A plane and its mirror image, each with a margin at the left and the rest of the stride at the right."""
    used = plane[:height]
    aside = stride - margin - used.shape[1]
    both = np.empty((2, height, used.shape[1] + 2 * aside), np.uint8)
    cv2.copyMakeBorder(used, 0, height - len(used), aside, aside, cv2.BORDER_REPLICATE, both[0])
    cv2.flip(both[0], 1, both[1])
    return both[..., aside - margin : aside - margin + stride]


def _joined(sums: Pixels) -> Pixels:
    """Join blocks of rows in pairs: [slopes, blocks, values] to twice the slopes, half the blocks.

    The values get fewer by as many as the steepest ray goes aside: no ray starts from the columns of the last ones.
    """
    slopes, blocks, _ = sums.shape
    lower = _slanting(sums)[:, :, 1::2]
    upper = sums[:, None, 0::2, : lower.shape[-1]]
    return np.add(upper, lower, order="C").reshape(2 * slopes, blocks // 2, -1)


def _phased(halves: Pixels, stride: int, phases: int) -> Pixels:
    """Join the halves of strips and, for the second phase, the lower half of each with the upper half of the next."""
    if phases == 1:
        return _joined(halves)
    slanting = _slanting(halves)
    slopes, _, _, values = slanting.shape
    out = np.zeros((slopes, 2, phases, values), np.uint8)
    np.add(halves[:, None, 0, :values], slanting[:, :, 1], out=out[:, :, 0])
    np.add(halves[:, None, 1, : values - stride], slanting[:, :, 0, stride:], out=out[:, :, 1, : values - stride])
    return out.reshape(2 * slopes, phases, values)


def _slanting(sums: Pixels) -> Pixels:
    """Sums of slope s, [slopes, ...], from the value s further on and from the next one: a view [slopes, 2, ...]."""
    slopes, blocks, values = sums.shape
    to_slope, to_block, to_value = sums.strides
    strides = (to_slope + to_value, to_value, to_block, to_value)
    return np.ndarray((slopes, 2, blocks, values - slopes), sums.dtype, sums, strides=strides)
