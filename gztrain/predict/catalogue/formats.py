"""The formats of the catalogue: parquet as it is made, and CSV, FITS and VOTable that are written from it at the end.

Units, UCDs and descriptions go where each format has a place for them. CSV has none, so they stand in a file beside it,
``NAME.csv-metadata.json``, as the W3C proposes (CSV on the Web).
"""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from gzcore.errors import GzError, UsageError
from gzcore.storage.atomic import appearing, beside, write_json, writing
from gztrain.predict.catalogue.columns import Column, votable_header

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
    write_json(out.with_name(f"{out.name}-metadata.json"), {**table, "tableSchema": {"columns": described}})


_CSV_TYPES = {pa.string(): "string", pa.bool_(): "boolean", pa.float32(): "float", pa.float64(): "double"}


def _write_fits(parquet: Path, out: Path, columns: Sequence[Column], told: Told) -> None:
    from astropy.io import fits

    table = pq.read_table(parquet)
    made = [_fits_column(column, table[column.name], fits) for column in columns]
    hdu = fits.BinTableHDU.from_columns(made, name="VOTES")
    for place, column in enumerate(columns, 1):
        hdu.header[f"TCOMM{place}"] = column.description
        if column.ucd:
            hdu.header[f"TUCD{place}"] = column.ucd
    for name, text in told.items():
        hdu.header[name] = _ascii(text)
    with appearing(out) as file:
        fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(file)


def _fits_column(column: Column, values: pa.ChunkedArray, fits: Any) -> Any:  # noqa: ANN401 -- astropy
    """A column of a binary table; integers and truth values that are not known have a value that stands for it."""
    unit = column.unit or None
    if column.kind == pa.string():
        texts = np.array([_ascii(text or "") for text in values.to_pylist()], dtype="S")
        return fits.Column(column.name, f"{max(texts.dtype.itemsize, 1)}A", unit, array=texts)
    if pa.types.is_floating(column.kind):
        letter = "D" if column.kind == pa.float64() else "E"
        return fits.Column(column.name, letter, unit, array=_floats(values))
    letter, null = ("B", 255) if pa.types.is_boolean(column.kind) else ("K", np.iinfo(np.int64).min)
    whole = values.cast(pa.int64()).fill_null(null).to_numpy()
    return fits.Column(column.name, letter, unit, null, array=whole.astype(np.uint8 if letter == "B" else np.int64))


def _ascii(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode()


def _floats(values: pa.ChunkedArray) -> npt.NDArray[Any]:
    """Numbers as they are; NaN where they are not known."""
    numbers: npt.NDArray[Any] = values.fill_null(float("nan")).to_numpy()
    return numbers


def _write_votable(parquet: Path, out: Path, columns: Sequence[Column], told: Told) -> None:
    from astropy.io.votable import from_table
    from astropy.io.votable.tree import Info
    from astropy.table import Table

    rows = pq.read_table(parquet)
    table = Table([_votable_column(column, rows[column.name]) for column in columns])
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
