"""Light profiles: maps on a grid, each summing to 1. Lengths are cutout pixels (r90 is always 50 of them).

Every map is float32 [n, n]. The grid has the resolution of the camera, not of the cutout: a small galaxy covers few
camera pixels and is enlarged afterwards, as in the real cutouts.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

FRAME = 424
"""Width and height of a Galaxy Zoo 2 image, pixels."""

Map = NDArray[np.float32]


@dataclass(frozen=True)
class Plane:
    """Coordinates in the plane of a galaxy: x along its major axis, y across it and stretched to face-on.

    Attributes:
        x, y: float32 [n, n], cutout pixels.
        step: distance of two grid points, cutout pixels.
    """

    x: Map
    y: Map
    step: float

    @property
    def radius(self) -> Map:
        """Distance from the centre, never below a third of a step: this approximates the mean light over a pixel."""
        soft: Map = np.sqrt(self.x**2 + self.y**2 + np.float32(self.step / 3) ** 2)
        return soft

    def seen(self, angle: float, axis_ratio: float, x0: float = 0.0, y0: float = 0.0) -> "Plane":
        """Return the plane turned by `angle` degrees, tilted to `axis_ratio`, about the point (x0, y0)."""
        turn = np.deg2rad(angle)
        cosine, sine = np.float32(np.cos(turn)), np.float32(np.sin(turn))
        x, y = self.x - np.float32(x0), self.y - np.float32(y0)
        across = np.asarray((y * cosine - x * sine) / np.float32(axis_ratio), np.float32)
        return Plane(x * cosine + y * sine, across, self.step)

    def bent(self, amount: float) -> "Plane":
        """Return the plane bent like a banana by `amount` (0 none, 1 strong): a tidal distortion."""
        bend = np.float32(amount / 100) * self.x * np.abs(self.x) * np.exp(-self.radius / 120)
        return Plane(self.x + bend * np.float32(0.3), self.y + bend, self.step)


def sky_plane(points: int, unit_pixels: float = 1.0) -> Plane:
    """Return the plane of the sky over the whole frame, `points` wide, in units of `unit_pixels` cutout pixels."""
    step = FRAME / points / unit_pixels
    line = ((np.arange(points, dtype=np.float32) + 0.5) * step - FRAME / 2 / unit_pixels).astype(np.float32)
    x, y = np.meshgrid(line, line)
    return Plane(x.astype(np.float32), y.astype(np.float32), step)


def unit(light: Map) -> Map:
    """Scale a map to sum to 1; a map of zeros stays as it is."""
    total = float(light.sum())
    return light / np.float32(total) if total > 0 else light


def sersic(radius: Map, effective: float, index: float) -> Map:
    """Sersic profile with half its light within `effective`; b_n as in Ciotti & Bertin 1999, first terms."""
    b = 2 * index - 1 / 3 + 0.009876 / index
    return unit(np.exp(np.float32(-b) * (radius / np.float32(effective)) ** np.float32(1 / index)))


def disc(radius: Map, scale: float, edge: float = 4.2) -> Map:
    """Exponential disc that is cut off softly at `edge` scale lengths (van der Kruit & Searle 1981)."""
    ratio = radius / np.float32(scale)
    return unit(np.exp(-ratio) / (1 + np.exp(((ratio - np.float32(edge)) * 4).clip(-60, 60))))


def bar(plane: Plane, length: float, angle: float) -> Map:
    """A bar of half length `length` at `angle` degrees in the plane: a flat, boxy ellipse, a third as wide."""
    turned = plane.seen(angle, 0.3)
    oval = (np.abs(turned.x) ** 3 + np.abs(turned.y) ** 3) ** np.float32(1 / 3) / np.float32(length)
    return unit(np.exp(-(oval**4)) * (1.4 - oval.clip(0, 1)))


def ring(radius: Map, distance: float, width: float) -> Map:
    """A ring with a Gaussian cross-section."""
    return unit(np.exp(-0.5 * ((radius - np.float32(distance)) / np.float32(width)) ** 2))


def sheet(plane: Plane, scale: float, thickness: float) -> Map:
    """A disc seen exactly edge-on: exponential along x, sech^2 across it."""
    along = np.sqrt(plane.x**2 + np.float32(0.3 * scale) ** 2) / np.float32(scale)
    cut = 1 / (1 + np.exp(((along - np.float32(4.2)) * 4).clip(-60, 60)))
    return unit(np.exp(-along) * cut * sech2(plane.y / np.float32(thickness)))


def sech2(x: Map) -> Map:
    """Hyperbolic secant squared; the height profile of a disc."""
    return np.asarray(1 / np.cosh(np.clip(x, -15, 15)) ** 2, np.float32)


def clumps(rng: np.random.Generator, points: int, size: float) -> Map:
    """Smooth random texture of mean about 0 and deviation 1, with patches of `size` cutout pixels; [n, n]."""
    cells = max(4, round(FRAME / size))
    coarse = rng.standard_normal((cells, cells)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (points, points), interpolation=cv2.INTER_CUBIC), np.float32)


def blobs(points: int, places: NDArray[np.float64], width: float) -> Map:
    """Equal Gaussian blobs of `width` (sigma, cutout pixels) at `places` ([k, 2], x and y from the centre)."""
    light = np.zeros((points, points), np.float32)
    step = FRAME / points
    cells = np.floor((places + FRAME / 2) / step).astype(np.intp)
    cells = cells[((cells >= 0) & (cells < points)).all(axis=1)]
    np.add.at(light, (cells[:, 1], cells[:, 0]), np.float32(1))
    return unit(np.asarray(cv2.GaussianBlur(light, (0, 0), max(width / step, 0.4)), np.float32))
