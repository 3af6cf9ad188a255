"""The labels that a run learns from and is evaluated with, and how frequent each label is."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from gztrain.data import Batch, Reader, select
from gztrain.data.answers import answers_of
from gztrain.data.dataset import Dataset, Scheme
from gztrain.data.label_counts import LabelCounts, count_labels, counts_of_folds
from gztrain.data.labels import Floats, Ints, Policy, Ties, true_labels


@dataclass(frozen=True, eq=False)
class LabelSource:
    """Gives labels and mask of a batch.

    Attributes:
        scheme: its labels.
        policy: ``asked``, ``report`` or ``debiased``.
        min_votes: a question with fewer votes is masked, under ``asked``.
        ties: whether a question with two best answers is masked, under ``asked``.
    """

    scheme: Scheme
    policy: Policy
    min_votes: int
    ties: Ties = "keep"

    def of(self, batch: Batch) -> tuple[Ints, Ints]:
        """Labels and mask, each int64 [B, L]."""
        return true_labels(batch, self.scheme, self.policy, self.min_votes, self.ties)

    def count(self, dataset: Dataset, folds: Collection[int], reader: Reader) -> LabelCounts:
        """Count the labels of the training galaxies in some folds: from the manifest's counts where these apply."""
        stricter = self.ties == "mask" or self.min_votes > int(dataset.manifest["recipe"]["labels"]["min_votes"])
        if self.policy == "report" or (self.policy == "asked" and not stricter):
            return counts_of_folds(dataset.manifest, self.scheme, folds, self.policy)
        answers = answers_of(select(dataset, folds=folds), reader.damage)
        labels, masks = zip(*map(self.of, answers), strict=True)
        return count_labels(self.scheme, np.concatenate(labels), np.concatenate(masks))


def votes_of(dataset: Dataset, folds: Collection[int], reader: Reader) -> Floats:
    """Total votes of the training galaxies of some folds, float32 [N, Q]; NaN without counts."""
    return np.concatenate([batch.votes for batch in answers_of(select(dataset, folds=folds), reader.damage)])
