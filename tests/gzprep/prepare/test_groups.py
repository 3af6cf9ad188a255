"""Duplicates in one fold: which galaxies form a group, its fold, and duplicates of test galaxies."""

import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gzcore.errors import GzError
from gzprep.catalogue.galaxy import Galaxy, Split
from gzprep.config import Recipe, recipe_hash
from gzprep.dataset.leaks import on_sphere
from gzprep.images.sources import Files
from gzprep.prepare import groups as module
from gzprep.prepare.groups import Groups, connected, find_groups, groups_of
from tests.golden.regenerate_records import draw_votes
from tests.running import SMALL, gzprep, manifest, shard_sums

pytestmark = pytest.mark.slow

ARCSEC = 1 / 3600
Row = tuple[str, float | None]
"""Image, and right ascension on the equator, arcsec."""


def partition(rows: list[Row]) -> set[frozenset[int]]:
    """The groups of two or more."""
    images = np.array([ord(image) if image else -1 for image, _ in rows], np.int64)
    ra = np.array([np.nan if at is None else at * ARCSEC for _, at in rows])
    numbers = connected(images, on_sphere(ra, 0 * ra)).tolist()
    groups = (frozenset(i for i, own in enumerate(numbers) if own == number) for number in set(numbers))
    return {group for group in groups if len(group) > 1}


GROUPS: dict[str, tuple[list[Row], list[set[int]]]] = {
    "none": ([], []),
    "alone": ([("a", 0.0), ("b", 10.0)], []),
    "an image": ([("a", 0.0), ("a", 10.0)], [{0, 1}]),
    "no images": ([("", 0.0), ("", 10.0)], []),
    "a position": ([("a", 0.0), ("b", 1.9)], [{0, 1}]),
    "not a position": ([("a", 0.0), ("b", 2.1)], []),
    "the same position": ([("a", 5.0), ("b", 5.0), ("c", 5.0)], [{0, 1, 2}]),
    "no positions": ([("a", None), ("b", None)], []),
    "a chain of positions": ([("a", 0.0), ("b", 1.5), ("c", 3.0), ("d", 4.5)], [{0, 1, 2, 3}]),
    "image and position": ([("a", 0.0), ("a", 90.0), ("c", 91.0), ("d", 200.0)], [{0, 1, 2}]),
    "across 0 and 360": ([("a", 0.5), ("b", 360 * 3600 - 0.5)], [{0, 1}]),
    "two groups": ([("a", 0.0), ("b", 50.0), ("a", 99.0), ("d", 50.0)], [{0, 2}, {1, 3}]),
}


@pytest.mark.parametrize(("rows", "expected"), GROUPS.values(), ids=GROUPS)
def test_groups(rows: list[Row], expected: list[set[int]]) -> None:
    assert partition(rows) == set(map(frozenset, expected))


def test_the_smallest_id_decides_and_a_test_galaxy_drops_those_of_train() -> None:
    train, test = Split.TRAIN, Split.TEST
    groups = groups_of(["9", "5", "7", "3", "1"], [train, train, test, train, test], np.array([4, 4, 4, 2, 0]))
    assert groups.first == {"9": "5", "5": "5", "7": "5"}
    assert groups.in_test == {"9": "7", "5": "7"}
    assert (groups.fold_id("9"), groups.fold_id("3")) == ("5", "3")


def test_positions_that_cannot_be_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_PAIRS", 100)
    with pytest.raises(GzError, match="those cannot be galaxies"):
        partition([("", 0.01 * index) for index in range(60)])


def test_galaxies_without_image_or_position_are_alone(tmp_path: Path) -> None:
    galaxies = [Galaxy(str(number), Split.TRAIN, "", f"{number}.jpg", draw_votes(1)) for number in range(3)]
    assert find_groups(galaxies, Files(tmp_path)) == Groups()


# ---------------------------------------------------------------- the recipe


def test_the_default_leaves_every_hash_as_it_was() -> None:
    assert asdict(Recipe())["group_by"] == "galaxy"
    assert recipe_hash(Recipe()) != recipe_hash(replace(Recipe(), group_by="duplicates"))


def test_a_folder_of_an_older_version_is_judged_again_by_other_thresholds(dataset: Path, tmp_path: Path) -> None:
    import json

    out = Path(shutil.copytree(dataset, tmp_path / "out"))
    plan = json.loads((out / ".gzprep" / "plan.json").read_text())
    del plan["recipe"]["group_by"]
    (out / ".gzprep" / "plan.json").write_text(json.dumps(plan))
    data = manifest(out)["source"]["data"]
    sky = json.loads((out / ".gzprep" / "source.json").read_text())["data"]
    assert data
    result = gzprep("run", "--data", sky, "--out", out, *SMALL, "--set", "defects.frame_edge.threshold=41.5")
    assert result.code == 0, result.err


