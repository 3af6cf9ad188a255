"""Chance as a function of identity: the same galaxy draws the same lot on every machine, in every order."""

import hashlib
import random

WHOLE = 1 << 64
"""Number of values that :func:`lot` can take."""


def lot(purpose: str, seed: int, *identity: str | int) -> int:
    """Draw a number in [0, 2**64) from a purpose, a seed and an identity.

    The first 8 bytes, big-endian, of blake2b over ``"{purpose}/{seed}/{identity}/…"``.
    """
    text = "/".join((purpose, str(seed), *map(str, identity)))
    return int.from_bytes(hashlib.blake2b(text.encode()).digest()[:8], "big")


def generator(purpose: str, seed: int, *identity: str | int) -> random.Random:
    """Return a generator for one identity.

    Use its ``random()`` only: that sequence is the one thing Python promises to keep from version to version.
    """
    return random.Random(lot(purpose, seed, *identity))
