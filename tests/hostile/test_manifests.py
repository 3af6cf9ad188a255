"""Manifests that were changed by mistake or to do harm: ``gztrain fit`` and ``gzprep verify`` refuse them."""

import json
import shutil
from pathlib import Path

import pytest

from tests.hostile.checks import TINY, Edit, check_refused, contents, drop, edited, put
from tests.running import gzprep, gztrain

pytestmark = pytest.mark.usefixtures("file_lean_training")

SHARD = ("splits", "train", "shards", 0)
DEEP = "[" * 100_000 + "]" * 100_000
EDITS: dict[str, Edit] = {
    "sha256 that is a path": put("../../../victim", *SHARD, "sha256"),
    "sha256 that is an absolute path": put("/victim", *SHARD, "sha256"),
    "sha256 in capitals": put("A" * 64, *SHARD, "sha256"),
    "sha256 with a line end": put("a" * 64 + "\n", *SHARD, "sha256"),
    "sha256 that is a number": put(7, *SHARD, "sha256"),
    "file above": put("../victim", *SHARD, "file"),
    "file far above": put("../../../../etc/passwd", *SHARD, "file"),
    "absolute file": put("/etc/passwd", *SHARD, "file"),
    "file of Windows": put("C:\\victim", *SHARD, "file"),
    "file with a NUL": put("gz2\0.tfrecord-00000-of-00005", *SHARD, "file"),
    "file with half a surrogate": put("gz2\ud800.tfrecord-00000-of-00005", *SHARD, "file"),
    "file with an escape sequence": put("\x1b[2Jgz2.tfrecord-00000-of-00005", *SHARD, "file"),
    "file that is the manifest": put("manifest.json", *SHARD, "file"),
    "file that is hidden": put(".x.tfrecord-00000-of-00005", *SHARD, "file"),
    "file of a megabyte": put("a" * 1_000_000, *SHARD, "file"),
    "file that is a list": put([], *SHARD, "file"),
    "a shard twice": lambda document: document["splits"]["train"]["shards"].append(
        document["splits"]["train"]["shards"][0]
    ),
    "records -1": put(-1, *SHARD, "records"),
    "records 2^60": put(2**60, *SHARD, "records"),
    "records 2^70": put(2**70, *SHARD, "records"),
    "records a million million": put(10**12, *SHARD, "records"),
    "records half": put(0.5, *SHARD, "records"),
    "records text": put("5", *SHARD, "records"),
    "records null": put(None, *SHARD, "records"),
    "bytes -1": put(-1, *SHARD, "bytes"),
    "bytes 0": put(0, *SHARD, "bytes"),
    "bytes true": put(True, *SHARD, "bytes"),  # noqa: FBT003
    "fold 5": put(5, *SHARD, "fold"),
    "fold -1 in train": put(-1, *SHARD, "fold"),
    "fold 2^63": put(2**63, *SHARD, "fold"),
    "a shard that is null": put(None, *SHARD),
    "shards that are text": put("all", "splits", "train", "shards"),
    "a split too many": put({"records": 0, "bytes": 0, "shards": []}, "splits", "more"),
    "no split": put({}, "splits"),
    "splits as a list": put([], "splits"),
    "crop.size -3": put(-3, "recipe", "crop", "size"),
    "crop.size 0": put(0, "recipe", "crop", "size"),
    "crop.size 10^9": put(10**9, "recipe", "crop", "size"),
    "crop.size 8192, of shards of 64 px": put(8192, "recipe", "crop", "size"),
    "crop.size text": put("64", "recipe", "crop", "size"),
    "no crop": drop("recipe", "crop"),
    "views.count 10^8": put(10**8, "recipe", "views", "count"),
    "views.count -1": put(-1, "recipe", "views", "count"),
    "min_votes null": put(None, "recipe", "labels", "min_votes"),
    "no min_votes": drop("recipe", "labels"),
    "recipe null": put(None, "recipe"),
    "name with a path": put("../gz2", "name"),
    "name of a megabyte": put("a" * 1_000_000, "name"),
    "recipe_hash text": put("../../victim", "recipe_hash"),
    "format 2": put(2, "format"),
    "format text": put("1", "format"),
    "format null": put(None, "format"),
    "format 10^30": put(10**30, "format"),
    "no labels": drop("labels"),
    "no fold counts": put({}, "labels", "folds"),
    "fold counts of no number": lambda document: document["labels"]["folds"].update({"first": {}}),
    "fold counts with a zero in front": lambda document: document["labels"]["folds"].update(
        {"00": document["labels"]["folds"].pop("0")}
    ),
    "too few counts": put([1], "labels", "folds", "0", "asked"),
    "counts beyond 64 bits": put(2**64, "labels", "folds", "0", "galaxies"),
    "a label twice": lambda document: document["labels"]["names"].__setitem__(1, document["labels"]["names"][0]),
    "one label": put(["a"], "labels", "names"),
    "label names that are null": put(None, "labels", "names"),
    "a thousand million fractions": put([10**9], "features", 4, "shape"),
    "fractions in two dimensions": put([32, 32], "features", 4, "shape"),
    "no features": put([], "features"),
    "features null": put(None, "features"),
    "question 7 twice": put(7, "labels", "questions", 8, "index"),
    "question -1": put(-1, "labels", "questions", 0, "index"),
    "a parent that follows": put(["bulge-gz2", "yes"], "labels", "questions", 0, "parent"),
    "a parent that is itself": put(["smooth-or-featured-gz2", "smooth"], "labels", "questions", 0, "parent"),
    "a parent of three": put(["a", "b", "c"], "labels", "questions", 1, "parent"),
    "a question without answers": put([], "labels", "questions", 0, "used"),
    "a scheme below 0": put([-1], "labels", "schemes", "reduced"),
    "a scheme beyond the labels": put([22], "labels", "schemes", "reduced"),
    "a scheme of nothing": put([], "labels", "schemes", "reduced"),
    "a scheme that asks twice": put([0, 0], "labels", "schemes", "reduced"),
    "a scheme of text": put("all", "labels", "schemes", "reduced"),
    "schemes null": put(None, "labels", "schemes"),
    "source null": put(None, "source"),
    "an image folder above": put("../../home", "source", "images"),
    "counts null": put(None, "counts"),
    "versions of numbers": put({"numpy": 2}, "versions"),
    "leaks null of images": put({"galaxies": 1}, "leaks"),
    "a list": lambda _: [1],
}
TEXTS: dict[str, bytes] = {
    "empty": b"",
    "half": b'{"format": 1, "name": "gz2"',
    "nested 100,000 deep": DEEP.encode(),
    "objects nested 100,000 deep": b'{"a":' * 100_000,
    "a key twice": b'{"format": 1, "format": 1}',
    "NaN": b'{"format": 1, "name": NaN}',
    "a number beyond floats": b'{"format": 1, "name": 1e999}',
    "a number of 10,000 digits": b'{"format": ' + b"1" * 10_000 + b"}",
    "not UTF-8": b'{"format": "\xff\xfe"}',
    "UTF-16": '{"format": 1}'.encode("utf-16"),
    "a mark of byte order": b'\xef\xbb\xbf{"format": 1}',
    "NUL bytes": bytes(1000),
    "a number": b"7",
    "null": b"null",
}


