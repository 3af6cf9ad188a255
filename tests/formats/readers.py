"""Opens a converted folder with the reader of its own community, and tells what that reader sees.

It runs in an environment of its own (requirements/formats.txt), without gzprep. The last line of its output is JSON:
``records``, by split; and ``rate``, samples a second with decoded images, once through and again for two seconds.
"""

import hashlib
import io
import json
import math
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from PIL import Image

SECONDS = 2.0
JPEG_START = b"\xff\xd8\xff"
Json = dict[str, Any]


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def rate_of(samples: Callable[[], Iterable[Any]]) -> float:
    """Samples a second, from the second time on; the first one fills caches."""
    sum(1 for _ in samples())
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < SECONDS:
        count += sum(1 for _ in samples())
    return count / (time.perf_counter() - began)


def parquet(folder: Path) -> Json:
    """Hugging Face datasets."""
    import datasets

    with tempfile.TemporaryDirectory() as cache:
        data = datasets.load_dataset(str(folder), cache_dir=cache)
        records = {split: list(map(_parquet_record, *_undecoded(data[split]))) for split in data}
        image = data["test"].features["image"]
        assert isinstance(image, datasets.Image), image
        rate = rate_of(lambda: (sample["image"].load() for sample in data["train"].select_columns(["image", "id"])))
    return {"records": records, "rate": rate}


def _undecoded(split: Any) -> tuple[Iterator[Json], list[Any]]:
    import datasets

    rows = split.cast_column("image", datasets.Image(decode=False))
    return iter(rows), [split.features] * len(rows)


def _parquet_record(row: Json, features: Any) -> Json:
    names = list(features)
    marked = [name for name in names if name.endswith("_label")]
    questions = names[4 : names.index(marked[0])]
    numbers = {
        ending: [row[name] for name in names if name.endswith(ending)] for ending in ("_fraction", "_total-votes")
    }
    return {
        **{name: row[name] for name in ("id", "fold", "view")},
        "image": digest(row["image"]["bytes"]),
        "classes": [None if row[name] == -1 else features[name].int2str(row[name]) for name in questions],
        "labels": [None if row[name] == -1 else row[name] for name in marked],
        "report": [row[name] for name in names if name.endswith("_label-report")],
        "fractions": [_number(value) for value in numbers["_fraction"]],
        "votes": [_number(value) for value in numbers["_total-votes"]],
    }


def _number(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value


def webdataset(folder: Path) -> Json:
    """webdataset; from its file system, one file after another."""
    import webdataset as library

    def samples(split: str) -> Any:
        paths = sorted(map(str, folder.glob(f"data/{split}-*.tar")))
        return library.WebDataset(paths, shardshuffle=False, empty_check=False)

    splits = sorted({path.name.partition("-")[0] for path in folder.glob("data/*.tar")})
    records = {split: [_tar_record(sample) for sample in samples(split)] for split in splits}
    return {"records": records, "rate": rate_of(lambda: samples("train").decode("rgb8"))}


def _tar_record(sample: Json) -> Json:
    said = json.loads(sample["json"])
    lists = {name: list(said[name].values()) for name in ("classes", "labels", "fractions", "votes")}
    head = {name: said[name] for name in ("id", "fold", "view")}
    return {**head, **lists, "image": digest(sample["jpg"]), "report": list(said["labels_report"].values())}


def array_record(folder: Path) -> Json:
    """Grain. Records are those of the shards, so their digests say all."""
    import grain

    def source(split: str) -> Any:
        paths = sorted(map(str, folder.glob(f"*-{split}.array_record-*")))
        return grain.sources.ArrayRecordDataSource(paths)

    splits = sorted({path.name.partition(".")[0].rpartition("-")[2] for path in folder.glob("*.array_record-*")})
    records = {split: [digest(record) for record in source(split)] for split in splits}

    def decoded(record: bytes) -> Image.Image:
        image = Image.open(io.BytesIO(record[record.index(JPEG_START) :]))
        image.load()
        return image

    options = grain.ReadOptions(num_threads=2)
    rate = rate_of(lambda: grain.MapDataset.source(source("train")).map(decoded).to_iter_dataset(options))
    return {"records": records, "rate": rate}


READERS = {"parquet": parquet, "webdataset": webdataset, "array_record": array_record}

if __name__ == "__main__":
    sys.stdout.write(json.dumps(READERS[sys.argv[1]](Path(sys.argv[2]))) + "\n")
