"""Bins for worker processes: how many are worth starting, and which bin is written first."""

from pathlib import Path

import pytest

from gzprep.catalogue.galaxy import Split, pack
from gzprep.catalogue.read import find_catalogues, read_galaxies, row_groups
from gzprep.config import read_recipe
from gzprep.dataset.shards import Bin, bin_of
from gzprep.prepare.job import Job, make_job, open_source, write_plan
from gzprep.run.pool import useful_workers, write_bins

WORKERS = {
    "a small job": (2, 40, 1),
    "just worth a second": (8, 300, 2),
    "a large job": (8, 100_000, 8),
    "no galaxy at all": (4, 0, 1),
}


@pytest.mark.parametrize(("wanted", "galaxies", "workers"), WORKERS.values(), ids=WORKERS.keys())
def test_a_worker_starts_only_for_work_that_is_worth_it(wanted: int, galaxies: int, workers: int) -> None:
    assert useful_workers(wanted, galaxies) == workers


def packed_bins(job: Job) -> dict[str, list[bytes]]:
    """Galaxies of the training catalogue, by bin."""
    bins: dict[str, list[bytes]] = {}
    for file in job.source.catalogues:
        for group in row_groups(file):
            for galaxy in read_galaxies(group):
                name = bin_of(galaxy.id, galaxy.split, job.counts, job.recipe.split_seed).name
                bins.setdefault(name, []).append(pack(galaxy))
    return bins


def test_bins_are_written_by_a_worker_the_one_with_most_records_first(small_sky: Path, tmp_path: Path) -> None:
    recipe = read_recipe(None, ("crop.size=64", "views.count=1", "shards.min_bins=1", "max_reject_share=1"))
    job = make_job(tmp_path / "out", open_source(small_sky, find_catalogues(small_sky), recipe), recipe)
    job.folder.prepare()
    write_plan(job)
    bins = packed_bins(job)
    records = list(write_bins(job, bins, workers=1))
    assert sorted(record.galaxies for record in records) == sorted(map(len, bins.values()))
    written = sorted(bins, key=lambda name: job.folder.bin_record(name).stat().st_mtime_ns)
    sizes = [len(bins[name]) * (2 if Bin.parse(name).split is Split.TRAIN else 1) for name in written]
    assert sizes == sorted(sizes, reverse=True)
