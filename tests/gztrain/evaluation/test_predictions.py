"""Predictions, to a file and back."""

import errno
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gzcore.errors import GzError
from gztrain.evaluation.predictions import Predictions, read_predictions
from tests.gztrain.synthetic import scheme_of, some_predictions


@pytest.mark.parametrize("scheme", ["q0", "reduced", "all"])
@pytest.mark.parametrize("galaxies", [0, 1, 37])
def test_what_is_written_is_read(tmp_path: Path, scheme: str, galaxies: int) -> None:
    path = tmp_path / "predictions.parquet"
    written = some_predictions(scheme_of(scheme), galaxies)
    written.write(path)
    found = read_predictions(path)
    assert (found.ids, found.names) == (written.ids, written.names)
    for key in ("probabilities", "labels", "mask"):
        before, after = getattr(written, key), getattr(found, key)
        assert (after.dtype, after.shape) == (before.dtype, before.shape)
        assert (after == before).all()


def test_the_file_can_be_read_without_us(tmp_path: Path) -> None:
    path = tmp_path / "predictions.parquet"
    written = replace(some_predictions(scheme_of("q6"), 3), ids=("1", "J01", "galaxie à bras"))
    written.write(path)
    table = pq.read_table(path)
    assert table.column_names == ["id", "probabilities", "labels", "mask"]
    assert table["id"].to_pylist() == ["1", "J01", "galaxie à bras"]
    assert np.float32(table["probabilities"].to_pylist()).tolist() == written.probabilities.tolist()
    assert table["labels"].to_pylist() == written.labels.tolist()
    assert b"how-rounded-gz2_in-between" in table.schema.metadata[b"labels"]


def test_nothing_else_is_left_behind(tmp_path: Path) -> None:
    predictions = some_predictions(scheme_of("q0"), 2)
    path = tmp_path / "predictions.parquet"
    predictions.write(path)
    predictions.write(path)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"ids": ("a",)}, r"Expected probabilities of shape \(1, 3\), galaxies by labels; \(2, 3\) came"),
        ({"ids": ("a", "a")}, "A galaxy is predicted twice"),
        ({"names": ("x", "y")}, "shape"),
        ({"mask": np.ones((2, 2), np.int64)}, "Expected mask"),
        ({"probabilities": np.full((2, 3), np.nan, np.float32)}, "did training diverge"),
        ({"probabilities": np.full((2, 3), 1.5, np.float32)}, "between 0 and 1"),
        ({"labels": np.full((2, 3), 2)}, "must be 0 or 1"),
        ({"mask": np.full((2, 3), -1)}, "must be 0 or 1"),
    ],
)
def test_what_cannot_be_a_prediction(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(GzError, match=sentence):
        replace(some_predictions(scheme_of("q6"), 2), **change)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(GzError, match=r"There are no predictions in .*none.parquet"):
        read_predictions(tmp_path / "none.parquet")


@pytest.mark.parametrize("content", [b"", b"PAR1 and no more", "another table"])
def test_a_file_of_something_else(tmp_path: Path, content: bytes | str) -> None:
    path = tmp_path / "strange.parquet"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        pq.write_table(pa.table({"id": ["1"]}), path)
    with pytest.raises(GzError, match=r"strange.parquet does not hold predictions"):
        read_predictions(path)


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "predictions.parquet"
    some_predictions(scheme_of("q0"), 2).write(path)

    def fill_the_disk(_: Any, target: BinaryIO) -> None:
        target.write(b"PAR1")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pq, "write_table", fill_the_disk)
    with pytest.raises(GzError, match="The disk is full"):
        some_predictions(scheme_of("q0"), 5).write(path)
    assert list(tmp_path.iterdir()) == [path]
    assert len(read_predictions(path).ids) == 2


def test_predictions_are_compared_by_identity() -> None:
    """Arrays have no one truth value."""
    first, second = (some_predictions(scheme_of("q0"), 1) for _ in "ab")
    assert first == first  # noqa: PLR0124
    assert first != second
    assert isinstance(first, Predictions)


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("probabilities", pa.array([{"a": 0.5}, {"a": 0.5}])),
        ("probabilities", pa.array(["0.5", "0.5"])),
        ("labels", pa.array([["a"], ["b"]], pa.list_(pa.string(), 1))),
        ("mask", pa.array([1, 1])),
        ("id", pa.array([1, 2])),
        ("id", pa.array(["1", None])),
    ],
    ids=["structs", "texts", "lists of texts", "numbers alone", "ids are numbers", "an id is null"],
)
def test_columns_of_another_type_are_refused(tmp_path: Path, column: str, values: pa.Array) -> None:
    """Found by a search: structs ended in an AttributeError."""
    path = tmp_path / "strange.parquet"
    some_predictions(scheme_of("q0"), 2).write(path)
    table = pq.read_table(path)
    pq.write_table(table.set_column(table.schema.get_field_index(column), column, values), path)
    with pytest.raises(GzError, match=r"strange.parquet does not hold predictions"):
        read_predictions(path)
