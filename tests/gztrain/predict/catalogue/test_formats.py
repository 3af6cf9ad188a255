"""Ten rows read back from every format: the same values, units and UCDs."""

import functools
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gzcore.errors import UsageError
from gztrain.predict.catalogue.columns import Column, columns_of
from gztrain.predict.catalogue.formats import WRITERS, check_format, convert, schema_of
from gztrain.predict.catalogue.source import Source
from tests.gztrain.synthetic import scheme_of

pytest.importorskip("astropy")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:No table")]  # astropy measures texts itself
ROWS = 10
TOLD = {"MODEL": "a" * 64, "COVERAGE": 'intervals "held" <90> % & more'}
SCHEMA = pa.schema([("id_str", pa.string()), ("ra", pa.float64()), ("dec", pa.float64()), ("plate", pa.int64())])
COLUMNS = columns_of(Source(Path("c.parquet"), SCHEMA, "id_str", ("plate",)), scheme_of("reduced"), doubt=True)


def values_of(kind: pa.DataType, number: int) -> pa.Array:
    rng = np.random.default_rng(number)
    if kind == pa.string():
        return pa.array([f"58774181571087587{row}" for row in range(ROWS)])
    if pa.types.is_integer(kind):
        return pa.array(rng.integers(-1, 9, ROWS)).cast(kind)
    numbers = rng.random(ROWS)
    numbers[3] = np.nan
    return pa.array(numbers, kind, from_pandas=True)


@pytest.fixture(scope="module")
def parquet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("votes") / "whole.parquet"
    arrays = [values_of(column.kind, place) for place, column in enumerate(COLUMNS)]
    pq.write_table(pa.table(arrays, schema=schema_of(COLUMNS, TOLD)), path)
    return path


@pytest.fixture(scope="module", params=sorted(WRITERS))
def made(request: pytest.FixtureRequest, parquet: Path) -> Path:
    out = parquet.with_name(f"votes{request.param}")
    convert(parquet, out, COLUMNS, TOLD)
    return out


@functools.cache
def read(path: Path) -> object:
    from astropy.table import Table

    if path.suffix == ".csv":
        return pd.read_csv(path, dtype={"id": str, "reason": str})
    return Table.read(path, format="parquet.votable") if path.suffix == ".parquet" else Table.read(path)


def test_values_are_equal(made: Path, parquet: Path) -> None:
    table, expected = read(made), pd.read_parquet(parquet)
    for column in COLUMNS:
        ours, theirs = expected[column.name].to_numpy(), np.ma.asarray(table[column.name])  # type: ignore[index]
        if ours.dtype.kind == "f":
            np.testing.assert_array_equal(np.ma.filled(theirs.astype(ours.dtype), np.nan), ours)
        else:
            assert list(map(str, theirs)) == list(map(str, ours)), column.name


def test_units_and_ucds_are_equal(made: Path) -> None:
    for column in COLUMNS:
        assert told_of(made, column.name) == (column.unit, column.ucd, column.description)


def told_of(path: Path, name: str) -> tuple[str, str, str]:
    if path.suffix == ".csv":
        document = json.loads(path.with_name(f"{path.name}-metadata.json").read_bytes())
        (found,) = (each for each in document["tableSchema"]["columns"] if each["titles"] == name)
        return found["unit"], found["ucd"], found["dc:description"]
    if path.suffix == ".fits":
        from astropy.io import fits

        header = fits.getheader(path, 1)
        place = next(number for number in range(1, header["TFIELDS"] + 1) if header[f"TTYPE{number}"] == name)
        return tuple(str(header.get(f"{key}{place}", "")) for key in ("TUNIT", "TUCD", "TCOMM"))  # type: ignore[return-value]
    column = read(path)[name]  # type: ignore[index]
    return str(column.unit or ""), column.meta.get("ucd", ""), " ".join(column.description.split())


def test_every_ucd_is_in_the_list_of_the_ivoa() -> None:
    from astropy.io.votable.ucd import check_ucd

    assert all(check_ucd(column.ucd, check_controlled_vocabulary=True) for column in COLUMNS if column.ucd)


def test_another_ending_is_refused() -> None:
    with pytest.raises(UsageError, match=r"\.parquet, \.csv, \.fits, \.vot"):
        check_format(Path("votes.txt"))


def test_fits_is_written_part_by_part_as_astropy_reads_it(parquet: Path, tmp_path: Path) -> None:
    from astropy.io import fits

    table = pq.read_table(parquet)
    several = tmp_path / "several.parquet"
    with pq.ParquetWriter(several, table.schema) as writer:
        for start in range(0, ROWS, 3):
            writer.write_table(table.slice(start, 3))
    for path, out in ((parquet, "one.fits"), (several, "several.fits")):
        convert(path, tmp_path / out, COLUMNS, TOLD)
    assert (tmp_path / "one.fits").read_bytes() == (tmp_path / "several.fits").read_bytes()
    with fits.open(tmp_path / "one.fits") as file:
        file.verify("exception")
        assert len(file["VOTES"].data) == ROWS


def test_a_fits_header_spells_out_what_is_not_ascii(tmp_path: Path) -> None:
    from astropy.io import fits

    columns = (Column("größe", pa.float32(), "Größe in zwei\nZeilen", unit="µm"),)
    pq.write_table(pa.table([pa.array([1.5], pa.float32())], schema=schema_of(columns, {})), tmp_path / "c.parquet")
    convert(tmp_path / "c.parquet", tmp_path / "c.fits", columns, {"CATALOG": "größe.csv"})
    with fits.open(tmp_path / "c.fits") as file:
        assert file[1].data["gr\\xf6\\xdfe"].tolist() == [1.5]
        assert file[1].header["CATALOG"] == "gr\\xf6\\xdfe.csv"


@pytest.mark.filterwarnings("ignore::astropy.io.votable.exceptions.VOWarning")
@pytest.mark.parametrize("ending", [".fits", ".vot"])
@pytest.mark.parametrize(
    ("kind", "largest"),
    [("int8", 127), ("uint16", 2**16 - 1), ("uint32", 2**32 - 1), ("uint64", 2**64 - 1), ("float16", 1.5)],
)
def test_kept_numbers_of_any_width_are_written(tmp_path: Path, kind: str, largest: float, ending: str) -> None:
    """FITS and VOTable lack some types; a wider one, or digits as text, stand for them."""
    from astropy.table import Table

    values = pa.array([largest, None, 1], pa.type_for_alias(kind.replace("float16", "halffloat")), from_pandas=True)
    columns = (Column("kept", values.type, "kept"),)
    pq.write_table(pa.table([values], schema=schema_of(columns, {})), tmp_path / "c.parquet")
    convert(tmp_path / "c.parquet", tmp_path / f"c{ending}", columns, {})
    found = Table.read(tmp_path / f"c{ending}")["kept"]
    assert [type(largest)(found[0]), type(largest)(found[2])] == [largest, 1]
