"""Checks that a dataset folder is what its manifest says, and makes records again to compare them.

Nothing in the folder is trusted. Sizes are compared before anything is read into memory, catalogues are read a piece at
a time, and of many faults of one kind the first ones are named and the others counted.
"""

import itertools
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from gzcore.dataset.layout import SPLITS, VIEWS
from gzcore.dataset.tfrecord import DamagedRecord
from gzcore.errors import GzError
from gzcore.storage.places import Place, sha256_of
from gzprep.catalogue.galaxy import Split
from gzprep.dataset.folder import Folder
from gzprep.dataset.leaks import COLUMNS, find_leaks, leak_sentences
from gzprep.dataset.merged import refuse_merged
from gzprep.dataset.read import iterate_rows, open_folder, read_columns, read_record, read_shard, widths_of
from gzprep.tools.compare_reference import compare_reference
from gzprep.tools.manifest_faults import RowCounts, label_count_faults, manifest_faults
from gzprep.tools.record_faults import record_faults
from gzprep.tools.replay import Moved, replay
from gzprep.tools.shard_contents import Contents, is_in_range

Json = dict[str, Any]
MOST_FAULTS = 100
"""Faults of one kind that are named."""
_ROW = ["id_str", "split", "verdict", "shard", "reason", "flags", "inpainted"]
_VERDICTS = ("accepted", "flagged", "rejected")


def verify_folder(root: Place, *, replay_records: int = 0, moved: Moved | None = None, reference: bool = False) -> Json:
    """Check a dataset folder.

    Args:
        root: the folder.
        replay_records: make this many records again from the source, and compare their bytes.
        moved: where the source is now; None: where it was.
        reference: make these records also through albumentations' own transforms, and say how far they differ.

    Returns:
        ``ok``, ``faults`` (sentences), ``leaks`` (sentences; a leak is no fault of the folder), ``records`` read and
        ``replayed``; with a reference also ``reference``, figures and a sentence.

    Raises:
        GzError: the folder is not there or not whole; or the source, for a replay, is not.
    """
    folder, manifest = open_folder(root)
    if replay_records:
        refuse_merged(manifest)
    contents = Contents(widths_of(manifest).labels)
    checks = (
        manifest_faults(manifest),
        _shard_faults(folder, manifest, contents),
        _stray_files(folder, manifest),
        _split_faults(contents),
        _account_faults(folder, manifest, contents),
        label_count_faults(manifest, contents),
    )
    faults = [fault for check in checks for fault in _first(check)]
    wanted = 0 if faults else min(replay_records, contents.records)
    if wanted:
        faults += replay(folder, manifest, contents.keys(), wanted, moved or Moved())
    told: Json = {}
    if reference and wanted and not faults:
        agreement = compare_reference(folder, manifest, contents.keys(), wanted, moved or Moved())
        faults += _first(agreement.all_faults())
        told = {"reference": {**agreement.as_json(), "sentence": agreement.sentence()}}
    leaks = _leaks(folder, manifest, faults)
    counts = {"records": contents.records, "replayed": wanted}
    return {"ok": not faults, "faults": faults, "leaks": leaks, **counts, **told}


def _first(faults: Iterator[str]) -> Iterator[str]:
    """Yield the first faults of a kind, and the number of the others."""
    yield from itertools.islice(faults, MOST_FAULTS)
    others = sum(1 for _ in faults)
    if others:
        yield f"There are {others} more faults of this kind."


def _leaks(folder: Folder, manifest: Json, faults: list[str]) -> list[str]:
    """Look for leaks, and add a fault if the manifest tells of others."""
    try:
        leaks = find_leaks(read_columns(folder.catalogue, COLUMNS, manifest["counts"]["all"]["in"]))
    except GzError as error:
        return [f"Leaks were not looked for: {error}"]
    if leaks["same_image"]["compared"] and manifest.get("leaks", leaks) != leaks:
        faults.append("manifest.json: its leaks are not those of catalogue.parquet.")
    return leak_sentences(leaks)


# ---------------------------------------------------------------- shards


def _shard_faults(folder: Folder, manifest: Json, contents: Contents) -> Iterator[str]:
    side, widths = manifest["recipe"]["crop"]["size"], widths_of(manifest)
    for split in SPLITS:
        for index, shard in enumerate(manifest["splits"][split]["shards"]):
            path = folder.root / shard["file"]
            fault = _file_fault(path, shard)
            if fault is not None:
                yield fault
            else:
                yield from _record_faults(
                    path, shard | {"split": split, "index": index, "side": side, "widths": widths}, contents
                )


