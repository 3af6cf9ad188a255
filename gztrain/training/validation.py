"""Validation: every galaxy of a fold, view 0, as it is; what a stage's patience is judged by."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from gztrain.data import Batch, Reader, Selection
from gztrain.data.label_source import LabelSource
from gztrain.data.labels import Floats, Ints
from gztrain.data.stream import ahead, fill, in_order
from gztrain.training.backends import Learner
from gztrain.training.losses import Objective
from gztrain.training.schedule import Validation


@dataclass(frozen=True, eq=False)
class Validator:
    """The validation galaxies of a run.

    Attributes:
        reader: reads them.
        selection: which they are.
        objective: the training loss.
        label_source: what is true of them.
        batch: galaxies at a time.
    """

    reader: Reader
    selection: Selection
    objective: Objective
    label_source: LabelSource
    batch: int

    def validate(self, learner: Learner) -> Validation:
        """Loss and AUC of a model as it is now."""
        import keras

        targets, truths, masks, logits = self._collect(learner)
        loss = keras.ops.convert_to_numpy(self.objective.loss(targets, logits))
        probabilities = keras.ops.convert_to_numpy(self.objective.probabilities(logits))
        auc, damaged = mean_auc(probabilities, truths, masks), len(self.selection) - len(truths)
        return Validation(float(np.mean(loss, dtype=np.float64)), auc, damaged)

    def _collect(self, learner: Learner) -> tuple[Floats, Ints, Ints, Floats]:
        """Targets [N, W], labels and mask [N, L], logits [N, O] of all galaxies."""

        def place(batch: Batch) -> tuple[Batch, Any]:
            return batch, learner.place((fill(batch.images, self.batch),))

        found: list[tuple[Any, ...]] = []
        with ahead(in_order(self.reader, self.selection, self.batch), place) as placed:
            for batch, images in placed:
                logits = learner.infer(images)[: len(batch)]
                found.append((self.objective.targets(batch), *self.label_source.of(batch), logits))
        targets, truths, masks, logits = (np.concatenate(part) for part in zip(*found, strict=True))
        return targets, truths, masks, logits


def mean_auc(probabilities: Floats, labels: Ints, mask: Ints) -> float:
    """Mean AUC of a label, of those with both classes among the unmasked; NaN where there is none. All [N, L]."""
    from sklearn.metrics import roc_auc_score

    found = []
    for scores, truths, known in zip(probabilities.T, labels.T, mask.T == 1, strict=True):
        chosen = truths[known]
        if 0 < chosen.sum() < len(chosen):
            found.append(float(roc_auc_score(chosen, scores[known])))
    return float(np.mean(found)) if found else float("nan")
