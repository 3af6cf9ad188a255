"""Which columns come along from a catalogue, and how: types without values, names that are taken, odd names."""

import decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gzcore.errors import UsageError
from gztrain.predict.catalogue.columns import columns_of
from gztrain.predict.catalogue.formats import schema_of
from gztrain.predict.catalogue.make import coverage_of, usual_votes
from gztrain.predict.catalogue.rows import _array
from gztrain.predict.catalogue.source import find_images, ids_of, open_source
from tests.gztrain.synthetic import scheme_of

SCHEME = scheme_of("q0")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param(pa.nulls(2), [None, None], id="no values"),
        pytest.param(pa.array([decimal.Decimal("1.5"), None]), [1.5, None], id="decimals"),
        pytest.param(pa.array([1.5, 2.5]), [1.5, 2.5], id="numbers"),
        pytest.param(pa.array(["12:30", None]).dictionary_encode(), ["12:30", ""], id="categories"),
    ],
)
def test_a_position_of_any_type_comes_along(tmp_path: Path, values: pa.Array, expected: list[object]) -> None:
    pq.write_table(pa.table({"id": ["a", "b"], "ra": values}), tmp_path / "c.parquet")
    source = open_source(tmp_path / "c.parquet")
    columns = columns_of(source, SCHEME, doubt=False)
    assert "ra" in schema_of(columns, {}).names
    (part,) = source.parts(10)
    ra = next(column for column in columns if column.name == "ra")
    assert _array(ra, part["ra"].combine_chunks(), 2).to_pylist() == expected


def test_a_column_of_csv_that_begins_empty_is_read_to_its_end(tmp_path: Path) -> None:
    rows = "".join(f"{number:08d},,\n" for number in range(100_000))  # beyond the rows that types are told from
    (tmp_path / "c.csv").write_text(f"id,ra,note\n{rows}last,1.5,seen\n")
    *_, part = open_source(tmp_path / "c.csv", ("note",)).parts(100_000)
    assert part.to_pylist() == [{"id": "last", "ra": 1.5, "note": "seen"}]


def test_a_position_that_no_format_has_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": ["a"], "ra": [[1.0]]}), tmp_path / "c.parquet")
    with pytest.raises(UsageError, match="The column ra: its values are of type list"):
        open_source(tmp_path / "c.parquet")


@pytest.mark.parametrize(
    "name", ["smooth-or-featured-gz2_smooth_fraction", "reason", "id"], ids=["votes", "reason", "another id"]
)
def test_a_kept_column_does_not_vanish_behind_one_of_its_name(tmp_path: Path, name: str) -> None:
    pq.write_table(pa.table({"id_str": ["a"], name: ["mine"]}), tmp_path / "c.parquet")
    with pytest.raises(UsageError, match=f"--keep {name}: the output has a column of this name"):
        columns_of(open_source(tmp_path / "c.parquet", (name,)), SCHEME, doubt=False)


def test_the_id_may_be_kept_where_it_names_the_galaxies(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("id,b\n1,2\n")
    names = [column.name for column in columns_of(open_source(tmp_path / "c.csv", ("id", "b")), SCHEME, doubt=False)]
    assert names[:2] == ["id", "b"]


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", ""], ids=["too long", "a null byte", "empty"])
def test_a_name_that_no_file_can_have_has_no_image(tmp_path: Path, name: str) -> None:
    assert find_images(pa.table({"id": [name]}), [name], tmp_path) == [None]


def test_the_coverage_of_means_is_not_that_of_the_first_model() -> None:
    told = [{"level": 0.9, "coverage": {"held": held, "votes": 40, "galaxies": 8}} for held in (0.9, 0.8)]
    assert coverage_of(told[:1]) == "90 % intervals held 90.0 % of 40 vote fractions of 8 test galaxies."
    assert coverage_of(told).startswith("Intervals are means of those of 2 models; the means were not checked.")
    assert "Model 2: 90 % intervals held 80.0 %" in coverage_of(told)


OF_THE_FIRST = ("_expected-votes", "feature_distance", "picture_distance", "_quantile")


@pytest.mark.parametrize("members", [1, 3])
def test_what_is_of_the_first_model_alone_says_so(tmp_path: Path, members: int) -> None:
    pq.write_table(pa.table({"id": ["a"]}), tmp_path / "c.parquet")
    source = open_source(tmp_path / "c.parquet")
    columns = columns_of(source, SCHEME, doubt=True, picture=True, members=members)
    expected = {column.name for column in columns if column.name.endswith(OF_THE_FIRST)}
    said = {column.name for column in columns if "of the first of the 3 models" in column.description}
    assert said == (set() if members == 1 else expected)
    assert len(expected) == 4 + len(SCHEME.questions)


def test_usual_votes_of_several_models_are_those_of_the_first() -> None:
    assert [usual_votes([votes]) for votes in (44.0, float("nan"))] == ["44", "not known"]
    assert usual_votes([44.0, 30.0]) == "44 (of the first of the 2 models)"


def test_ids_that_became_floats_are_whole_numbers_again_or_refused(tmp_path: Path) -> None:
    """pandas makes floats of whole numbers beside a gap."""
    pq.write_table(pa.table({"id": [12.0, None, float("nan"), 2.5]}), tmp_path / "c.parquet")
    source = open_source(tmp_path / "c.parquet")
    (part,) = source.parts(10)
    assert ids_of(part, source) == ["12", "", "", "2.5"]
    with pytest.raises(UsageError, match="lost their last digits"):
        ids_of(pa.table({"id": [587722981736120347.0]}), source)


FLOATS = {
    "float16": (pa.array([2.0**11 - 1, 2.0**11]).cast(pa.float16()), 2**11 - 1),
    "float32": (pa.array([2.0**24 - 1, 123456789.0]).cast(pa.float32()), 2**24 - 1),
    "float64": (pa.array([2.0**53 - 1, 2.0**53]), 2**53 - 1),
    "float32 in a dictionary": (pa.array([7.0, -123456789.0], pa.float32()).dictionary_encode(), 7),
}
"""An id that its type of floats holds, and one that may have been another number."""


@pytest.mark.parametrize(("values", "held"), FLOATS.values(), ids=FLOATS)
def test_float_ids_are_refused_where_their_own_type_loses_digits(tmp_path: Path, values: pa.Array, held: int) -> None:
    pq.write_table(pa.table({"id": values}), tmp_path / "c.parquet")
    source = open_source(tmp_path / "c.parquet")
    (part,) = source.parts(10)
    assert ids_of(part.slice(0, 1), source) == [str(held)]
    with pytest.raises(UsageError, match="floats, which have lost their last digits; write the column as text"):
        ids_of(part, source)
