"""Which file is made of which shard."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from gzcore.dataset.layout import TEST, TRAIN, VIEWS
from gzcore.errors import GzError

Format = Literal["parquet", "webdataset", "array_record"]
LAYOUT = 1
"""Version of how records are written; another one makes all files anew."""
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """What is wanted.

    Attributes:
        form: the format.
        split: train or test; None: both.
        views: whether augmented views are wanted, too.
    """

    form: Format
    split: Literal["train", "test"] | None = None
    views: bool = False

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits, in order."""
        train = (TRAIN, VIEWS) if self.views else (TRAIN,)
        return {None: (*train, TEST), "train": train, "test": (TEST,)}[self.split]


@dataclass(frozen=True, slots=True)
class Task:
    """One file to make.

    Attributes:
        file: its name below the folder, with slashes.
        split: of its records.
        fold: of its records; -1 in test.
        records: how many.
        shard: name of the shard that it is made of.
        shard_sha256: SHA-256 of the shard, hex.
    """

    file: str
    split: str
    fold: int
    records: int
    shard: str
    shard_sha256: str


def file_name(form: Format, dataset: str, split: str, index: int, count: int) -> str:
    """The name of a file: for array_record as tensorflow-datasets wants it, else as Hugging Face datasets do."""
    number = f"{index:05d}-of-{count:05d}"
    if form == "array_record":
        return f"{dataset}-{split}.array_record-{number}"
    return f"data/{split}-{number}.{'tar' if form == 'webdataset' else form}"


def tasks_of(request: Request, manifest: Json) -> list[Task]:
    """The files to make, in the order of splits and shards. A split without records has none.

    Raises:
        GzError: there are no records.
    """
    tasks = [task for split in request.splits for task in _tasks(request.form, manifest, split)]
    if not tasks:
        raise GzError(f"The data set has no records in {' or '.join(request.splits)}, so there is nothing to convert.")
    return tasks


def _tasks(form: Format, manifest: Json, split: str) -> Iterator[Task]:
    its = manifest["splits"][split]
    shards = its["shards"] if its["records"] else []
    for index, shard in enumerate(shards):
        name = file_name(form, manifest["name"], split, index, len(shards))
        yield Task(name, split, shard["fold"], shard["records"], shard["file"], shard["sha256"])


def made_of(request: Request, manifest: Json) -> Json:
    """What a converted folder is made of; a folder that says something else is another one."""
    return {
        "name": manifest["name"],
        "to": request.form,
        "layout": LAYOUT,
        "splits": list(request.splits),
        "data_hash": manifest.get("data_hash"),
        "recipe_hash": manifest.get("recipe_hash"),
        "shards": [task.shard_sha256 for task in tasks_of(request, manifest)],
    }
