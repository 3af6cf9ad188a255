"""The reader on tf.data: images are decoded, batched and prefetched there; all else is as in the native reader.

Records are read, checked and parsed by our own code, a batch at a time. Only their images go through tf.data. This is
quicker than ``tf.io.parse_single_example``, and gives the same votes and labels as the native reader. Images are the
same, too, with one exception. A damaged image in a record whose checksum is right may pass here, because libjpeg fills
what it cannot read with grey; in the native reader it is an error.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # set before the import, which would log a greeting
import tensorflow as tf

from gzcore.console import reason_of
from gzcore.dataset.tfrecord import DamagedRecord
from gzcore.images import Pixels
from gzcore.machine import cores
from gztrain.data.assemble import Assembly
from gztrain.data.batch import Batch
from gztrain.data.damage import Damage
from gztrain.data.decode import check_size, decode_into
from gztrain.data.fast_parse import Row, split_record
from gztrain.data.order import Places
from gztrain.data.selection import Selection
from gztrain.data.shard_files import ShardFiles

Undecodable = dict[int, DamagedRecord]
"""What is wrong with the images that could not be decoded, by place."""


@dataclass(frozen=True)
class TfReader:
    """Reads shards with ``pread``, decodes with tf.data.

    Attributes:
        threads: how many decode.
        prefetch: batches that are made ready ahead.
        damage: what to do about damaged records, and which there were.
    """

    threads: int = field(default_factory=cores)
    prefetch: int = 2
    damage: Damage = field(default_factory=Damage)

    def __post_init__(self) -> None:
        if os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow":
            tf.config.set_visible_devices([], "GPU")  # the backend uses them

    def batches(
        self, selection: Selection, places: Places, batch: int, *, seed: int = 0, epoch: int = 0
    ) -> Iterator[Batch]:
        """See :meth:`gztrain.data.batch.Reader.batches`."""
        self.damage.find_lost(selection, places)
        assembly = Assembly(selection, self.damage, seed, epoch)
        undecodable: Undecodable = {}
        done = 0
        with ShardFiles(selection) as files:
            while done < len(places):
                stream = _Stream(files, places[done:], batch, undecodable)
                try:
                    for own, rows, images in stream.run(self.threads, self.prefetch):
                        yield from assembly.batch(own, rows, images)
                        done += len(own)
                except tf.errors.OpError as failure:  # the stream goes on behind it, with a blank for every such image
                    stream.find_undecodable(places[done : done + batch], failure)


class _Stream:
    """Encoded images on their way through tf.data, batch by batch, and the rows that belong to them.

    A damaged record has a blank image, so that every batch has as many images as places.
    """

    def __init__(self, files: ShardFiles, places: Places, batch: int, undecodable: Undecodable) -> None:
        self._files, self._places, self._batch = files, places, batch
        self._undecodable = undecodable
        self._shape = (files.selection.crop, files.selection.crop, 3)
        self._blank: bytes = tf.io.encode_png(np.zeros(self._shape, np.uint8)).numpy()
        self._rows: dict[int, list[Row | DamagedRecord]] = {}

    def run(self, threads: int, prefetch: int) -> Iterator[tuple[Places, list[Row | DamagedRecord], Pixels]]:
        """Places, rows and images of every batch; a record that cannot be used has an error for a row.

        Raises:
            OpError: an image of the next batch cannot be decoded.
        """
        for index, images in enumerate(self._dataset(threads, prefetch).as_numpy_iterator()):
            yield self._places_of(index), self._rows.pop(index), images

    def _dataset(self, threads: int, prefetch: int) -> Any:  # noqa: ANN401 -- TensorFlow has no types
        options = tf.data.Options()
        options.deterministic = True
        options.autotune.enabled = False  # all numbers are set
        with tf.device("CPU:0"):
            encoded = tf.data.Dataset.range(-(-len(self._places) // self._batch)).map(self._read_op).prefetch(1)
            images = encoded.flat_map(tf.data.Dataset.from_tensor_slices)
            parallel = threads if threads > 1 else None  # a single thread decodes in the thread that batches
            decoded = images.map(self._decode_op, num_parallel_calls=parallel)
            return decoded.batch(self._batch).prefetch(max(prefetch, 1)).with_options(options)

    def _places_of(self, index: int) -> Places:
        return self._places[index * self._batch : (index + 1) * self._batch]

    def _read_op(self, index: Any) -> Any:  # noqa: ANN401
        """Encoded images of a batch, string [B]."""
        images = tf.numpy_function(self._read, [index], tf.string, stateful=False)
        return tf.ensure_shape(images, (None,))

    def _decode_op(self, image: Any) -> Any:  # noqa: ANN401
        """Decode a JPEG, or a PNG; with this DCT, to what simplejpeg makes of it."""
        return tf.ensure_shape(tf.io.decode_jpeg(image, channels=3, dct_method="INTEGER_ACCURATE"), self._shape)

    def _read(self, index: int) -> npt.NDArray[np.object_]:
        self._files.announce(self._places_of(int(index) + 1))
        parts = [self._split(place) for place in self._places_of(int(index)).tolist()]
        self._rows[int(index)] = [row for row, _ in parts]
        return np.array([image for _, image in parts], object)

    def _split(self, place: int) -> tuple[Row | DamagedRecord, bytes]:
        try:
            if place in self._undecodable:
                return self._undecodable[place], self._blank
            row, image = split_record(self._files.read(place), self._files.selection.widths)
            check_size(image, *self._shape[:2])
        except DamagedRecord as error:
            return error, self._blank
        return row, image

    def find_undecodable(self, places: Places, failure: Exception) -> None:
        """Find out which images made a batch fail.

        Raises:
            Exception: the failure, if it was not for an image.
        """
        known = len(self._undecodable)
        for place in places.tolist():
            row, image = self._split(place)
            error = self._try(image) if isinstance(row, Row) else None
            if error is not None:
                self._undecodable[place] = error
        if len(self._undecodable) == known:
            raise failure

    def _try(self, image: bytes) -> DamagedRecord | None:
        try:
            decode_into(np.empty(self._shape, np.uint8), image)
            self._decode_op(image)
        except DamagedRecord as error:
            return error
        except (tf.errors.OpError, ValueError) as error:
            return DamagedRecord(f"its image cannot be decoded ({reason_of(error)})")
        return None
