"""The contact sheet: its size, its pixels, its captions, and what it cannot draw."""

import io
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from gzprep.dataset.read import open_folder, operations_of
from gzprep.tools.contact_sheet import any_galaxy, caption, file_of, find_records, find_row
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


def test_without_id_and_name_the_first_galaxy_is_drawn_into_a_file_of_its_id(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = gzprep("preview", dataset)
    assert result.code == 0, result.err
    galaxy = any_galaxy(dataset)
    assert [path.name for path in tmp_path.iterdir()] == [f"{galaxy}.png"]
    assert f"views of {galaxy} are in {galaxy}.png" in result.out


NAMES = {"587": "587.png", "J0004+02.9": "J0004+02.9.png", "a/b": "a_b.png", "..": "galaxy.png", "\u2603": "_.png"}


@pytest.mark.parametrize(("galaxy", "name"), NAMES.items(), ids=map(ascii, NAMES))
def test_a_file_is_named_by_the_galaxy_and_stays_in_its_folder(galaxy: str, name: str) -> None:
    assert str(file_of(galaxy)) == name


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
