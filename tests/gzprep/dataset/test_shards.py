"""Shard arithmetic: how many bins, who goes where, under what name, in what order."""

import hashlib
import itertools
import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gzcore.dataset.layout import shard_name
from gzprep.catalogue.galaxy import Split
from gzprep.config import Recipe, from_mapping
from gzprep.dataset.shards import Bin, BinCounts, bin_of, fold_of, order_of, plan_bins, record_bytes

checked = settings(deadline=None, derandomize=True, max_examples=150)
IDS = [str(587722982293766366 + 3 * place) for place in range(20_000)]
seeds = st.integers(0, 2**32)
galaxy_ids = st.text(min_size=1, max_size=20)


def h(purpose: str, seed: int, *identity: object) -> int:
    """The hash of DESIGN.md, spelt out again."""
    text = "/".join(map(str, (purpose, seed, *identity)))
    return int(hashlib.blake2b(text.encode()).hexdigest()[:16], 16)


def deviations(counts: Counter[int], total: int, share: float) -> float:
    """The largest distance from the expected number, in standard deviations of a binomial."""
    return max(abs(count - total * share) for count in counts.values()) / math.sqrt(total * share * (1 - share))


# ---------------------------------------------------------------- how many


@pytest.mark.parametrize(
    ("train", "test", "expected"),
    [
        (0, 0, (0, 0)),
        (1, 0, (20, 0)),
        (0, 1, (0, 4)),
        (1, 1, (20, 4)),
        (600, 150, (20, 4)),
        (20_000, 5_000, (20, 4)),
    ],
)
def test_never_fewer_than_20_and_4_unless_empty(train: int, test: int, expected: tuple[int, int]) -> None:
    assert plan_bins(train, test, Recipe()) == BinCounts(*expected)


def test_the_whole_catalogue_gives_shards_near_128_mb() -> None:
    """167,434 galaxies x 12 views x about 8.3 KB a crop and 0.7 KB around it are about 18 GB: 145 shards."""
    counts = plan_bins(167_434, 41_859, Recipe())
    assert counts.train % 5 == 0
    assert 130 <= counts.train <= 160
    assert 0.8 * 128e6 < 167_434 * 12 * 9_000 / counts.train <= 130e6
    assert counts.test == 4  # 41,859 x 9 KB is 377 MB


@pytest.mark.parametrize(
    ("change", "factor"),
    [
        ({"shards": {"megabytes": 64}}, 2),
        ({"views": {"count": 24}}, 2),
        ({"views": {"count": 6}}, 1 / 2),
        ({"crop": {"encoding": "png"}}, 5.6),
        ({"crop": {"size": 424}}, 3.4),
    ],
    ids=["smaller shards", "more views", "fewer views", "lossless", "larger crops"],
)
def test_bins_grow_with_the_bytes(change: dict[str, dict[str, object]], factor: float) -> None:
    plain = plan_bins(167_434, 0, Recipe()).train
    assert plan_bins(167_434, 0, from_mapping(change)).train / plain == pytest.approx(factor, rel=0.1)


def test_no_view_counts_as_one() -> None:
    without, with_one = (plan_bins(10**6, 0, from_mapping({"views": {"count": count}})) for count in (0, 1))
    assert without == with_one


def test_the_minimum_is_of_the_recipe() -> None:
    recipe = from_mapping({"shards": {"min_bins": 1}})
    assert plan_bins(40, 10, recipe) == BinCounts(5, 1)


@checked
@given(
    st.integers(0, 10**7),
    st.integers(0, 10**7),
    st.floats(0.5, 1000),
    st.integers(1, 12),
    st.integers(0, 20),
)
def test_plans(train: int, test: int, megabytes: float, min_bins: int, views: int) -> None:
    recipe = from_mapping({"shards": {"megabytes": megabytes, "min_bins": min_bins}, "views": {"count": views}})
    counts = plan_bins(train, test, recipe)
    assert counts.train % 5 == 0
    assert (counts.train == 0) == (train == 0)
    assert (counts.test == 0) == (test == 0)
    assert counts.train >= 5 * min_bins * (train > 0)
    assert counts.test >= min_bins * (test > 0)
    if counts.train > 5 * min_bins:  # grown, but no more than needed
        size = train * max(views, 1) * record_bytes(recipe.crop)
        assert size / counts.train <= megabytes * 1e6 * 1.0001
        assert size / (counts.train - 5) > megabytes * 1e6 * 0.9999
    more = plan_bins(train + 1000, test + 1000, recipe)
    assert more.train >= counts.train
    assert more.test >= counts.test


def test_bins_of_a_data_set() -> None:
    bins = BinCounts(20, 4).bins()
    assert len(bins) == len(set(bins)) == 24
    assert Counter(bin_.split for bin_ in bins) == {Split.TRAIN: 20, Split.TEST: 4}
    assert BinCounts(0, 4).bins() == tuple(Bin(Split.TEST, index, 4) for index in range(4))
    assert BinCounts(0, 0).bins() == ()


# ---------------------------------------------------------------- who goes where


@checked
@given(galaxy_ids, seeds, st.integers(1, 60))
def test_a_training_galaxy_is_where_the_design_says(galaxy_id: str, seed: int, per_fold: int) -> None:
    fold = h("fold", seed, galaxy_id) % 5
    expected = fold + 5 * (h("bin", seed, galaxy_id) % per_fold)
    found = bin_of(galaxy_id, Split.TRAIN, BinCounts(5 * per_fold, 4), seed)
    assert found == Bin(Split.TRAIN, expected, 5 * per_fold)
    assert found.fold == fold_of(galaxy_id, seed) == fold


