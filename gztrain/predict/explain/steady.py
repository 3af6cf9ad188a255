"""How steady answers are: under the symmetries of the square, under small shifts, and with parts of the image blanked.

A galaxy that is turned is the same galaxy. What a network says of it should not change.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gzcore.images import Pixels
from gztrain.data.labels import Doubles, chosen_answers

SHIFT = 0.02
"""Shifts are so large, as a share of the side: 4 px of 224."""
RADII = (0.75, 0.5, 0.25)
"""What is farther from the middle is blanked; in units of half the side."""
GRID = 7
"""Patches along a side that are blanked one after the other; an odd number, so that one is in the middle."""
_EDGE = 0.04
"""Width of the soft edge of a blanked surrounding, in units of the side: a hard one would be a new feature."""


def turned(images: Pixels) -> list[Pixels]:
    """The seven other symmetries of images, uint8 [N, S, S, 3] each."""
    sides = [np.rot90(image, turns, (1, 2)) for image in (images, images[:, :, ::-1]) for turns in range(4)]
    return [np.ascontiguousarray(side) for side in sides[1:]]


def shifted(images: Pixels) -> list[Pixels]:
    """Images shifted to the four sides, uint8 [N, S, S, 3] each; the image is mirrored at its edges."""
    size = images.shape[1]
    step = max(1, round(SHIFT * size))
    wide = np.pad(images, ((0, 0), (step, step), (step, step), (0, 0)), mode="reflect")
    starts = ((0, step), (2 * step, step), (step, 0), (step, 2 * step))
    return [np.ascontiguousarray(wide[:, top : top + size, left : left + size]) for top, left in starts]


def sky_of(images: Pixels) -> npt.NDArray[np.float32]:
    """The colour of the sky: the median of the corners, outside of the largest circle; float32 [N, 3]."""
    corners = images[:, _radius(images.shape[1]) > 1]
    return np.asarray(np.median(corners, axis=1), np.float32)


def without_surroundings(images: Pixels, radius: float) -> Pixels:
    """Replace by sky what is farther from the middle than a radius, in units of half the side."""
    inside = np.clip((radius - _radius(images.shape[1])) / (2 * _EDGE) + 0.5, 0, 1).astype(np.float32)[None, ..., None]
    mixed = inside * images + (1 - inside) * sky_of(images)[:, None, None]
    return np.rint(mixed).astype(np.uint8)


def without_patch(images: Pixels, row: int, column: int) -> Pixels:
    """Replace one cell of a grid of 7 x 7 by sky."""
    edges = np.rint(np.linspace(0, images.shape[1], GRID + 1)).astype(int)
    blanked = images.copy()
    cell = (slice(None), slice(edges[row], edges[row + 1]), slice(edges[column], edges[column + 1]))
    blanked[cell] = np.rint(sky_of(images)).astype(np.uint8)[:, None, None]
    return blanked


def _radius(size: int) -> Doubles:
    """Distance of each pixel from the middle, in units of half the side, float64 [S, S]."""
    place = (np.arange(size) - (size - 1) / 2) / (size / 2)
    return np.asarray(np.hypot(place[:, None], place[None, :]))


def moved(before: Doubles, after: Doubles) -> Doubles:
    """How much probability moves between the answers of a question: half the sum of the changes, 0 to 1.

    This is the total variation distance.

    Args:
        before: shares of the answers, float64 [..., K].
        after: the same of a changed image.

    Returns:
        float64 [...].
    """
    if before.shape[-1] == 1:
        return np.asarray(np.abs(after - before)[..., 0])
    return np.asarray(np.abs(after - before).sum(axis=-1) / 2)


@dataclass(frozen=True)
class Steadiness:
    """How steady the answers to one question are.

    Attributes:
        turned: probability that moves to other answers when an image is turned or mirrored, 0 to 1.
        shifted: the same when it is shifted by 2 % of the side.
        others: the same between two different galaxies; None for one galaxy alone.
        score: ``turned`` and ``shifted`` together, over ``others``: 0 says that nothing changes, 1 that a copy of a
            galaxy differs as much as another galaxy; None where all galaxies get the same answer, or one is alone.
        flipped: share of the galaxies for which at least one copy gets another answer.
        blanked: probability that moves when what is outside of a radius is blanked, by radius.
    """

    turned: float
    shifted: float
    others: float | None
    score: float | None
    flipped: float
    blanked: dict[str, float]


def steadiness(
    before: Doubles, turned_: Sequence[Doubles], shifted_: Sequence[Doubles], blanked: Sequence[Doubles]
) -> Steadiness:
    """Work out how steady the answers to one question are.

    Args:
        before: shares of the answers, for N galaxies, float64 [N, K].
        turned_: the same for turned and mirrored copies.
        shifted_: for shifted copies.
        blanked: for copies whose surroundings are blanked, one for each of ``RADII``.
    """
    turn, shift = (float(np.mean([moved(before, copy) for copy in copies])) for copies in (turned_, shifted_))
    copies = [*turned_, *shifted_]
    mean = float(np.mean([moved(before, copy) for copy in copies]))
    answers = chosen_answers(before)
    flips = np.any([chosen_answers(copy) != answers for copy in copies], axis=0)
    others = between(before)
    by_radius = {f"{radius:g}": float(moved(before, copy).mean()) for radius, copy in zip(RADII, blanked, strict=True)}
    return Steadiness(turn, shift, others, mean / others if others else None, float(flips.mean()), by_radius)


def between(shares: Doubles) -> float | None:
    """Mean distance between two different galaxies of N, as :func:`moved` measures it; None for a single one."""
    number = len(shares)
    if number < 2:
        return None
    return float(moved(shares[:, None], shares[None]).sum() / (number * (number - 1)))
