"""Binary cross-entropy for labels of which some are not known: Keras' own loss, with NaN for what it leaves out."""

from typing import Any

import keras
from keras import ops

Tensor = Any
"""A tensor of the backend in use, or a numpy array."""


@keras.saving.register_keras_serializable("gztrain")
class MaskedBinaryCrossentropy(keras.losses.Loss):
    """Binary cross-entropy that leaves out labels that are NaN.

    The mean over a batch is that over all its known labels. To get there, the terms of a galaxy are added up and
    divided by the mean number of known labels of a galaxy of the batch; a galaxy without any counts as 0. Where all
    labels are known, this is ``keras.losses.BinaryCrossentropy``. (The loss ``bce`` of ``gztrain fit`` divides by the
    number of all labels instead, so that a batch may be cut into pieces.)

    Labels are float [B, L] of 0, 1 and NaN; predictions are float [B, L]; the result of ``call`` is float [B].

    Args:
        from_logits: whether predictions are logits; if not, probabilities.
        label_smoothing: 0 to 1; moves labels towards one half, as Keras does.
        reduction: as in Keras.
        name: as in Keras.
    """

    def __init__(
        self,
        from_logits: bool = False,  # noqa: FBT001, FBT002 -- as in Keras
        label_smoothing: float = 0.0,
        reduction: str = "sum_over_batch_size",
        name: str = "masked_binary_crossentropy",
    ) -> None:
        super().__init__(name=name, reduction=reduction)
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Loss of each galaxy, float [B]."""
        y_pred = ops.convert_to_tensor(y_pred)
        y_true = ops.cast(y_true, y_pred.dtype)
        known = ops.logical_not(ops.isnan(y_true))
        labels = ops.where(known, y_true, 0.0) * (1 - self.label_smoothing) + 0.5 * self.label_smoothing
        terms = ops.binary_crossentropy(ops.cast(labels, y_pred.dtype), y_pred, from_logits=self.from_logits)
        known = ops.cast(known, y_pred.dtype)
        on_average = ops.mean(ops.sum(known, axis=-1))
        return ops.sum(ops.where(known > 0, terms, 0.0), axis=-1) / ops.maximum(on_average, 1e-7)

    def get_config(self) -> dict[str, Any]:
        """What Keras saves of it."""
        config: dict[str, Any] = super().get_config()
        return {**config, "from_logits": self.from_logits, "label_smoothing": self.label_smoothing}
