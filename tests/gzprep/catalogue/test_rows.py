"""A value that cannot be used costs its galaxy: the reason names column, value and what was expected."""

import datetime as dt
import decimal
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gzcore.errors import GzError
from gzprep.catalogue.galaxy import Galaxy, Reason, Rejection, RejectionStage, Split, pack, unpack
from gzprep.catalogue.read import CatalogueFile
from tests.catalogues import (
    COUNTS,
    FORMATS,
    FRACTIONS,
    ID,
    TOTALS,
    Row,
    assert_sentence,
    count_row,
    fraction_row,
    ids_of,
    packed,
    read,
    write,
    write_parquet,
)
from tests.gz2 import read_all, read_ids, row_count

FULL = {"ra": 10.5, "dec": -3.25, "iauname": "J0001+00", "summary": "smooth", TOTALS[0]: 6, TOTALS[3]: 3}


def full_row(place: int) -> Row:
    """A row with every column that is read."""
    return {**fraction_row(place), **count_row(place), **FULL}


UNFIT = {
    "hours": ("ra", "12h", "'12h'", "a number from 0 to 360"),
    "right ascension below 0": ("ra", -1.0, "-1", "a number from 0 to 360"),
    "right ascension above 360": ("ra", 360.5, "360.5", "a number from 0 to 360"),
    "right ascension unknown": ("ra", -9999.0, "-9999", "a number from 0 to 360"),
    "declination above the pole": ("dec", 90.5, "90.5", "a number from -90 to 90"),
    "declination in minutes": ("dec", "+12:30:00", "'+12:30:00'", "a number from -90 to 90"),
    "infinite declination": ("dec", math.inf, "inf", "a number from -90 to 90"),
    "votes of -1": (COUNTS[0], -1, "-1", "a number of votes from 0"),
    "votes of -99": (COUNTS[5], -99.0, "-99", "a number of votes from 0"),
    "infinite votes": (COUNTS[5], math.inf, "inf", "a number of votes from 0"),
    "minus infinite votes": (COUNTS[5], -math.inf, "-inf", "a number of votes from 0"),
    "1e300 votes": (COUNTS[5], 1e300, "1e+300", "a number of votes from 0"),
    "-1e300 votes": (COUNTS[5], -1e300, "-1e+300", "a number of votes from 0"),
    "9.99e8 votes": (COUNTS[5], 9.99e8, "9.99e+08", "a number of votes from 0"),
    "infinite total": (TOTALS[0], math.inf, "inf", "a number of votes from 0"),
    "negative total": (TOTALS[3], -1, "-1", "a number of votes from 0"),
    "many": (TOTALS[3], "many", "'many'", "a number of votes from 0"),
    "fraction of 1.2": (FRACTIONS[0], 1.2, "1.2", "a number from 0 to 1"),
    "fraction of -0.01": (FRACTIONS[10], -0.01, "-0.01", "a number from 0 to 1"),
    "fraction in percent": (FRACTIONS[7], 40.0, "40", "a number from 0 to 1"),
    "fraction with a sign of percent": (FRACTIONS[7], "40%", "'40%'", "a number from 0 to 1"),
    "infinite fraction": (FRACTIONS[7], math.inf, "inf", "a number from 0 to 1"),
    "masked": (FRACTIONS[7], "--", "'--'", "a number from 0 to 1"),
    "decimal comma in a file of points": (FRACTIONS[7], "0,4", "'0,4'", "a number from 0 to 1"),
    "control characters": (FRACTIONS[7], "\x1b[31m", r"'\x1b[31m'", "a number from 0 to 1"),
}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(("column", "value", "found", "expected"), UNFIT.values(), ids=UNFIT)
def test_an_unfit_value_rejects_its_galaxy(
    tmp_path: Path, form: str, column: str, value: object, found: str, expected: str
) -> None:
    rows = [full_row(place) for place in range(5)]
    rows[3][column] = value
    if isinstance(value, str):
        rows = [{**row, column: str(row[column])} for row in rows]
    galaxies = read(write(tmp_path, form, rows))
    assert [galaxy.id for galaxy in galaxies] == [str(ID + place) for place in range(5)]
    assert [place for place, galaxy in enumerate(galaxies) if galaxy.rejection] == [3]
    rejection = galaxies[3].rejection
    assert rejection is not None
    assert (rejection.stage, rejection.reason) == (RejectionStage.CATALOGUE, Reason.BAD_VALUE)
    assert rejection.detail.startswith(f"row 4: column {column} is {found}; expected {expected}")
    assert rejection.detail.isprintable()


