"""Shards that were changed to take memory or time: told by ``gztrain fit``, left out with ``--skip-damaged``.

The command that meets all of them runs in a child process, whose memory is measured.
"""

import hashlib
import json
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gzcore.dataset import example
from gzcore.dataset.example import parse_record
from gzcore.dataset.tfrecord import frame, masked_crc
from gzcore.errors import GzError
from gztrain.data import open_reader, select
from gztrain.data.dataset import open_dataset
from tests.gz2 import WIDTHS
from tests.gztrain.shards import FIRST, edit_manifest, everything, records_of
from tests.hostile.checks import TINY, check_refused
from tests.hostile_images import _jpeg_that_claims, _png_bomb
from tests.running import ROOT, child_environment, gztrain

MOST_MB = 1500
"""Memory of the command. With a sound data set it takes 900, of TensorFlow nearly all; the bombs claim gigabytes."""
HANGS_S = 300
"""Seconds after which the child process counts as hanging."""


def entries(**changed: bytes) -> Callable[[bytes], bytes]:
    """A record whose features are replaced by other entries, or followed by some."""

    def change(record: bytes) -> bytes:
        parsed = parse_record(record, WIDTHS)
        parts = {
            "id": example.bytes_entry("id", parsed.id.encode()),
            "fold": example.int_entry("fold", [parsed.fold]),
            "fraction": example.float_entry("fraction", parsed.fraction.tolist()),
            "votes": example.float_entry("votes", parsed.votes.tolist()),
            **{
                name: example.int_entry(name, getattr(parsed, name).tolist())
                for name in ("label_report", "label_asked", "mask")
            },
            "image": example.bytes_entry("image", parsed.image),
            "view": example.int_entry("view", [parsed.view]),
            "ops": example.bytes_entry("ops", parsed.ops),
        }
        return example.field(1, b"".join((parts | changed).values()))

    return change


def announced(length: int) -> bytes:
    """A frame that announces so many bytes, with the right checksum, and has none."""
    head = struct.pack("<Q", length)
    return head + struct.pack("<I", masked_crc(head))


RECORDS: dict[str, Callable[[bytes], bytes]] = {
    "a view of 40000": entries(view=example.int_entry("view", [40_000])),
    "a view of -1": entries(view=example.int_entry("view", [-1])),
    "a view beyond 64 bits": entries(view=example.before("view", 3, 12) + b"\xff" * 11 + b"\x01"),
    "a fold of 2^60": entries(fold=example.int_entry("fold", [1 << 60])),
    "labels of 7": entries(mask=example.int_entry("mask", [7] * 22)),
    "a million labels": entries(mask=example.int_entry("mask", [1] * 1_000_000)),
    "a million fractions": entries(fraction=example.float_entry("fraction", [0.5] * 1_000_000)),
    "an id of a megabyte": entries(id=example.bytes_entry("id", b"1" * 1_000_000)),
    "an id that is not UTF-8": entries(id=example.bytes_entry("id", b"\xff\xfe")),
    "100,000 features": entries(
        ops=b"".join(example.bytes_entry(f"f{number}", b"") for number in range(100_000)),
    ),
    "a PNG of 12,000 px": entries(image=example.bytes_entry("image", _png_bomb(12_000))),
    "a JPEG that claims 60,000 px": entries(image=example.bytes_entry("image", _jpeg_that_claims(60_000, 60_000))),
    "no image": entries(image=example.bytes_entry("image", b"")),
    "a length without end": lambda _: b"\x0a" + b"\xff" * 5_000_000,
    "lengths that nest": lambda record: example.field(1, example.field(1, record)),
    "nothing": lambda _: b"",
}
FRAMES = {
    "a record of 2^60 bytes": announced(1 << 60),
    "a record of 3,000,000,000 bytes": announced(3_000_000_000),
    "a record of 2^64 - 1 bytes": announced((1 << 64) - 1),
    "zeros": bytes(64),
}


