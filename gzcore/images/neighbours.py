"""Find the stars and galaxies beside the galaxy in the middle of an image, and put sky in their place.

Three ideas, each with its source:

- Sources are connected regions that rise above the sky by some of its noise (Bertin & Arnouts 1996, A&AS 117, 393).
- A galaxy looks the same when it is turned by 180 degrees, so the smaller of a pixel and its opposite is the light of
  the galaxy, and what is left is that of neighbours (Lupton et al. 2001, ASP Conf. 238, 269: the deblender of SDSS).
- Some of what is left belongs to the galaxy: arms and tails are thin, knots and lopsided discs have no gap to the
  galaxy, and a companion with a tail is a merger.

The work is done on a copy whose shorter side has 212 px at most; lengths below are px of this copy. Brightness is in
whole numbers, so the same image gives the same regions on every machine.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from gzcore.hashing import identity_hash
from gzcore.images import Pixels

Mask = npt.NDArray[np.bool_]
Light = npt.NDArray[np.int32]
SIDE = 212
"""px; the shorter side of the copy that regions are found on: half of the images of Galaxy Zoo 2."""
UNIT = 63
"""Units of brightness in a grey level: 765 grey levels of three channels by 21 fit into 16 bits."""
_SMOOTH, _TEMPLATE_SMOOTH = 0.8, 1.5
"""px; deviations of the Gaussians that smooth the copy and the light of the galaxy."""
_ALIKE = 31
"""Units; nearer to the median than this is sky, however quiet the sky is."""
_LEAST_NOISE = 19.0
"""Units; a sky of one colour has no noise, and any step would be a source."""
_GALAXY, _HIGH, _LOW, _PEAK = 2.0, 2.5, 1.5, 5.0
"""In units of the noise: the edge of the galaxy; the core, the wings and the least peak of a neighbour."""
_HIGH_SHARE, _LOW_SHARE = 0.5, 0.25
"""Shares of the light of the galaxy at a place that the core and the wings of a neighbour exceed."""
_SMALLEST = 6
"""px of the core of a neighbour."""
_MIDDLE = 6.0
"""px; a source that is nearer to the middle is the galaxy."""
_GAP = 0.55
"""Between a neighbour and the galaxy, brightness falls below this share of its peak, for four fifths of its rim."""
_THIN = 0.3
"""Area of an arm or a tail, as a share of the circle around it."""
_STAR = 225 * UNIT
"""Units; a peak that only stars reach in images of surveys (a companion of a merger is less bright)."""
_COMPANION_LIGHT, _COMPANION_REACH, _COMPANION_SPREAD, _COMPANION_CORE = 0.12, 50.0, 6.0, 25
"""A companion with a tail: its least share of the light, its greatest distance (px), how much larger its region is than
its bright core, and the least px of that core."""
_WINGS, _RIM = 7, 3
"""px; diameters of the discs by which wings, and a rim of one pixel, are added to a core."""
_TRIALS = 24
"""Shifted copies of an image that sky is taken from."""


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What is in an image beside its galaxy.

    Attributes:
        mask: bool [H, W]; True where a neighbour is.
        sources: number of neighbours.
        found: whether there is a galaxy in the middle; where there is none, no neighbour is looked for.
    """

    mask: Mask
    sources: int
    found: bool


@dataclass(frozen=True, eq=False)
class _Scene:
    """The copy of an image, less its sky: light, that of the galaxy, noise, and the region of the galaxy."""

    light: Light
    own: Light
    noise: float
    galaxy: Mask

    @property
    def centre(self) -> npt.NDArray[np.float64]:
        height, width = self.light.shape
        return np.array((width / 2, height / 2))

    @property
    def rest(self) -> Light:
        """Light that is not that of the galaxy."""
        return self.light - self.own


