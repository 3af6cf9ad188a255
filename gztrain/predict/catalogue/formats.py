"""The formats of the catalogue: parquet as it is made, and CSV, FITS and VOTable that are written from it at the end.

Units, UCDs and descriptions go where each format has a place for them. CSV has none, so they stand in a file beside it,
``NAME.csv-metadata.json``, as the W3C proposes (CSV on the Web).
"""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from gzcore.console import printable
from gzcore.errors import GzError, UsageError
from gzcore.storage.atomic import appearing, beside, json_bytes, write_output, writing
from gztrain.predict.catalogue.columns import Column, votable_header

_FITS_BLOCK = 2880
"""Bytes that the length of a part of a FITS file is a multiple of (FITS standard 4.0, section 3.1)."""
KEY = b"gztrain.catalogue"
"""Where a parquet file says what it was made of."""
Told = Mapping[str, str]
"""What the catalogue was made of: words of at most eight capitals, as FITS wants them, and their values."""
Writer = Callable[[Path, Path, Sequence[Column], Told], None]


def check_format(path: Path) -> None:
    """Refuse a name that no format has, and a format whose library is not there.

    Raises:
        UsageError: there is no such format.
        GzError: astropy is not installed.
    """
    ending = path.suffix.lower()
    if ending not in WRITERS:
        raise UsageError(f"--out {path.name}: the name must end in {', '.join(WRITERS)}; it says the format.")
    if ending in (".fits", ".vot") and find_spec("astropy") is None:
        raise GzError(f"{ending} is written by astropy; install it with: pip install 'gzprep[fits]'.")


def schema_of(columns: Sequence[Column], told: Told) -> pa.Schema:
    """The schema of the parquet file, with all that is told."""
    metadata = {
        KEY: json.dumps(dict(told)).encode(),
        b"IVOA.VOTable-Parquet.version": b"1.0",
        b"IVOA.VOTable-Parquet.content": votable_header(columns, dict(told)),
    }
    return pa.schema([column.field() for column in columns], metadata)


def convert(parquet: Path, out: Path, columns: Sequence[Column], told: Told) -> None:
    """Write the rows of a parquet file in the format that a name asks for; the file appears whole or not at all.

    Raises:
        GzError: it cannot be written.
    """
    with writing(out.parent):
        WRITERS[out.suffix.lower()](parquet, out, columns, told)


def _copy(parquet: Path, out: Path, columns: Sequence[Column], told: Told) -> None:  # noqa: ARG001 -- one of several
    with parquet.open("rb") as source, appearing(out) as file:
        shutil.copyfileobj(source, file)


def _write_csv(parquet: Path, out: Path, columns: Sequence[Column], told: Told) -> None:
    described = [
        {
            "titles": column.name,
            "datatype": _CSV_TYPES.get(column.kind, "integer"),
            "dc:description": column.description,
            "unit": column.unit,
            "ucd": column.ucd,
        }
        for column in columns
    ]
    table = {"@context": "http://www.w3.org/ns/csvw", "url": out.name, "notes": [dict(told)]}
    with pq.ParquetFile(parquet) as rows, appearing(out) as file, pc.CSVWriter(file, rows.schema_arrow) as writer:
        for batch in rows.iter_batches():
            writer.write_batch(batch)
    document = {**table, "tableSchema": {"columns": described}}
    write_output(out.with_name(f"{out.name}-metadata.json"), json_bytes(document))


_CSV_TYPES = {
    pa.string(): "string",
    pa.bool_(): "boolean",
    pa.float16(): "float",
    pa.float32(): "float",
    pa.float64(): "double",
}


def _write_fits(parquet: Path, out: Path, columns: Sequence[Column], told: Told) -> None:
    """A binary table, written part by part, so that memory does not grow with the rows."""
    from astropy.io import fits

    columns = _portable(columns)
    with pq.ParquetFile(parquet) as rows, appearing(out) as file:
        kinds = [_FitsKind.of(column, rows) for column in columns]
        made = [kind.column(column, fits) for column, kind in zip(columns, kinds, strict=True)]
        hdu = fits.BinTableHDU.from_columns(made, name="VOTES", nrows=0)
        hdu.header["NAXIS2"] = rows.metadata.num_rows
        _describe(hdu.header, columns, told)
        file.write(fits.PrimaryHDU().header.tostring().encode("ascii"))
        file.write(hdu.header.tostring().encode("ascii"))
        record = np.dtype([(column.name, kind.dtype) for column, kind in zip(columns, kinds, strict=True)])
        written = sum(file.write(_records(batch, columns, kinds, record)) for batch in rows.iter_batches())
        file.write(bytes(-written % _FITS_BLOCK))


