"""What a run does with its images before workers begin: parquet is unpacked, and an index is stored once."""

import contextlib
import hashlib
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event

from gzcore.console import say
from gzcore.storage.atomic import writing
from gzcore.storage.places import Place
from gzprep.images.sources import ImageSource, describe
from gzprep.images.sources.parquet import ParquetImages, unpack
from gzprep.images.sources.tar import TarImages
from gzprep.prepare.job import PreparationJob

Ready = Callable[[], PreparationJob]
"""Waits until the images are at hand, and gives the job whose workers can read each image by itself."""


@contextlib.contextmanager
def images_at_hand(job: PreparationJob, *, here: bool) -> Iterator[Ready]:
    """Say what the images are, and let a thread copy them, if need be, while the caller imports what it needs.

    Args:
        job: what is made of what; the folder is locked.
        here: whether all workers are on this machine. Else they share the dataset folder alone, and what is written
            there stays until the next run sweeps it away.

    Yields:
        What waits for the copy. It raises GzError if images cannot be read, or there is no room for a copy of them.
    """
    sentence = describe(job.source.images)
    if sentence:
        say(sentence)
    if not isinstance(job.source.images, ParquetImages | TarImages):
        yield lambda: job
        return
    if isinstance(job.source.images, ParquetImages):
        say("Copying them to one file, so that each can be read alone; it goes when the run ends.")
    with contextlib.ExitStack() as stack:
        room = job.folder.temporaries
        if here:
            parent = room if isinstance(room, Path) else None
            room = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="images-", dir=parent)))
        thread = stack.enter_context(ThreadPoolExecutor(1))
        stopped = Event()
        stack.callback(stopped.set)  # before the thread is waited for
        coming = thread.submit(_at_hand, job.source.images, room, stopped)
        yield lambda: replace(job, source=replace(job.source, images=coming.result()))


def _at_hand(images: ParquetImages | TarImages, room: Place, stopped: Event) -> ImageSource:
    with writing(room):
        if isinstance(images, ParquetImages):
            images = unpack(images, room / "images.pack", room, stopped)
        name = hashlib.blake2b(images.index.table.tobytes(), digest_size=8).hexdigest()
        return replace(images, index=images.index.store(room / f"images-{name}.npy", room))