# ---------------------------------------------------------------- whole commands


def ids_of(sky: Path, split: str) -> list[str]:
    ids: list[str] = pq.read_table(sky / f"gz2_{split}_catalog.parquet", columns=["id_str"])["id_str"].to_pylist()
    return ids


def image(sky: Path, galaxy: str) -> Path:
    return sky / "images" / galaxy[:6] / f"{galaxy}.jpg"


@pytest.fixture
def sky(sky_copy: Path) -> Path:
    """A sky in which one training galaxy stands five times, and one test galaxy is in train too."""
    train, test = ids_of(sky_copy, "train"), ids_of(sky_copy, "test")
    for galaxy in train[11:15]:
        shutil.copy(image(sky_copy, train[10]), image(sky_copy, galaxy))
    table = pq.read_table(sky_copy / "gz2_train_catalog.parquet")
    other = pq.read_table(sky_copy / "gz2_test_catalog.parquet")
    for name in ("ra", "dec"):
        values = table[name].to_pylist()
        values[20] = other[name][3].as_py()
        table = table.set_column(table.column_names.index(name), name, pa.array(values, table.schema.field(name).type))
    pq.write_table(table, sky_copy / "gz2_train_catalog.parquet")
    assert test[3]
    return sky_copy


def rows_of(out: Path) -> dict[str, dict[str, object]]:
    return {row["id_str"]: row for row in pq.read_table(out / "catalogue.parquet").to_pylist()}


def test_duplicates_stay_together_and_out_of_test(sky: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    plain = gzprep("run", "--data", sky, "--out", tmp_path / "plain", *SMALL)
    assert "share the same image file" in plain.out
    assert "share a position" in plain.out
    result = gzprep("run", "--data", sky, "--out", out, "--group-by", "duplicates", *SMALL)
    assert result.code == 0, result.err
    rows, train, test = rows_of(out), ids_of(sky, "train"), ids_of(sky, "test")
    assert len({rows[galaxy]["fold"] for galaxy in train[10:15]}) == 1
    dropped = rows[train[20]]
    assert (dropped["verdict"], dropped["stage"], dropped["reason"]) == ("rejected", "catalogue", "duplicate")
    assert dropped["detail"] == f"the same galaxy as {test[3]} of the test split"
    assert rows[test[3]]["verdict"] != "rejected"
    assert "No galaxy is in train and in test" in result.out
    assert manifest(out)["data_hash"] == manifest(tmp_path / "plain")["data_hash"]
    assert manifest(out)["recipe_hash"] != manifest(tmp_path / "plain")["recipe_hash"]
    verified = gzprep("verify", out, "--replay", "1000")
    assert verified.code == 0, verified.out


def test_it_is_the_same_however_it_is_made(sky: Path, tmp_path: Path) -> None:
    for name, options in {"one": ("--workers", "1"), "two": ("--workers", "2")}.items():
        result = gzprep("run", "--data", sky, "--out", tmp_path / name, *SMALL, "--group-by", "duplicates", *options)
        assert result.code == 0, result.err
    assert shard_sums(tmp_path / "one") == shard_sums(tmp_path / "two")
    assert manifest(tmp_path / "one") == manifest(tmp_path / "two")


def test_without_duplicates_the_shards_are_the_same(dataset: Path, small_sky: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert gzprep("run", "--data", small_sky, "--out", out, *SMALL, "--group-by", "duplicates").code == 0
    assert shard_sums(out) == shard_sums(dataset)


def test_a_run_again_follows_a_test_galaxy_that_has_become_a_duplicate(sky: Path, tmp_path: Path) -> None:
    out, test = tmp_path / "out", ids_of(sky, "test")
    command = ("run", "--data", sky, "--out", out, *SMALL, "--group-by", "duplicates")
    assert gzprep(*command).code == 0
    galaxy = ids_of(sky, "train")[25]
    assert rows_of(out)[galaxy]["verdict"] != "rejected"
    shutil.copy(image(sky, galaxy), image(sky, test[5]))
    assert gzprep(*command).code == 0
    assert rows_of(out)[galaxy]["reason"] == "duplicate"
    assert gzprep("verify", out).code == 0


def test_another_word_is_refused(small_sky: Path, tmp_path: Path) -> None:
    result = gzprep("run", "--data", small_sky, "--out", tmp_path / "out", "--group-by", "sky")
    assert result.code == 2
    assert "group-by" in result.err
