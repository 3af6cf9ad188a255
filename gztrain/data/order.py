"""The order of records in an epoch, and the random numbers for their augmentation.

Both are functions of (seed, epoch) only: no reader, thread or device can change them.
"""

import hashlib

import numpy as np
import numpy.typing as npt

DRAWS = 6
"""Random numbers that a record gets for its augmentation."""

Places = npt.NDArray[np.int64]
Draws = npt.NDArray[np.float32]
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def order(seed: int, epoch: int, n: int) -> Places:
    """Shuffle 0 to n - 1: a permutation, each as likely as any other, int64 [n].

    The views of a galaxy, which lie in one shard or two, are as far apart as in a perfect shuffle.
    """
    bits = np.random.Philox(key=_key("order", seed, epoch, 16)).random_raw(n)  # numpy promises that these never change
    return np.argsort(bits, kind="stable").astype(np.int64, copy=False)


def draws(seed: int, epoch: int, places: Places) -> Draws:
    """Random numbers for the records at some places of a selection, float32 [B, 6], uniform in [0, 1).

    SplitMix64 (Steele, Lea & Flood 2014) of (seed, epoch) and the place: a record keeps its draws in every batch.
    """
    key = np.uint64(_key("lots", seed, epoch, 8))
    counters = places.astype(np.uint64)[:, None] * np.uint64(DRAWS) + np.arange(1, DRAWS + 1, dtype=np.uint64)
    bits = _mix(np.multiply(counters, _GOLDEN, dtype=np.uint64) + key)
    return (bits >> np.uint64(40)).astype(np.float32) * np.float32(2**-24)


def _key(purpose: str, seed: int, epoch: int, size: int) -> int:
    return int.from_bytes(hashlib.blake2b(f"{purpose}/{seed}/{epoch}".encode(), digest_size=size).digest(), "big")


def _mix(bits: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))
