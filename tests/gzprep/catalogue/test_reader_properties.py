"""Whatever the bytes, a catalogue gives galaxies or one sentence; and a table gives the same as CSV and as parquet."""

import codecs
import gzip
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gzcore.errors import GzError
from gzprep.catalogue.galaxy import Galaxy, pack
from tests.catalogues import (
    COUNTS,
    FRACTIONS,
    TOTALS,
    Row,
    count_row,
    fraction_row,
    ids_of,
    read,
    write_csv,
    write_parquet,
)
from tests.gz2 import row_count

pytestmark = pytest.mark.slow

checked = settings(
    deadline=None, derandomize=True, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
HEADER = ",".join({**fraction_row(), "ra": 0, "summary": ""}).encode()
ROW = ",".join(str(value or "") for value in {**fraction_row(), "ra": 12.5, "summary": "smooth"}.values()).encode()
PLAIN = b"\n".join([HEADER, ROW, ROW.replace(b"587722", b"587723"), b""])


def read_or_refuse(path: Path) -> list[Galaxy] | None:
    """Everything a run does with a catalogue; None where it is refused in one sentence."""
    sentence = ""
    try:
        count = row_count(path)
        galaxies = read(path)
    except GzError as error:
        sentence = str(error)
    if sentence:
        assert sentence.isprintable()
        assert sentence.endswith(".")
        return None
    assert len(galaxies) == count
    assert ids_of(path) == [galaxy.id for galaxy in galaxies]
    for galaxy in galaxies:
        assert_usable(galaxy)
    return galaxies


def assert_usable(galaxy: Galaxy) -> None:
    """A galaxy that was not rejected has numbers within their limits."""
    assert galaxy.id.isprintable()
    assert len(galaxy.id) <= 100
    votes = galaxy.votes
    assert not any(math.isinf(value) for value in (*votes.fractions, *votes.counts, *votes.totals))
    assert all(math.isnan(value) or value >= 0 for value in (*votes.counts, *votes.totals))
    assert galaxy.rejection is None or galaxy.rejection.detail.isprintable()


ENCODE: dict[str, Callable[[bytes], bytes]] = {
    "as it is": bytes,
    "gzip": gzip.compress,
    "with a mark": lambda data: codecs.BOM_UTF8 + data,
    "UTF-16": lambda data: data.decode("latin-1").encode("utf-16"),
}


@checked
@given(data=st.binary(max_size=300), encode=st.sampled_from(list(ENCODE)))
def test_any_bytes_give_galaxies_or_a_sentence(tmp_path: Path, data: bytes, encode: str) -> None:
    path = tmp_path / "any.csv"
    path.write_bytes(ENCODE[encode](data))
    read_or_refuse(path)


PIECES = st.one_of(
    st.sampled_from([b'"', b'""', b",", b";", b"\t", b"\r", b"\n", b"\0", b"#", b"\xff", b"\xfe\xff", b"--", b"inf"]),
    st.sampled_from([b"-1", b"1e300", b"5.877e+17", b"68.0", "é☃".encode(), "\u00a0\u200b".encode(), HEADER, ROW]),
    st.binary(max_size=5),
)
CHANGES = st.lists(st.tuples(st.integers(0, len(PLAIN)), st.integers(0, 60), PIECES), max_size=4)


@checked
@given(changes=CHANGES, encode=st.sampled_from(list(ENCODE)))
def test_a_damaged_catalogue_gives_galaxies_or_a_sentence(
    tmp_path: Path, changes: list[tuple[int, int, bytes]], encode: str
) -> None:
    data = PLAIN
    for start, cut, piece in changes:
        data = data[:start] + piece + data[start + cut :]
    path = tmp_path / "damaged.csv"
    path.write_bytes(ENCODE[encode](data))
    read_or_refuse(path)


@checked
@given(changes=st.lists(st.tuples(st.integers(0, 20_000), PIECES), min_size=1, max_size=3))
def test_a_damaged_parquet_gives_galaxies_or_a_sentence(tmp_path: Path, changes: list[tuple[int, bytes]]) -> None:
    path = write_parquet(tmp_path / "damaged.parquet", [fraction_row(place) for place in range(3)])
    data = bytearray(path.read_bytes())
    for start, piece in changes:
        data[start % len(data) : start % len(data) + len(piece)] = piece
    path.write_bytes(bytes(data))
    try:
        read_or_refuse(path)
    except AssertionError:
        pytest.fail("a damaged file gave galaxies that cannot be used")


NUMBERS = st.one_of(
    st.none(),
    st.integers(-2, 50),
    st.floats(0, 1),
    st.sampled_from([-1.0, 1.2, 1e300, -1e300, 9.99e8, math.inf, -math.inf, math.nan, 5e-324, 0.1 + 0.2]),
)
NUMBER_TEXTS = st.one_of(
    st.none(), st.sampled_from(["", "12h", "--", "inf", "-1", " 0.5", "0.5\u00a0", "1_0", "NaN", "N/A", "+1", "1e-3"])
)
WORDS = st.one_of(
    st.none(),
    st.sampled_from(["smooth", "NA", "nan", "", "J0001+00", "a,b", 'a "b" c', "é☃", " x "]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), max_size=10),
)
IDS = st.one_of(
    WORDS,
    st.integers(0, 10**18).map(str),
    st.sampled_from(["68", "68.0", " 68", "\u200b68", "1" * 101, "5.877e+17", "J000411.19+020924.0", "6\t8"]),
)
COLUMNS: dict[str, st.SearchStrategy[Any]] = {
    "id_str": IDS,
    "filename": WORDS,
    "iauname": WORDS,
    "ra": NUMBERS.map(lambda value: None if value is None else float(value)),
    "dec": NUMBER_TEXTS,
    FRACTIONS[0]: NUMBERS.map(lambda value: None if value is None else float(value)),
    FRACTIONS[1]: NUMBER_TEXTS,
    COUNTS[0]: NUMBERS.map(lambda value: None if value is None else float(value)),
    COUNTS[5]: st.one_of(st.none(), st.integers(-2, 2**62)),
    TOTALS[0]: NUMBER_TEXTS,
}


@st.composite
def tables(draw: st.DrawFn) -> list[Row]:
    """Tables in which some columns have odd values, each column of one type."""
    chosen = draw(st.sets(st.sampled_from(list(COLUMNS)), min_size=1, max_size=4))
    base = {"iauname": "J", "ra": 1.0, "dec": "2.5", TOTALS[0]: "6"}
    odd = draw(
        st.lists(st.fixed_dictionaries({name: COLUMNS[name] for name in sorted(chosen)}), min_size=1, max_size=6)
    )
    plain = [{**count_row(place), **fraction_row(place), **base} for place in range(len(odd))]
    for row in plain:
        row |= {FRACTIONS[1]: "0.25", COUNTS[0]: float(row[COUNTS[0]])}
    return [{**row, **values} for row, values in zip(plain, odd, strict=True)]


@settings(checked, max_examples=75)  # a table of many columns, written and read twice
@given(rows=tables())
def test_csv_and_parquet_give_the_same_galaxies_and_rejects(tmp_path: Path, rows: list[Row]) -> None:
    from_csv = read_or_refuse(write_csv(tmp_path / "same.csv", rows))
    from_parquet = read_or_refuse(write_parquet(tmp_path / "same.parquet", rows))
    assert (from_csv is None) == (from_parquet is None)
    assert list(map(pack, from_csv or [])) == list(map(pack, from_parquet or []))
