"""Checks that a dataset folder is what its manifest says, and makes records again to compare them."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from gzcore.dataset.example import Record
from gzcore.dataset.layout import VIEWS
from gzcore.dataset.tfrecord import DamagedRecord
from gzcore.errors import GzError
from gzcore.images import UnusableImage, read_header
from gzcore.storage.places import Place
from gzprep.catalogue.galaxy import Split
from gzprep.dataset.folder import Folder
from gzprep.dataset.leaks import COLUMNS, find_leaks, leak_sentences
from gzprep.dataset.read import open_folder, read_columns, read_record, read_rows, read_shard
from gzprep.tools.replay import Key, replay

Json = dict[str, Any]


@dataclass
class _Contents:
    """What the shards hold: galaxy to its views, of each split; and galaxy to its folds."""

    records: int = 0
    views: dict[str, dict[str, Counter[int]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(Counter)))
    folds: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))

    def add(self, split: str, record: Record) -> None:
        self.records += 1
        self.views[split][record.id][record.view] += 1
        self.folds[record.id].add(record.fold)

    def keys(self) -> list[Key]:
        return [
            (galaxy, view) for galaxies in self.views.values() for galaxy, views in galaxies.items() for view in views
        ]


def verify_folder(root: Place, *, replay_records: int = 0, data: Place | None = None) -> Json:
    """Check a dataset folder.

    Args:
        root: the folder.
        replay_records: make this many records again from the source, and compare their bytes.
        data: where the source is now; None: where it was.

    Returns:
        ``ok``, ``faults`` (sentences), ``leaks`` (sentences; a leak is no fault of the folder), ``records`` read and
        ``replayed``.

    Raises:
        GzError: the folder is not there or not whole; or the source, for a replay, is not.
    """
    folder, manifest = open_folder(root)
    contents = _Contents()
    faults = [
        *_shard_faults(folder, manifest, contents),
        *_stray_files(folder, manifest),
        *_split_faults(contents),
        *_account_faults(folder, manifest, contents),
    ]
    wanted = 0 if faults else min(replay_records, contents.records)
    if wanted:
        faults += replay(folder, manifest, contents.keys(), wanted, data)
    leaks = _leaks(folder)
    return {"ok": not faults, "faults": faults, "leaks": leaks, "records": contents.records, "replayed": wanted}


def _leaks(folder: Folder) -> list[str]:
    try:
        return leak_sentences(find_leaks(read_columns(folder.catalogue, COLUMNS)))
    except GzError as error:
        return [f"Leaks were not looked for: {error}"]


def _shard_faults(folder: Folder, manifest: Json, contents: _Contents) -> Iterator[str]:
    crop = manifest["recipe"]["crop"]["size"]
    for split, content in manifest["splits"].items():
        for shard in content["shards"]:
            fault = _file_fault(folder.root / shard["file"], shard)
            if fault is not None:
                yield fault
            else:
                yield from _record_faults(folder.root / shard["file"], split, shard, crop, contents)


def _file_fault(path: Place, shard: Json) -> str | None:
    if not path.is_file():
        return f"{path.name} is missing."
    if path.stat().st_size != shard["bytes"]:
        return f"{path.name} has {path.stat().st_size} bytes; the manifest says {shard['bytes']}."
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return None if digest == shard["sha256"] else f"{path.name} has another SHA-256 than the manifest says."


def _record_faults(path: Place, split: str, shard: Json, crop: int, contents: _Contents) -> Iterator[str]:
    count = 0
    try:
        for count, data in enumerate(read_shard(path), 1):
            record = read_record(data)
            contents.add(split, record)
            where = f"{path.name}, record {count}"
            yield from _place_faults(where, record, split, shard)
            yield from _image_faults(where, record, crop)
    except DamagedRecord as error:
        yield f"{path.name}, record {count} cannot be used: {error}."
    except GzError as error:
        yield str(error)
    if count != shard["records"]:
        yield f"{path.name} has {count} records; the manifest says {shard['records']}."


def _place_faults(where: str, record: Record, split: str, shard: Json) -> Iterator[str]:
    if record.fold != shard["fold"]:
        yield f"{where}: its fold is {record.fold}, its shard's {shard['fold']}."
    if (record.view > 0) != (split == VIEWS):
        yield f"{where}: view {record.view} does not belong into {split}."


def _image_faults(where: str, record: Record, side: int) -> Iterator[str]:
    """What its header says is wrong with an image; its bytes are covered by the shard's SHA-256."""
    try:
        header = read_header(record.image)
        header.check_colour()
    except UnusableImage as error:
        yield f"{where}: its image cannot be used ({error})."
        return
    if (header.height, header.width) != (side, side):
        yield f"{where}: its image has {header.width} x {header.height} px; the manifest says {side} x {side}."


def _stray_files(folder: Folder, manifest: Json) -> Iterator[str]:
    listed = {shard["file"] for split in manifest["splits"].values() for shard in split["shards"]}
    for name in sorted(path.name for path in folder.root.glob("*.tfrecord-*")):
        if name not in listed:
            yield f"{name} is not in the manifest."


def _split_faults(contents: _Contents) -> Iterator[str]:
    for galaxy, folds in contents.folds.items():
        if len(folds) > 1:
            yield f"Galaxy {galaxy} is in the folds {', '.join(map(str, sorted(folds)))}."
    for galaxy in sorted(contents.views[Split.TRAIN].keys() & contents.views[Split.TEST].keys()):
        yield f"Galaxy {galaxy} is in train and in test."


def _account_faults(folder: Folder, manifest: Json, contents: _Contents) -> Iterator[str]:
    """Every galaxy of the catalogue is written once in each of its views, or rejected; and nothing else is."""
    try:
        rows = read_rows(folder.catalogue, ["id_str", "split", "verdict"])
        rejected = len(read_rows(folder.rejects, ["id"]))
    except GzError as error:
        yield str(error)
        return
    expected = {(row["split"], row["id_str"]): row["verdict"] != "rejected" for row in rows}
    views = range(1, manifest["recipe"]["views"]["count"] + 1)
    for (split, galaxy), accepted in expected.items():
        yield from _view_faults(contents, split, galaxy, [0] if accepted else [])
        if split == Split.TRAIN:
            yield from _view_faults(contents, VIEWS, galaxy, views if accepted else [])
    for split in (Split.TRAIN, Split.TEST):
        for galaxy in contents.views[split].keys() - {galaxy for its_split, galaxy in expected if its_split == split}:
            yield f"Galaxy {galaxy} is in {split}, not in catalogue.parquet."
    counts = manifest["counts"]["all"]
    if not counts["in"] == len(rows) == counts["out"] + rejected:
        yield f"{counts['in']} galaxies in, {counts['out']} out and {rejected} rejected do not add up."


def _view_faults(contents: _Contents, split: str, galaxy: str, wanted: Iterable[int]) -> Iterator[str]:
    seen = contents.views[split].get(galaxy, Counter())
    if seen != Counter(wanted):
        yield f"Galaxy {galaxy} has the views {sorted(seen.elements())} in {split}, expected {sorted(wanted)}."
