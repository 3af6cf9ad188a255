"""A whole dataset folder in another format: what is there is kept, the rest is made on all cores."""

import contextlib
import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from gzcore.console import human_bytes, say
from gzcore.dataset.features import features_of
from gzcore.engines.pool import WorkerPool, start_forkserver
from gzcore.errors import GzError, UsageError
from gzcore.machine import cores
from gzcore.storage.atomic import remove_tree, sweep, withdraw, write_bytes, write_json, writing
from gzcore.storage.locks import locked
from gzcore.storage.places import Place
from gzprep import __version__
from gzprep.dataset.card import dataset_info, features
from gzprep.dataset.read import open_folder, widths_of
from gzprep.tools.convert.array_record import writer_class
from gzprep.tools.convert.card import card
from gzprep.tools.convert.contents import contents_of
from gzprep.tools.convert.plan import Request, Task, made_of, tasks_of
from gzprep.tools.convert.record import RECORD, FileEntry, read_converted, read_note
from gzprep.tools.convert.record import Converted as Record
from gzprep.tools.convert.shard import NOTES, Job, convert_shard

WORK = ".gzprep"
_PLAN = f"{WORK}/convert.json"
_EVERY = 5.0
"""Seconds between two lines of progress."""
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Converted:
    """What was made.

    Attributes:
        files: how many files the folder has.
        kept: how many of them were there already.
        records: in all files.
        bytes: of all files.
    """

    files: int
    kept: int
    records: int
    bytes: int


def convert(
    root: Place, out: Place, request: Request, workers: int | None = None, *, overwrite: bool = False
) -> Converted:
    """Write a dataset folder in another format.

    Args:
        root: the dataset folder.
        out: the folder to make.
        request: the format, and which records.
        workers: processes; None: one a core.
        overwrite: replace what was converted from another data set, or with other options.

    Raises:
        GzError: a folder is not what it should be, a shard is damaged, or a file cannot be written.
        UsageError: the two folders are one.
    """
    if root == out:
        raise UsageError(f"{out} is the dataset folder itself; name another folder to make.")
    _, manifest = open_folder(root)
    tasks, wanted = tasks_of(request, manifest), made_of(request, manifest)
    if request.form == "array_record":
        writer_class()
    before = _before(out)
    with locked(out, WORK):
        for folder in (out, out / "data"):
            sweep(folder)
        known = _known(out, before, wanted, overwrite=overwrite)
        write_json(out / _PLAN, {"made_of": wanted, "files": list(known.values())})
        withdraw(out / RECORD)
        job = Job(root, out, request.form, contents_of(manifest))
        made = _make(job, tasks, known, workers or cores())
        _finish(out, request, manifest, wanted, made)
    kept = sum(entry["kept"] for entry in made)
    return Converted(len(made), kept, sum(e["records"] for e in made), sum(e["bytes"] for e in made))


# ---------------------------------------------------------------- what is there


def _before(out: Place) -> Record | None:
    """What the folder says that it is made of; None: it is empty.

    Raises:
        GzError: it holds something else.
    """
    for name in (RECORD, _PLAN):
        if (out / name).is_file():
            return read_converted(out / name)
    if out.is_dir() and any(path.name != WORK for path in out.iterdir()):
        raise GzError(f"{out} is not empty and was not made by gzprep convert; choose another folder.")
    return None


def _known(out: Place, before: Record | None, wanted: Json, *, overwrite: bool) -> dict[str, Json]:
    """What is known of files that are whole, by their names."""
    if before is None:
        return {}
    entries = [*before.files, *_notes(out)]
    if before.made_of == wanted:
        return {entry.file: entry.model_dump() for entry in entries}
    if not overwrite:
        raise GzError(
            f"{out} was converted from another data set or with other options; choose another folder, or give "
            "--overwrite."
        )
    with writing(out):
        for name in (RECORD, _PLAN, *before.cards, *(entry.file for entry in entries)):
            withdraw(out / name)
        _forget_notes(out)
    return {}


def _notes(out: Place) -> list[FileEntry]:
    folder = out / NOTES
    return [read_note(path) for path in _all(folder.glob("*.json"))] if folder.is_dir() else []


def _all(paths: Iterable[Place]) -> list[Place]:
    return sorted(paths, key=str)


def _forget_notes(out: Place) -> None:
    with contextlib.suppress(FileNotFoundError):
        remove_tree(out / NOTES)


# ---------------------------------------------------------------- making


def _make(job: Job, tasks: list[Task], known: dict[str, Json], workers: int) -> list[Json]:
    """Make all files; what was made of each task, in their order."""
    with writing(job.out):
        (job.out / NOTES).mkdir(parents=True, exist_ok=True)
    calls = [(job, task, known.get(task.file)) for task in sorted(tasks, key=lambda task: -task.records)]
    made = dict[str, Json]()
    said = time.monotonic()
    for entry in _entries(calls, min(workers, len(calls))):
        made[entry["file"]] = entry
        if time.monotonic() - said > _EVERY:
            said = time.monotonic()
            say(f"Converting: {len(made)} of {len(tasks)} files.")
    return [made[task.file] for task in tasks]


def _entries(calls: list[tuple[Job, Task, Json | None]], workers: int) -> Iterator[Json]:
    if workers == 1:
        yield from (convert_shard(*call) for call in calls)
        return
    start_forkserver(["gzprep.tools.convert.shard"])
    with WorkerPool(workers, "forkserver") as pool:
        yield from pool.run(convert_shard, calls)


def _finish(out: Place, request: Request, manifest: Json, wanted: Json, made: list[Json]) -> None:
    """Write the cards, then the record that says that the folder is whole."""
    files = [{key: value for key, value in entry.items() if key != "kept"} for entry in made]
    for name, text in _cards(request, manifest, files).items():
        write_bytes(out / name, text.encode())
    record = {
        "gzprep": __version__,
        "made_of": wanted,
        "cards": sorted(_cards(request, manifest, files)),
        "files": files,
    }
    write_json(out / RECORD, record)
    withdraw(out / _PLAN)
    _forget_notes(out)


def _cards(request: Request, manifest: Json, files: list[Json]) -> dict[str, str]:
    readme = {"README.md": card(manifest, request.form, files)}
    if request.form != "array_record":
        return readme
    info = dataset_info(_as_array_record(manifest, files)) | {"fileFormat": "array_record"}
    documents = {"dataset_info.json": info, "features.json": features(_as_array_record(manifest, files))}
    return readme | {name: json.dumps(document, indent=2) + "\n" for name, document in documents.items()}


def _as_array_record(manifest: Json, files: list[Json]) -> Json:
    """The manifest with the splits that were converted, for the cards of tensorflow-datasets."""
    splits: Json = {}
    for entry in files:
        split = splits.setdefault(entry["split"], {"records": 0, "bytes": 0, "shards": []})
        split["records"] += entry["records"]
        split["bytes"] += entry["bytes"]
        split["shards"].append(entry)
    described = [asdict(feature) for feature in features_of(widths_of(manifest))]
    return {**manifest, "splits": splits, "features": described}


def sentence(made: Converted, out: Place) -> str:
    """What was made, as a sentence."""
    kept = f", {made.kept} of them kept" if made.kept else ""
    return f"{made.records:,} records are in {out}: {made.files} files{kept}, {human_bytes(made.bytes)}."