@checked
@given(galaxy_ids, seeds, st.integers(1, 60))
def test_a_test_galaxy_is_in_no_fold(galaxy_id: str, seed: int, bins: int) -> None:
    found = bin_of(galaxy_id, Split.TEST, BinCounts(20, bins), seed)
    assert found == Bin(Split.TEST, h("bin", seed, galaxy_id) % bins, bins)
    assert found.fold == -1


@checked
@given(galaxy_ids, seeds, st.lists(st.integers(1, 60), min_size=2, max_size=5))
def test_the_fold_does_not_hang_on_the_number_of_bins(galaxy_id: str, seed: int, sizes: list[int]) -> None:
    assert len({bin_of(galaxy_id, Split.TRAIN, BinCounts(5 * size, 0), seed).fold for size in sizes}) == 1


def test_training_galaxies_are_spread_evenly() -> None:
    """Within five standard deviations, over 20 bins and over 5 folds."""
    counts = BinCounts(20, 4)
    placed = [bin_of(galaxy_id, Split.TRAIN, counts, 0) for galaxy_id in IDS]
    of_bins, of_folds = Counter(one.index for one in placed), Counter(one.fold for one in placed)
    assert (set(of_bins), set(of_folds)) == (set(range(20)), set(range(5)))
    assert deviations(of_bins, len(IDS), 1 / 20) < 5
    assert deviations(of_folds, len(IDS), 1 / 5) < 5


def test_test_galaxies_are_spread_evenly() -> None:
    found = Counter(bin_of(galaxy_id, Split.TEST, BinCounts(20, 4), 0).index for galaxy_id in IDS)
    assert set(found) == set(range(4))
    assert deviations(found, len(IDS), 1 / 4) < 5


def test_another_split_seed_moves_four_of_five() -> None:
    moved = sum(fold_of(galaxy_id, 0) != fold_of(galaxy_id, 1) for galaxy_id in IDS)
    assert abs(moved - 16_000) < 5 * math.sqrt(20_000 * 0.2 * 0.8)


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("one", "name", "fold", "splits"),
    [
        (Bin(Split.TRAIN, 3, 20), "train-00003-of-00020", 3, ("train", "train_views")),
        (Bin(Split.TRAIN, 19, 20), "train-00019-of-00020", 4, ("train", "train_views")),
        (Bin(Split.TRAIN, 0, 5), "train-00000-of-00005", 0, ("train", "train_views")),
        (Bin(Split.TEST, 3, 4), "test-00003-of-00004", -1, ("test",)),
        (Bin(Split.TRAIN, 100_000, 200_000), "train-100000-of-200000", 0, ("train", "train_views")),
    ],
    ids=str,
)
def test_names_folds_and_splits(one: Bin, name: str, fold: int, splits: tuple[str, ...]) -> None:
    assert (one.name, one.fold, one.shard_splits) == (name, fold, splits)


@checked
@given(st.sampled_from(Split), st.integers(1, 300_000), st.data())
def test_a_name_parses_to_its_bin(split: Split, count: int, data: st.DataObject) -> None:
    one = Bin(split, data.draw(st.integers(0, count - 1)), count)
    assert Bin.parse(one.name) == one


@pytest.mark.parametrize(("index", "count"), [(-1, 4), (4, 4), (0, 0), (5, 4)])
def test_a_bin_lies_within_its_count(index: int, count: int) -> None:
    with pytest.raises(ValueError, match=f"got {index}"):
        Bin(Split.TEST, index, count)


@pytest.mark.parametrize("name", ["train-00020-of-00020", "valid-00000-of-00004", "train-x-of-00020"])
def test_a_name_of_no_bin_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"index|Split|invalid literal"):
        Bin.parse(name)


@pytest.mark.parametrize(
    ("split", "index", "count", "expected"),
    [
        ("train", 0, 20, "gz2-train.tfrecord-00000-of-00020"),
        ("train_views", 19, 20, "gz2-train_views.tfrecord-00019-of-00020"),
        ("test", 3, 4, "gz2-test.tfrecord-00003-of-00004"),
    ],
)
def test_shard_names_are_those_of_the_design(split: str, index: int, count: int, expected: str) -> None:
    assert shard_name("gz2", split, index, count) == expected


# ---------------------------------------------------------------- order


@checked
@given(galaxy_ids, st.integers(0, 99), seeds)
def test_the_order_is_the_hash_of_the_design(galaxy_id: str, view: int, seed: int) -> None:
    assert order_of(galaxy_id, view, seed) == h("order", seed, galaxy_id, view)


def test_views_of_a_galaxy_do_not_sit_together() -> None:
    """Of 2,400 records in random order 11 neighbours share a galaxy on average, with a deviation of 3.3."""
    records = [(galaxy_id, view) for galaxy_id in IDS[:200] for view in range(1, 13)]
    records.sort(key=lambda record: order_of(*record, 0))
    together = sum(one[0] == other[0] for one, other in itertools.pairwise(records))
    assert together < 11 + 5 * 3.3


def test_the_first_views_come_no_earlier_than_the_last() -> None:
    """The mean place of each view lies within five standard errors of the middle."""
    records = [(galaxy_id, view) for galaxy_id in IDS[:400] for view in range(1, 13)]
    records.sort(key=lambda record: order_of(*record, 0))
    error = len(records) / math.sqrt(12) / math.sqrt(400)
    for view in range(1, 13):
        places = [place for place, record in enumerate(records) if record[1] == view]
        assert abs(sum(places) / 400 - len(records) / 2) < 5 * error
