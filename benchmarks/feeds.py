"""Our readers, and bare decoding of the same images from memory: `feeds.py MATERIALS NAME THREADS RECORDS`.

The bare loops are what a reader cannot be faster than: `simplejpeg` decodes JPEGs one after the other and forgets them;
`tensorflow` decodes them with tf.data and its default options, in batches of the same size, prefetched. Neither reads,
checks, parses or shuffles.
"""

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
from relay import serve

from gztrain.data import Selection, open_reader, order, select
from gztrain.data.dataset import open_dataset
from gztrain.data.fast_parse import split_record
from gztrain.data.shard_files import ShardFiles

BATCH = 256
Read = Callable[[], int]


def encoded(selection: Selection, records: int) -> list[bytes]:
    """So many images, as they stand in the shards."""
    with ShardFiles(selection) as files:
        images = [split_record(files.read(place), files.selection.widths)[1] for place in range(len(selection))]
    return [images[at % len(images)] for at in range(records)]


def reader(name: str, selection: Selection, threads: int, records: int) -> Read:
    """One of our readers; every pass is an epoch of another order."""
    chosen = open_reader(name, threads=threads)
    epochs = iter(range(1 << 30))

    def read() -> int:
        epoch = next(epochs)
        places = np.resize(order(0, epoch, len(selection)), records)
        return sum(len(batch) for batch in chosen.batches(selection, places, BATCH, seed=0, epoch=epoch))

    return read


def simplejpeg_loop(selection: Selection, threads: int, records: int) -> Read:
    """A loop a thread."""
    import simplejpeg

    images = encoded(selection, records)

    def loop(part: int) -> int:
        own = images[part::threads]
        for image in own:
            simplejpeg.decode_jpeg(image)
        return len(own)

    def read() -> int:
        if threads == 1:
            return loop(0)
        with ThreadPoolExecutor(threads) as pool:
            return sum(pool.map(loop, range(threads)))

    return read


def tensorflow_loop(selection: Selection, threads: int, records: int, **options: str) -> Read:
    """Decode, batch and prefetch, from memory."""
    import tensorflow as tf

    images = tf.constant(encoded(selection, records))

    def read() -> int:
        stream = tf.data.Dataset.from_tensor_slices(images)
        stream = stream.map(lambda image: tf.io.decode_jpeg(image, channels=3, **options), num_parallel_calls=threads)
        return sum(len(batch) for batch in stream.batch(BATCH).prefetch(2).as_numpy_iterator())

    return read


def choose(name: str, selection: Selection, threads: int, records: int) -> Read:
    """Look up who reads."""
    if name == "simplejpeg":
        return simplejpeg_loop(selection, threads, records)
    if name == "tensorflow":
        return tensorflow_loop(selection, threads, records)
    if name == "tensorflow-accurate":
        return tensorflow_loop(selection, threads, records, dct_method="INTEGER_ACCURATE")
    return reader(name, selection, threads, records)


def main() -> None:
    """Serve."""
    materials, name, threads, records = sys.argv[1:]
    selection = select(open_dataset(Path(materials) / "set"))
    serve(choose(name, selection, int(threads), int(records)))


if __name__ == "__main__":
    main()
