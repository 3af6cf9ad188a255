"""gzprep run on catalogues with odd values: what is rejected, refused, counted and told."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from tests.catalogues import COUNTS, FRACTIONS, TOTALS
from tests.running import SMALL, gzprep, manifest, shard_sums

pytestmark = pytest.mark.slow
TRAIN = "gz2_train_catalog.parquet"


def set_value(table: pa.Table, row: int, name: str, value: object, kind: pa.DataType | None = None) -> pa.Table:
    """Set one value of a table, under another type of its column if one is given."""
    column = table[name].cast(kind) if kind else table[name]
    values = [value if place == row else old for place, old in enumerate(column.to_pylist())]
    return table.set_column(table.column_names.index(name), name, pa.array(values, column.type))


def rewrite(sky: Path, form: str, *changes: tuple[int, str, object, pa.DataType | None]) -> None:
    """Change values of the training catalogue, and write it in another format."""
    table = pq.read_table(sky / TRAIN).replace_schema_metadata(None)
    for change in changes:
        table = set_value(table, *change)
    (sky / TRAIN).unlink()
    if form == "csv":
        pyarrow.csv.write_csv(table, sky / "gz2_train_catalog.csv")
    else:
        pq.write_table(table, sky / TRAIN)


def rejects(out: Path) -> dict[str, tuple[str, str]]:
    """Reason and detail of the galaxies that were rejected, by id."""
    rows: list[dict[str, Any]] = pq.read_table(out / "rejects.parquet").to_pylist()
    return {row["id"]: (row["reason"], row["detail"]) for row in rows}


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_odd_values_cost_their_galaxies_and_no_more(sky_copy: Path, dataset: Path, tmp_path: Path, form: str) -> None:
    ids = pq.read_table(sky_copy / TRAIN)["id_str"].to_pylist()
    changes = [(3, FRACTIONS[0], 1.2, pa.float64()), (5, "ra", "12h", pa.string()), (7, "id_str", None, None)]
    rewrite(sky_copy, form, *changes)
    assert gzprep("run", "--data", sky_copy, "--out", tmp_path / "out", *SMALL).code == 0
    now, before = rejects(tmp_path / "out"), rejects(dataset)
    assert now[ids[3]] == ("bad_value", f"row 4: column {FRACTIONS[0]} is 1.2; expected a number from 0 to 1")
    assert now[ids[5]] == ("bad_value", "row 6: column ra is '12h'; expected a number from 0 to 360")
    assert now["(row 8 of train)"] == ("bad_id", "row 8: column id_str is empty; expected an id")
    assert now.keys() - before.keys() - {ids[3], ids[5], "(row 8 of train)"} == set()
    assert manifest(tmp_path / "out")["counts"]["all"]["in"] == 40


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_unusable_rows_count_under_max_reject_share(sky_copy: Path, tmp_path: Path, form: str) -> None:
    rewrite(sky_copy, form, *((row, "id_str", None, None) for row in range(20)))
    result = gzprep("run", "--data", sky_copy, "--out", tmp_path / "out", "--crop", "64", "--views", "0")
    assert result.code == 1
    assert "bad_id 20" in result.sentence
    assert "max_reject_share" in result.sentence


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_ids_in_exponent_form_stop_a_run(sky_copy: Path, tmp_path: Path, form: str) -> None:
    rewrite(sky_copy, form, (2, "id_str", "5.877e+17", None))
    result = gzprep("run", "--data", sky_copy, "--out", tmp_path / "out", *SMALL)
    assert result.code == 1
    assert "5.877e+17" in result.sentence
    assert "write id_str as text or as integers" in result.sentence
    assert "Remove" not in result.sentence


def test_votes_that_contradict_each_other_are_told(sky_copy: Path, tmp_path: Path) -> None:
    table = pq.read_table(sky_copy / TRAIN)
    for name in (*COUNTS[:3], TOTALS[0]):
        if name in table.column_names:
            table = table.drop_columns([name])
        table = table.append_column(name, pa.array([7.0] * len(table)))
    pq.write_table(table, sky_copy / TRAIN)
    result = gzprep("run", "--data", sky_copy, "--out", tmp_path / "out", *SMALL)
    counts = manifest(tmp_path / "out")["counts"]
    assert counts["train"]["inconsistent"] == {
        "answers_differ_from_total": len(table),
        "fraction_differs_from_votes": len(table),
    }
    assert "inconsistent" not in counts["test"]
    told = [line.split() for line in result.out.splitlines() if line.startswith("inconsistent")]
    assert sorted(line[1:3] for line in told) == [
        ["answers_differ_from_total", f"{len(table)}"],
        ["fraction_differs_from_votes", f"{len(table)}"],
    ]


def semicolons(text: str) -> bytes:
    return text.replace(",", ";").encode()


def zipped(text: str) -> bytes:
    return gzip.compress(text.encode("utf-16"))


@pytest.mark.parametrize(
    ("name", "write"),
    [("gz2_train_catalog.CSV", semicolons), ("gz2_train_catalog.csv.gz", zipped)],
    ids=["semicolons", "gzip and UTF-16"],
)
def test_another_dialect_gives_the_same_shards(
    sky_copy: Path, dataset: Path, tmp_path: Path, name: str, write: Callable[[str], bytes]
) -> None:
    rewrite(sky_copy, "csv")
    plain = sky_copy / "gz2_train_catalog.csv"
    text = plain.read_text().replace('"', "")
    plain.unlink()
    (sky_copy / name).write_bytes(write(text))
    assert gzprep("run", "--data", sky_copy, "--out", tmp_path / "out", *SMALL).code == 0
    assert shard_sums(tmp_path / "out") == shard_sums(dataset)
