"""Catalogues: what is read, what is worked out, and the one sentence a bad one is refused with."""

import math
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gzcore.errors import GzError
from gzprep.catalogue.galaxy import Split
from gzprep.catalogue.read import CatalogueFile, RowGroup, row_groups
from tests.catalogues import (
    FORMATS,
    FRACTIONS,
    ID,
    TOTALS,
    Row,
    assert_sentence,
    count_row,
    fraction_row,
    identity,
    ids_of,
    packed,
    read,
    without,
    write,
    write_parquet,
)
from tests.gz2 import CATALOGUE_QUESTIONS, check_columns, column_names, read_galaxies, row_count

# ---------------------------------------------------------------- rows


@pytest.mark.parametrize("form", FORMATS)
def test_every_field_of_a_row(tmp_path: Path, form: str) -> None:
    extras = {"iauname": "J0012+00", "ra": 126.5, "dec": -0.25, "summary": "smooth_cigar", "asset_id": 442}
    (galaxy,) = read(write(tmp_path, form, [{**fraction_row(), **extras}]))
    assert galaxy.id == "587722982293766366"
    assert (galaxy.split, galaxy.subfolder, galaxy.filename) == (Split.TRAIN, "587722", "587722982293766366.jpg")
    assert galaxy.extras == ("J0012+00", 126.5, -0.25, "smooth_cigar")
    assert galaxy.votes.fractions[:24] == tuple(1 / (at + 7) for at in range(24))
    assert all(map(math.isnan, galaxy.votes.fractions[24:]))
    assert all(map(math.isnan, (*galaxy.votes.counts, *galaxy.votes.totals)))


def test_parquet_and_csv_give_equal_galaxies(tmp_path: Path) -> None:
    rows = [{**fraction_row(place), **count_row(place), "ra": place / 3, "iauname": f"J{place}"} for place in range(50)]
    rows[7]["ra"] = rows[8]["iauname"] = None
    galaxies = read(write(tmp_path, "parquet", rows))
    assert len(galaxies) == 50
    assert packed(read(write(tmp_path, "csv", rows))) == packed(galaxies)


@pytest.mark.parametrize("name", ["gz2/gz2_train", "gz2/gz2_test", "gz2_full_schema_sample/gz2"])
def test_parquet_and_csv_give_equal_galaxies_of_the_real_catalogue(real_data: Path, tmp_path: Path, name: str) -> None:
    source = real_data / f"{name}_catalog.parquet"
    rows = pq.read_table(source).to_pylist()
    galaxies = read(source)
    assert [galaxy.id for galaxy in galaxies] == [row["id_str"] for row in rows]
    assert packed(read(write(tmp_path, "csv", rows))) == packed(galaxies)


@pytest.mark.parametrize("as_type", [str, int])
@pytest.mark.parametrize("form", FORMATS)
def test_ids_of_18_digits_are_exact_as_text_and_as_integers(
    tmp_path: Path, form: str, as_type: Callable[[str], object]
) -> None:
    rows = [{**fraction_row(place), "id_str": as_type(str(ID + place))} for place in range(5)]
    path = write(tmp_path, form, rows)
    expected = [str(ID + place) for place in range(5)]
    assert [galaxy.id for galaxy in read(path)] == expected
    assert ids_of(path) == expected


def test_integer_and_text_ids_give_equal_galaxies(tmp_path: Path) -> None:
    as_text = write_parquet(tmp_path / "text.parquet", [fraction_row()])
    as_int = write_parquet(tmp_path / "int.parquet", [{**fraction_row(), "id_str": ID, "subfolder": 587722}])
    assert packed(read(as_text)) == packed(read(as_int))


@pytest.mark.parametrize("form", FORMATS)
def test_ids_with_leading_zeros_and_letters_stay(tmp_path: Path, form: str) -> None:
    names = ["000123", "J000012.3+01", "12345678901234567890123"]
    path = write(tmp_path, form, [{**fraction_row(), "id_str": name, "subfolder": "007"} for name in names])
    assert [(galaxy.id, galaxy.subfolder) for galaxy in read(path)] == [(name, "007") for name in names]


