"""The data hash: tells whether two dataset folders were made of the same galaxies, whatever was made of them.

Each galaxy gives a SHA-256 over its split, its id, what was read of its row, and a digest of its image's bytes. The
data hash is the sum of these numbers modulo 2**256. A sum does not depend on the order of galaxies, so it is the same
for every engine, number of workers and number of bins; and each bin adds up its own part.

Rejected galaxies count as well: they are part of the input, and other thresholds should not change the hash. Where an
image file is (folder, name) does not count, only its bytes do. The recipe does not count either, except for its
``limit``, which leaves galaxies out: the recipe hash tells of it. The sum finds differences that happen by mistake;
it is no protection against a person who looks for two data sets with the same sum.
"""

import hashlib
import json
import math
import struct
from collections.abc import Iterable

from gzprep.catalogue.galaxy import NAN, Galaxy

_BYTES = 32
_MODULUS = 1 << 8 * _BYTES


def data_sum(galaxies: Iterable[tuple[Galaxy, str]]) -> str:
    """The part of the data hash that some galaxies give, 64 hexadecimal digits.

    Args:
        galaxies: each with the digest of its image's bytes, empty where there is no image.
    """
    return _hex(sum(int.from_bytes(galaxy_digest(galaxy, image), "big") for galaxy, image in galaxies))


def add_sums(sums: Iterable[str]) -> str:
    """Add up parts of the data hash."""
    return _hex(sum(int(part_sum, 16) for part_sum in sums))


def _hex(total: int) -> str:
    return f"{total % _MODULUS:0{2 * _BYTES}x}"


def galaxy_digest(galaxy: Galaxy, image: str) -> bytes:
    """SHA-256 of one galaxy: split, id, position and other text of the row, votes, and the image's digest.

    Tables write an absent number as null or as one of several NaN, and zero with either sign: these count as equal.
    """
    votes = galaxy.votes
    numbers = [_plain(value) for value in (*votes.fractions, *votes.counts, *votes.totals)]
    extras = [None if isinstance(value, float) and math.isnan(value) else value for value in galaxy.extras]
    text = json.dumps((galaxy.split.value, galaxy.id, extras, image, *_unfit(galaxy)))
    return hashlib.sha256(struct.pack(f"<{len(numbers)}d", *numbers) + text.encode()).digest()


def _unfit(galaxy: Galaxy) -> tuple[str, ...]:
    """What is wrong with the row; nothing for a row that is right."""
    return () if galaxy.rejection is None else (galaxy.rejection.reason.value, galaxy.rejection.detail)


def _plain(value: float) -> float:
    return NAN if math.isnan(value) else value + 0.0
