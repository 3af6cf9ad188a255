"""A launch looks at schemas and row counts alone, whatever the size; and the plan says what would break first."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gzcore.engines.dataflow import Fleet
from gzprep.catalogue.find import find_catalogues
from gzprep.catalogue.galaxy import Split
from gzprep.catalogue.read import CatalogueFile, row_groups
from gzprep.config import from_mapping
from gzprep.dataset.shards import BinCounts, plan_bins
from gzprep.prepare.job import make_job, open_source
from gzprep.run.cost import Measured, Size, cost, limits
from tests.catalogues import write_catalogue
from tests.gz2 import read_galaxies, row_count
from tests.running import SMALL, gzprep

MEASURED = Measured(galaxy_seconds=0.001, record_seconds=0.0005, record_bytes=8400, row_bytes=210)
FLEET, LARGE = Fleet(), Fleet(disk_size_gb=500)


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1,200 rows in 600 row groups, and no image."""
    folder = tmp_path_factory.mktemp("big")
    write_catalogue(folder / "big_train_catalog.parquet", 1_200, piece=2)
    (folder / "images").mkdir()
    return folder


@pytest.mark.slow
def test_dataflow_graph_does_not_grow_with_the_catalogue(big: Path, tmp_path: Path) -> None:
    """600 row groups make 300 parts; `make launch-check` sends 2,000,000 rows."""
    import apache_beam as beam

    from gzprep.run.beam.pipeline import build

    recipe = from_mapping({})
    job = make_job(tmp_path / "out", open_source(big, find_catalogues(big), recipe), recipe)
    pipeline = beam.Pipeline()
    build(pipeline, job)
    assert pipeline.to_runner_api().ByteSize() < 100_000


def test_dataflow_parts_of_a_catalogue_hold_every_row_once(big: Path) -> None:
    file = CatalogueFile(big / "big_train_catalog.parquet", Split.TRAIN)
    parts = row_groups(file)
    assert len(parts) == 300
    assert [part.index for part in parts] == list(range(0, 600, 2))
    ids = [galaxy.id for part in (*parts[:2], parts[-1]) for galaxy in read_galaxies(part)]
    assert len(set(ids)) == len(ids) == 12
    assert sum(part.count for part in parts) * 2 == row_count(file.path)


def test_dataflow_plan_of_a_dry_run_is_the_same_plan(small_sky: Path, tmp_path: Path) -> None:
    call = ("run", "--data", small_sky, "--out", tmp_path / "out", *SMALL, "--dry-run")
    plan = gzprep(*call, "--json").json
    far = plan["scale"]
    size = Size(32, 8, 2, BinCounts(5, 1), parts=2)
    found = cost(size, Measured(**far["measured"]), FLEET)
    assert far["files"] == found.files == sum(split["files"] for split in plan["splits"].values())
    assert far["core_hours"] == pytest.approx(plan["seconds"] / 3600, rel=0.01)
    assert far["output_bytes"] == pytest.approx(sum(split["bytes"] for split in plan["splits"].values()), rel=0.01)
    assert (far["job_bytes"], far["machines"], far["warnings"]) == (found.job_bytes, 1, [])
    assert 50 < far["measured"]["row_bytes"] < 600  # a row, compressed: never pixels
    text = gzprep(*call).out
    assert "On Dataflow: " in text
    assert "Beware" not in text


def survey(train: int, test: int = 0, **values: object) -> tuple[Size, float]:
    recipe = from_mapping(dict(values))
    return Size(train, test, recipe.views.count, plan_bins(train, test, recipe)), recipe.shards.megabytes


def test_dataflow_cost_of_galaxy_zoo_2() -> None:
    size, megabytes = survey(167_434, 41_859)
    found = cost(size, MEASURED, FLEET)
    assert size.records == 13 * 167_434 + 41_859
    assert found.core_hours == pytest.approx((167_434 * 0.0075 + 41_859 * 0.0015) / 3600)
    assert found.machines == math.ceil(size.bins / 8)
    assert found.shuffle_bytes < 0.01 * found.output_bytes
    assert not list(limits(size, found, FLEET, megabytes))


BREAKS = {
    "the catalogue, on a worker's disk": (survey(6 * 10**7), FLEET, ["catalogue.parquet"]),
    "nothing, with a larger disk": (survey(6 * 10**7), LARGE, []),
    "a part of a large survey: nothing": (survey(10**7), FLEET, []),
    "catalogue, then manifest": (survey(10**10), FLEET, ["catalogue.parquet", "manifest.json"]),
    "memory of a bin": (survey(10**7, views={"count": 0}, shards={"megabytes": 8000}), LARGE, ["A bin would have"]),
    "too few bins": (survey(10**6, shards={"megabytes": 90000, "min_bins": 1}), FLEET, ["There is one bin"]),
}


@pytest.mark.parametrize(("what", "fleet", "told"), BREAKS.values(), ids=BREAKS.keys())
def test_dataflow_plan_says_what_breaks_first(what: tuple[Size, float], fleet: Fleet, told: list[str]) -> None:
    size, megabytes = what
    found = list(limits(size, cost(size, MEASURED, fleet), fleet, megabytes))
    if "There is one bin" in told:
        assert any(line.startswith("There is one bin") for line in found)
    else:
        assert [next(word for word in told if line.startswith(word)) for line in found] == told
    assert all(": " in line and line.endswith(".") for line in found)


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 12))
def test_dataflow_cost_grows_with_the_survey(train: int, test: int, views: int) -> None:
    recipe = from_mapping({"views": {"count": views}})
    small = cost(Size(train, test, views, plan_bins(train, test, recipe)), MEASURED, FLEET)
    more = train + 10**6
    large = cost(Size(more, test, views, plan_bins(more, test, recipe)), MEASURED, FLEET)
    assert large.core_hours > small.core_hours >= 0
    assert large.output_bytes > small.output_bytes >= 0
    assert large.catalogue_bytes > small.catalogue_bytes >= 0
    assert small.hours > 0
    assert small.machines >= 1