def test_float_ids_within_2_to_the_53_become_integers(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "float.parquet", [{**fraction_row(), "id_str": 123456789.0}])
    assert [galaxy.id for galaxy in read(path)] == ["123456789"]


def test_float_ids_that_have_lost_digits_are_refused(tmp_path: Path) -> None:
    """A float64 column cannot hold 18 digits: the id of another galaxy would come out."""
    path = write_parquet(tmp_path / "float.parquet", [{**fraction_row(), "id_str": 5.87722982293766366e17}])
    with pytest.raises(GzError, match="floating-point numbers"):
        read(path)


# ---------------------------------------------------------------- optional columns


@pytest.mark.parametrize("form", FORMATS)
def test_fractions_are_worked_out_from_counts(tmp_path: Path, form: str) -> None:
    row = {**count_row(), **dict.fromkeys(CATALOGUE_QUESTIONS[9].columns, 0)}
    (galaxy,) = read(write(tmp_path, form, [row]))
    votes = galaxy.votes
    assert votes.fractions[:5] == pytest.approx((1 / 6, 2 / 6, 3 / 6, 1 / 3, 2 / 3))
    assert votes.fractions[9:13] == pytest.approx((0.1, 0.2, 0.3, 0.4))
    assert all(map(math.isnan, votes.fractions[24:])), "0 / 0: the question was not asked"
    assert votes.counts[:5] == (1, 2, 3, 1, 2)
    assert votes.totals == (6, 3, 3, 3, 10, 3, 6, 6, 6, 0)


def test_a_total_column_is_believed(tmp_path: Path) -> None:
    """Its value, not the sum: the table of a survey may leave answers out."""
    (galaxy,) = read(write(tmp_path, "parquet", [{**count_row(), TOTALS[0]: 12}]))
    assert galaxy.votes.totals[:2] == (12, 3)
    assert galaxy.votes.fractions[:3] == pytest.approx((1 / 12, 2 / 12, 3 / 12))


def test_given_fractions_are_believed_beside_counts(tmp_path: Path) -> None:
    (galaxy,) = read(write(tmp_path, "parquet", [{**fraction_row(), **count_row()}]))
    assert galaxy.votes.fractions[:3] == (1 / 7, 1 / 8, 1 / 9)
    assert galaxy.votes.counts[:3] == (1, 2, 3)


@pytest.mark.parametrize("kept", ["bar-gz2_yes_fraction", "bar-gz2_no_fraction"])
def test_counts_make_up_for_one_absent_fraction_column(tmp_path: Path, kept: str) -> None:
    """The other fraction column is there: the question is worked out from its counts all the same."""
    path = write(tmp_path, "parquet", [{**count_row(), kept: 1 / 3 if "yes" in kept else 2 / 3}])
    (galaxy,) = read(path)
    assert galaxy.votes.fractions[7:9] == pytest.approx((1 / 3, 2 / 3))


def test_counts_of_one_question_only(tmp_path: Path) -> None:
    """As the 750 real galaxies have them."""
    first = CATALOGUE_QUESTIONS[0]
    row = {**fraction_row(), **dict.fromkeys(first.columns, 5), first.total_column: 15}
    (galaxy,) = read(write(tmp_path, "parquet", [row]))
    assert galaxy.votes.counts[:3] == (5, 5, 5)
    assert galaxy.votes.totals[0] == 15
    assert all(map(math.isnan, (*galaxy.votes.counts[3:], *galaxy.votes.totals[1:])))


def test_votes_of_the_full_schema_sample(real_data: Path) -> None:
    galaxies = {
        galaxy.id: galaxy for galaxy in read(real_data / "gz2_full_schema_sample" / "gz2_catalog.parquet")
    }  # fmt: skip
    votes = galaxies["587737825678131439"].votes
    assert votes.counts == (
        *(0, 36, 1),
        *(1, 35),
        *(35, 0),
        *(1, 34),
        *(0, 11, 24, 0),
        *(2, 34),
        *(0, 0, 0),
        *(1, 0, 0),
        *(21, 12, 2),
        *(0, 5, 6, 11, 10, 3),
    )
    assert votes.totals == (37, 36, 35, 35, 35, 36, 0, 1, 35, 35)
    assert votes.fractions[9:13] == pytest.approx((0, 11 / 35, 24 / 35, 0))
    assert all(map(math.isnan, votes.fractions[15:18]))


