"""The steps of the graph: lists in, lists out."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that

from gzcore.errors import GzError
from gzprep.catalogue.find import find_catalogues
from gzprep.catalogue.galaxy import NAN, Galaxy, Split, unpack
from gzprep.catalogue.read import CatalogueFile, row_groups
from gzprep.config import read_recipe
from gzprep.dataset.folder import Folder
from gzprep.dataset.shards import Bin
from gzprep.prepare.job import PreparationJob, make_job, open_source, write_plan
from gzprep.run.beam.pipeline import build, counters
from gzprep.run.beam.transforms import GroupByBin, ReadGalaxies, greet, key_by_bin, sign_of_life, taken_galaxies
from tests.gz2 import Votes, read_galaxies

SETTINGS = ("crop.size=64", "views.count=1", "shards.min_bins=1", "max_reject_share=1")


@pytest.fixture
def job(small_sky: Path, tmp_path: Path) -> PreparationJob:
    recipe = read_recipe(None, SETTINGS)
    made = make_job(tmp_path / "out", open_source(small_sky, find_catalogues(small_sky), recipe), recipe)
    made.folder.prepare()
    write_plan(made)
    return made


def galaxy(name: str, split: Split) -> Galaxy:
    return Galaxy(name, split, "5877", f"{name}.jpg", Votes((NAN,) * 30), ("a", 1.0, None, "b"))


def all_galaxies(job: PreparationJob) -> list[Galaxy]:
    files: Iterable[CatalogueFile] = job.source.catalogues
    return [galaxy for file in files for group in row_groups(file) for galaxy in read_galaxies(group)]


def test_a_training_galaxy_goes_to_its_bin_alone(job: PreparationJob) -> None:
    ((name, row),) = key_by_bin(galaxy("7", Split.TRAIN), job)
    assert Bin.parse(name).split is Split.TRAIN
    assert unpack(row).id == "7"


def test_a_test_galaxy_is_also_sent_to_the_training_bin_of_its_id(job: PreparationJob) -> None:
    (own, _), (compared, _) = key_by_bin(galaxy("7", Split.TEST), job)
    ((twin, _),) = key_by_bin(galaxy("7", Split.TRAIN), job)
    assert Bin.parse(own).split is Split.TEST
    assert compared == twin


def test_without_training_bins_a_test_galaxy_is_sent_to_its_own_bin_alone(job: PreparationJob) -> None:
    alone = replace(job, counts=replace(job.counts, train=0))
    assert len(list(key_by_bin(galaxy("7", Split.TEST), alone))) == 1


def test_every_row_is_read_once(job: PreparationJob) -> None:
    groups = [group for file in job.source.catalogues for group in row_groups(file)]
    wanted = sorted((one.id, one.split) for one in all_galaxies(job))

    def check(found: list[Galaxy]) -> None:
        assert sorted((one.id, one.split) for one in found) == wanted

    with beam.Pipeline(runner=FnApiRunner()) as root:
        assert_that(root | beam.Create(groups) | ReadGalaxies(job), check)


def test_a_bin_gets_all_its_galaxies(job: PreparationJob) -> None:
    galaxies = all_galaxies(job)

    def check(groups: list[tuple[Bin, Iterable[bytes]]]) -> None:
        own = [galaxy.id for target, rows in groups for galaxy in map(unpack, rows) if galaxy.split is target.split]
        assert sorted(own) == sorted(galaxy.id for galaxy in galaxies)
        assert len({target for target, _ in groups}) == len(groups)

    with beam.Pipeline(runner=FnApiRunner()) as root:
        assert_that(root | beam.Create(galaxies) | GroupByBin(job), check)


@pytest.mark.slow
def test_counters_add_up_and_the_graph_ends_in_one_manifest(job: PreparationJob) -> None:
    root = beam.Pipeline(runner=FnApiRunner())

    def check(documents: list[dict[str, Any]]) -> None:
        assert [document["counts"]["all"]["in"] for document in documents] == [40]

    assert_that(build(root, job), check)
    result = root.run()
    result.wait_until_finish()
    counted = counters(result)
    rejected = sum(count for name, count in counted.items() if name.startswith("rejected-"))
    assert counted["galaxies-in"] == 40 == counted["galaxies-out"] + rejected


def test_the_sign_of_life_is_left_where_it_is_awaited(job: PreparationJob) -> None:
    (group, *_) = (group for file in job.source.catalogues for group in row_groups(file))
    sign = sign_of_life(job.folder)
    list(taken_galaxies(group, job))
    assert not sign.given()
    list(taken_galaxies(group, replace(job, awaited=True)))
    assert sign.given()


def test_a_worker_that_does_not_see_the_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(GzError, match="Cannot write into"):
        greet(Folder(tmp_path / "nowhere"))


def test_every_step_has_a_name(job: PreparationJob) -> None:
    root = beam.Pipeline(runner=FnApiRunner())
    build(root, job)
    steps = [part.full_label for part in root._current_transform().parts]
    assert steps == ["CreateRowGroups", "ReadGalaxies", "GroupByBin", "WriteBins", "WriteManifest"]
