"""A batch of records, and the interface of readers."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from gzcore.errors import GzError, UsageError
from gzcore.images import Pixels
from gztrain.data.damage import Damage
from gztrain.data.debiased import DebiasedVotes
from gztrain.data.order import Draws, Places
from gztrain.data.selection import Selection

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
POLICIES = ("asked", "report", "debiased")


@dataclass(frozen=True, eq=False)
class Batch:
    """B records; L labels, F fractions of answers and Q questions are those that the manifest lists.

    Attributes:
        images: uint8 [B, H, W, 3], RGB.
        ids: galaxy of each.
        views: int64 [B].
        fractions: vote fractions, float32 [B, F]; NaN where no volunteer was asked.
        votes: total votes of each question, float32 [B, Q]; NaN where there are no counts.
        label_asked: int64 [B, L]; 0 where masked.
        label_report: int64 [B, L].
        mask: int64 [B, L]; 1 where label_asked has an answer.
        places: place of each in the selection, int64 [B].
        draws: random numbers for its augmentation, float32 [B, 6], uniform in [0, 1).
        debiased: labels of the policy ``debiased``, by galaxy.
    """

    images: Pixels
    ids: tuple[str, ...]
    views: Ints
    fractions: Floats
    votes: Floats
    label_asked: Ints
    label_report: Ints
    mask: Ints
    places: Places
    draws: Draws
    debiased: DebiasedVotes | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def labels(self, policy: str) -> tuple[Ints, Ints]:
        """Labels and mask under a policy, int64 [B, L] each; under ``report`` every mask is 1.

        Raises:
            UsageError: there is no such policy.
        """
        if policy not in POLICIES:
            raise UsageError(f"There is no label policy {policy!r}; choose one of {', '.join(POLICIES)}.")
        if policy == "report":
            return self.label_report, np.ones_like(self.mask)
        if policy == "debiased":
            return self._debiased().labels(self.ids)
        return self.label_asked, self.mask

    def fractions_of(self, policy: str) -> Floats:
        """The vote fractions that labels under a policy come from, float32 [B, F]; NaN where not asked."""
        return self._debiased().fractions(self.ids) if policy == "debiased" else self.fractions

    def _debiased(self) -> DebiasedVotes:
        if self.debiased is None:
            raise GzError("These records have no debiased labels; choose --labels asked or report.")
        return self.debiased


class Reader(Protocol):
    """Reads shards and gives batches. All readers give the same batches."""

    @property
    def damage(self) -> Damage:
        """The damaged records met so far, and whether they are skipped."""

    def batches(
        self, selection: Selection, places: Places, batch: int, *, seed: int = 0, epoch: int = 0
    ) -> Iterator[Batch]:
        """Read the records at some places, in this order, ``batch`` of them at a time.

        Nothing is repeated or dropped; the last batch may be shorter. To go on within an epoch, hand in the rest of its
        order. A record that is skipped for its damage makes its batch shorter. An empty batch is not given.

        Args:
            selection: the records there are.
            places: which, in which order, int64 [n].
            batch: how many at a time.
            seed: of the run; with the epoch, of the draws.
            epoch: from 0.

        Raises:
            GzError: a record is damaged, and such records are not to be skipped.
        """
        ...
