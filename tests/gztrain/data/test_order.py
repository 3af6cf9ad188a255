"""Order and draws are functions of (seed, epoch, place) only, and the shuffle is uniform."""

from collections import defaultdict
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gztrain.data import Selection, draws, open_reader, order, select
from gztrain.data.dataset import open_dataset
from tests.gztrain.shards import everything

checked = settings(deadline=None, derandomize=True, max_examples=60)
SEEDS = st.integers(-(2**63), 2**64)
EPOCHS = st.integers(0, 10**6)


@checked
@given(SEEDS, EPOCHS, st.integers(0, 3000))
def test_an_order_has_every_place_once(seed: int, epoch: int, n: int) -> None:
    places = order(seed, epoch, n)
    assert places.dtype == np.int64
    assert sorted(places.tolist()) == list(range(n))
    np.testing.assert_array_equal(places, order(seed, epoch, n))


@checked
@given(SEEDS, EPOCHS)
def test_another_epoch_and_another_seed_have_another_order(seed: int, epoch: int) -> None:
    orders = {tuple(order(*which, 100)) for which in ((seed, epoch), (seed, epoch + 1), (seed + 1, epoch))}
    assert len(orders) == 3


GOLDEN_ORDER = [6, 2, 11, 9, 1, 0, 4, 5, 8, 3, 7, 10]
GOLDEN_DRAWS = [
    [11228753, 8858772, 7677802, 13454402, 13390306, 14529893],
    [8817707, 4353800, 14895831, 6035473, 5990163, 6170140],
]


def test_the_order_never_changes() -> None:
    """Runs are resumed years later, with another numpy."""
    assert order(0, 0, 12).tolist() == GOLDEN_ORDER
    assert (draws(0, 0, np.array([0, 10**9])) * 2**24).astype(int).tolist() == GOLDEN_DRAWS


def test_every_place_is_as_likely_at_every_position() -> None:
    """Chi-squared of 10 places x 10 positions over 2,000 epochs: 81 degrees of freedom, 99.9 % below 126."""
    counts = np.zeros((10, 10))
    for epoch in range(2000):
        counts[order(3, epoch, 10), np.arange(10)] += 1
    assert ((counts - 200) ** 2 / 200).sum() < 126


@checked
@given(SEEDS, EPOCHS, st.lists(st.integers(0, 2**40), min_size=1, max_size=50))
def test_draws_are_those_of_the_place(seed: int, epoch: int, places: list[int]) -> None:
    together = draws(seed, epoch, np.array(places))
    alone = [draws(seed, epoch, np.array([place]))[0] for place in places]
    assert together.dtype == np.float32
    assert together.shape == (len(places), 6)
    assert ((together >= 0) & (together < 1)).all()
    np.testing.assert_array_equal(together, alone)


def test_draws_are_uniform_and_independent() -> None:
    drawn = draws(1, 2, np.arange(40_000))
    shares = np.stack([np.histogram(column, 20, (0, 1))[0] for column in drawn.T]) / 40_000
    assert np.abs(shares - 0.05).max() < 0.005
    neighbours = np.concatenate(
        [drawn[:-1], drawn[1:], draws(1, 3, np.arange(39_999)), draws(2, 2, np.arange(39_999))], 1
    )
    correlation = np.corrcoef(neighbours.T) - np.eye(24)
    assert np.abs(correlation).max() < 0.025


# ---------------------------------------------------------------- how far apart the views of a galaxy come


@pytest.fixture(scope="module")
def training(dataset: Path) -> Selection:
    return select(open_dataset(dataset), "train", views=2)


@pytest.fixture(scope="module")
def galaxies(training: Selection) -> list[list[int]]:
    """The places of the views of each galaxy."""
    places: dict[str, list[int]] = defaultdict(list)
    for batch in everything(open_reader(), training):
        for name, place in zip(batch.ids, batch.places.tolist(), strict=True):
            places[name].append(place)
    assert {len(views) for views in places.values()} == {3}
    return list(places.values())


def distance(sequence: np.ndarray, galaxies: list[list[int]]) -> float:
    """Mean number of records from one view of a galaxy to another."""
    position = np.argsort(sequence)
    pairs = [pair for views in galaxies for pair in combinations(views, 2)]
    return float(np.mean([abs(position[one] - position[other]) for one, other in pairs]))


def test_views_of_a_galaxy_come_as_far_apart_as_in_a_perfect_shuffle(
    training: Selection, galaxies: list[list[int]]
) -> None:
    """Two places of a random permutation of n are (n + 1) / 3 apart on average."""
    n = len(training)
    mean = np.mean([distance(order(0, epoch, n), galaxies) for epoch in range(200)])
    assert mean == pytest.approx((n + 1) / 3, rel=0.02)


def test_views_of_a_galaxy_follow_each_other_as_often_as_by_chance(
    training: Selection, galaxies: list[list[int]]
) -> None:
    """Of n - 1 neighbours, a share of (views - 1) / (n - 1) is of one galaxy."""
    n = len(training)
    owner = {place: at for at, views in enumerate(galaxies) for place in views}
    together = sum(
        owner[one] == owner[other] for epoch in range(400) for one, other in pairwise(order(0, epoch, n).tolist())
    )
    assert together / 400 == pytest.approx(2, rel=0.15)


def test_the_shards_alone_would_bring_them_closer(training: Selection, galaxies: list[list[int]]) -> None:
    """What the shuffle is for: views 1 and up lie in one shard, a fifth of the records."""
    n = len(training)
    extra = [
        [place for place in views if training.shards[training.shard[place]].split != "train"] for views in galaxies
    ]
    assert distance(np.arange(n), extra) < 0.5 * (n + 1) / 3
