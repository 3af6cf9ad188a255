"""A user's own columns become questions: what each kind of column gives, and what is refused in a sentence."""

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gzcore.errors import GzError, UsageError
from gzprep.catalogue.choose_columns import ID_NAMES, OwnColumns, choose_columns, read_labels
from gzprep.catalogue.galaxy import Split
from gzprep.catalogue.labels import label
from gzprep.catalogue.read import CatalogueFile, check_columns, read_all, read_ids, row_count
from gzprep.catalogue.surveys import gz2
from gzprep.config import Recipe
from gzprep.images.sources import describe, open_images
from tests.own_catalogues import write_rows

FORMS = ("csv", "parquet")
Column = list[Any]


def catalogue(folder: Path, form: str, columns: dict[str, Column]) -> Path:
    length = len(next(iter(columns.values())))
    columns = {
        "id_str": [f"g{row}" for row in range(length)],
        **columns,
        "file_loc": [f"/pictures/{row}.png" for row in range(length)],
    }
    if form == "parquet":
        pq.write_table(pa.table(columns), folder / "rings.parquet")
        return folder / "rings.parquet"
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return write_rows(folder / "rings.csv", rows)


def labels_of(path: Path, wanted: str) -> tuple[tuple[str, ...], list[tuple[tuple[int, ...], tuple[int, ...]]]]:
    """The names of labels, and labels and mask of each row."""
    survey = choose_columns(gz2(), [path], OwnColumns(read_labels(wanted)))
    galaxies = list(read_all([CatalogueFile(path, Split.TRAIN)], survey))
    assert [galaxy.filename for galaxy in galaxies] == [f"/pictures/{row}.png" for row in range(len(galaxies))]
    found = [label(galaxy.votes, galaxy.id, survey) for galaxy in galaxies]
    return survey.label_names, [(labels.asked, labels.mask) for labels in found]


