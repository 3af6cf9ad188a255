"""Validation after each epoch: loss and AUC on view 0 of every galaxy in the validation fold, without augmentation."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from gztrain.data import Batch, Reader, Selection
from gztrain.data.label_source import LabelSource
from gztrain.data.labels import Floats, Ints
from gztrain.data.stream import ahead, fill, in_order
from gztrain.training.backends import Learner
from gztrain.training.losses import TrainingLoss
from gztrain.training.schedule import Validation


@dataclass(frozen=True, eq=False)
class Validator:
    """The validation galaxies of a run.

    Attributes:
        reader: reads their records.
        selection: their records.
        training_loss: the loss to compute.
        label_source: gives labels and mask.
        batch: number of galaxies in a batch.
    """

    reader: Reader
    selection: Selection
    training_loss: TrainingLoss
    label_source: LabelSource
    batch: int

    def validate(self, learner: Learner) -> Validation:
        """Loss and AUC of the model in its current state."""
        import keras

        targets, labels, masks, logits = self._collect(learner)
        loss = keras.ops.convert_to_numpy(self.training_loss.per_galaxy(targets, logits))
        probabilities = keras.ops.convert_to_numpy(self.training_loss.probabilities(logits))
        auc, damaged = mean_auc(probabilities, labels, masks), len(self.selection) - len(labels)
        accuracy = share_right(probabilities, labels, masks)
        return Validation(float(np.mean(loss, dtype=np.float64)), auc, damaged, accuracy)

    def _collect(self, learner: Learner) -> tuple[Floats, Ints, Ints, Floats]:
        """Targets [N, W], labels and mask [N, L], logits [N, O] of all galaxies."""

        def put(batch: Batch) -> tuple[Batch, Any]:
            return batch, learner.put((fill(batch.images, self.batch),))

        collected: list[tuple[Any, ...]] = []
        with ahead(in_order(self.reader, self.selection, self.batch), put) as batches:
            for batch, images in batches:
                logits = learner.infer(images)[: len(batch)]
                collected.append((self.training_loss.targets(batch), *self.label_source.of(batch), logits))
        targets, labels, masks, logits = (np.concatenate(arrays) for arrays in zip(*collected, strict=True))
        return targets, labels, masks, logits


def mean_auc(probabilities: Floats, labels: Ints, mask: Ints) -> float:
    """Mean AUC over the labels that have both classes among their unmasked values; NaN if none has. All [N, L]."""
    from sklearn.metrics import roc_auc_score

    aucs = []
    for scores, label, known in zip(probabilities.T, labels.T, mask.T == 1, strict=True):
        unmasked = label[known]
        if 0 < unmasked.sum() < len(unmasked):
            aucs.append(float(roc_auc_score(unmasked, scores[known])))
    return float(np.mean(aucs)) if aucs else float("nan")


def share_right(probabilities: Floats, labels: Ints, mask: Ints) -> float | None:
    """Share of the unmasked labels that are on the right side of one half; None if all are masked. All [N, L]."""
    known = mask == 1
    return float(np.mean((probabilities > 0.5) == (labels == 1), where=known)) if known.any() else None