def _file_fault(path: Place, shard: Json) -> str | None:
    if not path.is_file():
        return f"{path.name} is missing."
    if path.stat().st_size != shard["bytes"]:
        return f"{path.name} has {path.stat().st_size} bytes; the manifest says {shard['bytes']}."
    return None if sha256_of(path) == shard["sha256"] else f"{path.name} has another SHA-256 than the manifest says."


def _record_faults(path: Place, shard: Json, contents: Contents) -> Iterator[str]:
    """Read a shard record by record; ``shard`` is what the manifest says of it and its records."""
    count = 0
    try:
        for count, data in enumerate(read_shard(path), 1):
            yield from _faults_of(f"{path.name}, record {count}", data, shard, contents)
    except GzError as error:
        yield str(error)
    if count != shard["records"]:
        yield f"{path.name} has {count} records; the manifest says {shard['records']}."


def _faults_of(where: str, data: bytes, shard: Json, contents: Contents) -> Iterator[str]:
    try:
        record = read_record(data, shard["widths"])
    except DamagedRecord as error:
        yield f"{where} cannot be used: {error}."
        return
    if is_in_range(record):
        contents.add(shard["split"], shard["index"], record)
    else:
        yield f"{where}: view {record.view} of fold {record.fold} cannot be."
    yield from record_faults(where, record, shard)


def _stray_files(folder: Folder, manifest: Json) -> Iterator[str]:
    listed = {shard["file"] for split in manifest["splits"].values() for shard in split["shards"]}
    for name in sorted(path.name for path in folder.root.glob("*.tfrecord-*")):
        if name not in listed:
            yield f"{name} is not in the manifest."


def _split_faults(contents: Contents) -> Iterator[str]:
    for galaxy in contents.folds:
        folds = contents.folds_of(galaxy)
        if len(folds) > 1:
            yield f"Galaxy {galaxy} is in the folds {', '.join(map(str, folds))}."
    for galaxy in sorted(contents.galaxies[Split.TRAIN].keys() & contents.galaxies[Split.TEST].keys()):
        yield f"Galaxy {galaxy} is in train and in test."


# ---------------------------------------------------------------- the catalogue, and counts


def _account_faults(folder: Folder, manifest: Json, contents: Contents) -> Iterator[str]:
    """Every galaxy of the catalogue is written once in each of its views, or rejected; and nothing else is."""
    most, counts = manifest["counts"]["all"]["in"], RowCounts()
    known: dict[str, set[str]] = {split: set() for split in Split}
    rows = rejected = 0
    try:
        for row in iterate_rows(folder.catalogue, _ROW, most):
            rows += 1
            counts.add(row)
            yield from _row_faults(row, rows, manifest, contents, known)
        rejected = sum(1 for _ in iterate_rows(folder.rejects, ["id"], most))
    except GzError as error:
        yield str(error)
        return
    for split in SPLITS:
        own = known[Split.TEST if split == Split.TEST else Split.TRAIN]
        for galaxy in contents.galaxies[split].keys() - own:
            yield f"Galaxy {galaxy} is in {split}, not in catalogue.parquet."
    yield from counts.faults(manifest)
    said = counts.counts["all"]["rejected"].total()
    if rejected != said:
        yield f"rejects.parquet has {rejected} rows; catalogue.parquet has {said} rejected galaxies."


def _row_faults(
    row: Json, number: int, manifest: Json, contents: Contents, known: dict[str, set[str]]
) -> Iterator[str]:
    split, galaxy = row["split"], row["id_str"]
    if split not in tuple(Split) or row["verdict"] not in _VERDICTS or not isinstance(galaxy, str):
        yield f"catalogue.parquet, row {number}: {galaxy!r}, {split!r} and {row['verdict']!r} are no galaxy."
        return
    if galaxy in known[split]:
        yield f"Galaxy {galaxy} is twice in {split} in catalogue.parquet."
    known[split].add(sys.intern(galaxy))
    accepted = row["verdict"] != "rejected"
    views = range(1, manifest["recipe"]["views"]["count"] + 1)
    yield from _view_faults(contents, split, galaxy, [0] if accepted else [], row["shard"])
    if split == Split.TRAIN:
        yield from _view_faults(contents, VIEWS, galaxy, views if accepted else [], row["shard"])


def _view_faults(contents: Contents, split: str, galaxy: str, wanted: Iterable[int], shard: int) -> Iterator[str]:
    seen, expected = contents.views_of(split, galaxy), sorted(wanted)
    if seen != expected:
        yield f"Galaxy {galaxy} has the views {seen} in {split}, expected {expected}."
    elif seen and contents.shard_of(split, galaxy) != shard:
        its = contents.shard_of(split, galaxy)
        yield f"Galaxy {galaxy} is in shard {its} of {split}; catalogue.parquet says {shard}."
