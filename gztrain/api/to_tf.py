"""A selection of galaxies as a tf.data.Dataset. TensorFlow is imported here."""

import itertools
import os
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from gzcore.errors import GzError
from gztrain.environment import quiet_imports, uncollected

if TYPE_CHECKING:
    from gztrain.api.selection import Arrays, GalaxySelection


def as_dataset(selection: "GalaxySelection", batch: int, epoch: int, options: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """Batches of (image, labels), uint8 [B, S, S, 3] and float32 [B, L], as a tf.data.Dataset.

    Args:
        selection: the records.
        batch: records in a batch.
        epoch: that of the first pass; each pass after it has the order of the next one.
        options: of :meth:`GalaxySelection.batches`.

    Raises:
        GzError: TensorFlow is not installed.
    """
    tf = _tensorflow()
    passes = itertools.count(epoch)

    def read() -> Iterator[tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]]:
        for arrays in selection.batches(batch, epoch=next(passes), **options):
            yield arrays["image"], nan_labels(arrays)

    rows = batch if options["drop_last"] and not selection.skip_damaged else None
    side, labels = selection.data.crop, len(selection.label_names)
    signature = (tf.TensorSpec((rows, side, side, 3), tf.uint8), tf.TensorSpec((rows, labels), tf.float32))
    stream = tf.data.Dataset.from_generator(read, output_signature=signature).prefetch(2)
    if selection.skip_damaged:
        return stream  # a batch of damaged records alone is left out
    whole, rest = divmod(len(selection), batch)
    return stream.apply(tf.data.experimental.assert_cardinality(whole + bool(rest and not options["drop_last"])))


def nan_labels(arrays: "Arrays") -> npt.NDArray[np.float32]:
    """Labels of a batch with NaN for those that are masked, float32 [B, L]."""
    return np.where(arrays["mask"] == 1, arrays["labels"], np.nan).astype(np.float32)


def _tensorflow() -> Any:  # noqa: ANN401 -- TensorFlow has no types
    """TensorFlow, which leaves the GPUs to another backend of Keras.

    Raises:
        GzError: it is not installed.
    """
    if find_spec("tensorflow") is None:
        raise GzError("to_tf needs TensorFlow, which is not installed; use batches, which gives the same arrays.")
    with quiet_imports(), uncollected():
        import tensorflow as tf
    if os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow":
        tf.config.set_visible_devices([], "GPU")
    return tf