UNFIT_IDS = {"null": None, "empty": "", "blanks": " \u00a0", "control": "6\x018", "long": "x" * 101, "masked": "--"}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("value", UNFIT_IDS.values(), ids=UNFIT_IDS)
def test_galaxies_without_a_usable_id_are_rejected_one_by_one(tmp_path: Path, form: str, value: str | None) -> None:
    rows = [fraction_row(place) for place in range(4)]
    rows[1]["id_str"] = rows[3]["id_str"] = value
    path = write(tmp_path, form, rows)
    galaxies = read(path)
    assert [galaxy.id for galaxy in galaxies] == [str(ID), "(row 2 of train)", str(ID + 2), "(row 4 of train)"]
    assert [galaxy.rejection is not None for galaxy in galaxies] == [False, True, False, True]
    assert {galaxy.rejection.reason for galaxy in galaxies if galaxy.rejection} == {Reason.BAD_ID}
    assert ids_of(path) == [galaxy.id for galaxy in galaxies]


@pytest.mark.parametrize("split", Split)
def test_a_galaxy_without_an_id_has_one_name_however_it_is_read(tmp_path: Path, split: Split) -> None:
    """``limit`` reads the ids alone, and compares them with those of the galaxies."""
    file = CatalogueFile(write(tmp_path, "csv", [fraction_row(), {**fraction_row(1), "id_str": ""}]), split)
    assert read_ids(file) == [galaxy.id for galaxy in read_all([file])] == [str(ID), f"(row 2 of {split})"]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("value", [" 68", "68.0", "\u200b68\u00a0", "68"])
def test_the_same_galaxy_has_the_same_id_in_both_formats(tmp_path: Path, form: str, value: str) -> None:
    path = write(tmp_path, form, [{**fraction_row(), "id_str": value}])
    assert [galaxy.id for galaxy in read(path)] == ids_of(path) == ["68"]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("value", ["5.877e+17", "5.877E17", "587722982293766400.0", "1e5"])
def test_ids_in_exponent_form_refuse_the_catalogue(tmp_path: Path, form: str, value: str) -> None:
    path = write(tmp_path, form, [fraction_row(), {**fraction_row(1), "id_str": value}])
    for step in (read, ids_of, *([row_count] if form == "csv" else [])):
        with pytest.raises(GzError) as caught:
            step(path)
        assert_sentence(caught.value, "floating-point numbers", value, "write id_str as text or as integers")
        assert "Remove" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "largest"), [(pa.float32(), 2**24 - 1), (pa.float64(), 2**53 - 1)], ids=["float32", "float64"]
)
def test_float_ids_are_taken_as_long_as_every_integer_has_its_own(
    tmp_path: Path, kind: pa.DataType, largest: int
) -> None:
    table = pa.Table.from_pylist([fraction_row()])
    for value in (largest, largest + 1):
        column = pa.array([float(value)], pa.float64()).cast(kind)
        pq.write_table(table.set_column(0, "id_str", column), tmp_path / "ids.parquet")
        if value == largest:
            assert [galaxy.id for galaxy in read(tmp_path / "ids.parquet")] == [str(largest)]
            continue
        with pytest.raises(GzError, match="floating-point numbers"):
            read(tmp_path / "ids.parquet")


NUMBER_TYPES = {
    "int8": pa.int8(),
    "uint64": pa.uint64(),
    "float16": pa.float16(),
    "float32": pa.float32(),
    "decimal": pa.decimal128(10, 2),
    "text": pa.string(),
    "long text": pa.large_string(),
    "text view": pa.string_view(),
    "bytes": pa.binary(),
    "dictionary": pa.dictionary(pa.int8(), pa.string()),
}


@pytest.mark.parametrize("kind", NUMBER_TYPES.values(), ids=NUMBER_TYPES)
def test_votes_and_ids_of_any_simple_type(tmp_path: Path, kind: pa.DataType) -> None:
    values: list[Any] = [3, None, 7]
    if pa.types.is_decimal(kind):
        values = [None if value is None else decimal.Decimal(value) for value in values]
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        values = [None if value is None else str(value) for value in values]
        values = [value.encode() if value and kind == pa.binary() else value for value in values]
    column = pa.array(values, kind) if kind != pa.float16() else pa.array([3.0, None, 7.0]).cast(kind)
    table = pa.Table.from_pylist([full_row(place) for place in range(3)])
    for name in ("id_str", COUNTS[0]):
        table = table.set_column(table.schema.get_field_index(name), name, column)
    pq.write_table(table, tmp_path / "typed.parquet")
    galaxies = read(tmp_path / "typed.parquet")
    assert [galaxy.id for galaxy in galaxies] == ["3", "(row 2 of train)", "7"]
    assert [galaxy.votes.counts[0] for galaxy in galaxies if not galaxy.rejection] == [3, 7]


WRONG_TYPES = {
    "struct": pa.array([{"a": 1}]),
    "list": pa.array([[1]]),
    "map": pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int8())),
    "bool": pa.array([True]),
    "timestamp": pa.array([0], pa.timestamp("us")),
    "date": pa.array([0], pa.date32()),
    "duration": pa.array([0], pa.duration("s")),
}


