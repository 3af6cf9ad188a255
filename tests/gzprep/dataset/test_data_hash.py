"""The data hash: equal for the same galaxies however they are prepared, different where anything of them differs."""

import hashlib
import json
import math
import random
import shutil
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gzprep.catalogue.galaxy import NAN, Galaxy, Reason, Rejection, RejectionStage, Split
from gzprep.dataset.data_hash import add_sums, data_sum, galaxy_digest
from tests.gz2 import Votes
from tests.running import SMALL, gzprep, manifest, shard_sums

VOTES = Votes((0.25, 0.75, *[NAN] * 28), (10.0, 30.0, *[NAN] * 28), (40.0, *[0.0] * 9))
GALAXY = Galaxy("587", Split.TRAIN, "5877", "587.jpg", VOTES, ("J1", 184.5, -3.25, "spiral"))
IMAGE = "00" * 16


def test_the_sum_of_one_galaxy_by_hand() -> None:
    numbers = struct.pack("<70d", *VOTES.fractions, *VOTES.counts, *VOTES.totals)
    text = b'["train", "587", ["J1", 184.5, -3.25, "spiral"], "00000000000000000000000000000000"]'
    assert data_sum([(GALAXY, IMAGE)]) == hashlib.sha256(numbers + text).hexdigest()


def test_sums_are_modulo_two_to_the_256() -> None:
    assert data_sum([]) == add_sums([]) == "0" * 64
    assert add_sums(["f" * 64, f"{2:064x}"]) == f"{1:064x}"


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.lists(st.integers(0, 10**6), unique=True, max_size=12), st.integers(1, 5), st.randoms(use_true_random=False))
def test_order_and_number_of_bins_do_not_matter(ids: list[int], bins: int, shuffle: random.Random) -> None:
    galaxies = [(replace(GALAXY, id=str(number)), f"{number:032x}") for number in ids]
    whole = data_sum(galaxies)
    shuffle.shuffle(galaxies)
    assert add_sums(data_sum(galaxies[start::bins]) for start in range(bins)) == whole


def with_votes(**changed: Any) -> Galaxy:
    return replace(GALAXY, votes=replace(VOTES, **changed))


SAME: dict[str, Galaxy] = {
    "another folder and name of the image": replace(GALAXY, subfolder="x", filename="/home/a/y.png"),
    "another bit pattern of NaN": with_votes(fractions=(0.25, 0.75, *[-math.nan] * 28)),
    "zero with a sign": with_votes(totals=(40.0, *[-0.0] * 9)),
}
OTHER: dict[str, Galaxy] = {
    "id": replace(GALAXY, id="588"),
    "split": replace(GALAXY, split=Split.TEST),
    "a fraction": with_votes(fractions=(0.26, 0.75, *[NAN] * 28)),
    "a count": with_votes(counts=(11.0, 30.0, *[NAN] * 28)),
    "a total": with_votes(totals=(41.0, *[0.0] * 9)),
    "a fraction of 0 and none": with_votes(fractions=(0.25, 0.75, 0.0, *[NAN] * 27)),
    "position": replace(GALAXY, extras=("J1", 184.6, -3.25, "spiral")),
    "name": replace(GALAXY, extras=(None, 184.5, -3.25, "spiral")),
    "a row with a value that cannot be used": replace(
        GALAXY, rejection=Rejection(RejectionStage.CATALOGUE, Reason.BAD_VALUE, "a vote of -3")
    ),
    "two columns swapped": replace(GALAXY, extras=("spiral", 184.5, -3.25, "J1")),
}


@pytest.mark.parametrize("galaxy", SAME.values(), ids=SAME)
def test_what_is_no_part_of_a_galaxy_changes_nothing(galaxy: Galaxy) -> None:
    assert galaxy_digest(galaxy, IMAGE) == galaxy_digest(GALAXY, IMAGE)


@pytest.mark.parametrize("galaxy", OTHER.values(), ids=OTHER)
def test_whatever_was_read_changes_it(galaxy: Galaxy) -> None:
    assert galaxy_digest(galaxy, IMAGE) != galaxy_digest(GALAXY, IMAGE)


def test_the_image_changes_it_and_so_does_its_absence() -> None:
    assert len({galaxy_digest(GALAXY, image) for image in ("", IMAGE, "11" * 16)}) == 3