_PORTABLE = {
    pa.int8(): pa.int16(),
    pa.uint16(): pa.int32(),
    pa.uint32(): pa.int64(),
    pa.uint64(): pa.string(),
    pa.float16(): pa.float32(),
}
"""Types that FITS or VOTable lack, and what stands for them; no signed number holds all of uint64, so digits do."""


def _portable(columns: Sequence[Column]) -> list[Column]:
    return [replace(column, kind=_PORTABLE.get(column.kind, column.kind)) for column in columns]


def _describe(header: Any, columns: Sequence[Column], told: Told) -> None:  # noqa: ANN401 -- astropy
    """Write descriptions, UCDs and what is told into the header of a table."""
    for place, column in enumerate(columns, 1):
        header[f"TCOMM{place}"] = _plain(column.description)
        if column.ucd:
            header[f"TUCD{place}"] = column.ucd
    for name, text in told.items():
        header[name] = _plain(text)


@dataclass(frozen=True)
class _FitsKind:
    """How the values of a column stand in a binary table: their letter, numpy type, and what stands for no value."""

    letter: str
    dtype: str
    null: int | None = None

    @classmethod
    def of(cls, column: Column, rows: pq.ParquetFile) -> "_FitsKind":
        """The kind of a column; texts are read once, for the longest decides the width of all."""
        if column.kind == pa.string():
            batches = rows.iter_batches(columns=[column.name])
            texts = (batch.column(0).cast(column.kind).to_pylist() for batch in batches)
            width = max((len(_ascii(text or "")) for part in texts for text in part), default=1)
            return cls(f"{max(width, 1)}A", f"S{max(width, 1)}")
        if pa.types.is_floating(column.kind):
            return cls("D", ">f8") if column.kind == pa.float64() else cls("E", ">f4")
        return cls("B", "u1", 255) if pa.types.is_boolean(column.kind) else cls("K", ">i8", np.iinfo(np.int64).min)

    def column(self, column: Column, fits: Any) -> Any:  # noqa: ANN401 -- astropy
        """The column, without rows."""
        name, unit = _plain(column.name), _plain(column.unit) or None
        return fits.Column(name, self.letter, unit, self.null, array=np.empty(0, self.dtype))


def _records(batch: pa.RecordBatch, columns: Sequence[Column], kinds: Sequence[_FitsKind], record: Any) -> bytes:  # noqa: ANN401 -- a dtype
    """Rows as they stand in the file."""
    made = np.zeros(len(batch), record)
    for column, kind in zip(columns, kinds, strict=True):
        values = batch.column(column.name).cast(column.kind)
        if column.kind == pa.string():
            made[column.name] = [_ascii(text or "").encode() for text in values.to_pylist()]
        elif kind.null is None:
            made[column.name] = _floats(values)
        else:
            made[column.name] = values.cast(pa.int64()).fill_null(kind.null).to_numpy(zero_copy_only=False)
    return made.tobytes()


def _ascii(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode()


def _plain(text: str) -> str:
    """A text for a FITS header, which has printable ASCII alone."""
    return _ascii(printable(text))


def _floats(values: Any) -> npt.NDArray[Any]:  # noqa: ANN401 -- an array, or a chunked one
    """Numbers as they are; NaN where they are not known."""
    filled = values.fill_null(float("nan"))
    numbers: npt.NDArray[Any] = np.asarray(filled)
    return numbers


def _write_votable(parquet: Path, out: Path, columns: Sequence[Column], told: Told) -> None:
    from astropy.io.votable import from_table
    from astropy.io.votable.tree import Info
    from astropy.table import Table

    rows = pq.read_table(parquet)
    table = Table([_votable_column(column, rows[column.name].cast(column.kind)) for column in _portable(columns)])
    document = from_table(table)
    document.resources[0].infos.extend(Info(name=name, value=text) for name, text in told.items())
    with beside(out) as file:
        document.to_xml(str(file), tabledata_format="binary2")


def _votable_column(column: Column, values: pa.ChunkedArray) -> Any:  # noqa: ANN401 -- astropy
    from astropy.table import MaskedColumn

    if column.kind == pa.string():
        data, mask = np.array([text or "" for text in values.to_pylist()], dtype=str), False
    elif pa.types.is_floating(column.kind):
        data, mask = _floats(values), False
    else:
        data, mask = values.fill_null(_zero(column)).to_numpy(), values.is_null().to_numpy()
    return MaskedColumn(
        data, column.name, mask, unit=column.unit or None, description=column.description, meta={"ucd": column.ucd}
    )


WRITERS: dict[str, Writer] = {".parquet": _copy, ".csv": _write_csv, ".fits": _write_fits, ".vot": _write_votable}
"""Formats by the ending of the name."""


def _zero(column: Column) -> pa.Scalar:
    """What stands under a mask."""
    return pa.scalar(0).cast(column.kind)
