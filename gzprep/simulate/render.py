"""From a truth to a cutout: light, atmosphere, camera noise, colour stretch and enlargement.

The Galaxy Zoo 2 cutouts are enlarged (or reduced) copies of SDSS colour JPEGs with 0.396 arcsec pixels, at a scale of
0.02 * petroR90 arcseconds a pixel. The simulation does the same: the scene is rendered in camera pixels, converted to
colours, compressed as SDSS stored it, and then resized to 424 x 424. This gives the grain of the real cutouts.
"""

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from gzprep.simulate import starfield
from gzprep.simulate.galaxy import paint_galaxy
from gzprep.simulate.profiles import FRAME, Map
from gzprep.simulate.truth import GalaxyTruth

CAMERA_PIXEL = 0.396
"""Size of a pixel of the SDSS camera, arcseconds (Gunn et al. 1998, AJ 116, 3040)."""
SKY_NOISE = (0.040, 0.026, 0.019)
"""Deviation of the sky in i, r, g, nanomaggies a camera pixel: 5 sigma of a star is about 22 mag in r."""
COUNTS = 990.0
"""Photons a nanomaggie, so that sky noise and sky brightness (21 mag a square arcsecond) agree."""
GAINS = (1.05, 1.25, 1.65)
"""Factors of i, r, g before they become red, green and blue: they make a Sun-like star white."""
SKY_LEVEL = (0.0095, 0.009, 0.002)
"""Pedestal of red, green and blue, so that noise is not cut off at black."""
SOFTENING, STRETCH = 5.0, 1.0
"""Q and stretch of Lupton et al. 2004 (PASP 116, 133)."""
ARCHIVE_QUALITY = 82
"""JPEG quality of the frames that the cutouts were made from."""

FULL_WELL = (17.0, 14.5, 11.0)
"""Flux in i, r, g at which a pixel counts as full, nanomaggies: equal after GAINS, so that bright stars are white."""

Pixels = NDArray[np.uint8]


def expose(truth: GalaxyTruth, rng: np.random.Generator) -> Map:
    """Render the scene as the camera would record it, if it had no noise.

    Returns:
        float32 [3, n, n]: i, r, g in nanomaggies a camera pixel, without sky or noise; n = 424 * scale / 0.396.
    """
    points = round(FRAME * truth.scale / CAMERA_PIXEL)
    flux = _above_the_air(truth, points, rng)
    fwhm = truth.seeing / CAMERA_PIXEL
    for band, relative in zip(flux, starfield.SEEING_BY_BAND, strict=True):
        band[:] = blur(band, fwhm * relative)
    starfield.add_stars(flux, starfield.draw_stars(truth, rng), FRAME / points, fwhm)
    return flux


def _above_the_air(truth: GalaxyTruth, points: int, rng: np.random.Generator) -> Map:
    """The scene before the seeing, in camera pixels. A small grid is sampled twice as finely first, for thin discs."""
    finer = 2 if points < 260 else 1
    flux = paint_galaxy(truth, finer * points, rng)
    flux = np.asarray(flux.reshape(3, points, finer, points, finer).sum(axis=(2, 4)), np.float32)
    flux *= np.float32(starfield.flux_of(truth.brightness) * np.pi * truth.r90**2)
    starfield.add_specks(flux, starfield.draw_specks(truth, rng), FRAME / points, truth.scale)
    return flux


def blur(band: Map, fwhm: float) -> Map:
    """Blur by the seeing: two Gaussians, the wider one for the wings; `fwhm` in pixels."""
    sigma = fwhm / 2.355
    narrow = cv2.GaussianBlur(band, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    wide = cv2.GaussianBlur(band, (0, 0), 2.6 * sigma, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(0.87 * narrow + 0.13 * wide, np.float32)


def add_noise(flux: Map, rng: np.random.Generator) -> Map:
    """Add sky noise, photon noise and a small error of the sky level; float32, same shape."""
    noise = rng.standard_normal(flux.shape, np.float32)
    sky = np.array(SKY_NOISE, np.float32)[:, None, None]
    level = sky * (rng.normal(0.0, 0.25) + rng.normal(0.0, 0.12, (3, 1, 1))).astype(np.float32)
    flux = np.minimum(flux, np.array(FULL_WELL, np.float32)[:, None, None])
    result: Map = flux + level + noise * np.sqrt(sky**2 + flux.clip(0) / np.float32(COUNTS))
    return result


def develop(flux: Map) -> Pixels:
    """Convert an exposure to the cutout that volunteers see: uint8 [424, 424, 3], RGB."""
    archived = simplejpeg.encode_jpeg(lupton(flux), quality=ARCHIVE_QUALITY, colorsubsampling="420")
    frame = simplejpeg.decode_jpeg(archived)
    method = cv2.INTER_AREA if len(frame) > FRAME else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(frame, (FRAME, FRAME), interpolation=method), np.uint8)


def lupton(flux: Map) -> Pixels:
    """Map fluxes to colours by asinh, keeping their ratios (Lupton et al. 2004, as in astropy's make_lupton_rgb).

    Args:
        flux: float32 [3, h, w], i, r, g in nanomaggies a camera pixel.

    Returns:
        uint8 [h, w, 3], RGB.
    """
    scaled = flux * np.array(GAINS, np.float32)[:, None, None] + np.array(SKY_LEVEL, np.float32)[:, None, None]
    intensity = np.maximum(scaled.mean(axis=0), np.float32(1e-6))
    slope = 0.1 / np.arcsinh(0.1 * SOFTENING)
    bright = np.arcsinh(intensity * np.float32(SOFTENING / STRETCH)) * np.float32(slope)
    colours = (scaled * (bright / intensity)).clip(0)
    colours /= np.maximum(colours.max(axis=0), 1)  # a colour too bright keeps its hue
    pixels: Pixels = np.ascontiguousarray((colours * 255).astype(np.uint8).transpose(1, 2, 0))
    return pixels


def encode(frame: Pixels) -> bytes:
    """JPEG bytes as in Galaxy Zoo 2: quality 75, 4:2:0 (the quantisation tables of the real files).

    Args:
        frame: uint8 [h, w, 3], RGB; or [h, w, 1], which gives a grey JPEG.
    """
    grey = frame.shape[2] == 1
    kind, chroma = ("GRAY", "Gray") if grey else ("RGB", "420")
    encoded: bytes = simplejpeg.encode_jpeg(np.ascontiguousarray(frame), 75, kind, chroma)
    return encoded