def test_an_absent_position_is_the_same_as_nan() -> None:
    empty, nan = (replace(GALAXY, extras=(None, value, value, None)) for value in (None, NAN))
    assert galaxy_digest(empty, IMAGE) == galaxy_digest(nan, IMAGE)


# ---------------------------------------------------------------- whole commands


def made(sky: Path, out: Path, *options: str) -> str:
    """Run gzprep; the data hash of what it made."""
    result = gzprep("run", "--data", sky, "--out", out, *SMALL, *options)
    assert result.code == 0, result.err
    return str(manifest(out)["data_hash"])


WAYS: dict[str, tuple[str, ...]] = {
    "two workers": ("--workers", "2"),
    "more bins": ("--set", "shards.min_bins=3"),
    "no views": ("--views", "0"),
    "another crop and seed": ("--crop", "32", "--seed", "9"),
    "other folds": ("--set", "split_seed=5"),
    "other thresholds, many rejected": (
        "--set",
        "defects.frame_edge.policy=drop",
        "--set",
        "defects.frame_edge.threshold=1",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("options", WAYS.values(), ids=WAYS)
def test_however_it_is_made(dataset: Path, small_sky: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    assert made(small_sky, tmp_path / "out", *options) == manifest(dataset)["data_hash"]


@pytest.mark.slow
def test_a_resumed_and_a_rejudged_folder_keep_it(dataset: Path, small_sky: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(dataset, tmp_path / "out"))
    before = manifest(out)["data_hash"]
    (out / "manifest.json").unlink()
    next((out / ".gzprep" / "bins").glob("train-*.parquet")).unlink()
    assert made(small_sky, out) == before
    sums = shard_sums(out)
    assert made(small_sky, out, "--set", "defects.frame_edge.threshold=41.5") == before
    assert shard_sums(out) == sums


@pytest.mark.slow
def test_the_place_of_the_data_does_not_matter(dataset: Path, sky_copy: Path, tmp_path: Path) -> None:
    (sky_copy / "images").rename(sky_copy / "pictures")
    assert made(sky_copy, tmp_path / "out", "--set", "images.folder=pictures") == manifest(dataset)["data_hash"]


def rewrite(sky: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    path = sky / "gz2_train_catalog.parquet"
    pq.write_table(change(pq.read_table(path)), path)


def another_image(sky: Path) -> None:
    path = sorted((sky / "images").rglob("*.jpg"))[3]
    path.write_bytes(path.read_bytes() + b"\0")


def other_way_round(sky: Path) -> None:
    """Exchange train and test."""
    train, test, beside = sky / "gz2_train_catalog.parquet", sky / "gz2_test_catalog.parquet", sky / "beside"
    train.rename(beside)
    test.rename(train)
    beside.rename(test)


CHANGES: dict[str, Callable[[Path], object]] = {
    "a row less": lambda sky: rewrite(sky, lambda table: table.slice(1)),
    "other positions": lambda sky: rewrite(
        sky, lambda table: table.set_column(table.schema.get_field_index("ra"), "ra", pc.add(table["ra"], 0.5))
    ),
    "a byte of an image": another_image,
    "other splits": other_way_round,
}


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_other_galaxies_give_another(
    dataset: Path, sky_copy: Path, tmp_path: Path, change: Callable[[Path], object]
) -> None:
    change(sky_copy)
    assert made(sky_copy, tmp_path / "out") != manifest(dataset)["data_hash"]


@pytest.mark.slow
def test_the_order_of_rows_does_not_matter(dataset: Path, sky_copy: Path, tmp_path: Path) -> None:
    rewrite(sky_copy, lambda table: table.take(list(range(len(table)))[::-1]))
    assert made(sky_copy, tmp_path / "out") == manifest(dataset)["data_hash"]


def test_the_card_shows_it(dataset: Path) -> None:
    assert f"`{manifest(dataset)['data_hash'][:16]}`" in (dataset / "README.md").read_text()


def test_a_folder_without_it_is_opened(dataset: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(dataset, tmp_path / "out"))
    document = manifest(out)
    del document["data_hash"]
    (out / "manifest.json").write_text(json.dumps(document))
    assert gzprep("verify", out).code == 0


def test_one_that_is_no_hash_is_damage(dataset: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(dataset, tmp_path / "out"))
    (out / "manifest.json").write_text(json.dumps(manifest(out) | {"data_hash": "7"}))
    result = gzprep("verify", out)
    assert result.code == 1
    assert "data_hash" in result.sentence
