"""Labels by magnitude, size and redshift: groups, counts and tests against numbers worked out by hand."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gzcore.console.theme import style
from gzprep.report import by_measure
from gzprep.report.about_measures import measures_section
from gzprep.report.by_measure import Grouped, Spread, choose, interval, more_than_chance
from gzprep.report.rows import Batch
from gzprep.report.study import study
from tests.gzprep.report.galaxies import COLUMNS, batch

NAN = np.nan


def galaxies(values: list[float], name: str = "REDSHIFT", smooth: list[float] | None = None) -> Batch:
    """Galaxies with a redshift and an answer to the first question; the second was not asked."""
    shares = [1.0] * len(values) if smooth is None else smooth
    votes = [(value, 1 - value, NAN, NAN, NAN) for value in shares]
    return replace(batch(votes, [(40, NAN)] * len(values)), measures={name: np.array(values)})


CUTS = {
    "quartiles, from below": ([4, 1, 3, 2], [1, 2, 3]),
    "equal values stay together": ([1, 1, 1, 2], [1]),
    "nothing above the largest": ([1, 2, 2, 2], [1]),
    "one value only": ([3, 3], []),
    "no value at all": ([NAN, NAN], []),
    "infinity is no value": ([1, 2, np.inf], [1]),
}


@pytest.mark.parametrize(("values", "expected"), CUTS.values(), ids=CUTS)
def test_groups_are_cut_at_the_quartiles(values: list[float], expected: list[float]) -> None:
    spread = Spread("REDSHIFT")
    spread.add(galaxies(values))
    assert spread.cuts().tolist() == expected


def test_of_a_long_catalogue_every_nth_value_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_measure, "MOST", 10)
    spread = Spread("REDSHIFT")
    for start in range(0, 100, 7):
        spread.add(galaxies([float(value) for value in range(start, min(start + 7, 100))]))
    kept = np.concatenate(spread.kept)
    assert (spread.known, spread.every) == (100, 8)
    assert kept.tolist() == list(range(0, 100, 8))


def test_the_fullest_column_of_each_kind_is_taken_and_r_among_equals() -> None:
    values = {"mag_g": [1.0, 2, 3], "mag_r": [1.0, 2, 3], "mag_i": [1.0, 2, NAN], "z_best": [1.0, 1, 1]}
    spreads = [Spread(name) for name in values]
    for spread in spreads:
        spread.add(galaxies(values[spread.name], spread.name))
    (chosen,) = choose(spreads, COLUMNS)
    assert (chosen.kind, chosen.name, chosen.others) == ("magnitude", "mag_r", ("mag_g", "mag_i"))


def test_counts_of_groups_by_hand() -> None:
    some = galaxies([0.1, 0.2, 0.3, 0.4, NAN, 0.1], smooth=[1, 1, 0, 1, 1, 0])
    some = replace(some, verdicts=[*["accepted"] * 5, "rejected"])
    spread = Spread("REDSHIFT")
    spread.add(some)
    grouped = Grouped.empty("redshift", spread, COLUMNS)
    grouped.add(some)
    assert grouped.names == ["0.1 to 0.1", "0.2 to 0.2", "0.3 to 0.3", "0.4 to 0.4"]
    assert grouped.galaxies.tolist() == [1, 1, 1, 1]
    assert grouped.without == 1
    assert grouped.known[:, 0].tolist() == [1, 1, 1, 1]
    assert grouped.positive[:, 0].tolist() == [1, 1, 0, 1]
    assert grouped.known[:, 1].tolist() == [0, 0, 0, 0]  # the second question was not asked
    assert grouped.pairs[:, 0, 0].tolist() == [1, 1, 0, 1]


def test_the_interval_of_a_share() -> None:
    """Brown, Cai and DasGupta 2001, Stat. Sci. 16, 101: Wilson's interval; 0 of 10 gives 0 to z^2 / (10 + z^2)."""
    low, high = interval(np.array([0.0, 5.0, 0.0]), np.array([10.0, 10.0, 0.0]))
    squared = 1.959964**2
    assert high[0] == pytest.approx(squared / (10 + squared))
    half = np.sqrt(0.25 * squared / 10 + squared**2 / 400) / (1 + squared / 10)
    assert (low[1], high[1]) == pytest.approx((0.5 - half, 0.5 + half))
    assert low[0] == 0
    assert np.isnan((low[2], high[2])).all()


CHANGES = {
    "the same share": ((50, 100), (50, 100), False),
    "a large change": ((20, 100), (60, 100), True),
    "too few to say": ((0, 4), (4, 4), False),
    "no galaxy": ((0, 0), (5, 10), False),
}


@pytest.mark.parametrize(("first", "last", "expected"), CHANGES.values(), ids=CHANGES)
def test_which_changes_are_more_than_chance(
    first: tuple[int, int],
    last: tuple[int, int],
    expected: bool,  # noqa: FBT001
) -> None:
    one, other = ((np.array([float(part)]), np.array([float(total)])) for part, total in (first, last))
    assert more_than_chance(one, other, 0.05).tolist() == [expected]


def test_many_tests_ask_for_larger_changes() -> None:
    parts, totals = np.full(100, 40.0), np.full(100, 100.0)
    alone = more_than_chance((parts[:1], totals[:1]), (parts[:1] + 16, totals[:1]), 0.05)
    among = more_than_chance((parts, totals), (np.concatenate([parts[:1] + 16, parts[1:]]), totals), 0.05)
    assert alone.tolist() == [True]
    assert not among.any()


@pytest.mark.slow
def test_the_page_shows_each_quantity_and_says_what_is_absent(dataset: Path, tmp_path: Path) -> None:
    with style():
        plain = measures_section(study(dataset))
    assert plain.figures == ()
    assert "has no numbers of magnitudes, sizes or redshifts" in plain.lead
    copy = tmp_path / "out"
    shutil.copytree(dataset, copy)
    table = pq.read_table(copy / "catalogue.parquet")
    values = pa.array([None if place % 9 == 0 else place / 100 for place in range(len(table))], pa.float64())
    pq.write_table(table.append_column("REDSHIFT", values).append_column("mag_r", values), copy / "catalogue.parquet")
    with style():
        section = measures_section(study(copy))
    assert [figure.id for figure in section.figures] == [
        f"{what}-{kind}" for kind in ("magnitude", "redshift") for what in ("by", "together-by")
    ]
    assert "The catalogue has no sizes." in section.lead
    rows = [dict(zip(section.figures[2].numbers.head, row, strict=True)) for row in section.figures[2].numbers.rows]
    kept = [row for row in table.to_pylist() if row["verdict"] != "rejected"]
    smooth = next(place for place, row in enumerate(rows) if row["label"].startswith("smooth-or-featured"))
    assert rows[smooth]["column"] == "REDSHIFT"
    groups = {row["group"]: row["galaxies"] for row in rows}
    known = sum(
        value is not None and row["verdict"] != "rejected"
        for value, row in zip(values.to_pylist(), table.to_pylist(), strict=True)
    )
    assert sum(groups.values()) == known <= len(kept)
    assert f"{len(kept) - known:,} galaxies have no value" in section.figures[2].sentence
