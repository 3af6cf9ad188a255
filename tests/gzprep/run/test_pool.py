"""Bins for worker processes: how many are worth starting, and which bin is written first."""

from pathlib import Path

import pytest

from gzprep.catalogue.galaxy import Split, pack
from gzprep.run.pool import useful_workers, write_bins
from tests.gzprep.jobs import galaxies_by_bin, small_job

WORKERS = {
    "a small job": (2, 40, 1),
    "just worth a second": (8, 300, 2),
    "a large job": (8, 100_000, 8),
    "no galaxy at all": (4, 0, 1),
}


@pytest.mark.parametrize(("wanted", "galaxies", "workers"), WORKERS.values(), ids=WORKERS.keys())
def test_a_worker_starts_only_for_work_that_is_worth_it(wanted: int, galaxies: int, workers: int) -> None:
    assert useful_workers(wanted, galaxies) == workers


def test_bins_are_written_by_a_worker_the_one_with_most_records_first(small_sky: Path, tmp_path: Path) -> None:
    job = small_job(small_sky, tmp_path / "out")
    bins = {target: list(map(pack, galaxies)) for target, galaxies in galaxies_by_bin(job).items()}
    records = list(write_bins(job, bins, workers=1))
    assert sorted(record.galaxies for record in records) == sorted(map(len, bins.values()))
    written = sorted(bins, key=lambda target: job.folder.bin_record(target.name).stat().st_mtime_ns)
    sizes = [len(bins[target]) * (2 if target.split is Split.TRAIN else 1) for target in written]
    assert sizes == sorted(sizes, reverse=True)
