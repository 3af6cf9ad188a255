"""CSV files as programs write them: read where the answer is certain, else refused by the name of the cause."""

import codecs
import gzip
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import gzprep.catalogue.csv_file
from gzcore.errors import GzError
from gzprep.catalogue.find import find_catalogues
from gzprep.catalogue.galaxy import Split
from gzprep.catalogue.read import CatalogueFile
from tests.catalogues import (
    FRACTIONS,
    ID,
    Row,
    assert_sentence,
    count_row,
    fraction_row,
    ids_of,
    packed,
    read,
    write_csv,
)
from tests.gz2 import row_count

ROWS = 22
FEW = 8
"""Rows of a file whose dialect is tried; each block of it is parsed by itself."""
Edit = Callable[[list[str]], list[str]]


def row(place: int) -> Row:
    """A row with a number of every kind, and a note at its end."""
    place_of = {"ra": place / 3, "dec": -place / 7, "iauname": f"J{place}"}
    return {**fraction_row(place), **count_row(place), **place_of, "note": "fine"}


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """The galaxies of the plain CSV file."""
    path = write_csv(tmp_path_factory.mktemp("plain") / "plain.csv", map(row, range(FEW)))
    return packed(read(path))


@pytest.fixture
def plain(tmp_path: Path) -> str:
    """The text of a plain CSV file."""
    return text_of(tmp_path, ROWS)


def text_of(folder: Path, rows: int) -> str:
    path = write_csv(folder / "plain.csv", map(row, range(rows)))
    return path.read_bytes().decode().replace("\r\n", "\n")


def twice_quoted(text: str, separator: str = ",") -> str:
    """The same with decimal commas, all values in quotes."""
    lines = [line.split(",") for line in text.splitlines()]
    header, rows = lines[0], lines[1:]
    texts = [at for at, name in enumerate(header) if name in {"id_str", "subfolder", "filename", "iauname"}]
    quoted = [
        [f'"{value if at in texts else value.replace(".", ",")}"' for at, value in enumerate(values)] for values in rows
    ]
    return "\n".join([separator.join(header), *(separator.join(values) for values in quoted)]) + "\n"


def all_quoted(text: str) -> bytes:
    lines = [",".join(f'"{value}"' for value in line.split(",")) for line in text.splitlines()]
    return ("\n".join(lines) + "\n").encode()


def in_two_parts(text: str) -> bytes:
    return gzip.compress(text[:999].encode()) + gzip.compress(text[999:].encode())


def doubled(text: str) -> str:
    return text.replace("\n", "\n\n")