@pytest.fixture
def folder(dataset: Path, tmp_path: Path) -> Path:
    """A copy of a data set, two folders deep, so that there is something above it."""
    (tmp_path / "victim.npy").write_bytes(b"mine")
    return Path(shutil.copytree(dataset, tmp_path / "above" / "out"))


def check_both_refuse(folder: Path) -> None:
    before = contents(folder.parents[1])
    check_refused(gztrain("fit", folder, "--run", folder.parent / "run", *TINY))
    verified = gzprep("verify", folder)
    assert verified.code != 0
    assert "fault of" not in verified.err
    assert contents(folder.parents[1]) == before


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_manifest_is_refused(name: str, folder: Path, empty_cache: Path) -> None:
    edited(folder / "manifest.json", EDITS[name])
    check_both_refuse(folder)
    assert not list(empty_cache.rglob("*.npy"))


@pytest.mark.parametrize("name", TEXTS)
def test_a_manifest_that_is_none_is_refused(name: str, folder: Path) -> None:
    (folder / "manifest.json").write_bytes(TEXTS[name])
    check_both_refuse(folder)


@pytest.mark.parametrize("kind", ["folder", "pipe", "device", "link in a circle", "sparse file of 3 GB"])
def test_a_manifest_that_is_no_file_is_refused(kind: str, folder: Path) -> None:
    import os

    path = folder / "manifest.json"
    path.unlink()
    makers = {
        "folder": path.mkdir,
        "pipe": lambda: os.mkfifo(path),
        "device": lambda: path.symlink_to("/dev/zero"),
        "link in a circle": lambda: path.symlink_to(path.name),
        "sparse file of 3 GB": lambda: (path.touch(), os.truncate(path, 3_000_000_000)),
    }
    makers[kind]()
    check_refused(gztrain("fit", folder, "--run", folder.parent / "run", *TINY))
    check_refused(gzprep("verify", folder))


@pytest.mark.slow
def test_a_sound_copy_is_read(folder: Path) -> None:
    """Without a change the same commands work: the refusals above are for the change alone."""
    document = json.loads((folder / "manifest.json").read_text())
    assert document["format"] == 1
    assert gzprep("verify", folder).code == 0
    result = gztrain("fit", folder, "--run", folder.parent / "run", *TINY, "--set", "bootstrap=0")
    assert result.code == 0, result.err
