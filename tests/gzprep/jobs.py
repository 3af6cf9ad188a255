"""Small jobs over the small sky, bin by bin, without an engine."""

from collections import defaultdict
from pathlib import Path

from gzprep.catalogue.find import find_catalogues
from gzprep.catalogue.galaxy import Galaxy
from gzprep.config import read_recipe
from gzprep.dataset.shards import Bin
from gzprep.prepare.bin import write_bin
from gzprep.prepare.bin_record import BinRecord
from gzprep.prepare.job import PreparationJob, make_job, open_source, write_plan
from tests.gz2 import read_all

SETTINGS = ("crop.size=32", "views.count=1", "shards.min_bins=1", "max_reject_share=1")


def small_job(sky: Path, out: Path, *settings: str) -> PreparationJob:
    """A job with a folder that is ready for bins; settings go over ``SETTINGS``."""
    recipe = read_recipe(None, (*SETTINGS, *settings))
    job = make_job(out, open_source(sky, find_catalogues(sky), recipe), recipe)
    job.folder.prepare()
    write_plan(job)
    return job


def galaxies_by_bin(job: PreparationJob) -> dict[Bin, list[Galaxy]]:
    """All galaxies of both catalogues."""
    bins: dict[Bin, list[Galaxy]] = defaultdict(list)
    for galaxy in read_all(job.source.catalogues):
        bins[job.bin_of(galaxy.id, galaxy.split)].append(galaxy)
    return dict(bins)


def write_all_bins(job: PreparationJob) -> list[BinRecord]:
    """Write every bin that has a galaxy, in this process."""
    return [write_bin(job, target, galaxies, lambda _: None) for target, galaxies in galaxies_by_bin(job).items()]
