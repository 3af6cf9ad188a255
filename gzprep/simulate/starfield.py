"""Adds other objects to the frame: stars of the Milky Way, neighbouring galaxies, and faint background galaxies."""

from dataclasses import dataclass

import numpy as np

from gzprep.simulate.galaxy import blend
from gzprep.simulate.profiles import FRAME, Map
from gzprep.simulate.truth import GalaxyTruth

SEEING_BY_BAND = (0.95, 1.0, 1.08)
"""Seeing in i, r, g relative to r: redder light is blurred less (medians of SDSS DR7: 1.25, 1.32, 1.44 arcsec)."""


@dataclass(frozen=True)
class Star:
    """A star.

    Attributes:
        x, y: position in the frame, cutout pixels from its top left corner.
        flux: nanomaggies in i, r, g.
        spikes: whether it is bright enough to show the telescope's diffraction spikes.
    """

    x: float
    y: float
    flux: tuple[float, float, float]
    spikes: bool = False


@dataclass(frozen=True)
class Speck:
    """A small galaxy: position in cutout pixels, effective radius in arcseconds, flux in nanomaggies i, r, g."""

    x: float
    y: float
    effective: float
    axis_ratio: float
    angle: float
    flux: tuple[float, float, float]


def flux_of(magnitude: float) -> float:
    """Nanomaggies of an SDSS magnitude."""
    return float(10 ** (0.4 * (22.5 - magnitude)))


def draw_stars(truth: GalaxyTruth, rng: np.random.Generator) -> list[Star]:
    """Draw the foreground stars; an artifact gets one bright star in the middle of the frame."""
    arcminutes = (truth.scale * FRAME / 60) ** 2
    density = np.exp(rng.normal(np.log(3.2), 0.6))  # a square arcminute; the Milky Way is denser in some directions
    stars = [_star(rng) for _ in range(rng.poisson(density * arcminutes))]
    if truth.kind == "artifact":
        stars.append(Star(FRAME / 2, FRAME / 2, _starlight(rng.uniform(10.5, 13.0), rng), spikes=True))
    return stars


def _star(rng: np.random.Generator) -> Star:
    magnitude = 22.0 - rng.gamma(1.6, 1.3)  # few bright ones, many faint ones
    x, y = rng.uniform(-8, FRAME + 8, 2)
    return Star(x, y, _starlight(max(magnitude, 13.0), rng), spikes=magnitude < 13.5)


def _starlight(magnitude: float, rng: np.random.Generator) -> tuple[float, float, float]:
    """Flux in i, r, g of a star of that magnitude in r: a blue or white one, or a red dwarf."""
    red = rng.random() < 0.45
    g_r = rng.normal(1.35, 0.15) if red else rng.normal(0.35, 0.2)
    r_i = rng.uniform(0.4, 1.1) if red else rng.normal(0.1, 0.08)
    return flux_of(magnitude - r_i), flux_of(magnitude), flux_of(magnitude + g_r)


def draw_specks(truth: GalaxyTruth, rng: np.random.Generator) -> list[Speck]:
    """Draw the small background galaxies in the frame, and sometimes a larger neighbour."""
    arcminutes = (truth.scale * FRAME / 60) ** 2
    behind, near = rng.poisson(3.0 * arcminutes), rng.poisson(0.22 * arcminutes**0.5)
    faint = [_speck(rng, rng.uniform(18.8, 22.3), rng.uniform(0.5, 1.3)) for _ in range(behind)]
    return faint + [_speck(rng, rng.uniform(16.8, 19.0), rng.uniform(1.2, 2.8)) for _ in range(near)]


def _speck(rng: np.random.Generator, magnitude: float, effective: float) -> Speck:
    i, r, g = blend(rng.uniform(-0.2, 0.9))
    flux = flux_of(magnitude)
    x, y = rng.uniform(0, FRAME, 2)
    return Speck(x, y, effective, rng.uniform(0.3, 1.0), rng.uniform(0, 180), (i * flux, r * flux, g * flux))


def add_specks(flux: Map, specks: list[Speck], pixel: float, scale: float) -> None:
    """Add small galaxies to `flux` (float32 [3, n, n], nanomaggies a pixel, changed in place).

    Args:
        flux: what they are added to, before the seeing blurs it.
        specks: the galaxies.
        pixel: size of a pixel of `flux`, cutout pixels.
        scale: size of a cutout pixel, arcseconds.
    """
    for speck in specks:
        size = speck.effective / scale / pixel
        rows, columns = window(flux, speck.x / pixel, speck.y / pixel, 5 * size + 3)
        y, x = np.ogrid[rows, columns]
        turn = np.deg2rad(speck.angle)
        dx, dy = x + 0.5 - speck.x / pixel, y + 0.5 - speck.y / pixel
        u, v = dx * np.cos(turn) + dy * np.sin(turn), (dy * np.cos(turn) - dx * np.sin(turn)) / speck.axis_ratio
        light = np.exp(-1.68 * np.sqrt(u**2 + v**2 + 0.1) / size)
        if light.size:
            _add(flux[:, rows, columns], light / max(light.sum(), 1e-9), speck.flux)


def add_stars(flux: Map, stars: list[Star], pixel: float, fwhm: float) -> None:
    """Add stars to `flux` (float32 [3, n, n], nanomaggies a pixel, changed in place); `fwhm` in pixels of `flux`."""
    for star in stars:
        column, row = star.x / pixel, star.y / pixel
        # The light falls as 1/r^4, so brighter stars need a larger window.
        reach = fwhm * (2.5 + 1.6 * max(star.flux) ** 0.3)
        rows, columns = window(flux, column, row, reach)
        y, x = np.ogrid[rows, columns]
        dx, dy = x + 0.5 - column, y + 0.5 - row
        for band, strength, relative in zip(flux, star.flux, SEEING_BY_BAND, strict=True):
            band[rows, columns] += np.float32(strength) * star_shape(dx, dy, fwhm * relative, spikes=star.spikes)


def star_shape(dx: np.ndarray, dy: np.ndarray, fwhm: float, *, spikes: bool) -> np.ndarray:
    """Image of a star of flux 1: a Gaussian core, a Moffat wing and, of a bright one, four spikes; float32."""
    square = dx**2 + dy**2
    sigma2 = (fwhm / 2.355) ** 2
    core = 0.85 * np.exp(-square / (2 * sigma2)) / (2 * np.pi * sigma2)
    wing = 0.15 / (np.pi * 4 * sigma2) / (1 + square / (4 * sigma2)) ** 2
    if spikes:
        along = 0.0015 / fwhm**2 * np.exp(-np.sqrt(square) / (5 * fwhm))
        core = core + along * (np.exp(-((dx / fwhm) ** 2) * 3) + np.exp(-((dy / fwhm) ** 2) * 3))
    return np.asarray(core + wing, np.float32)


def window(flux: Map, column: float, row: float, reach: float) -> tuple[slice, slice]:
    """Rows and columns of `flux` within `reach` of a point; empty slices where there are none."""
    height, width = flux.shape[-2:]
    rows = slice(max(int(row - reach), 0), max(min(int(row + reach) + 1, height), 0))
    columns = slice(max(int(column - reach), 0), max(min(int(column + reach) + 1, width), 0))
    return rows, columns


def _add(target: Map, light: np.ndarray, flux: tuple[float, float, float]) -> None:
    target += (light * np.array(flux)[:, None, None]).astype(np.float32)