def find_neighbours(image: Pixels) -> Surroundings:
    """Find everything in an image that is not the galaxy in its middle.

    Args:
        image: uint8 [H, W, 3 or 4], RGB, the galaxy in the middle.
    """
    scene = _scene(image)
    if not scene.galaxy.any():
        return Surroundings(np.zeros(image.shape[:2], bool), 0, found=False)
    cores, sources = _cores(scene)
    wings = scene.rest > _LOW * scene.noise + _LOW_SHARE * scene.own
    whole = cores | (_grown(cores, _WINGS) & wings)
    mask = cv2.resize(_grown(whole, _RIM), image.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    return Surroundings(np.asarray(mask) > 0, sources, found=True)


def _grown(region: Any, diameter: int) -> Any:  # noqa: ANN401 -- uint8 [h, w], as OpenCV has it
    return cv2.dilate(region, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (diameter, diameter)))


def _scene(image: Pixels) -> _Scene:
    plane = _plane(image)
    level, noise = _sky(plane)
    light = plane.astype(np.int32) - round(level)
    shared = np.maximum(np.minimum(light, np.flip(light)), 0).astype(np.uint16)
    own = np.maximum(cv2.GaussianBlur(shared, (0, 0), _TEMPLATE_SMOOTH), shared).astype(np.int32)
    return _Scene(light, own, noise, _middle_region(light > _GALAXY * noise))


def _plane(image: Pixels) -> npt.NDArray[np.uint16]:
    """Brightness of the small, smoothed copy, uint16 [h, w], units."""
    plane = image[..., :3].sum(axis=2, dtype=np.uint16) * np.uint16(UNIT // 3)
    height, width = plane.shape
    factor = min(1.0, SIDE / min(height, width))
    if factor < 1:
        size = (round(width * factor), round(height * factor))
        plane = np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.uint16)
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), _SMOOTH), np.uint16)


def _sky(plane: npt.NDArray[np.uint16]) -> tuple[float, float]:
    """Level and noise of the sky: median and scaled median deviation, without what is three deviations away."""
    values = plane.ravel().astype(np.int32)
    level, noise = _median(values)
    for _ in range(5):
        level, noise = _median(values[np.abs(values - level) < 3 * noise + _ALIKE])
    return level, max(noise, _LEAST_NOISE)


def _median(values: Light) -> tuple[float, float]:
    level = float(np.median(values))
    return level, 1.4826 * float(np.median(np.abs(values - level)))


