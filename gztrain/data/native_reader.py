"""The reader without TensorFlow: threads that read, check, parse and decode straight into the batch."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

from gzcore.dataset.tfrecord import DamagedRecord
from gzcore.images import Pixels
from gzcore.machine import cores
from gztrain.data.assemble import Assembly
from gztrain.data.batch import Batch
from gztrain.data.buffers import ImageBuffers
from gztrain.data.damage import Damage
from gztrain.data.decode import decode_into
from gztrain.data.fast_parse import Row, split_record
from gztrain.data.order import Places
from gztrain.data.selection import Selection
from gztrain.data.shard_files import ShardFiles

_SHARE = 32
"""Records that a thread takes at a time: 6 ms of decoding, so that threads end at about the same time."""


@dataclass(frozen=True)
class NativeReader:
    """Reads shards with ``pread``, simplejpeg (OpenCV for PNG) and threads; both release Python's lock while they work.

    Attributes:
        threads: how many decode.
        prefetch: batches that are decoded ahead of the one in use; with it, at most prefetch + 2 are in memory.
        damage: what to do about damaged records, and which there were.
        buffers: memory for images, which is used again for later batches; several readers may share it.
    """

    threads: int = field(default_factory=cores)
    prefetch: int = 2
    damage: Damage = field(default_factory=Damage)
    buffers: ImageBuffers = field(default_factory=ImageBuffers)

    def batches(
        self, selection: Selection, places: Places, batch: int, *, seed: int = 0, epoch: int = 0
    ) -> Iterator[Batch]:
        """See :meth:`gztrain.data.batch.Reader.batches`."""
        self.damage.find_lost(selection, places)
        assembly = Assembly(selection, self.damage, seed, epoch)
        with ShardFiles(selection) as files, ThreadPoolExecutor(self.threads, "gztrain-reader") as pool:
            begun: deque[_PendingBatch] = deque()
            try:
                for start in range(0, len(places), batch):
                    begun.append(_begin(pool, files, places[start : start + batch], self.buffers))
                    if len(begun) > self.prefetch:
                        yield from begun.popleft().finish(assembly)
                while begun:
                    yield from begun.popleft().finish(assembly)
            finally:  # the consumer may stop early: what has begun ends in milliseconds, the rest never begins
                pool.shutdown(cancel_futures=True)


class _PendingBatch(NamedTuple):
    """A batch that is being decoded."""

    places: Places
    images: Pixels
    parts: list[Future[list[Row | DamagedRecord]]]

    def finish(self, assembly: Assembly) -> Iterator[Batch]:
        """Wait for the batch. The last part is waited for first: then the thread wakes once, not once a part."""
        parts = [part.result() for part in reversed(self.parts)]
        yield from assembly.batch(self.places, [row for part in reversed(parts) for row in part], self.images)


def _begin(pool: ThreadPoolExecutor, files: ShardFiles, places: Places, buffers: ImageBuffers) -> _PendingBatch:
    images = buffers.take((len(places), files.selection.crop, files.selection.crop, 3))
    files.announce(places)
    parts = [
        pool.submit(_decode, files, places[start : start + _SHARE].tolist(), images[start : start + _SHARE])
        for start in range(0, len(places), _SHARE)
    ]
    return _PendingBatch(places, images, parts)


def _decode(files: ShardFiles, places: list[int], images: Pixels) -> list[Row | DamagedRecord]:
    """Decode some records of a batch, in a thread."""
    return [_decode_one(files, place, pixels) for place, pixels in zip(places, images, strict=True)]


def _decode_one(files: ShardFiles, place: int, pixels: Pixels) -> Row | DamagedRecord:
    try:
        row, image = split_record(files.read(place), files.selection.widths)
        decode_into(pixels, image)
    except DamagedRecord as error:
        return error
    return row