@pytest.mark.parametrize("name", ["id_str", "ra", FRACTIONS[0], COUNTS[0]])
@pytest.mark.parametrize("kind", WRONG_TYPES)
def test_columns_of_a_wrong_type_are_refused(tmp_path: Path, name: str, kind: str) -> None:
    table = pa.Table.from_pylist([full_row(0)])
    table = table.set_column(table.schema.get_field_index(name), name, WRONG_TYPES[kind])
    pq.write_table(table, tmp_path / "typed.parquet")
    with pytest.raises(GzError) as caught:
        read(tmp_path / "typed.parquet")
    assert_sentence(caught.value, f"column {name} of type {kind}", "expected")


@pytest.mark.parametrize("name", ["subfolder", "filename", "iauname", "summary"])
@pytest.mark.parametrize("kind", ["struct", "list", "map"])
def test_columns_of_text_that_are_nested_are_refused(tmp_path: Path, name: str, kind: str) -> None:
    table = pa.Table.from_pylist([full_row(0)])
    table = table.set_column(table.schema.get_field_index(name), name, WRONG_TYPES[kind])
    pq.write_table(table, tmp_path / "typed.parquet")
    with pytest.raises(GzError, match=f"column {name} of type {kind}"):
        read(tmp_path / "typed.parquet")


def out_of_limits() -> pa.Array:
    return pa.array([0, 10**15], pa.timestamp("s"))


def not_utf8() -> pa.Array:
    return pa.array([b"J0001", b"J\xff\xfe"]).view(pa.string())


@pytest.mark.parametrize(
    ("values", "told"),
    [(out_of_limits, "timestamp[ms] out of limits"), (not_utf8, "xff")],
    ids=["date out of limits", "not UTF-8"],
)
@pytest.mark.parametrize("name", ["summary", "iauname", "filename"])
def test_a_value_that_pyarrow_cannot_read_rejects_its_galaxy(
    tmp_path: Path, values: Callable[[], pa.Array], told: str, name: str
) -> None:
    table = pa.Table.from_pylist([full_row(place) for place in range(2)])
    table = table.set_column(table.schema.get_field_index(name), name, values())
    pq.write_table(table, tmp_path / "odd.parquet")
    first, second = read(tmp_path / "odd.parquet")
    assert first.rejection is None
    assert second.rejection is not None
    assert f"column {name} is" in second.rejection.detail
    assert told in second.rejection.detail


def test_a_date_is_text(tmp_path: Path) -> None:
    rows = [{**full_row(0), "summary": dt.date(2026, 11, 28)}]
    (galaxy,) = read(write_parquet(tmp_path / "dates.parquet", rows))
    assert galaxy.extras[3] == "2026-11-28"


@pytest.mark.parametrize("form", FORMATS)
def test_more_votes_than_the_total_reject_a_galaxy(tmp_path: Path, form: str) -> None:
    (galaxy,) = read(write(tmp_path, form, [{**count_row(), TOTALS[0]: 2}]))
    assert galaxy.rejection is not None
    assert galaxy.rejection.detail == f"row 1: column {COUNTS[2]} is 3; expected 2 at most, the votes of its question"


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("value", [None, "", "nan", "NULL", "N/A"])
def test_absent_values_are_unknown_and_reject_nothing(tmp_path: Path, form: str, value: str | None) -> None:
    row = {**full_row(0), "ra": value, "iauname": value, FRACTIONS[0]: value, COUNTS[0]: value, TOTALS[0]: value}
    (galaxy,) = read(write(tmp_path, form, [row]))
    assert galaxy.rejection is None
    assert galaxy.extras == (None, None, -3.25, "smooth")
    votes = galaxy.votes
    assert all(map(math.isnan, (votes.fractions[0], votes.counts[0], votes.totals[0])))


def test_rows_are_numbered_over_row_groups(tmp_path: Path) -> None:
    """Groups of fewer rows than are read at once, and of more."""
    rows = [full_row(place) for place in range(1100)]
    rows[1077]["ra"] = 400.0
    for size in (300, 1100):
        galaxies = read(write_parquet(tmp_path / "many.parquet", rows, row_group_size=size))
        details = [galaxy.rejection.detail for galaxy in galaxies if galaxy.rejection]
        assert details == ["row 1078: column ra is 400; expected a number from 0 to 360"]
    assert packed(read(write(tmp_path, "csv", rows))) == packed(galaxies)


def test_a_rejected_row_crosses_a_shuffle_with_its_reason(tmp_path: Path) -> None:
    (galaxy,) = read(write(tmp_path, "csv", [{**full_row(0), "ra": "12h"}]))
    back: Galaxy = unpack(pack(galaxy))
    assert back.rejection == galaxy.rejection
    assert isinstance(back.rejection, Rejection)
    assert back.split is Split.TRAIN
    assert pack(back) == pack(galaxy)
