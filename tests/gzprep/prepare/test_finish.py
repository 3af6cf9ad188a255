"""The end of a run: sums over bins, the share of rejects, and when a folder is written again."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from gzcore.dataset.layout import CARDS
from gzprep.dataset.shards import Bin
from gzprep.prepare.bin_record import BinRecord
from gzprep.prepare.finish import add_up, count, finish, is_current, too_many_rejects
from gzprep.prepare.job import PreparationJob
from tests.gz2 import LABEL_NAMES
from tests.gzprep.jobs import small_job, write_all_bins

pytestmark = pytest.mark.slow

SETTINGS = ("crop.size=64", "views.count=1", "shards.min_bins=1", "max_reject_share=1")
NO_LABELS = {key: [0] * len(LABEL_NAMES) for key in ("answered", "asked", "report")}


def bin_record(name: str, galaxies: int = 10, **rejected: int) -> BinRecord:
    """The record of a bin without shards."""
    accepted = galaxies - sum(rejected.values())
    return BinRecord(
        Bin.parse(name), "", "", "", "00", galaxies, accepted, rejected, {"frame_edge": 1}, {}, (), NO_LABELS
    )


SUMS: dict[str, tuple[list[dict[str, int]], list[tuple[str, int]]]] = {
    "nothing": ([], []),
    "one bin": ([{"a": 2}], [("a", 2)]),
    "the largest first": ([{"a": 1, "b": 2}, {"b": 2}], [("b", 4), ("a", 1)]),
    "equal counts by name": ([{"b": 1}, {"a": 1}], [("a", 1), ("b", 1)]),
}


@pytest.mark.parametrize(("counts", "total"), SUMS.values(), ids=SUMS)
def test_counts_are_added_by_name(counts: list[dict[str, int]], total: list[tuple[str, int]]) -> None:
    assert list(add_up(counts).items()) == total


def test_counts_of_each_split() -> None:
    records = [
        bin_record("train-00000-of-00002", 10, unreadable=2),
        bin_record("train-00001-of-00002", 5),
        bin_record("test-00000-of-00001", 4, unreadable=1, black_line=3),
    ]
    counts = count(records)
    assert (counts["train"]["in"], counts["train"]["out"]) == (15, 13)
    assert (counts["test"]["in"], counts["test"]["out"]) == (4, 0)
    assert counts["all"] == {
        "in": 19,
        "out": 13,
        "rejected": {"black_line": 3, "unreadable": 3},
        "flagged": {"frame_edge": 3},
        "inpainted": {},
    }


ALLOWED = {"none rejected": (0, 0.0), "as many as allowed": (2, 0.2), "all, where that is allowed": (10, 1.0)}


@pytest.mark.parametrize(("rejected", "limit"), ALLOWED.values(), ids=ALLOWED)
def test_a_run_goes_on_up_to_the_share(rejected: int, limit: float) -> None:
    assert not too_many_rejects([bin_record("train-00000-of-00001", 10, unreadable=rejected)], limit)


def test_a_run_stops_past_the_share() -> None:
    assert too_many_rejects([bin_record("train-00000-of-00001", 10, unreadable=1, black_line=2)], 0.2)


# ---------------------------------------------------------------- a whole folder


@pytest.fixture
def job(small_sky: Path, tmp_path: Path) -> PreparationJob:
    return small_job(small_sky, tmp_path / "out")


def stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_ino, status.st_mtime_ns


def test_the_manifest_says_what_was_counted_and_lists_every_shard(job: PreparationJob) -> None:
    manifest = finish(job, write_all_bins(job))
    root = job.folder.root
    assert json.loads(job.folder.manifest.read_text()) == manifest
    assert manifest["counts"]["all"]["in"] == pq.read_metadata(root / "catalogue.parquet").num_rows == 40
    rejected = sum(manifest["counts"]["all"]["rejected"].values())
    assert rejected == pq.read_metadata(root / "rejects.parquet").num_rows >= 2
    listed = {shard["file"] for split in manifest["splits"].values() for shard in split["shards"]}
    assert listed == {path.name for path in root.glob("*.tfrecord-*")}
    assert all((root / name).is_file() for name in CARDS)


def test_the_order_in_which_bins_arrive_changes_nothing(job: PreparationJob) -> None:
    records = write_all_bins(job)
    forward = finish(job, records)
    rows = (job.folder.root / "catalogue.parquet").read_bytes()
    assert finish(job, records[::-1]) == forward
    job.folder.manifest.unlink()
    finish(job, records[::-1])
    assert (job.folder.root / "catalogue.parquet").read_bytes() == rows


def test_bins_without_a_galaxy_get_empty_shards(job: PreparationJob) -> None:
    more = replace(job, counts=replace(job.counts, test=40))
    manifest = finish(more, write_all_bins(more))
    assert len(manifest["splits"]["test"]["shards"]) == 40
    assert 0 in {shard["records"] for shard in manifest["splits"]["test"]["shards"]}


def test_a_folder_that_is_current_is_left_alone(job: PreparationJob) -> None:
    records = write_all_bins(job)
    finish(job, records)
    files = [path for path in job.folder.root.iterdir() if path.is_file()]
    before = {path.name: stamp(path) for path in files}
    finish(job, records)
    assert {path.name: stamp(path) for path in files} == before


DAMAGES: dict[str, Callable[[Path], object]] = {
    "no manifest": lambda root: (root / "manifest.json").unlink(),
    "another manifest": lambda root: (root / "manifest.json").write_text("{}"),
    "manifest that is no JSON": lambda root: (root / "manifest.json").write_text("{"),
    "no catalogue": lambda root: (root / "catalogue.parquet").unlink(),
    "catalogue cut short": lambda root: (root / "catalogue.parquet").write_bytes(b"PAR1"),
    "rejects of another run": lambda root: (root / "rejects.parquet").write_bytes(
        (root / "catalogue.parquet").read_bytes()
    ),
    "no card": lambda root: (root / "croissant.json").unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_folder_is_completed_again(job: PreparationJob, damage: Callable[[Path], object]) -> None:
    records = write_all_bins(job)
    manifest = finish(job, records)
    names = {"manifest.json", "catalogue.parquet", "rejects.parquet", *CARDS}
    whole = {name: (job.folder.root / name).read_bytes() for name in names}
    assert isinstance(job.folder.root, Path)
    damage(job.folder.root)
    assert not is_current(job, manifest)
    finish(job, records)
    assert {name: (job.folder.root / name).read_bytes() for name in names} == whole


def test_where_the_source_is_stands_in_a_file_that_is_not_published(job: PreparationJob) -> None:
    finish(job, write_all_bins(job))
    assert json.loads(job.folder.source.read_text())["data"] == str(job.source.data)
    assert str(job.source.data) not in job.folder.manifest.read_text()
