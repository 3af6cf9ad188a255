"""Sums along straight lines: along every short line through a plane, at every place and angle, in one go.

A plane is cut into strips of 16 rows. Through a strip runs a ray from every column of its first row to the column 0 to
15 further right in its last row; the mirrored and the transposed plane give the other
angles. Sums over 2 rows are built of those over 1, sums over 4 of those over 2, and so on, as in the fast Radon
transform (Götz and Druckmüller 1996, Pattern Recognition 29, 711; Brady 1998, SIAM J. Comput. 27, 107): a hundred
thousand of them cost a fifth of what decoding the image does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import cv2
import numpy as np

from gzprep.geometry import Pixels

ROWS = 16
"""Rows a ray runs through."""
DEEPEST = 15
"""Largest level of a plane: the sum of 16 then fits into eight bits."""
_TURNS = 4
"""A plane, its mirror image, and the same of the transposed plane."""
_APART = (32, 10)
"""Rows and columns around a ray that was found in which no other is looked for."""
Sums = Pixels
"""uint8 [slopes, phases, values]: sums along rays. Neighbours in ``values`` are a column apart."""
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
    """The rays of a few planes of one size.

    Attributes:
        sums: uint8 [16 slopes, phases, planes, values]; strips of the second phase lie half a strip further down.
        height, width: of the planes.
        strips: strips of a phase in each plane.
        margin: columns at either side that are there to be compared with.
        stride: columns of a strip in ``values``: the plane's, both margins, and room for the steepest rays.
    """

    sums: Pixels
    height: int
    width: int
    strips: int
    margin: int
    stride: int

    def strongest(self, plane: int, measure: Measure, least: int, most: int) -> list[Ray]:
        """Find the strongest rays of a plane, no two of them side by side.

        Args:
            plane: which one.
            measure: what makes a ray strong.
            least: weaker rays are not returned.
            most: so many rays are returned at most.
        """
        strengths = measure(self.sums[:, :, plane])
        peaks = self._peaks(strengths)
        found: list[Ray] = []
        while len(found) < most:
            turn, strip, column = (int(place) for place in np.unravel_index(peaks.argmax(), peaks.shape))
            strength = int(peaks[turn, strip, column])
            if strength < least:
                break
            value = (turn * self.strips + strip // self._phases) * self.stride + column
            slope = int(strengths[:, strip % self._phases, value].argmax())
            profile = self.sums[slope, strip % self._phases, plane, value : value + 2 * self.margin + 1].tolist()
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


def ray_sums(planes: Sequence[Pixels], margin: int, phases: Literal[1, 2]) -> Fan:
    """Sum along all rays of planes of one size, uint8 [h, w], 0..DEEPEST. Beyond their border they go on as they end.

    Args:
        planes: one or more.
        margin: columns to add at either side, so that what lies there can be compared with.
        phases: 1 for strips side by side; 2 for strips that overlap by half, which costs twice as much.
    """
    height, width = planes[0].shape
    side = max(height, width)
    strips, stride = -(-side // ROWS), side + 2 * margin + ROWS - 1
    # [1 slope, 16 blocks of a row, values]: rows of one strip lie apart, so that whole strips are added in one go.
    sums = _rows(planes, margin, strips, stride).reshape(1, ROWS, -1)
    while sums.shape[1] > 2:  # the last two blocks are the halves of a strip
        sums = _joined(sums)
    fan = _phased(sums, stride, phases).reshape(ROWS, phases, len(planes), -1)
    return Fan(fan, height, width, strips, margin, stride)


def _rows(planes: Sequence[Pixels], margin: int, strips: int, stride: int) -> Pixels:
    rows = np.empty((ROWS, len(planes) * _TURNS, strips, stride), np.uint8)
    for place, plane in enumerate(planes):
        across = cv2.transpose(plane)
        for turn, one in enumerate((plane, cv2.flip(plane, 1), across, cv2.flip(across, 1))):
            down, right = strips * ROWS - one.shape[0], stride - margin - one.shape[1]
            whole = np.asarray(cv2.copyMakeBorder(np.asarray(one), 0, down, margin, right, cv2.BORDER_REPLICATE))
            rows[:, place * _TURNS + turn] = whole.reshape(strips, ROWS, stride).swapaxes(0, 1)
    return rows


def _joined(sums: Pixels) -> Pixels:
    """Join blocks of rows in pairs: [slopes, blocks, values] to twice the slopes, half the blocks."""
    slopes, blocks, values = sums.shape
    out = np.empty((2 * slopes, blocks // 2, values), np.uint8)
    for slope in range(2 * slopes):
        _add_shifted(sums[slope // 2, 0::2], sums[slope // 2, 1::2], (slope + 1) // 2, out[slope])
    return out


def _phased(halves: Pixels, stride: int, phases: int) -> Pixels:
    """Join the halves of strips and, for the second phase, the lower half of each with the upper half of the next."""
    slopes, _, values = halves.shape
    out = np.empty((2 * slopes, phases, values), np.uint8)
    for slope in range(2 * slopes):
        upper, lower = halves[slope // 2]
        shift = (slope + 1) // 2
        _add_shifted(upper, lower, shift, out[slope, 0])
        if phases > 1:
            _add_shifted(lower, upper, shift + stride, out[slope, 1])
    return out


def _add_shifted(upper: Pixels, lower: Pixels, shift: int, out: Pixels) -> None:
    """Add the value ``shift`` further on; the last ones are those of columns that no ray starts from."""
    values = upper.shape[-1] - shift
    np.add(upper[..., :values], lower[..., shift:], out=out[..., :values])
