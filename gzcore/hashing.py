"""Random numbers as functions of an identity: a galaxy gets the same ones on every machine, in every order."""

import hashlib
import random
import struct
from collections.abc import Callable
from functools import lru_cache

HASH_RANGE = 1 << 64
"""Number of values that :func:`identity_hash` can take."""


def identity_hash(purpose: str, seed: int, *identity: str | int) -> int:
    """Draw a number in [0, 2**64) from a purpose, a seed and an identity.

    The first 8 bytes, big-endian, of blake2b over ``"{purpose}/{seed}/{identity}/…"``.
    """
    return int.from_bytes(_digest(purpose, seed, *identity)[:8], "big")


def _digest(*parts: str | int) -> bytes:
    *shared, last = parts
    return hashlib.blake2b(_start(*shared) + str(last).encode()).digest()


@lru_cache(maxsize=256)  # the views of a galaxy differ in their last part alone
def _start(*parts: str | int) -> bytes:
    return "".join([f"{part}/" for part in parts]).encode()


NUMBERS = 16
"""How many numbers :func:`uniforms` has."""
_WORDS = struct.Struct(f">{NUMBERS}I")


def uniforms(purpose: str, seed: int, *identity: str | int) -> Callable[[], float]:
    """Return a function that gives 16 numbers in [0, 1), one a call.

    They are the 64 bytes of the hash behind :func:`identity_hash`, read as big-endian 32-bit numbers, over 2**32. The
    bytes of a hash are uniform, so no generator has to be seeded: that would take longer than the draws themselves.
    """
    words = _WORDS.unpack(_digest(purpose, seed, *identity))
    return map((2.0**-32).__mul__, words).__next__


def generator(purpose: str, seed: int, *identity: str | int) -> random.Random:
    """Return a generator for one identity.

    Use its ``random()`` only: that sequence is the one thing Python promises to keep from version to version.
    """
    return random.Random(identity_hash(purpose, seed, *identity))
