"""Dataset folders to be read and to be damaged, record by record."""

import json
import shutil
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from gzcore.dataset.example import parse_record
from gzcore.dataset.tfrecord import OVERHEAD, frame, read_records
from gztrain.data import Batch, Reader, Selection
from tests.gz2 import WIDTHS

FIRST = "gz2-train.tfrecord-00000-of-00005"
"""A shard of fold 0 in the data set of the small sky, with several records."""


def copied(folder: Path, to: Path) -> Path:
    """A copy of a dataset folder, without indexes."""
    return Path(shutil.copytree(folder, to, ignore=shutil.ignore_patterns(".gztrain")))


def edit_manifest(folder: Path, edit: Callable[[Any], None]) -> None:
    """Change the manifest."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    edit(manifest)
    path.write_text(json.dumps(manifest))


def records_of(path: Path) -> list[bytes]:
    """The records of a shard."""
    with path.open("rb") as file:
        return list(read_records(file))


def frame_starts(path: Path) -> list[int]:
    """Where the frames of the records of a shard begin."""
    lengths = [len(record) + OVERHEAD for record in records_of(path)]
    return [sum(lengths[:at]) for at in range(len(lengths))]


def flip(path: Path, at: int) -> None:
    """Turn over one bit of a file."""
    data = bytearray(path.read_bytes())
    data[at] ^= 0x10
    path.write_bytes(data)


def replace_record(path: Path, number: int, change: Callable[[bytes], bytes]) -> None:
    """Change a record of a shard (from 0), with the right checksums."""
    records = records_of(path)
    records[number] = change(records[number])
    path.write_bytes(b"".join(map(frame, records)))


def spoil_image(record: bytes) -> bytes:
    """Keep the first bytes of the image, and put zeros for the rest."""
    image = parse_record(record, WIDTHS).image
    return record.replace(image, image[:4] + bytes(len(image) - 4))


def everything(reader: Reader, selection: Selection, places: Any = None, batch: int = 7, **chance: int) -> list[Batch]:
    """All batches of some places; all in order, if none are named."""
    wanted = np.arange(len(selection)) if places is None else places
    return list(reader.batches(selection, wanted, batch, **chance))


def check_same(ours: list[Batch], theirs: list[Batch]) -> None:
    """Fail unless both are the same, to the last bit."""
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert one.ids == other.ids
        for name in (field.name for field in fields(Batch) if field.name not in ("ids", "debiased")):
            left, right = getattr(one, name), getattr(other, name)
            assert left.dtype == right.dtype, name
            np.testing.assert_array_equal(left, right, err_msg=name)