READ: dict[str, tuple[str, Callable[[str], bytes]]] = {
    "semicolon": ("c.csv", lambda text: text.replace(",", ";").encode()),
    "tab": ("c.csv", lambda text: text.replace(",", "\t").encode()),
    "tab, .tsv": ("c.tsv", lambda text: text.replace(",", "\t").encode()),
    "bar": ("c.csv", lambda text: text.replace(",", "|").encode()),
    "decimal comma": ("c.csv", lambda text: twice_quoted(text, ";").replace('"', "").encode()),
    "decimal comma and tab": ("c.csv", lambda text: twice_quoted(text, "\t").replace('"', "").encode()),
    "decimal comma in quotes": ("c.csv", lambda text: twice_quoted(text).encode()),
    "all in quotes": ("c.csv", all_quoted),
    "UTF-8 with a mark": ("c.csv", lambda text: codecs.BOM_UTF8 + text.encode()),
    "UTF-16": ("c.csv", lambda text: text.encode("utf-16")),
    "UTF-16, big end first": ("c.csv", lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be")),
    "UTF-16 without a mark": ("c.csv", lambda text: text.encode("utf-16-le")),
    "UTF-16, big end first, without a mark": ("c.csv", lambda text: text.encode("utf-16-be")),
    "UTF-16 and tab": ("c.csv", lambda text: text.replace(",", "\t").encode("utf-16")),
    "UTF-32": ("c.csv", lambda text: text.encode("utf-32")),
    "Windows line ends": ("c.csv", lambda text: text.replace("\n", "\r\n").encode()),
    "old Mac line ends": ("c.csv", lambda text: text.replace("\n", "\r").encode()),
    "mixed line ends": ("c.csv", lambda text: text.replace("\n", "\r\n", 5).encode()),
    "no line end at the end": ("c.csv", lambda text: text.rstrip("\n").encode()),
    "empty lines at the end": ("c.csv", lambda text: (text + "\n\r\n  \n").encode()),
    "empty lines between": ("c.csv", lambda text: doubled(text).encode()),
    "empty lines before": ("c.csv", lambda text: ("\n\n" + text).encode()),
    "comments": ("c.csv", lambda text: ("# from TOPCAT\n# id_str is the name\n" + text).encode()),
    "header in a comment": ("c.csv", lambda text: ("# made by a script\n# " + text).encode()),
    "header with a hash": ("c.csv", lambda text: ("#" + text).encode()),
    "separator named": ("c.csv", lambda text: ("sep=;\n" + text.replace(",", ";")).encode()),
    "capital letters": ("c.CSV", lambda text: text.encode()),
    "gzip": ("c.csv.gz", lambda text: gzip.compress(text.encode())),
    "gzip under another name": ("c.csv", lambda text: gzip.compress(text.encode())),
    "gzip in two parts": ("c.csv.gz", in_two_parts),
    "gzip and UTF-16": ("c.csv.gz", lambda text: gzip.compress(text.encode("utf-16"))),
    "blanks in the header": ("c.csv", lambda text: text.replace("id_str,", " id_str ,", 1).encode()),
    "Latin-1 in a column that is not read": ("c.csv", lambda text: text.replace(",fine", ",größe").encode("latin-1")),
    "Latin-1 in a header that is not read": ("c.csv", lambda text: text.replace(",note", ",größe").encode("latin-1")),
    "UTF-8 in a column that is not read": ("c.csv", lambda text: text.replace(",fine", ",größe ☃").encode()),
    "separator in quotes": ("c.csv", lambda text: text.replace(",fine", ',"near, but faint"').encode()),
    "quotes in quotes": ("c.csv", lambda text: text.replace(",fine", ',"the ""eye"""').encode()),
    "a quote within a value": ("c.csv", lambda text: text.replace(",fine", ',a 5" disk').encode()),
}  # fmt: skip


@pytest.mark.parametrize("block", [1 << 20, 700, 64], ids=["one block", "small blocks", "blocks within lines"])
@pytest.mark.parametrize(("name", "make"), READ.values(), ids=READ)
def test_the_dialect_changes_nothing(
    tmp_path: Path,
    expected: list[bytes],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    make: Callable[[str], bytes],
    block: int,
) -> None:
    monkeypatch.setattr(gzprep.catalogue.csv_file, "_BLOCK", block)
    path = tmp_path / name
    path.write_bytes(make(text_of(tmp_path, FEW)))
    assert packed(read(path)) == expected
    assert row_count(path) == FEW
    assert ids_of(path) == [str(ID + place) for place in range(FEW)]


def changed(line: int, old: str, new: str) -> Edit:
    """Change a line; the header is line 1."""
    return lambda lines: [text.replace(old, new) if at == line else text for at, text in enumerate(lines, 1)]


def both(*edits: Edit) -> Edit:
    def edit(lines: list[str]) -> list[str]:
        for one_edit in edits:
            lines = one_edit(lines)
        return lines

    return edit


BROKEN: dict[str, tuple[Edit, int, str]] = {
    "an open quote at the end": (changed(11, ",fine", ',"near a star'), 11, "quote that is not closed"),
    "an open quote in the middle": (changed(11, f"{ID + 9}.jpg", f'"{ID + 9}.jpg'), 11, "quote that is not closed"),
    "an open quote in the id": (changed(11, f"{ID + 9},", f'"{ID + 9},'), 11, "quote that is not closed"),
    "an open quote in the last row": (changed(ROWS + 1, ",fine", ',"near'), ROWS + 1, "quote that is not closed"),
    "two open quotes": (both(changed(11, ",fine", ',"near'), changed(20, ",fine", ',"far')), 11, "not closed"),
    "two open quotes that make one value": (
        both(changed(11, ",fine", ',"near'), changed(20, ",fine", ',far"')),
        11,
        "not closed",
    ),
    "a value with a line break": (changed(11, ",fine", ',"near\na star"'), 11, "a value with a line break"),
    "a value with a bare line break": (changed(11, ",fine", ",near\na star"), 12, "has 1 values where the header has"),
    "a value with a carriage return": (changed(11, ",fine", ",near\ra star"), 12, "has 1 values"),
    "a value too many": (changed(11, ",fine", ",fine,fine"), 11, "values where the header has"),
    "a value too few": (changed(11, ",fine", ""), 11, "values where the header has"),
    "a row cut off": (lambda lines: [*lines[:-1], lines[-1][:30]], ROWS + 1, "values where the header has"),
    "a separator within a value": (changed(11, ",fine", ",near, a star"), 11, "values where the header has"),
    "a comment between rows": (lambda lines: [*lines[:10], "# half", *lines[10:]], 11, "has 1 values"),
    "a second header of another table": (lambda lines: [*lines[:10], "a,b,c", *lines[10:]], 11, "has 3 values"),
}


@pytest.mark.parametrize("block", [1 << 20, 3000], ids=["one block", "small blocks"])
@pytest.mark.parametrize("form", ["plain", "utf-16", "gzip", "comments"])
@pytest.mark.parametrize(("edit", "line", "told"), BROKEN.values(), ids=BROKEN)
def test_a_broken_line_is_refused_with_its_number(
    tmp_path: Path, plain: str, monkeypatch: pytest.MonkeyPatch, edit: Edit, line: int, told: str, form: str, block: int
) -> None:
    monkeypatch.setattr(gzprep.catalogue.csv_file, "_BLOCK", block)
    text = "\n".join(edit(plain.splitlines())) + "\n"
    data = {
        "plain": text.encode(),
        "utf-16": text.encode("utf-16"),
        "gzip": gzip.compress(text.encode()),
        "comments": ("# one\n# two\n" + text).encode(),
    }[form]
    path = tmp_path / "broken.csv"
    path.write_bytes(data)
    for step in (row_count, read):
        with pytest.raises(GzError) as caught:
            step(path)
        assert_sentence(caught.value, str(path), f"line {line + 2 * (form == 'comments')} ", told)
        assert str(caught.value).isprintable()


TWICE = ["id_str", "subfolder", "filename", "ra", "iauname", FRACTIONS[0], FRACTIONS[-1]]


@pytest.mark.parametrize("name", TWICE)
@pytest.mark.parametrize("form", ["csv", "blanks", "parquet"])
def test_a_column_that_is_there_twice_is_refused(tmp_path: Path, plain: str, name: str, form: str) -> None:
    path = tmp_path / ("twice.parquet" if form == "parquet" else "twice.csv")
    if form == "parquet":
        import pyarrow as pa

        table = pa.Table.from_pylist([row(place) for place in range(3)])
        pq.write_table(table.append_column(name, pa.array([0.0] * 3)), path)
    else:
        lines = plain.splitlines()
        added = f"{lines[0]},{' ' if form == 'blanks' else ''}{name}"
        path.write_text("\n".join([added, *(f"{line},0" for line in lines[1:])]))
    for step in (read, ids_of) if name == "id_str" else (read,):
        with pytest.raises(GzError) as caught:
            step(path)
        assert_sentence(caught.value, f"the column {name} 2 times")


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_column_that_is_not_read_may_be_there_twice(tmp_path: Path, plain: str, form: str) -> None:
    expected = packed(read(tmp_path / "plain.csv"))
    path = tmp_path / f"twice.{form}"
    if form == "parquet":
        import pyarrow as pa

        table = pa.Table.from_pylist([row(place) for place in range(ROWS)])
        pq.write_table(table.append_column("note", pa.array([0.0] * ROWS)), path)
    else:
        lines = plain.splitlines()
        path.write_text("\n".join([f"{lines[0]},note", *(f"{line},0" for line in lines[1:])]))
    assert packed(read(path)) == expected


OTHER_FILES = {
    "blanks between columns": (lambda text: text.replace(",", " ").encode(), "separated by blanks"),
    "colons": (lambda text: text.replace(",", ":").encode(), "separated by ':'"),
    "carets": (lambda text: text.replace(",", "^").encode(), "separated by '^'"),
    "quotes of another kind": (lambda text: text.replace("id_str", "'id_str'", 1).encode(), "lacks the column id_str"),
    "no header": (lambda text: text.split("\n", 1)[1].encode(), "lacks the columns id_str"),
    "empty": (lambda _: b"", "is empty"),
    "a mark and nothing more": (lambda _: codecs.BOM_UTF8, "is empty"),
    "blank lines": (lambda _: b"\n\n \n", "is empty"),
    "Excel": (lambda _: b"PK\x03\x04" + bytes(99), "zip or Excel file; save the table as CSV"),
    "old Excel": (lambda _: b"\xd0\xcf\x11\xe0" + bytes(99), "Excel file; save the table as CSV"),
    "FITS": (lambda _: b"SIMPLE  =                    T", "FITS file"),
    "VOTable": (lambda _: b"<?xml version='1.0'?>\n<VOTABLE/>", "XML"),
    "HDF5": (lambda _: b"\x89HDF\r\n\x1a\n", "HDF5"),
    "parquet": (lambda _: b"PAR1" + bytes(99), "a parquet file; name it .parquet"),
    "bzip2": (lambda _: b"BZh91AY", "bzip2"),
    "gzip cut off": (lambda text: gzip.compress(text.encode())[:-30], "cannot be read as CSV"),
    "gzip damaged": (lambda text: gzip.compress(text.encode())[:99] + bytes(99), "cannot be read as CSV"),
    "UTF-16 cut off": (lambda text: text.encode("utf-16")[:-1], "cannot be read as CSV"),
}


@pytest.mark.parametrize(("make", "told"), OTHER_FILES.values(), ids=OTHER_FILES)
def test_other_files_are_refused_by_their_kind(
    tmp_path: Path, plain: str, make: Callable[[str], bytes], told: str
) -> None:
    path = tmp_path / "other.csv"
    path.write_bytes(make(plain))
    with pytest.raises(GzError) as caught:
        read(path)
    assert_sentence(caught.value, str(path), told)


@pytest.mark.parametrize("old", ["J7", f"{ID + 7}.jpg", f"{ID + 7},"], ids=["name", "file", "id"])
def test_latin_1_in_text_that_is_read_is_refused_with_its_line(tmp_path: Path, plain: str, old: str) -> None:
    path = tmp_path / "latin.csv"
    path.write_bytes(plain.replace(old, f"ö{old}", 1).encode("latin-1"))
    with pytest.raises(GzError) as caught:
        read(path)
    assert_sentence(caught.value, str(path), "line 9 ", "not UTF-8", "Latin-1", "iconv -f LATIN1 -t UTF-8")


def test_latin_1_in_a_number_rejects_its_galaxy(tmp_path: Path, plain: str) -> None:
    path = tmp_path / "latin.csv"
    path.write_bytes(plain.replace(",J7,", ",J7,", 1).replace(f",{7 / 3},", ",2°,", 1).encode("latin-1"))
    galaxies = read(path)
    assert [galaxy.id for galaxy in galaxies if galaxy.rejection] == [str(ID + 7)]


def test_points_among_decimal_commas_reject_their_galaxy(tmp_path: Path, plain: str) -> None:
    path = tmp_path / "mixed.csv"
    path.write_text(twice_quoted(plain, ";").replace(f'"{7 / 3}"'.replace(".", ","), '"2.5"'))
    galaxies = read(path)
    details = [galaxy.rejection.detail for galaxy in galaxies if galaxy.rejection]
    assert details == ["row 8: column ra is '2.5'; expected a number from 0 to 360"]


@pytest.mark.parametrize("name", ["gz2_train_catalog.CSV", "gz2_train_catalog.csv.gz", "gz2_train_catalog.PARQUET"])
def test_catalogues_are_found_under_all_names_that_are_read(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    assert find_catalogues(tmp_path) == (CatalogueFile(tmp_path / name, Split.TRAIN),)
