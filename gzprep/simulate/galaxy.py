"""Paints the light of one galaxy in the bands i, r and g, as it is above the atmosphere."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from gzprep.simulate.profiles import Map, Plane, bar, blobs, clumps, disc, ring, sech2, sersic, sheet, sky_plane, unit
from gzprep.simulate.truth import GalaxyTruth

Colour = tuple[float, float, float]
"""Flux in i, r and g relative to r."""

OLD: Colour = (1.45, 1.0, 0.43)
"""An elliptical galaxy or a bulge: g-r = 0.9, r-i = 0.40 (Fukugita et al. 1995, PASP 107, 945, table 3)."""
YOUNG: Colour = (0.96, 1.0, 1.0)
"""A late spiral or an irregular: g-r = 0, r-i = -0.05 (the bluest rows of the same table)."""
NURSERY: Colour = (0.85, 1.0, 1.3)
"""Star-forming knots in the arms: bluer than any galaxy as a whole."""
EXTINCTION: Colour = (0.75, 1.0, 1.4)
"""Optical depth of dust in i, r, g relative to r (Schlafly & Finkbeiner 2011, ApJ 737, 103, table 6)."""

DISC_SCALE = 23.5
"""Scale length of a face-on disc, cutout pixels: it puts 90 % of the light within about 50 pixels."""


@dataclass
class Canvas:
    """A galaxy being painted: components are added to its flux one after the other.

    Attributes:
        truth: what is to be painted.
        rng: random numbers for everything that the truth does not fix.
        sky: coordinates in the plane of the sky, in which r90 is 50.
        flux: float32 [3, n, n], i, r, g; any unit, scaled at the end.
    """

    truth: GalaxyTruth
    rng: np.random.Generator
    sky: Plane
    flux: Map = field(init=False)

    def __post_init__(self) -> None:
        """Start black."""
        self.flux = np.zeros((3, *self.sky.x.shape), np.float32)

    @property
    def points(self) -> int:
        """Width of the grid."""
        return len(self.sky.x)

    def paint(self, light: Map, share: float, colour: Colour) -> None:
        """Add a component that holds `share` of the light in r."""
        self.flux += light * np.array(colour, np.float32)[:, None, None] * np.float32(share)

    def redden(self, depth: Map) -> None:
        """Put dust in front, of optical depth `depth` in r."""
        self.flux *= np.exp(-depth * np.array(EXTINCTION, np.float32)[:, None, None])


def paint_galaxy(truth: GalaxyTruth, points: int, rng: np.random.Generator) -> Map:
    """Paint a galaxy.

    Returns:
        float32 [3, points, points]: flux in i, r, g; r sums to 1, or to 0 for an artifact, which is no galaxy.
    """
    canvas = Canvas(truth, rng, sky_plane(points, truth.fill))
    is_torn = truth.odd in {"merger", "disturbed"}
    plane = canvas.sky.bent(rng.choice([-1, 1]) * rng.uniform(0.35, 0.9)) if is_torn else canvas.sky
    if truth.kind != "artifact":  # the star of an artifact is painted with the other stars
        {"smooth": _smooth, "disc": _disc, "edge-on": _edge_on}[truth.kind](canvas, plane)
    if truth.odd == "merger":
        _companion(canvas)
    total = float(canvas.flux[1].sum())
    return canvas.flux / np.float32(total) if total > 0 else canvas.flux


def blend(blueness: float) -> Colour:
    """Colour of a stellar population between old (0) and young (1)."""
    i, r, g = (old + (young - old) * blueness for old, young in zip(OLD, YOUNG, strict=True))
    return i, r, g


def _smooth(canvas: Canvas, plane: Plane) -> None:
    truth = canvas.truth
    effective = 27.0 / truth.axis_ratio**0.45
    seen = plane.seen(truth.angle, truth.axis_ratio)
    canvas.paint(sersic(seen.radius, effective, truth.sersic), 1.0, blend(truth.blueness))
    # Ellipticals are a little redder inside: paint a small red core over the whole.
    canvas.paint(sersic(seen.radius, effective / 3, 1.5), 0.05, (1.6, 1.0, 0.4))


def _edge_on(canvas: Canvas, plane: Plane) -> None:
    truth, rng = canvas.truth, canvas.rng
    seen = plane.seen(truth.angle, 1.0)
    scale, thickness = 27.0, 100 * truth.axis_ratio * 0.45
    light = sheet(seen, scale, thickness) * (1 + np.float32(0.25 * truth.blueness) * clumps(rng, canvas.points, 10))
    canvas.paint(unit(light.clip(0)), 1 - truth.bulge_share, blend(truth.blueness))
    if truth.bulge_shape == "round":
        canvas.paint(sersic(plane.seen(truth.angle, 0.75).radius, 9.0, truth.sersic), truth.bulge_share, OLD)
    elif truth.bulge_shape == "boxy":
        canvas.paint(_box(plane.seen(truth.angle, 0.6)), truth.bulge_share, OLD)
    if truth.dust:
        lane = sech2((seen.y - np.float32(rng.uniform(-0.25, 0.25) * thickness)) / np.float32(thickness * 0.3))
        canvas.redden(lane * np.exp(-np.abs(seen.x) / 60) * np.float32(2.2 * truth.dust))


def _box(plane: Plane) -> Map:
    """A bulge with the outline of a rounded box: an exponential whose contours are superellipses."""
    oval = (np.abs(plane.x) ** 3.5 + np.abs(plane.y) ** 3.5 + np.float32(plane.step)) ** np.float32(1 / 3.5)
    return unit(np.exp(-((oval / np.float32(13.0)) ** 1.5)))


def _disc(canvas: Canvas, plane: Plane) -> None:
    truth, rng = canvas.truth, canvas.rng
    seen = plane.seen(truth.angle, truth.axis_ratio)
    stretch = truth.axis_ratio**-0.3  # the circle of r90 holds more of the length of a tilted disc
    bar_angle = rng.uniform(0, 180)
    bar_share = 0.16 * (1 - truth.bulge_share) if truth.bar else 0.0
    rest = 1 - truth.bulge_share - bar_share
    light = disc(seen.radius, DISC_SCALE * stretch)
    if truth.arms:
        _arms(canvas, seen, light, rest, bar_angle)
    else:
        texture = 0.9 if truth.odd == "irregular" else 0.06
        light = unit((light * (1 + np.float32(texture) * clumps(rng, canvas.points, 16))).clip(0))
        canvas.paint(light, rest, blend(truth.blueness))
    if truth.odd == "ring":
        canvas.paint(ring(seen.radius, rng.uniform(38, 52) * stretch, rng.uniform(3, 5)), 0.28, blend(0.8))
    if truth.bar:
        canvas.paint(bar(seen, truth.bar_length * stretch, bar_angle), bar_share, blend(truth.blueness * 0.25))
    bulge = plane.seen(truth.angle, (1 + truth.axis_ratio) / 2).radius
    canvas.paint(sersic(bulge, 4.0 + 14.0 * truth.bulge_share, truth.sersic), truth.bulge_share, OLD)


def _arms(canvas: Canvas, seen: Plane, light: Map, share: float, bar_angle: float) -> None:
    """Paint a disc with logarithmic spiral arms, knots of young stars on them and dust along their inner edge."""
    truth, rng = canvas.truth, canvas.rng
    start = truth.bar_length if truth.bar else 8.0
    phase = _spiral_phase(seen, truth, bar_angle, start, rng)
    radius = seen.radius
    # The arms begin where the bar ends, and fade into the disc far out.
    reach = expit((radius - start) / 2.5) * expit((78 - radius) / 8)
    crest = np.exp(np.float32(2.6) * (np.cos(phase) - 1))
    contrast = reach * np.float32(truth.arm_strength)
    between = light * (1 - np.float32(0.5) * contrast)
    along = light * crest * contrast * (1 + np.float32(0.35) * clumps(rng, canvas.points, 12)).clip(0.2, 2)
    in_arms = (0.25 + 0.25 * truth.arm_strength) * share
    canvas.paint(unit(between), share - in_arms, blend(truth.blueness * 0.75))
    canvas.paint(unit(along * np.exp(radius / 70)), in_arms, blend(0.35 + 0.65 * truth.blueness))
    knots = along * np.exp(radius / 55) * (clumps(rng, canvas.points, 7) - np.float32(0.9)).clip(0)
    canvas.paint(unit(knots), 0.12 * share * truth.blueness, NURSERY)
    canvas.redden(np.exp(np.float32(5) * (np.cos(phase + 0.75) - 1)) * contrast * np.float32(0.7 * truth.dust))


def _spiral_phase(plane: Plane, truth: GalaxyTruth, bar_angle: float, start: float, rng: np.random.Generator) -> Map:
    """Phase of the arm pattern, radians: 0 on the crest of an arm. Real arms wander, so the phase does too."""
    hand = rng.choice([-1, 1])
    azimuth = np.arctan2(plane.y, plane.x) - np.float32(np.deg2rad(bar_angle))
    winding = np.log(plane.radius / np.float32(start)) / np.float32(np.tan(np.deg2rad(truth.pitch)))
    wander = np.float32(0.22 + 0.05 * truth.arms) * clumps(rng, len(plane.x), 45)
    phase: Map = truth.arms * (hand * azimuth - winding) + wander
    return phase.astype(np.float32)


def _companion(canvas: Canvas) -> None:
    """Paint the other galaxy of a merger and the tail that the tide has drawn out."""
    truth, rng = canvas.truth, canvas.rng
    toward = rng.uniform(0, 2 * np.pi)
    x, y = truth.separation * np.cos(toward), truth.separation * np.sin(toward)
    size = rng.uniform(7, 16)
    seen = canvas.sky.seen(rng.uniform(0, 180), rng.uniform(0.5, 1.0), x, y)
    canvas.paint(sersic(seen.radius, size, rng.uniform(1.0, 3.0)), rng.uniform(0.2, 0.7), blend(rng.uniform(0, 0.8)))
    for end in rng.permutation(2)[: rng.integers(1, 3)]:
        start = np.array([x, y]) * end
        tail = _tail(start, toward + np.pi * (1 - end) + rng.uniform(-0.6, 0.6), rng)
        light = blobs(canvas.points, tail * truth.fill, rng.uniform(4, 7) * truth.fill)
        canvas.paint(light, rng.uniform(0.08, 0.2), blend(rng.uniform(0.2, 0.8)))


def _tail(start: NDArray[np.float64], direction: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Points [200, 2] along a curved tidal tail, denser near its foot; cutout pixels from the centre."""
    along = rng.beta(1.0, 1.8, 200) * rng.uniform(60, 130)
    turn = direction + along * rng.choice([-1, 1]) * rng.uniform(0.006, 0.016)
    return np.asarray(start + np.stack([along * np.cos(turn), along * np.sin(turn)], axis=1), np.float64)