def test_the_fractions_of_the_full_schema_sample_are_its_counts(real_data: Path, tmp_path: Path) -> None:
    """galaxy-datasets' own division, against ours, with the fractions and totals taken away."""
    source = real_data / "gz2_full_schema_sample" / "gz2_catalog.parquet"
    bare = [without(row, *FRACTIONS, *TOTALS) for row in pq.read_table(source).to_pylist()]
    for ours, theirs in zip(read(write(tmp_path, "parquet", bare)), read(source), strict=True):
        assert ours.votes.fractions == pytest.approx(theirs.votes.fractions, nan_ok=True)
        assert (ours.votes.counts, ours.votes.totals) == (theirs.votes.counts, theirs.votes.totals)


# ---------------------------------------------------------------- refused


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    ("absent", "named", "more"),
    [
        (("id_str",), "column id_str", None),
        (("filename", "subfolder"), "column filename", None),
        (("bar-gz2_no_fraction",), "column bar-gz2_no_fraction", None),
        (
            CATALOGUE_QUESTIONS[0].fraction_columns,
            "smooth-or-featured-gz2_featured-or-disk_fraction, smooth-or-featured-gz2_artifact_fraction",
            None,
        ),
        (
            CATALOGUE_QUESTIONS[4].fraction_columns,
            "columns bulge-size-gz2_dominant_fraction, bulge-size-gz2_obvious_fraction, bulge-size-gz2_just-noti",
            "and 1 more",
        ),
        (
            ("id_str", "subfolder", "filename", *FRACTIONS),
            "columns id_str, filename, smooth-or-featured-gz2_smooth_fraction",
            "and 29 more",
        ),
    ],
    ids=["id", "paths", "one fraction", "three fractions", "four fractions", "everything"],
)
def test_absent_columns_are_named(
    tmp_path: Path, form: str, absent: tuple[str, ...], named: str, more: str | None
) -> None:
    row = {**without(fraction_row(), *absent), "sample": "original"}
    path = write(tmp_path, form, [row])
    with pytest.raises(GzError) as caught:
        check_columns(path)
    assert_sentence(caught.value, path.name, named)
    if more is None:
        assert " more" not in str(caught.value)
    else:
        assert more in str(caught.value)


def test_columns_that_are_not_needed_may_be_absent(tmp_path: Path) -> None:
    check_columns(write(tmp_path, "parquet", [fraction_row()]))
    check_columns(write(tmp_path, "parquet", [count_row()]))


