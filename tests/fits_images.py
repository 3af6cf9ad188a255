"""FITS files for tests."""

import gzip
import io
from typing import Any

import numpy as np

WCS = {
    "CTYPE1": "RA---TAN",
    "CTYPE2": "DEC--TAN",
    "CRPIX1": 10.0,
    "CRPIX2": 10.0,
    "CRVAL1": 150.0,
    "CRVAL2": 2.0,
    "CD1_1": -0.262 / 3600,
    "CD1_2": 0.0,
    "CD2_1": 0.0,
    "CD2_2": 0.262 / 3600,
}
"""0.262 arcsec a pixel, as in the Legacy Surveys."""


def one(data: np.ndarray, *, zipped: bool = False, **header: Any) -> bytes:
    """A file with one image, as the array has it: its first row is the lowest one."""
    return units([(data, header)], zipped=zipped)


def units(parts: list[tuple[np.ndarray, dict[str, Any]]], *, zipped: bool = False) -> bytes:
    """A file with several images, the first in an extension, too."""
    from astropy.io import fits

    made = [fits.PrimaryHDU(parts[0][0])] if len(parts) == 1 else [fits.PrimaryHDU()]
    made += [fits.ImageHDU(data) for data, _ in parts] if len(parts) > 1 else []
    for unit, (_, header) in zip(made if len(parts) == 1 else made[1:], parts, strict=True):
        unit.header.update(header)
    stream = io.BytesIO()
    fits.HDUList(made).writeto(stream)
    return gzip.compress(stream.getvalue()) if zipped else stream.getvalue()


def sky(height: int, width: int, planes: int = 3) -> np.ndarray:
    """Noise about 0 and a bright spot, float32 [planes, H, W]."""
    chance = np.random.default_rng(5)
    data = chance.normal(0, 0.02, (planes, height, width)).astype(np.float32)
    data[:, height // 2 - 3 : height // 2 + 3, width // 2 - 3 : width // 2 + 3] += 1
    return data
