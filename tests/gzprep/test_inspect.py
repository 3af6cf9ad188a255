"""gzprep inspect: images, folders and data sets; a line an image, exit code 0 whatever is found."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from gzprep.defects import DETECTORS
from tests.running import gzprep, spoiled


def write_image(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def noise(side: int, *channels: int) -> np.ndarray:
    return np.random.default_rng(side).integers(20, 60, (side, side, *channels), np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One image of each verdict, in folders of their own."""
    write_image(tmp_path / "a" / "good.png", noise(424, 3))
    black = noise(424, 3)
    black[212:] = 0
    write_image(tmp_path / "b" / "black.PNG", black)
    write_image(tmp_path / "b" / "grey.png", noise(424))
    write_image(tmp_path / "c" / "small.png", noise(100, 3))
    write_image(tmp_path / "c" / "tiny.png", noise(20, 3))
    (tmp_path / "c" / "page.jpg").write_text("<html>not found</html>")
    (tmp_path / "c" / "notes.txt").write_text("no image")
    (tmp_path / "c" / ".hidden.jpg").write_text("no image")
    return tmp_path


EXPECTED = {
    "a/good.png": ("ok", []),
    "b/black.PNG": ("rejected", ["error_image"]),
    "b/grey.png": ("rejected", ["wrong_shape"]),
    "c/page.jpg": ("rejected", ["unreadable"]),
    "c/small.png": ("rejected", ["wrong_shape"]),
    "c/tiny.png": ("rejected", ["wrong_shape"]),
}


def test_a_folder_is_looked_at_recursively(folder: Path) -> None:
    result = gzprep("inspect", folder, "--json")
    assert result.code == 0
    found = {Path(one["path"]).relative_to(folder).as_posix(): one for one in result.json}
    assert list(found) == list(EXPECTED)
    assert {name: (one["verdict"], one["defects"]) for name, one in found.items()} == EXPECTED
    assert all(set(one) == {"path", "verdict", "defects", "scores"} for one in found.values())


def test_whatever_can_be_decoded_is_scored_by_every_detector(folder: Path) -> None:
    scores = {Path(one["path"]).name: one["scores"] for one in gzprep("inspect", folder, "--json").json}
    assert set(scores["small.png"]) == set(scores["good.png"]) == set(scores["grey.png"]) == set(DETECTORS)
    assert scores["tiny.png"] == scores["page.jpg"] == {}
    assert scores["black.PNG"]["error_image"] > 0.99


def test_the_lines_say_what_json_says(folder: Path) -> None:
    result = gzprep("inspect", folder / "a" / "good.png", folder / "b")
    assert result.code == 0
    lines = result.out.splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["ok", "rejected", "rejected"]
    assert "424 x 424 px, L; expected 424 x 424, 8-bit RGB" in lines[2]
    assert lines[3] == "1 ok, 2 rejected"


def test_policies_are_those_of_the_recipe(folder: Path) -> None:
    black = folder / "b" / "black.PNG"
    flagged = gzprep("inspect", black, "--json", "--set", "defects.error_image.policy=flag").json[0]
    assert (flagged["verdict"], flagged["defects"]) == ("flagged", ["error_image"])
    assert gzprep("inspect", black, "--json", "--set", "defects.error_image.policy=off").json[0]["scores"].keys() == (
        set(DETECTORS) - {"error_image"}
    )
    assert gzprep(
        "inspect", folder / "c" / "small.png", "--set", "images.frame=100", "--set", "crop.size=64"
    ).out.startswith("ok")


def test_a_data_set_is_asked_what_it_knows(dataset: Path, small_sky: Path) -> None:
    found = gzprep("inspect", dataset, "--json").json
    rows = pq.read_table(dataset / "catalogue.parquet").to_pylist()
    assert len(found) == len(rows) == 40
    rejected = {one["defects"][0]: Path(one["path"]).stem for one in found if one["verdict"] == "rejected"}
    assert rejected.items() >= spoiled(small_sky).items()


def test_nothing_to_look_at_is_told(tmp_path: Path) -> None:
    assert "no image" in gzprep("inspect", tmp_path).sentence
    result = gzprep("inspect", tmp_path / "absent")
    assert result.code == 1
    assert "absent" in result.sentence
