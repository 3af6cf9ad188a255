"""Ways to read a data set from a program: `python_feeds.py MATERIALS NAME RECORDS`.

Each way gives every record of view 0 once a pass, shuffled anew, in batches of 64 with decoded images. `native` is
gztrain's own reader with the labels of a training; the others are what `gztrain.open_dataset` gives. torch and grain
come from the environment of `make test-formats`. `random-*` read records one by one, at random places.
"""

import os
import site
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

from relay import serve

import gztrain
from gztrain.data import open_reader, order, select
from gztrain.data.dataset import choose_scheme, open_dataset
from gztrain.data.label_source import LabelSource
from gztrain.data.labels import MIN_VOTES

BATCH = 64
THREADS = 2
FORMATS = Path(sys.prefix) / "formats"
"""Where torch and grain are."""
Epoch = Callable[[int], Iterable[Any]]


def formats_packages() -> Path:
    """The folder of the packages that `make test-formats` installs."""
    return next(FORMATS.glob("lib/python*/site-packages"), FORMATS)


def native(train: gztrain.GalaxySelection) -> Epoch:
    """The reader of `gztrain fit`, with its labels; it is kept from epoch to epoch."""
    folder = open_dataset(Path(train.data))
    reader, selection = open_reader(threads=THREADS), select(folder, "train")
    source = LabelSource(choose_scheme(folder, train.scheme), "asked", MIN_VOTES, "mask")

    def epoch(at: int) -> Iterator[Any]:
        for batch in reader.batches(selection, order(0, at, len(selection)), BATCH):
            source.of(batch)
            yield batch.images

    return epoch


def batches(train: gztrain.GalaxySelection) -> Epoch:
    """`train.batches`."""
    return lambda at: (part["image"] for part in train.batches(BATCH, shuffle=True, epoch=at, threads=THREADS))


def to_tf(train: gztrain.GalaxySelection) -> Epoch:
    """`train.to_tf`."""
    stream = train.to_tf(BATCH, shuffle=True, threads=THREADS)
    return lambda _: (images for images, _labels in stream)


def torch_loader(train: gztrain.GalaxySelection) -> Epoch:
    """PyTorch's DataLoader with two workers, which are kept from epoch to epoch."""
    import torch

    loader = torch.utils.data.DataLoader(
        train.to_torch(), BATCH, shuffle=True, num_workers=THREADS, persistent_workers=True
    )
    return lambda _: (part["image"] for part in loader)


def torch_batches(train: gztrain.GalaxySelection) -> Epoch:
    """The same, where a worker asks for a whole batch at once."""
    from torch.utils.data import BatchSampler, DataLoader, RandomSampler

    sampler = BatchSampler(RandomSampler(train), BATCH, drop_last=False)
    loader = DataLoader(
        train.to_torch(), batch_size=None, sampler=sampler, num_workers=THREADS, persistent_workers=True
    )
    return lambda _: (part["image"] for part in loader)


def grain_dataset(train: gztrain.GalaxySelection) -> Epoch:
    """Grain, with two threads."""
    import grain

    options = grain.ReadOptions(num_threads=THREADS, prefetch_buffer_size=4)  # batches
    every = grain.MapDataset.source(train)
    return lambda at: (part["image"] for part in every.shuffle(seed=at).batch(BATCH).to_iter_dataset(options))


def grain_batches(train: gztrain.GalaxySelection) -> Epoch:
    """The same, where a thread asks for a whole batch at once."""
    import grain

    options = grain.ReadOptions(num_threads=THREADS, prefetch_buffer_size=4)
    places = grain.MapDataset.range(len(train))
    return lambda at: (
        part["image"]
        for part in places.shuffle(seed=at).batch(BATCH, batch_fn=train.__getitem__).to_iter_dataset(options)
    )


def random_ours(train: gztrain.GalaxySelection) -> Epoch:
    """`train[i]`, one record after the other, in one thread."""
    return lambda at: (train[place]["image"][None] for place in order(1, at, len(train)).tolist())


def random_array_record(train: gztrain.GalaxySelection) -> Epoch:
    """The same records by array_record, parsed and decoded by the same functions."""
    import grain
    from simplejpeg import decode_jpeg

    from gztrain.data.fast_parse import split_record

    folder, widths = Path(train.data).parent / "array_record", open_dataset(Path(train.data)).widths
    source = grain.sources.ArrayRecordDataSource(sorted(map(str, folder.glob("*-train.array_record-*"))))
    return lambda at: (
        decode_jpeg(split_record(source[place], widths)[1])[None] for place in order(1, at, len(source)).tolist()
    )


WAYS = {
    "native": native,
    "batches": batches,
    "to_tf": to_tf,
    "to_torch": torch_loader,
    "to_torch-batches": torch_batches,
    "grain": grain_dataset,
    "grain-batches": grain_batches,
    "random-ours": random_ours,
    "random-array_record": random_array_record,
}


def main() -> None:
    """Serve."""
    materials, name, records = sys.argv[1:]
    site.addsitedir(str(formats_packages()))
    train = gztrain.open_dataset(Path(materials) / "set").select("train", scheme="reduced")
    epoch, numbers = WAYS[name](train), count()

    def read() -> int:
        seen = sum(len(images) for images in epoch(next(numbers)))
        assert seen == int(records) == len(train), (seen, records, len(train))  # noqa: S101
        return seen

    serve(read)


if __name__ == "__main__":
    main()
