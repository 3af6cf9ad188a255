"""Chance: which record comes at which place of an epoch, and the lots that its augmentation is drawn with.

Both are functions of (seed, epoch) and of nothing else: no reader, thread or device can change them.
"""

import hashlib

import numpy as np
import numpy.typing as npt

LOTS = 6
"""Random numbers that a record gets for its augmentation."""

Places = npt.NDArray[np.int64]
Lots = npt.NDArray[np.float32]
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def order(seed: int, epoch: int, n: int) -> Places:
    """Shuffle 0 to n - 1: a permutation, each as likely as any other, int64 [n].

    The views of a galaxy, which lie in one shard or two, end up as far apart as a perfect shuffle brings them.
    """
    bits = np.random.Philox(key=_key("order", seed, epoch, 16)).random_raw(n)  # numpy promises that these never change
    return np.argsort(bits, kind="stable").astype(np.int64, copy=False)


def lots(seed: int, epoch: int, places: Places) -> Lots:
    """Random numbers for the records at some places of a selection, float32 [B, 6], uniform in [0, 1).

    SplitMix64 (Steele, Lea & Flood 2014) of (seed, epoch) and the place: a record has its lots in whatever batch it is.
    """
    key = np.uint64(_key("lots", seed, epoch, 8))
    counters = places.astype(np.uint64)[:, None] * np.uint64(LOTS) + np.arange(1, LOTS + 1, dtype=np.uint64)
    bits = _mix(np.multiply(counters, _GOLDEN, dtype=np.uint64) + key)
    return (bits >> np.uint64(40)).astype(np.float32) * np.float32(2**-24)


def _key(purpose: str, seed: int, epoch: int, size: int) -> int:
    return int.from_bytes(hashlib.blake2b(f"{purpose}/{seed}/{epoch}".encode(), digest_size=size).digest(), "big")


def _mix(bits: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))
