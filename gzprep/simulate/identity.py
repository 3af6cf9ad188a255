"""The id, the position and the split of each galaxy of the sample sky."""

from dataclasses import dataclass

import numpy as np

from gzcore.hashing import identity_hash
from gzprep.simulate.truth import generator

_PREFIXES = (*range(587722, 587746), *range(588007, 588024), 588295, 588297, 588298, 588848)
"""First six digits of SDSS object ids, which encode rerun and run: those for which Galaxy Zoo 2 has a folder."""
_FIELD = 10**12
_STRIDE = 618_033_988_749
"""Has no common factor with 10**12, so that index * stride modulo 10**12 takes every value once."""


@dataclass(frozen=True)
class Identity:
    """Id, position and split of a galaxy.

    Attributes:
        id_str: eighteen digits, like an SDSS DR7 objid; unique within a seed.
        ra, dec: right ascension and declination, degrees, in the northern part of the survey.
        split: "train" or "test".
    """

    id_str: str
    ra: float
    dec: float
    split: str

    @property
    def subfolder(self) -> str:
        """First six digits of the id."""
        return self.id_str[:6]

    @property
    def filename(self) -> str:
        """Name of the image."""
        return f"{self.id_str}.jpg"

    @property
    def iauname(self) -> str:
        """Name by position, truncated and not rounded, as the IAU asks: J122215.40+153425.0."""
        hours = int(self.ra / 15 * 360_000)
        degrees = int(abs(self.dec) * 36_000)
        sign = "-" if self.dec < 0 else "+"
        right = f"{hours // 360_000:02d}{hours // 6_000 % 60:02d}{hours % 6_000 / 100:05.2f}"
        return f"J{right}{sign}{degrees // 36_000:02d}{degrees // 600 % 60:02d}{degrees % 600 / 10:04.1f}"


def identify(seed: int, index: int) -> Identity:
    """Identity of galaxy `index` in the sky `seed`. One of every five galaxies, never the first, is in test."""
    prefix = _PREFIXES[identity_hash("simulate-id", seed, index) % len(_PREFIXES)]
    number = (identity_hash("simulate-ids", seed) + index * _STRIDE) % _FIELD
    rng = generator("place", seed, index)
    dec = float(np.rad2deg(np.arcsin(rng.uniform(np.sin(np.deg2rad(-2)), np.sin(np.deg2rad(65))))))
    is_test = index % 5 == 1 + identity_hash("simulate-split", seed, index // 5) % 4
    return Identity(f"{prefix}{number:012d}", float(rng.uniform(110, 260)), dec, "test" if is_test else "train")
