"""One shard as one file of another format. This runs in worker processes."""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gzcore.dataset.example import Record
from gzcore.dataset.tfrecord import DamagedRecord
from gzcore.errors import GzError
from gzcore.storage.atomic import beside, write_json, writing
from gzcore.storage.places import Place, sha256_of
from gzprep.dataset.read import read_record, read_shard
from gzprep.tools.convert import array_record, parquet, webdataset
from gzprep.tools.convert.contents import Contents
from gzprep.tools.convert.plan import Format, Task

NOTES = ".gzprep/convert"
"""Folder of what is known of files that are whole, until the folder is."""
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker needs beside its task.

    Attributes:
        root: the dataset folder.
        out: the folder to make.
        form: the format.
        contents: names of columns and classes.
    """

    root: Place
    out: Place
    form: Format
    contents: Contents


def convert_shard(job: Job, task: Task, known: Json | None) -> Json:
    """Write one file, or keep it.

    Args:
        job: what all files have in common.
        task: which shard, which file.
        known: what is known of the file from before; None: nothing.

    Returns:
        The task, with ``bytes`` and ``sha256`` of the file; ``kept``: whether it was there.

    Raises:
        GzError: the shard is damaged, or the file cannot be written.
    """
    target, said = job.out / task.file, asdict(task)
    if known is not None and said.items() <= known.items() and _is_whole(target, known):
        return {**known, "kept": True}
    _check_shard(job.root / task.shard, task)
    with writing(job.out):
        target.parent.mkdir(parents=True, exist_ok=True)
        with _whole(target) as path:
            _write(job, task, path)
            made = {**said, "bytes": path.stat().st_size, "sha256": sha256_of(path)}
    write_json(job.out / NOTES / f"{target.name}.json", made)
    return {**made, "kept": False}


def _is_whole(path: Place, known: Json) -> bool:
    return path.is_file() and path.stat().st_size == known.get("bytes") and sha256_of(path) == known.get("sha256")


def _check_shard(path: Place, task: Task) -> None:
    if not path.is_file():
        raise GzError(f"The shard {path} is missing; run gzprep again: it makes a new one.")
    if sha256_of(path) != task.shard_sha256:
        raise GzError(f"The shard {path} is not the one of the manifest; gzprep verify says what is wrong.")


@contextlib.contextmanager
def _whole(target: Place) -> Iterator[Path]:
    """Name a file of this machine that becomes the target when the block ends well."""
    if isinstance(target, Path):
        with beside(target) as path:
            yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / target.name
        yield path
        with path.open("rb") as file:
            target.put(file)


def _write(job: Job, task: Task, path: Path) -> None:
    shard = job.root / task.shard
    if job.form == "array_record":
        array_record.write(read_shard(shard), path)
        return
    write = {"parquet": parquet.write, "webdataset": webdataset.write}[job.form]
    write(_records(shard, job.contents), path, job.contents)


def _records(shard: Place, contents: Contents) -> Iterator[Record]:
    for number, data in enumerate(read_shard(shard), 1):
        try:
            yield read_record(data, contents.widths)
        except DamagedRecord as error:
            raise GzError(f"The shard {shard} is damaged: record {number} cannot be used: {error}.") from None
