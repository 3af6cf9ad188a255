"""A CSV file as tables of text, a block at a time. One line is one row: anything else is refused with its line.

A quote that is not closed would take the lines after it into one value. The lines of each block are therefore counted
and compared with its rows. Only a block where they differ is looked at line by line.
"""

import codecs
import csv
from collections.abc import Container, Iterator, Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.csv

from gzcore.console import brief
from gzcore.errors import GzError
from gzcore.storage.places import Place
from gzprep.catalogue.dialect import Dialect, open_bytes
from gzprep.catalogue.values import show

_BLOCK = 1 << 20
"""Bytes that are parsed at a time."""
_LONGEST = 16 << 20
"""Bytes of a line."""


class Block(NamedTuple):
    """Some rows: their columns as bytes, and the line of each."""

    table: pa.Table
    lines: Sequence[int]


def read_blocks(path: Place, dialect: Dialect, columns: Sequence[str], numeric: Container[str]) -> Iterator[Block]:
    """Yield the rows of a CSV file.

    Args:
        path: the file.
        dialect: how it is written.
        columns: those that are read.
        numeric: columns of numbers; they stay bytes, the others become text.

    Raises:
        GzError: a line is not one row, or text is not UTF-8; the sentence has the number of the line.
    """
    texts = [name for name in columns if name not in numeric]
    line = 1
    for data in _whole_lines(path, dialect.encoding):
        count = data.count(b"\n")
        skipped = max(0, min(count, dialect.before + 1 - line))
        rows = data.split(b"\n", skipped)[-1] if skipped else data
        if rows:
            yield _with_texts(path, _parse(path, dialect, columns, rows, line + skipped), texts)
        line += count


def _with_texts(path: Place, block: Block, names: Sequence[str]) -> Block:
    """Turn the columns of text from bytes into text.

    Raises:
        GzError: they are not UTF-8. Which encoding they are in is not certain.
    """
    table = block.table
    for name in names:
        try:
            table = table.set_column(table.schema.get_field_index(name), name, table[name].cast(pa.string()))
        except pa.ArrowInvalid:
            line, value = _not_utf8(block, name)
            raise GzError(
                f"The catalogue {path} is not UTF-8: line {line} has {name} {show(value.decode('latin-1'))}, if it is "
                "Latin-1; write it in UTF-8, for example with iconv -f LATIN1 -t UTF-8."
            ) from None
    return Block(table, block.lines)


def _not_utf8(block: Block, name: str) -> tuple[int, bytes]:
    """The first line where a column is not UTF-8, and its value."""
    for line, value in zip(block.lines, block.table[name].to_pylist(), strict=True):
        if value.decode(errors="replace").encode() != value:
            return line, value
    raise AssertionError(name)


def _whole_lines(path: Place, encoding: str) -> Iterator[bytes]:
    """Yield the file in pieces of whole lines, in UTF-8, each line ended by a line feed."""
    rest = b""
    for data in _as_utf8(path, encoding):
        held = b"\r" if data.endswith(b"\r") else b""  # a line feed may follow
        text = rest + data[: len(data) - len(held)]
        if b"\r" in text:
            text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        whole, end, rest = text.rpartition(b"\n")
        rest += held
        if end:
            yield whole + end
        if len(rest) > _LONGEST:
            raise GzError(f"The catalogue {path} has a line of over {_LONGEST >> 20} MiB; expected one row a line.")
    if rest.strip(b"\r"):
        yield rest.rstrip(b"\r") + b"\n"


def _as_utf8(path: Place, encoding: str) -> Iterator[bytes]:
    with open_bytes(path) as file:
        if encoding == "utf-8":
            first = file.read(_BLOCK).removeprefix(codecs.BOM_UTF8)
            yield first
            yield from iter(lambda: file.read(_BLOCK), b"")
            return
        decoder = codecs.getincrementaldecoder(encoding)()
        while data := file.read(_BLOCK):
            yield decoder.decode(data).encode()
        yield decoder.decode(b"", final=True).encode()


def _parse(path: Place, dialect: Dialect, columns: Sequence[str], data: bytes, first: int) -> Block:
    """Parse some lines, and make sure that each is one row."""
    count = data.count(b"\n")
    last = data[data.rfind(b"\n", 0, -1) + 1 : -1]
    table = _table(dialect, columns, data) if _fault(dialect, last) is None else None
    if table is not None and table.num_rows == count:
        return Block(table, range(first, first + count))
    kept = list(_checked(path, dialect, data[:-1].split(b"\n"), first))
    lines = [line for line, _ in kept]
    table = _table(dialect, columns, b"".join(text + b"\n" for _, text in kept))
    if table is None or table.num_rows != len(kept):
        raise GzError(f"The catalogue {path} cannot be read as CSV between the lines {first} and {first + count - 1}.")
    return Block(table, lines)


def _table(dialect: Dialect, columns: Sequence[str], data: bytes) -> pa.Table | None:
    """The columns of some lines as bytes; None where a line has another number of values than the header."""
    places = {str(dialect.names.index(name)): pa.binary() for name in columns}
    if not data:
        return pa.table({name: pa.array([], pa.binary()) for name in columns})
    read = pyarrow.csv.ReadOptions(
        use_threads=False, block_size=len(data) + 1, column_names=[str(place) for place in range(len(dialect.names))]
    )
    parse = pyarrow.csv.ParseOptions(delimiter=dialect.separator, newlines_in_values=True)
    convert = pyarrow.csv.ConvertOptions(check_utf8=False, include_columns=list(places), column_types=places)
    try:
        table = pyarrow.csv.read_csv(pa.BufferReader(data), read, parse, convert)
    except pa.ArrowInvalid:
        return None
    return table.rename_columns(list(columns))


def _checked(path: Place, dialect: Dialect, lines: Sequence[bytes], first: int) -> Iterator[tuple[int, bytes]]:
    """Yield each line that is not empty, with its number.

    Raises:
        GzError: a line is not one row.
    """
    for number, line in enumerate(lines, first):
        if _is_blank(dialect, line):
            continue
        fault = _fault(dialect, line)
        if fault is not None:
            raise GzError(f"The catalogue {path} cannot be read as CSV: line {number} {fault}; mend this line.")
        yield number, line


def _is_blank(dialect: Dialect, line: bytes) -> bool:
    return not line.strip(b" " if dialect.separator == "\t" else b" \t")


def _fault(dialect: Dialect, line: bytes) -> str | None:
    """What is wrong with a line, if it is not one row of as many values as the header has."""
    text = line.decode(errors="surrogateescape")
    try:
        rows = list(csv.reader([text], delimiter=dialect.separator, strict=True))
    except csv.Error as error:
        if "unexpected end" in str(error):
            return "has a quote that is not closed, or a value with a line break"
        return f"is no row of values ({brief(error)})"
    wanted, values = len(dialect.names), len(rows[0]) if rows else 0
    if values != wanted and not _is_blank(dialect, line):
        return f"has {values} values where the header has {wanted} (it begins with {show(text[:40])})"
    return None
