"""Loaders of finished crops in formats of their own: `crop_loaders.py MATERIALS NAME RECORDS`.

Each writes the crops into its own format before it is measured: parquet (HuggingFace datasets), tar files (webdataset),
array_record (grain). `-simplejpeg` gives it the fastest decoder there is; the other is its own. None reads labels.
"""

import os
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}

import numpy as np
import simplejpeg
from relay import serve

BATCH = 256
Batches = Callable[[], Iterator[Any]]


def crops(materials: Path, records: int) -> list[bytes]:
    """So many crops."""
    paths = sorted((materials / "crops").rglob("*.jpg"))
    images = [path.read_bytes() for path in paths]
    return [images[at % len(images)] for at in range(records)]


def batched(images: Iterator[Any]) -> Iterator[Any]:
    """Stack images, as those do by themselves who batch."""
    while part := list(islice(images, BATCH)):
        yield np.stack(part)


def hf_datasets(materials: Path, records: int) -> Any:  # noqa: ANN401 -- a datasets.Dataset
    """The crops as a HuggingFace data set."""
    os.environ["HF_HOME"] = str(materials / "hf")
    import pyarrow as pa
    import pyarrow.parquet as pq
    from datasets import Image, load_dataset

    path = materials / f"crops-{records}-{os.getpid()}.parquet"
    column = pa.array([{"bytes": image, "path": None} for image in crops(materials, records)])
    pq.write_table(pa.table({"image": column}), path)
    return load_dataset("parquet", data_files=str(path), split="train").cast_column("image", Image(decode=True))


def hf_numpy(materials: Path, records: int) -> Batches:
    """Its own decoding, to numpy."""
    data = hf_datasets(materials, records).with_format("numpy")
    return lambda: (part["image"] for part in data.iter(BATCH))


def hf_simplejpeg(materials: Path, records: int) -> Batches:
    """Bytes of it, decoded by simplejpeg."""
    from datasets import Image

    data = hf_datasets(materials, records).cast_column("image", Image(decode=False))
    return lambda: batched(simplejpeg.decode_jpeg(row["image"]["bytes"]) for row in data)


def tars(materials: Path, records: int) -> list[str]:
    """The crops in tar files of 1,000."""
    import webdataset

    images, paths = crops(materials, records), []
    for start in range(0, records, 1000):
        paths.append(str(materials / f"crops-{os.getpid()}-{start}.tar"))
        with webdataset.TarWriter(paths[-1]) as writer:
            for at, image in enumerate(images[start : start + 1000], start):
                writer.write({"__key__": f"{at:08d}", "jpg": image})
    return paths


def webdataset_own(materials: Path, records: int) -> Batches:
    """Its own decoding."""
    import webdataset

    stream = webdataset.WebDataset(tars(materials, records), shardshuffle=False).decode("rgb8").to_tuple("jpg")
    return lambda: (
        np.stack(part[0]) for part in stream.batched(BATCH, collation_fn=lambda rows: [*zip(*rows, strict=True)])
    )


def webdataset_simplejpeg(materials: Path, records: int) -> Batches:
    """Bytes of it, decoded by simplejpeg."""
    import webdataset

    stream = webdataset.WebDataset(tars(materials, records), shardshuffle=False)
    return lambda: batched(simplejpeg.decode_jpeg(row["jpg"]) for row in stream)


def grain_array_record(materials: Path, records: int) -> Batches:
    """Random access by array_record, the pipeline by grain, one thread, simplejpeg."""
    import grain
    from array_record.python.array_record_module import ArrayRecordWriter

    path = str(materials / f"crops-{os.getpid()}.array_record")
    writer = ArrayRecordWriter(path, "group_size:1")
    for image in crops(materials, records):
        writer.write(image)
    writer.close()
    source = grain.sources.ArrayRecordDataSource(path)
    stream = grain.MapDataset.source(source).shuffle(seed=0).map(simplejpeg.decode_jpeg).batch(BATCH)
    options = grain.ReadOptions(num_threads=1, prefetch_buffer_size=2)
    return lambda: iter(stream.to_iter_dataset(options))


def main() -> None:
    """Serve."""
    where, name, records = sys.argv[1:]
    make = {
        "hf-datasets": hf_numpy,
        "hf-datasets-simplejpeg": hf_simplejpeg,
        "webdataset": webdataset_own,
        "webdataset-simplejpeg": webdataset_simplejpeg,
        "grain-array-record": grain_array_record,
    }[name]
    batches = make(Path(where), int(records))
    serve(lambda: sum(len(images) for images in batches()))


if __name__ == "__main__":
    main()
