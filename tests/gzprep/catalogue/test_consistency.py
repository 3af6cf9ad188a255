"""Votes that contradict each other are counted; votes that are only rounded, or unknown, are not."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gzprep.catalogue.consistency import FRACTION, SUM
from gzprep.catalogue.read import CatalogueFile, Split
from tests.catalogues import COUNTS, FRACTIONS, TOTALS, Row, count_row, read, write
from tests.gz2 import Votes, count_inconsistent, read_all

checked = settings(deadline=None, derandomize=True, max_examples=100)


def consistent_row() -> Row:
    """Counts, totals and fractions rounded to three decimals: of the first question 1, 2, 3 of 6."""
    sums = [6, 3, 3, 3, 10, 3, 6, 6, 6, 21]
    votes = [1, 2, 3, 1, 2, 1, 2, 1, 2, 1, 2, 3, 4, 1, 2, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 4, 5, 6]
    of_answer = [6] * 3 + [3] * 6 + [10] * 4 + [3] * 2 + [6] * 9 + [21] * 6
    fractions = [round(count / total, 3) for count, total in zip(votes, of_answer, strict=True)]
    return {**count_row(), **dict(zip(FRACTIONS, fractions, strict=True)), **dict(zip(TOTALS, sums, strict=True))}


CASES: dict[str, tuple[Row, dict[str, int]]] = {
    "as it should be": ({}, {}),
    "rounded to three decimals": ({FRACTIONS[0]: 0.167}, {}),
    "another fraction": ({FRACTIONS[0]: 0.2}, {FRACTION: 1}),
    "a fraction of a hundredth more": ({FRACTIONS[0]: 0.177}, {FRACTION: 1}),
    "all fractions zero": (dict.fromkeys(FRACTIONS[:3], 0.0), {FRACTION: 1}),
    "fractions of a question without votes": (dict.fromkeys([*COUNTS[:3], TOTALS[0]], 0), {FRACTION: 1}),
    "another total": ({TOTALS[0]: 12}, {SUM: 1, FRACTION: 1}),
    "a vote too many": ({COUNTS[0]: 2}, {SUM: 1, FRACTION: 1}),
    "one too many in the last question": ({COUNTS[29]: 7}, {SUM: 1, FRACTION: 1}),
    "unknown fractions": (dict.fromkeys(FRACTIONS[:3]), {}),
    "unknown counts": (dict.fromkeys(COUNTS[:3]), {}),
    "unknown total": ({TOTALS[0]: None}, {}),
    "not asked": ({**dict.fromkeys([*COUNTS[:3], TOTALS[0]], 0), **dict.fromkeys(FRACTIONS[:3])}, {}),
    "not asked, written as zeros": (dict.fromkeys([*COUNTS[:3], TOTALS[0], *FRACTIONS[:3]], 0), {}),
}


@pytest.mark.parametrize(("change", "expected"), CASES.values(), ids=CASES)
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_galaxies_whose_votes_contradict_each_other_are_counted(
    tmp_path: Path, form: str, change: Row, expected: dict[str, int]
) -> None:
    galaxies = read(write(tmp_path, form, [{**consistent_row(), **change}]))
    assert [galaxy.rejection for galaxy in galaxies] == [None]
    assert count_inconsistent([galaxy.votes for galaxy in galaxies]) == expected


@pytest.mark.parametrize("dropped", [FRACTIONS, TOTALS, COUNTS], ids=["fractions", "totals", "counts"])
def test_what_is_worked_out_is_consistent(tmp_path: Path, dropped: list[str]) -> None:
    row = {name: value for name, value in consistent_row().items() if name not in dropped}
    assert count_inconsistent([galaxy.votes for galaxy in read(write(tmp_path, "csv", [row]))]) == {}


def test_no_galaxy() -> None:
    assert count_inconsistent([]) == {}


@checked
@given(st.lists(st.tuples(st.integers(0, 29), st.floats(0, 60)), max_size=5))
def test_each_galaxy_counts_once_a_kind(changes: list[tuple[int, float]]) -> None:
    counts = [0.0] * 30
    for place, value in changes:
        counts[place] = value
    votes = Votes((math.nan,) * 30, tuple(counts), (0.0,) * 10)
    wrong = count_inconsistent([votes, dataclasses.replace(votes, counts=(0.0,) * 30), votes])
    assert wrong in ({}, {SUM: 2})


@pytest.mark.parametrize("name", ["gz2/gz2_train", "gz2/gz2_test", "gz2_full_schema_sample/gz2"])
def test_the_real_catalogue_is_consistent(real_data: Any, name: str) -> None:
    galaxies = read_all([CatalogueFile(real_data / f"{name}_catalog.parquet", Split.TRAIN)])
    assert count_inconsistent([galaxy.votes for galaxy in galaxies]) == {}