def _middle_region(bright: Mask) -> Mask:
    """The connected region that holds most of the eight pixels square in the middle; nothing if all are dark."""
    _, regions = cv2.connectedComponents(bright.astype(np.uint8), connectivity=4)
    height, width = bright.shape
    inside = regions[height // 2 - 4 : height // 2 + 4, width // 2 - 4 : width // 2 + 4]
    numbers = inside[inside > 0]
    if not numbers.size:
        return np.zeros(bright.shape, bool)
    return np.asarray(regions == np.bincount(numbers).argmax())


def _cores(scene: _Scene) -> tuple[Pixels, int]:
    """The cores of neighbours, uint8 [h, w], and how many there are."""
    high = scene.rest > _HIGH * scene.noise + _HIGH_SHARE * scene.own
    number, regions, boxes, centres = cv2.connectedComponentsWithStats(high.astype(np.uint8), connectivity=4)
    cores, sources = np.zeros(high.shape, np.uint8), 0
    for label in range(1, number):
        if boxes[label, cv2.CC_STAT_AREA] < _SMALLEST:
            continue
        window = _window(boxes[label])
        region = np.asarray(regions[window] == label)
        if _is_neighbour(scene, region, window, float(np.hypot(*(centres[label] - scene.centre)))):
            cores[window][region] = 1
            sources += 1
    return cores, sources


def _window(box: Any) -> tuple[slice, slice]:  # noqa: ANN401 -- int32 [5]: left, top, width, height, area
    left, top, width, height = (int(length) for length in box[:4])
    return slice(max(top - 2, 0), top + height + 2), slice(max(left - 2, 0), left + width + 2)


def _is_neighbour(scene: _Scene, region: Mask, window: tuple[slice, slice], distance: float) -> bool:
    """Whether a region is a neighbour, and neither noise nor a part of the galaxy."""
    light = scene.light[window]
    peak = int(light[region].max())
    if peak < _PEAK * scene.noise:
        return False
    if not scene.galaxy[window][region].any():
        return True
    if distance < _MIDDLE:
        return False
    rim = (_grown(region.astype(np.uint8), 3) > 0) & ~region
    if rim.any() and np.percentile(light[rim], 80) > _GAP * peak:
        return False
    return peak >= _STAR or not (_is_thin(region) or _is_companion(scene, region, window, distance))


def _is_thin(region: Mask) -> bool:
    rows, columns = np.nonzero(region)
    diagonal = (int(np.ptp(rows)) + 1) ** 2 + (int(np.ptp(columns)) + 1) ** 2
    return len(rows) < _THIN * np.pi / 4 * diagonal


def _is_companion(scene: _Scene, region: Mask, window: tuple[slice, slice], distance: float) -> bool:
    """Whether a region is the other galaxy of a merger, with what the tide has drawn out of it."""
    rest = scene.rest[window][region]
    core = int((rest > rest.max() / 2).sum())
    large = core > _COMPANION_CORE and len(rest) > _COMPANION_SPREAD * core
    share = float(rest.sum()) / max(float(scene.own[scene.galaxy].sum()), 1.0)
    return large and share > _COMPANION_LIGHT and distance < _COMPANION_REACH


# ------------------------------------------------------------ sky in their place


def blank_neighbours(image: Pixels, around: Surroundings, seed: int, identity: str) -> Pixels:
    """Put sky where neighbours are. No other pixel changes.

    In front of the galaxy, its light on the opposite side is taken. Elsewhere it is sky from other places of the image,
    so it has the grain that the camera and JPEG gave it. Where none of 24 drawn places has sky, the local level is
    taken.

    Args:
        image: uint8 [H, W, 3 or 4].
        around: what was found in it.
        seed: of the data set.
        identity: of the galaxy; chance is a function of the seed and the identity.
    """
    if not around.mask.any():
        return image
    sky = _sky_of(image) & ~around.mask
    opposite = around.mask & ~np.flip(around.mask | sky)
    out = image.copy()
    out[opposite] = np.flip(image, (0, 1))[opposite]
    rows, columns = np.nonzero(around.mask & ~opposite)
    rng = np.random.Generator(np.random.PCG64(identity_hash("neighbours", seed, identity)))
    for down, right in rng.random((_TRIALS, 2)):
        there = (rows + int(down * len(image))) % len(image), (columns + int(right * image.shape[1])) % image.shape[1]
        usable = sky[there]
        out[rows[usable], columns[usable]] = image[there][usable]
        rows, columns = rows[~usable], columns[~usable]
    if rows.size:
        out[rows, columns, :3] = _level(image, sky)[rows, columns]
    return out


def _sky_of(image: Pixels) -> Mask:
    """Where there is no source at all, bool [H, W]."""
    plane = _plane(image)
    level, noise = _sky(plane)
    sources = _grown((plane > level + _GALAXY * noise).astype(np.uint8), _WINGS)
    return np.asarray(cv2.resize(sources, image.shape[1::-1], interpolation=cv2.INTER_NEAREST) == 0, bool)


def _level(image: Pixels, sky: Mask) -> Pixels:
    """The local level of the sky, uint8 [H, W, 3]: the mean of its pixels in a box of a quarter of the image."""
    box = (max(3, image.shape[1] // 4 | 1), max(3, image.shape[0] // 4 | 1))
    total = cv2.boxFilter(np.where(sky[..., None], image[..., :3], 0), cv2.CV_64F, box, normalize=False)
    number = cv2.boxFilter(sky.astype(np.uint8), cv2.CV_64F, box, normalize=False)[..., None]
    everywhere = image[sky][:, :3].mean(0) if sky.any() else image.reshape(-1, image.shape[2])[:, :3].min(0)
    return np.where(number > 0, total / np.maximum(number, 1), everywhere).round().astype(np.uint8)