BAD_FILES = {
    "empty.csv": b"",
    "empty.parquet": b"",
    "text.parquet": b"id_str,subfolder,filename\n1,2,3\n" * 20,
    "ragged.csv": b"id_str,subfolder\n1,2\n1,2,3,4\n",
    "nul.csv": b"\0\0\0\0",
    "latin1.csv": "id_str,subfolder,filename,größe\n1,2,3,4\n".encode("latin-1"),
    "picture.csv": b"\x89PNG\r\n\x1a\n" + bytes(50),
    "parquet.csv": b"PAR1\x15\x04\x15\xd2\x80\xff\xfePAR1",
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_one_sentence(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(BAD_FILES[name])
    with pytest.raises(GzError) as caught:
        check_columns(path)
    assert_sentence(caught.value, str(path))


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_file_that_has_gone_bad_since_is_one_sentence(tmp_path: Path, name: str) -> None:
    """A worker reads later than the launcher has looked."""
    path = tmp_path / name
    path.write_bytes(BAD_FILES[name])
    with pytest.raises(GzError) as caught:
        list(read_galaxies(RowGroup(CatalogueFile(path, Split.TRAIN), 0)))
    assert_sentence(caught.value, str(path))


@pytest.mark.parametrize("name", ["empty.csv", "empty.parquet", "text.parquet", "ragged.csv"])
def test_a_bad_file_has_no_row_count(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(BAD_FILES[name])
    with pytest.raises(GzError) as caught:
        row_count(path)
    assert_sentence(caught.value, str(path))


@pytest.mark.parametrize("kept", [12, 0.5, 0.99], ids=["head", "half", "nearly all"])
def test_a_truncated_parquet_is_one_sentence(tmp_path: Path, kept: float) -> None:
    path = write(tmp_path, "parquet", [fraction_row(place) for place in range(50)])
    data = path.read_bytes()
    path.write_bytes(data[: kept if isinstance(kept, int) else int(len(data) * kept)])
    for step in (column_names, row_count, ids_of):
        with pytest.raises(GzError) as caught:
            step(path)
        assert_sentence(caught.value, str(path))


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("step", [column_names, row_count, check_columns, ids_of])
def test_an_absent_file_is_one_sentence(tmp_path: Path, form: str, step: Callable[[Path], object]) -> None:
    path = tmp_path / f"none.{form}"
    with pytest.raises(GzError) as caught:
        step(path)
    assert_sentence(caught.value, f"{path} does not exist")


def test_numbers_written_as_text_are_numbers(tmp_path: Path) -> None:
    rows = [{**fraction_row(), FRACTIONS[0]: " 0.25", FRACTIONS[1]: "nan"}]
    (galaxy,) = read(write(tmp_path, "parquet", rows))
    assert galaxy.votes.fractions[0] == 0.25
    assert math.isnan(galaxy.votes.fractions[1])


# ---------------------------------------------------------------- counting and row groups


@pytest.mark.parametrize("size", [1, 7, 10, 100], ids=lambda size: f"{size} a group")
def test_row_groups_are_read_completely_and_once(tmp_path: Path, size: int) -> None:
    rows = [fraction_row(place) for place in range(30)]
    path = write_parquet(tmp_path / "many.parquet", rows, row_group_size=size)
    groups = row_groups(CatalogueFile(path, Split.TEST))
    assert len(groups) == math.ceil(30 / size)
    parts = [[galaxy.id for galaxy in read_galaxies(group)] for group in groups]
    assert [name for part in parts for name in part] == [row["id_str"] for row in rows]
    assert max(map(len, parts)) <= size
    assert row_count(path) == 30


def test_a_csv_is_read_in_one_part_completely_and_once(tmp_path: Path) -> None:
    path = write(tmp_path, "csv", [fraction_row(place) for place in range(5000)])
    (group,) = row_groups(CatalogueFile(path, Split.TEST))
    galaxies = list(read_galaxies(group))
    assert [galaxy.id for galaxy in galaxies] == [str(ID + place) for place in range(5000)]
    assert {galaxy.split for galaxy in galaxies} == {Split.TEST}
    assert row_count(path) == 5000


@pytest.mark.parametrize("form", FORMATS)
def test_a_catalogue_of_no_row(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"none.{form}"
    if form == "csv":
        path.write_text(",".join(fraction_row()) + "\n")
    else:
        pq.write_table(pa.Table.from_pylist([fraction_row()]).slice(0, 0), path)
    check_columns(path)
    assert row_count(path) == 0
    assert read(path) == []


LATE = {
    "a fraction after many zeros": ({FRACTIONS[3]: 0}, {FRACTIONS[3]: 0.333}),
    "a name after many gaps": ({"iauname": ""}, {"iauname": "J0012+00"}),
    "a letter in a column that is not read": ({"note": 1}, {"note": "one"}),
    "an id with a letter": ({}, {"id_str": "J0012+00"}),
}


@pytest.mark.parametrize(("early", "late"), LATE.values(), ids=LATE)
def test_a_large_csv_may_change_its_kind_of_value_late(tmp_path: Path, early: Row, late: Row) -> None:
    """Beyond the first megabyte, by which a streaming reader guesses the types of the columns."""
    filler = {**identity(0), **dict.fromkeys(FRACTIONS, 0), "padding": "x" * 400}
    rows = [{**filler, **early} for _ in range(2500)] + [{**filler, **late}]
    path = write(tmp_path, "csv", rows)
    assert path.stat().st_size > 1_100_000
    assert row_count(path) == 2501
    assert len(read(path)) == 2501
