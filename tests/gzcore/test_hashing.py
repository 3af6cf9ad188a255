"""The one hash, against its formula in DESIGN.md and against coreutils."""

import hashlib
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gzcore.hashing import HASH_RANGE, NUMBERS, generator, identity_hash, uniforms

checked = settings(deadline=None, derandomize=True, max_examples=100)
parts = st.one_of(st.text(max_size=20), st.integers(-(2**64), 2**64))


def first_8_bytes(text: str) -> int:
    """The formula of DESIGN.md, from the hexadecimal digits."""
    return int(hashlib.blake2b(text.encode("utf-8"), digest_size=64).hexdigest()[:16], 16)


# The first 16 digits that `printf 'fold/0/587722982293766366' | b2sum` prints.
B2SUM = {
    "text id": (("fold", 0, "587722982293766366"), 0x0862783ADE43BEDB),
    "integer id": (("fold", 0, 587722982293766366), 0x0862783ADE43BEDB),
    "view": (("order", 7, "587722982293766366", 3), 0x6A7897DA5907957B),
    "utf-8": (("bin", 0, "galaxie-é"), 0xAC879E8A0C7A070A),
}


@pytest.mark.parametrize(("arguments", "expected"), B2SUM.values(), ids=B2SUM)
def test_lot_is_what_b2sum_says(arguments: tuple[str, int, str], expected: int) -> None:
    assert identity_hash(*arguments) == expected


@checked
@given(st.text(max_size=10), st.integers(-(2**40), 2**40), st.lists(parts, max_size=3))
def test_lot_is_the_formula(purpose: str, seed: int, identity: list[str | int]) -> None:
    text = "/".join(map(str, [purpose, seed, *identity]))
    assert identity_hash(purpose, seed, *identity) == first_8_bytes(text)
    assert 0 <= identity_hash(purpose, seed, *identity) < HASH_RANGE == 2**64


def test_it_is_the_start_of_the_64_byte_hash_and_not_the_8_byte_hash() -> None:
    short = int.from_bytes(hashlib.blake2b(b"fold/0/1", digest_size=8).digest(), "big")
    assert identity_hash("fold", 0, "1") != short


@pytest.mark.parametrize(
    "other", [("bin", 0, "1", 0), ("fold", 1, "1", 0), ("fold", 0, "2", 0), ("fold", 0, "1", 1), ("fold", 0, "1")]
)
def test_every_part_counts(other: tuple[str, int, str]) -> None:
    assert identity_hash(*other) != identity_hash("fold", 0, "1", 0)


@pytest.mark.parametrize("modulus", [2, 5, 7, 20])
def test_hashes_of_neighbouring_ids_are_spread_evenly(modulus: int) -> None:
    """Within five standard deviations, for every remainder."""
    total, share = 10_000, 1 / modulus
    counts = [0] * modulus
    for place in range(total):
        counts[identity_hash("bin", 0, 587722982293766366 + place) % modulus] += 1
    bound = 5 * (total * share * (1 - share)) ** 0.5
    assert all(abs(count - total * share) < bound for count in counts), counts


def test_a_generator_starts_at_its_lot() -> None:
    ours, expected = generator("views", 3, "587722982293766366", 4), random.Random()
    expected.seed(first_8_bytes("views/3/587722982293766366/4"))
    assert [ours.random() for _ in range(5)] == [expected.random() for _ in range(5)]


def test_generators_share_nothing() -> None:
    """Neither with each other nor with the global generator."""
    random.seed(1)
    before = random.getstate()
    first, second = generator("views", 0, "1", 1), generator("views", 0, "1", 1)
    drawn = [first.random() for _ in range(3)]
    assert [second.random() for _ in range(3)] == drawn
    assert generator("views", 0, "1", 2).random() != drawn[0]
    assert random.getstate() == before


def test_uniforms_are_the_whole_hash_in_pieces_of_32_bits() -> None:
    draw = uniforms("view", 7, "587722982293766366", 3)
    words = hashlib.blake2b(b"view/7/587722982293766366/3").hexdigest()
    assert [draw() for _ in range(NUMBERS)] == [int(words[at : at + 8], 16) / 2**32 for at in range(0, 128, 8)]
    with pytest.raises(StopIteration):
        draw()


def test_uniforms_are_uniform_and_independent_of_each_other() -> None:
    """Means and correlations of the sixteen within five standard deviations of what chance gives."""
    total = 4000
    numbers = np.array(
        [[draw() for _ in range(NUMBERS)] for draw in (uniforms("view", 0, one) for one in range(total))]
    )
    assert abs(numbers.mean(axis=0) - 0.5).max() < 5 * (1 / 12 / total) ** 0.5
    assert abs(np.corrcoef(numbers.T) - np.eye(NUMBERS)).max() < 5 / total**0.5
    assert 0 <= numbers.min() < numbers.max() < 1