NOT_KNOWN = ((0,), (0,))
ROWS: dict[str, tuple[dict[str, Column], tuple[str, ...], list[tuple[tuple[int, ...], tuple[int, ...]]]]] = {
    "0 and 1": ({"ring": [1, 0, None]}, ("ring_yes",), [((1,), (1,)), ((0,), (1,)), NOT_KNOWN]),
    "fractions": ({"ring": [0.75, 0.25, None]}, ("ring_yes",), [((1,), (1,)), ((0,), (1,)), NOT_KNOWN]),
    "two classes": (
        {"bar": ["weak", "none at all", "weak"]},
        ("bar_none-at-all",),
        [((0,), (1,)), ((1,), (1,)), ((0,), (1,))],
    ),
    "yes and no": ({"bar": ["no", "yes", None]}, ("bar_yes",), [((0,), (1,)), ((1,), (1,)), NOT_KNOWN]),
    "classes": (
        {"type": ["spiral", "odd one", None, "elliptical", "spiral"]},
        ("type_elliptical", "type_odd-one", "type_spiral"),
        [
            *(((0, 0, 1), (1, 1, 1)), ((0, 1, 0), (1, 1, 1)), ((0, 0, 0), (0, 0, 0))),
            *(((1, 0, 0), (1, 1, 1)), ((0, 0, 1), (1, 1, 1))),
        ],
    ),
    "numbers of classes": (
        {"stage": [10, 2, 0, 2]},
        ("stage_0", "stage_2", "stage_10"),
        [((0, 0, 1), (1,) * 3), ((0, 1, 0), (1,) * 3), ((1, 0, 0), (1,) * 3), ((0, 1, 0), (1,) * 3)],
    ),
    "votes": (
        {"bar_strong": [7, 1, 0], "bar_weak": [2, 1, 0], "bar_no": [1, 8, 0]},
        ("bar_strong", "bar_weak", "bar_no"),
        [((1, 0, 0), (1,) * 3), ((0, 0, 1), (1,) * 3), ((0, 0, 0), (0,) * 3)],
    ),
    "fractions that add up to 1": (
        {"bar_strong_fraction": [0.7, 0.2, None], "bar_no_fraction": [0.3, 0.8, None]},
        ("bar_strong",),
        [((1,), (1,)), ((0,), (1,)), NOT_KNOWN],
    ),
    "one column for each class": (
        {"type_a": [1, 0, 0], "type_b": [0, 1, 0], "type_c": [0, 0, 1]},
        ("type_a", "type_b", "type_c"),
        [((1, 0, 0), (1,) * 3), ((0, 1, 0), (1,) * 3), ((0, 0, 1), (1,) * 3)],
    ),
    "0 and 1 that do not exclude each other": (
        {"ring_inner": [1, 1, 0], "ring_outer": [1, 0, 0]},
        ("ring_inner_yes", "ring_outer_yes"),
        [((1, 1), (1, 1)), ((1, 0), (1, 1)), ((0, 0), (1, 1))],
    ),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", ROWS)
def test_labels_and_mask_worked_out_by_hand(tmp_path: Path, form: str, case: str) -> None:
    columns, names, expected = ROWS[case]
    found = labels_of(catalogue(tmp_path, form, columns), ",".join(columns))
    assert found == (names, expected)


def test_a_boolean_column_is_yes_and_no(tmp_path: Path) -> None:
    path = catalogue(tmp_path, "parquet", {"ring": [True, False, None]})
    assert labels_of(path, "ring") == (("ring_yes",), [((1,), (1,)), ((0,), (1,)), NOT_KNOWN])


def test_votes_stay_votes(tmp_path: Path) -> None:
    path = catalogue(tmp_path, "csv", {"bar_strong": [6, 0], "bar_no": [2, 0]})
    survey = choose_columns(gz2(), [path], OwnColumns(("bar_strong", "bar_no")))
    first, second = read_all([CatalogueFile(path, Split.TRAIN)], survey)
    assert (first.votes.fractions, first.votes.counts, first.votes.totals) == ((0.75, 0.25), (6, 2), (8,))
    assert np.isnan(second.votes.fractions).all()


REFUSED = {
    "no such column": ({"ring": [0, 1]}, "rong", "has no column rong; it has id_str, ring, file_loc"),
    "other numbers": ({"mass": [10.5, 11.25]}, "mass", "The column mass of --labels holds numbers such as 10.5"),
    "negative numbers": ({"mass": [-1, 1]}, "mass", "holds numbers such as -1"),
    "one class": ({"type": ["disk", "disk"]}, "type", "holds 'disk' alone"),
    "a name a row": ({"type": ["a", "b", "c"]}, "type", "holds another value in every row, such as 'a'"),
    "too many classes": ({"type": [f"t{n // 2}" for n in range(300)]}, "type", "more than 100 different values"),
    "nothing": ({"ring": [None, None], "bar": [0, 1]}, "ring,bar", "The column ring has no value in any row"),
    "a long class": ({"type": ["a", "b" * 1001, "b"]}, "type", "has 1,001 letters: 'bbb"),
    "a long column": ({"c" * 1001: [0, 1]}, "c" * 1001, "has 1,001 letters: 'ccc"),
    "no letter": ({"--": [0, 1]}, "--", "cannot be the name of a question"),
    "two of one name": (
        {"a b": [0, 1], "a-b": [0, 1]},
        "a b,a-b",
        "Two columns of --labels would both be the question a-b",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_label_is_refused_in_a_sentence(tmp_path: Path, case: str) -> None:
    columns, wanted, sentence = REFUSED[case]
    with pytest.raises(UsageError) as caught:
        choose_columns(gz2(), [catalogue(tmp_path, "csv", columns)], OwnColumns(read_labels(wanted)))
    assert sentence in str(caught.value)


def test_a_catalogue_without_rows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rings.csv"
    path.write_text("id_str,ring\n")
    with pytest.raises(UsageError, match="has no row; there is nothing to prepare"):
        choose_columns(gz2(), [path], OwnColumns(("ring",)))


TYPES = {
    "dates": dt.date(2026, 1, 1),
    "times": dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    "durations": dt.timedelta(1),
    "lists": [1.0, 2.0],
    "structs": {"yes": 1.0},
}


@pytest.mark.parametrize("case", TYPES)
def test_columns_of_other_types_are_refused_in_a_sentence(tmp_path: Path, case: str) -> None:
    path = catalogue(tmp_path, "parquet", {"ring": [TYPES[case], None]})
    with pytest.raises(UsageError, match=r"The column ring of .* holds values of type .*; expected numbers or text"):
        choose_columns(gz2(), [path], OwnColumns(("ring",)))


@pytest.mark.parametrize("text", ["", "ring,", "ring,ring", ",", " "])
def test_labels_are_names_each_once(text: str) -> None:
    with pytest.raises(UsageError, match="expected names of columns"):
        read_labels(text)


def test_a_class_that_comes_later_rejects_its_galaxy(tmp_path: Path) -> None:
    path = catalogue(tmp_path, "csv", {"type": ["a", "b", "a", "b"]})
    survey = choose_columns(gz2(), [path], OwnColumns(("type",)))
    later = catalogue(tmp_path, "csv", {"type": ["a", "new", "a", "b"]})
    rejected = [galaxy.rejection for galaxy in read_all([CatalogueFile(later, Split.TRAIN)], survey)]
    assert [rejection is None for rejection in rejected] == [True, False, True, True]
    assert rejected[1] is not None
    assert rejected[1].detail == "row 2: column type is 'new'; expected one of a, b"


def test_columns_are_found_by_their_names_or_as_they_are_named(tmp_path: Path) -> None:
    rows = [{"objid": "1", "name": "a", "image_path": "1.png", "copy": "2.png", "ring": value} for value in (0, 1)]
    path = write_rows(tmp_path / "rings.csv", rows)
    found = choose_columns(gz2(), [path], OwnColumns(("ring",)))
    assert (found.name, found.id_column, found.path_column) == ("rings", "objid", "image_path")
    named = choose_columns(gz2(), [path], OwnColumns(("ring",), "name", "copy"))
    assert (named.id_column, named.path_column) == ("name", "copy")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ID_NAMES)
def test_ids_are_read_from_every_column_that_is_taken_for_them(tmp_path: Path, form: str, name: str) -> None:
    columns: dict[str, Column] = {
        name: ["J1.5", "J2"],
        "ra": [1.5, 2.0],
        "file_loc": ["a.png", "b.png"],
        "ring": [0, 1],
    }
    path = tmp_path / f"rings.{form}"
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    pq.write_table(pa.table(columns), path) if form == "parquet" else write_rows(path, rows)
    survey = choose_columns(gz2(), [path], OwnColumns(("ring",)))
    file = CatalogueFile(path, Split.TRAIN)
    galaxies = list(read_all([file], survey))
    assert [galaxy.id for galaxy in galaxies] == read_ids(file, survey) == ["J1.5", "J2"]
    assert [galaxy.extras[:2] for galaxy in galaxies] == [
        (one if name == "iauname" else None, ra) for one, ra in (("J1.5", 1.5), ("J2", 2.0))
    ]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["iauname", "summary", "ra", "subfolder"])
def test_a_column_may_be_two_things_at_once(tmp_path: Path, form: str, name: str) -> None:
    path = catalogue(tmp_path, form, {name: [1, 0, 1]})
    survey = choose_columns(gz2(), [path], OwnColumns((name,)))
    galaxies = list(read_all([CatalogueFile(path, Split.TRAIN)], survey))
    assert [galaxy.votes.fractions[0] for galaxy in galaxies] == [1, 0, 1]


def test_without_labels_every_mask_is_0(tmp_path: Path) -> None:
    path = catalogue(tmp_path, "csv", {"ring": [0, 1]})
    assert labels_of(path, "none") == (("label_yes",), [NOT_KNOWN, NOT_KNOWN])


def test_a_catalogue_of_a_survey_stays_as_it_is(tmp_path: Path) -> None:
    columns = {name: [0.5] for name in gz2().fraction_columns}
    pq.write_table(
        pa.table({"id_str": ["1"], "subfolder": [""], "filename": ["1.png"], **columns}), tmp_path / "a.parquet"
    )
    assert choose_columns(gz2(), [tmp_path / "a.parquet"], OwnColumns()) is gz2()


def test_an_id_that_cannot_be_used_is_told_with_the_name_of_its_column(tmp_path: Path) -> None:
    rows = [{"objid": name, "file": "1.png", "ring": value} for name, value in (("", 0), ("a", 1))]
    path = write_rows(tmp_path / "rings.csv", rows)
    survey = choose_columns(gz2(), [path], OwnColumns(("ring",)))
    first, second = read_all([CatalogueFile(path, Split.TRAIN)], survey)
    assert (first.rejection is None, second.rejection is None) == (False, True)
    assert first.rejection is not None
    assert first.rejection.detail == "row 1: column objid is empty; expected an id"


IMAGES = {
    # columns; names of the files, in the folder of the catalogue; images are in pictures, or where no column says so
    "names of files alone": ({"filename": ["1.jpg", "2.png"]}, ("pictures/1.jpg", "pictures/2.png"), ("1", "2")),
    "names without their endings": (
        {"filename": ["1", "J2.5"]},
        ("pictures/1.jpg", "pictures/J2.5.png"),
        ("1", "J2.5"),
    ),
    "ids alone": ({"id_str": ["J1+0.5", "2"]}, ("pictures/J1+0.5.jpeg", "pictures/2.fits"), ("J1+0.5", "2")),
    "ids and names": (
        {"id_str": ["a", "b"], "filename": ["1.jpg", "2.jpg"]},
        ("pictures/1.jpg", "pictures/2.jpg"),
        ("a", "b"),
    ),
    "paths from the catalogue on": ({"file_loc": ["x/1.jpg", "y/2.JPG"]}, ("x/1.jpg", "y/2.JPG"), ("1", "2")),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("columns", "files", "names"), IMAGES.values(), ids=IMAGES)
def test_ids_and_images_are_found_by_what_there_is(
    tmp_path: Path, form: str, columns: dict[str, Column], files: tuple[str, ...], names: tuple[str, ...]
) -> None:
    table = {**columns, "ring": [1, 0]}
    rows = [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]
    path = tmp_path / f"rings.{form}"
    pq.write_table(pa.table(table), path) if form == "parquet" else write_rows(path, rows)
    for file in files:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(file)
    survey = choose_columns(gz2(), [path], OwnColumns(("ring",)))
    catalogue = CatalogueFile(path, Split.TRAIN)
    galaxies = list(read_all([catalogue], survey))
    images = open_images(tmp_path / "pictures", Recipe(survey=survey), [catalogue])
    assert tuple(galaxy.id for galaxy in galaxies) == tuple(read_ids(catalogue, survey)) == names
    assert [images.open(galaxy).decode() for galaxy in galaxies] == list(files)
    assert ("from" in describe(images)) == ("file_loc" in columns)
    assert row_count(path, survey) == 2


def test_a_catalogue_without_ids_and_paths_says_how_to_name_them(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rings.csv", [{"who": "a", "ring": 1}, {"who": "b", "ring": 0}])
    survey = choose_columns(gz2(), [path], OwnColumns(("ring",)))
    with pytest.raises(GzError, match=r"lacks the column id_str; name the column of ids .* has ring, who"):
        check_columns(path, survey)
