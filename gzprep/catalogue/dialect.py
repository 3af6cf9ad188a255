"""How a CSV file is written: compression, encoding, comments, separator and decimal mark.

What is certain is used without a question: the header must contain ``id_str`` under exactly this separator. What is not
certain is refused in a sentence that names what was found.
"""

import codecs
import csv
import gzip
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, cast

from gzcore.errors import GzError
from gzcore.storage.places import Place
from gzprep.catalogue.values import show, trim

ID = "id_str"
_HEAD = 256 << 10
"""Bytes that are looked at; a header must end among them."""
_SAMPLE = 200
"""Rows that show the decimal mark."""
_SEPARATORS = (",", ";", "\t", "|")
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8"),
)
_OTHERS = {
    b"PAR1": "a parquet file; name it .parquet",
    b"PK\x03\x04": "a zip or Excel file; save the table as CSV",
    b"\xd0\xcf\x11\xe0": "an Excel file; save the table as CSV",
    b"SIMPLE  =": "a FITS file; save the table as CSV or parquet",
    b"<": "XML, such as a VOTable; save the table as CSV or parquet",
    b"\x89HDF": "an HDF5 file; save the table as CSV or parquet",
    b"ARROW1": "an Arrow file; save the table as parquet",
    b"\x89PNG": "a PNG image; name a table",
    b"\xff\xd8\xff": "a JPEG image; name a table",
    b"BZh": "compressed with bzip2; unpack it, or compress it with gzip",
    b"\xfd7zXZ": "compressed with xz; unpack it, or compress it with gzip",
    b"\x28\xb5\x2f\xfd": "compressed with zstd; unpack it, or compress it with gzip",
}
"""First bytes of files that are no CSV, and what to do."""
_COMMA = re.compile(r"[+-]?\d*,\d+", re.ASCII)
_POINT = re.compile(r"[+-]?\d*\.\d+", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+", re.ASCII)
LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one CSV file is written.

    Attributes:
        encoding: of the text.
        separator: between values.
        names: of the columns, without blanks at their ends.
        before: lines up to the header, it included.
        comma: numbers are written with a decimal comma.
    """

    encoding: str
    separator: str
    names: tuple[str, ...]
    before: int
    comma: bool


@contextmanager
def open_bytes(path: Place) -> Iterator[BinaryIO]:
    """Open a file, and unpack it where it is compressed with gzip, whatever its name."""
    with path.open("rb") as file:
        magic = file.read(2)
        file.seek(0)
        if magic != b"\x1f\x8b":
            yield file
            return
        with gzip.GzipFile(fileobj=file) as unpacked:
            yield cast("BinaryIO", unpacked)


def find_dialect(path: Place, numeric: Iterable[str]) -> Dialect:
    """Find out how a CSV file is written.

    Args:
        path: the file.
        numeric: columns that hold numbers.

    Raises:
        GzError: it is empty or no CSV, or its separator is not supported.
    """
    with open_bytes(path) as file:
        head = file.read(_HEAD)
    _refuse_others(path, head)
    encoding = _encoding(head)
    lines = LINE_END.split(head.decode(encoding, errors="replace").removeprefix("\ufeff"))
    if len(head) == _HEAD and len(lines) > 1:
        lines.pop()  # cut off
    header, at, hint = _header(lines)
    separator = _separator(path, header, hint)
    names = tuple(map(trim, split(header, separator)))
    places = [names.index(name) for name in numeric if name in names]
    rows = [split(line, separator) for line in lines[at + 1 : at + 1 + _SAMPLE]]
    return Dialect(encoding, separator, names, at + 1, _has_comma(rows, places))


def _refuse_others(path: Place, head: bytes) -> None:
    kinds = [kind for magic, kind in _OTHERS.items() if head.lstrip(b"\xef\xbb\xbf \r\n").startswith(magic)]
    if kinds:
        raise GzError(f"The catalogue {path} is not CSV but {kinds[0]}.")
    if not head.strip(b"\xef\xbb\xbf \r\n\t"):
        raise GzError(f"The catalogue {path} is empty; expected CSV with a header line.")


def _encoding(head: bytes) -> str:
    """The encoding by the mark at the beginning, or by the zero bytes of UTF-16."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    start = head[:4096]
    if start[1::2].count(0) * 10 > len(start) * 4:
        return "utf-16-le"
    return "utf-16-be" if start[::2].count(0) * 10 > len(start) * 4 else "utf-8"


def _header(lines: Sequence[str]) -> tuple[str, int, str]:
    """The header line, its place, and the separator that a line such as ``sep=;`` names."""
    hint, comment = "", ("", -1)
    for place, line in enumerate(lines):
        if re.fullmatch(r"sep=.", line):
            hint = line[-1]
        elif line.startswith("#"):
            comment = (line.lstrip("# "), place) if ID in line else comment
        elif line.strip():
            return (*comment, hint) if ID not in line and comment[1] >= 0 else (line, place, hint)
    return (*comment, hint) if comment[1] >= 0 else ("", len(lines) - 1, hint)


def _separator(path: Place, header: str, hint: str) -> str:
    """The separator under which the header has a column ``id_str``; the comma where there is none.

    Raises:
        GzError: the columns are separated by blanks.
    """
    columns = {sep: [trim(name) for name in split(header, sep)] for sep in (*_SEPARATORS, *hint)}
    fitting = [sep for sep, names in columns.items() if ID in names]
    if fitting:
        return str(max(fitting, key=lambda sep: len(columns[sep])))
    if ID in header.split():
        raise GzError(
            f"The catalogue {path} has its columns separated by blanks; "
            "expected a comma, a semicolon, a tab or a bar: write it again with one of them."
        )
    odd = re.search(rf"\b{ID}[\"']?([^\w\s\"'.-])", header)
    if odd and odd[1] not in _SEPARATORS:
        raise GzError(
            f"The catalogue {path} has its columns separated by {show(odd[1])}; "
            "expected a comma, a semicolon, a tab or a bar: write it again with one of them."
        )
    return str(max(_SEPARATORS, key=lambda sep: len(columns[sep])))


def split(line: str, separator: str) -> list[str]:
    """The values of one line; a line that is no proper CSV is split at each separator."""
    try:
        return next(csv.reader([line], delimiter=separator, strict=True), [])
    except csv.Error:
        return line.split(separator)


def _has_comma(rows: Iterable[Sequence[str]], places: Sequence[int]) -> bool:
    """Tell whether most numbers with decimals have a comma. ``1,234`` may be a thousand: it shows nothing."""
    values = [trim(row[place]) for row in rows for place in places if place < len(row)]
    commas = sum(bool(_COMMA.fullmatch(value)) and not _THOUSANDS.fullmatch(value) for value in values)
    return commas > sum(bool(_POINT.fullmatch(value)) for value in values)