def shard_of(name: str, records: list[bytes]) -> bytes:
    if name in FRAMES:
        return b"".join(map(frame, records[:2])) + FRAMES[name]
    return b"".join(map(frame, [*records[:2], RECORDS[name](records[2]), *records[3:]]))


def spoiled(name: str, dataset: Path, folder: Path) -> Path:
    """A data set whose third training record is spoiled; the manifest agrees with the file."""
    shutil.copytree(dataset, folder)
    path = folder / FIRST
    data = shard_of(name, records_of(path))
    path.write_bytes(data)

    def agree(manifest: Any) -> None:
        shard = next(shard for shard in manifest["splits"]["train"]["shards"] if shard["file"] == FIRST)
        shard |= {"bytes": max(len(data), shard["bytes"]), "sha256": hashlib.sha256(data).hexdigest()}

    edit_manifest(folder, agree)
    return folder


NAMES = [*RECORDS, *FRAMES]


@pytest.mark.parametrize("reader", ["native", "tf"])
@pytest.mark.parametrize("name", NAMES)
def test_readers_name_the_shard_and_the_record(name: str, reader: str, dataset: Path, tmp_path: Path) -> None:
    selection = select(open_dataset(spoiled(name, dataset, tmp_path / "out")), folds=[0])
    with pytest.raises(GzError) as caught:
        everything(open_reader(reader), selection)
    assert str(caught.value).startswith(f"Record 3 of 5 in the shard {tmp_path / 'out' / FIRST} cannot be used: ")
    assert len(str(caught.value)) < 1000


@pytest.mark.slow
@pytest.mark.usefixtures("lean_training")
@pytest.mark.parametrize("name", ["a view of 40000", "a PNG of 12,000 px", "a record of 2^60 bytes"])
def test_fit_ends_in_one_sentence(name: str, dataset: Path, tmp_path: Path) -> None:
    out = spoiled(name, dataset, tmp_path / "out")
    result = gztrain("fit", out, "--run", tmp_path / "run", *TINY, "--fold", "1", "--set", "bootstrap=0")
    assert "Traceback" not in result.err
    last = result.err.strip().splitlines()[-1]  # before a record is found damaged, fit says what it trains on
    check_refused(replace(result, err=last), "Record 3 of 5 in the shard ")


def with_all(dataset: Path, folder: Path) -> Path:
    """A data set with a shard that has every spoiled record, and a frame that announces 2^60 bytes at its end."""
    shutil.copytree(dataset, folder)
    path = folder / FIRST
    records = records_of(path)
    spoiled_records = [change(records[2]) for change in RECORDS.values()]
    data = b"".join(map(frame, [*records, *spoiled_records])) + FRAMES["a record of 2^60 bytes"]
    path.write_bytes(data)

    def agree(manifest: Any) -> None:
        shard = next(shard for shard in manifest["splits"]["train"]["shards"] if shard["file"] == FIRST)
        more = len(spoiled_records) + 1
        shard |= {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), "records": shard["records"] + more}
        manifest["splits"]["train"]["records"] += more

    edit_manifest(folder, agree)
    return folder


@pytest.mark.slow
def test_all_are_left_out_and_counted_in_bounded_memory(dataset: Path, tmp_path: Path) -> None:
    out = with_all(dataset, tmp_path / "out")
    fit = ("gztrain", "fit", out, "--run", tmp_path / "run", *TINY, "--fold", "1", "--skip-damaged")
    call = [sys.executable, "-m", "tests.hostile.checks", json.dumps([list(map(str, (*fit, "--set", "bootstrap=0")))])]
    settings = child_environment(GZTRAIN_CACHE=str(tmp_path / "cache"))
    done = subprocess.run(call, cwd=ROOT, env=settings, capture_output=True, text=True, check=False, timeout=HANGS_S)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    ((code, stdout, stderr),) = said["results"]
    assert code == 0, stderr
    assert f"{len(RECORDS) + 1} damaged records" in stdout + stderr
    assert said["megabytes"] < MOST_MB
