"""MixUp and CutMix: each image of a batch is mixed with another one of the batch, and so is its loss.

What is drawn is drawn on the host, from (seed, step) alone. It is drawn for each image, as keras.layers.MixUp and
keras.layers.CutMix do; the images and the shares are those of Keras' layers for the same draws. Labels are not mixed:
the loss of a mixed image is the mean of its losses for both sets of labels, weighted by the shares. For losses that are
linear in the labels this is the loss of mixed labels. It also holds where labels are masked: a label that is masked in
one of the two galaxies counts with the share of the other galaxy alone.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gzcore.hashing import identity_hash

Tensor = Any
Arrays = tuple[npt.NDArray[Any], ...]
Doubles = npt.NDArray[np.float64]
COLUMNS = 6
"""Of what is drawn for an image: its share of the loss, its share within a box, and the box: left, right, top, bottom,
as shares of the side."""


@dataclass(frozen=True)
class Mixing:
    """How the images of a batch are mixed. If both are wanted, half of the steps use the one and half the other.

    Attributes:
        mixup: MixUp's alpha: shares are drawn from Beta(alpha, alpha) (Zhang et al. 2018); 0: no MixUp.
        cutmix: CutMix's alpha, of the same distribution (Yun et al. 2019); 0: no CutMix.
        seed: of the run.
    """

    mixup: float
    cutmix: float
    seed: int

    def mixed(self, arrays: Arrays, step: int) -> Arrays:
        """Add to images, draws and targets those of the other image, and what is drawn: float32 [B, 6].

        Args:
            arrays: images, draws and targets of a batch, each [B, ...].
            step: number of the step in the run, from 0.
        """
        others, plan = self.draw(step, len(arrays[0]))
        return (*arrays, *(array[others] for array in arrays), plan)

    def draw(self, step: int, size: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """The other image of each image, int64 [B], and what is drawn for each: float32 [B, 6]."""
        bits = np.random.Philox(key=identity_hash("mix", self.seed, step)).random_raw(4 * size + 1)
        numbers: Doubles = (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53
        others = np.argsort(bits[:size], kind="stable")
        share, x, y = numbers[size : 4 * size].reshape(3, size)
        cuts = self.cutmix > 0 and (self.mixup == 0 or numbers[-1] < 0.5)
        plan = _cut(_beta(share, self.cutmix), x, y) if cuts else _blend(_beta(share, self.mixup))
        return others.astype(np.int64, copy=False), plan


def _beta(uniform: Doubles, alpha: float) -> Doubles:
    """Numbers of the distribution Beta(alpha, alpha), from numbers that are uniform in [0, 1)."""
    from scipy.special import betaincinv

    shares: Doubles = betaincinv(alpha, alpha, uniform)
    return shares


def _blend(share: Doubles) -> npt.NDArray[np.float32]:
    nothing, all_of_it = np.zeros_like(share), np.ones_like(share)
    return np.stack([share, share, nothing, all_of_it, nothing, all_of_it], axis=1).astype(np.float32)


def _cut(share: Doubles, x: Doubles, y: Doubles) -> npt.NDArray[np.float32]:
    side = np.sqrt(1 - share)
    left, top = x * (1 - side), y * (1 - side)
    return np.stack([share, np.zeros_like(share), left, left + side, top, top + side], axis=1).astype(np.float32)


def mix(images: Tensor, others: Tensor, plan: Tensor) -> Tensor:
    """Mix images float32 [B, S, S, 3] with others of the same shape, by what was drawn, float32 [B, 6]."""
    from keras import ops

    place = np.arange(images.shape[1], dtype=np.float32)
    inside = ops.cast(_within(plan[:, 2:4], place)[:, None, :] & _within(plan[:, 4:6], place)[:, :, None], "float32")
    kept = ops.cast(1.0 - inside * (1.0 - plan[:, 1, None, None]), images.dtype)[..., None]
    return kept * images + (1.0 - kept) * others


def _within(bounds: Tensor, place: npt.NDArray[np.float32]) -> Tensor:
    """Which pixels of a side lie between bounds [B, 2], as keras.layers.CutMix has it: bool [B, S]."""
    size = len(place)
    return (place >= bounds[:, :1] * size) & (place < bounds[:, 1:] * size)
