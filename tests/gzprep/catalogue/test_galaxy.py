"""The nouns that travel: packing loses nothing, and vectors have their length."""

import dataclasses
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gzprep.catalogue.galaxy import Galaxy, Labels, Split, pack, unpack
from tests.gz2 import Votes, label

checked = settings(deadline=None, derandomize=True, max_examples=150)
numbers = st.floats()  # NaN, infinities, -0.0 and subnormal numbers included
votes = st.builds(Votes, st.tuples(*[numbers] * 30), st.tuples(*[numbers] * 30), st.tuples(*[numbers] * 10))
texts = st.text(max_size=20)
galaxies = st.builds(
    Galaxy,
    id=st.text(min_size=1, max_size=20),
    split=st.sampled_from(Split),
    subfolder=texts,
    filename=texts,
    votes=votes,
    extras=st.lists(st.one_of(st.none(), numbers, texts), max_size=4).map(tuple),
)

PLAIN = Galaxy(
    "587722982293766366",
    Split.TRAIN,
    "587722",
    "587722982293766366.jpg",
    Votes((0.25,) * 30, (1.0,) * 30, (4.0,) * 10),
    ("J0012+00", 126.5, None, "smooth"),
)


@checked
@given(galaxies)
def test_packing_loses_nothing(galaxy: Galaxy) -> None:
    back = unpack(pack(galaxy))
    assert repr(back) == repr(galaxy)  # repr tells -0.0 from 0.0 and lets NaN equal NaN
    assert isinstance(back.split, Split)
    assert pack(back) == pack(galaxy)


def test_a_galaxy_without_counts_comes_back_without_counts() -> None:
    back = unpack(pack(dataclasses.replace(PLAIN, votes=Votes((0.5,) * 30))))
    assert back.votes.fractions == (0.5,) * 30
    assert all(map(math.isnan, (*back.votes.counts, *back.votes.totals)))


@pytest.mark.parametrize(
    "change",
    [
        {"id": "587722982293766367"},
        {"split": Split.TEST},
        {"subfolder": "587723"},
        {"filename": "x.jpg"},
        {"extras": ("J0012+00", 126.5, None, "smooth_cigar")},
        {"extras": ("J0012+00", 126.50000000000001, None, "smooth")},
        {"votes": Votes((0.25,) * 29 + (0.25000000000000006,), (1.0,) * 30, (4.0,) * 10)},
        {"votes": Votes((0.25,) * 30, (2.0,) + (1.0,) * 29, (4.0,) * 10)},
        {"votes": Votes((0.25,) * 30, (1.0,) * 30, (4.0,) * 9 + (5.0,))},
        {"votes": Votes((0.25,) * 30)},
    ],
    ids=["id", "split", "subfolder", "filename", "text", "number", "fraction", "count", "total", "no counts"],
)
def test_any_change_of_a_row_changes_its_bytes(change: dict[str, Any]) -> None:
    assert pack(dataclasses.replace(PLAIN, **change)) != pack(PLAIN)


def test_fields_that_run_into_each_other_are_told_apart() -> None:
    one = dataclasses.replace(PLAIN, subfolder='a", "b', filename="c")
    other = dataclasses.replace(PLAIN, subfolder="a", filename='b", "c')
    assert pack(one) != pack(other)


@pytest.mark.parametrize(
    ("field", "length", "expected"),
    [
        ("fractions", 0, 30),
        ("fractions", 29, 30),
        ("fractions", 32, 30),
        ("counts", 31, 30),
        ("totals", 9, 10),
        ("totals", 11, 10),
    ],
)
def test_votes_have_their_length(field: str, length: int, expected: int) -> None:
    values: dict[str, Any] = {"fractions": (0.5,) * 30, field: (0.5,) * length}
    if field == "fractions":
        values["counts"] = values[field]
    with pytest.raises(ValueError, match=f"{field} has {length} values; expected {expected}"):
        label(Votes(**values), "1")


LENGTHS = {"fractions": 32, "votes": 11, "report": 22, "asked": 22, "mask": 22}


@pytest.mark.parametrize("field", ["report", "asked"])
@pytest.mark.parametrize("off", [-1, 1])
def test_labels_are_as_many_as_the_mask(field: str, off: int) -> None:
    values: dict[str, Any] = {name: (0,) * length for name, length in LENGTHS.items()}
    Labels(**values)
    values[field] = (0,) * (LENGTHS[field] + off)
    with pytest.raises(ValueError, match=f"{field} has {LENGTHS[field] + off} values; expected {LENGTHS[field]}"):
        Labels(**values)


def test_a_galaxy_needs_an_id() -> None:
    with pytest.raises(ValueError, match="needs an id"):
        dataclasses.replace(PLAIN, id="")


@pytest.mark.parametrize("thing", [PLAIN, PLAIN.votes], ids=["galaxy", "votes"])
def test_records_cannot_be_changed(thing: Any) -> None:
    name = dataclasses.fields(thing)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(thing, name, "other")
