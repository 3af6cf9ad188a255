"""Magnitudes, sizes and redshifts: which columns are carried through, and what becomes of their values."""

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gzprep.catalogue.galaxy import Galaxy, Split, pack, row_bytes, unpack
from gzprep.catalogue.measures import measure_kind, measures_in
from gzprep.catalogue.read import CatalogueFile, check_columns, read_all
from gzprep.catalogue.surveys import gz2
from gzprep.dataset.data_hash import galaxy_digest
from tests.gz2 import Votes

GZ2 = gz2()
NAMES = {
    "magnitude": "petroMag_r PETROMAG_MR modelMag_g cModelMag_i dered_r elpetro_absmag_r mag_r_desi MAG_AUTO mag_f814w",
    "size": "petroR90_r PETROR50_R petroRad_r petro_th50 est_petro_th50_kpc FLUX_RADIUS kron_radius shape_r",
    "redshift": "REDSHIFT redshift_nsa photo_z spec_z zphot z_best",
    None: "z r id_str PETROMAGERR_R redshifterr mag_r_fraction smooth-or-featured-gz2_total-votes ra image summary",
}


@pytest.mark.parametrize(("kind", "names"), NAMES.items(), ids=map(str, NAMES))
def test_a_name_tells_the_quantity(kind: str | None, names: str) -> None:
    assert {name: measure_kind(name) for name in names.split()} == dict.fromkeys(names.split(), kind)


def test_only_columns_of_single_numbers_that_are_there_once_are_carried() -> None:
    number, lists = pa.float32(), pa.list_(pa.float32())
    columns = [("REDSHIFT", number), ("petroMag_r", lists), ("petroR90_r", number), ("petroR90_r", number)]
    assert measures_in(pa.schema(columns), ()) == ["REDSHIFT"]
    assert measures_in(pa.schema(columns), {"REDSHIFT"}) == []  # such as a user's own label


def row(**more: Any) -> dict[str, Any]:
    return {"id_str": "1", "subfolder": "a", "filename": "b.jpg"} | dict.fromkeys(GZ2.fraction_columns, 0.5) | more


def write(path: Path, values: dict[str, Any]) -> CatalogueFile:
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist([values]), path)
    else:
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([list(values), list(values.values())])
    return CatalogueFile(path, Split.TRAIN)


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_values_come_with_the_galaxy_and_a_bad_one_costs_it_nothing(tmp_path: Path, suffix: str) -> None:
    values = row(petroR90_r="7.25", REDSHIFT="unknown", mag_r="inf", other="3")
    file = write(tmp_path / f"a.{suffix}", values)
    assert "other" not in check_columns(file.path, GZ2)
    (galaxy,) = read_all([file], GZ2)
    assert galaxy.rejection is None
    assert dict(galaxy.measures) == {"petroR90_r": 7.25, "REDSHIFT": None, "mag_r": None}
    assert repr(unpack(pack(galaxy))) == repr(galaxy)  # NaN is unlike NaN


def test_a_galaxy_without_them_has_the_bytes_that_it_always_had() -> None:
    plain = Galaxy("1", Split.TRAIN, "a", "b.jpg", Votes((0.5,) * 30), ("J", 1.0, None, "x"))
    assert row_bytes(plain).endswith(json.dumps(["1", "train", "a", "b.jpg", ["J", 1.0, None, "x"]]).encode())


def test_the_hash_of_the_data_is_that_without_them_and_a_bin_sees_the_change(tmp_path: Path) -> None:
    plain, other = (
        next(read_all([write(tmp_path / f"{name}.parquet", row(**more))], GZ2))
        for name, more in {"plain": {}, "other": {"REDSHIFT": 0.1}}.items()
    )
    assert galaxy_digest(plain, "image") == galaxy_digest(other, "image")
    assert row_bytes(plain) != row_bytes(other)
