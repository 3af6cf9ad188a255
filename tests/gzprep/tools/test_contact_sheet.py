"""The contact sheet: its size, its pixels, its captions, and what it cannot draw."""

import io
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from gzprep.dataset.read import open_folder, operations_of
from gzprep.tools.contact_sheet import caption, find_records, find_row
from tests.running import gzprep


def row_with(out: Path, verdict: str, split: str) -> str:
    rows = pq.read_table(out / "catalogue.parquet", filters=[("verdict", "=", verdict), ("split", "=", split)])
    return str(rows["id_str"][0])


def is_on(sheet: np.ndarray, tile: np.ndarray) -> bool:
    """Whether some window of a sheet is a tile, pixel for pixel; places where its first row is not are left out."""
    height, width = tile.shape
    rows = np.lib.stride_tricks.sliding_window_view(sheet[: len(sheet) - height + 1], width, axis=1)
    starts = np.argwhere((rows == tile[0]).all(axis=2))
    return any(np.array_equal(sheet[y : y + height, x : x + width], tile) for y, x in starts)


@pytest.mark.parametrize(("split", "views"), [("train", 3), ("test", 1)])
def test_every_view_is_drawn(dataset: Path, tmp_path: Path, split: str, views: int) -> None:
    galaxy, png = row_with(dataset, "accepted", split), tmp_path / "sheet.png"
    result = gzprep("preview", dataset, "--id", galaxy, "--png", png)
    assert result.code == 0, result.err
    assert f"{views} views of {galaxy}" in result.out
    folder, document = open_folder(dataset)
    records = find_records(folder, document, find_row(folder, galaxy))
    assert [record.view for record in records] == list(range(views))
    sheet = np.asarray(Image.open(png))
    for record in records:
        tile = np.asarray(Image.open(io.BytesIO(record.image))).repeat(3, axis=0).repeat(3, axis=1)  # 64 px are small
        assert is_on(sheet[..., 1], tile[..., 1])


def test_captions_say_what_was_done(dataset: Path) -> None:
    folder, document = open_folder(dataset)
    records = find_records(folder, document, find_row(folder, row_with(dataset, "accepted", "train")))
    for record in records[1:]:
        assert caption(record)[0] == f"view {record.view}"
        assert len(caption(record)) == 1 + len(operations_of(record))


def test_an_unknown_galaxy_is_told_with_one_that_is_there(dataset: Path, tmp_path: Path) -> None:
    result = gzprep("preview", dataset, "--id", "unknown", "--png", tmp_path / "sheet.png")
    assert result.code == 1
    assert "There is no galaxy 'unknown'" in result.sentence
    assert not (tmp_path / "sheet.png").exists()


def test_a_rejected_galaxy_is_told_with_its_reason(dataset: Path, tmp_path: Path) -> None:
    rejects = pq.read_table(dataset / "rejects.parquet").to_pylist()
    result = gzprep("preview", dataset, "--id", rejects[0]["id"], "--png", tmp_path / "sheet.png")
    assert result.code == 1
    assert rejects[0]["reason"] in result.sentence
