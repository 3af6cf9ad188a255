"""gzprep inspect: images, folders and data sets; a line an image, exit code 0 whatever is found."""

import re
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from gzprep.images.defects import DETECTORS
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
    "b/black.PNG": ("rejected", ["error_image", "frame_edge"]),  # it has a sharp edge, too
    "b/grey.png": ("rejected", ["wrong_mode"]),
    "c/page.jpg": ("rejected", ["unreadable"]),
    "c/small.png": ("rejected", ["wrong_shape"]),
    "c/tiny.png": ("rejected", ["wrong_shape"]),
}


def test_a_folder_is_looked_at_recursively(folder: Path) -> None:
    result = gzprep("inspect", folder, "--json")
    assert result.code == 0
    inspected = {Path(one["path"]).relative_to(folder).as_posix(): one for one in result.json}
    assert list(inspected) == list(EXPECTED)
    assert {name: (one["verdict"], one["defects"]) for name, one in inspected.items()} == EXPECTED
    assert all(set(one) - {"detail"} == {"path", "verdict", "defects", "scores"} for one in inspected.values())


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
    assert "mode L, expected RGB of 8 bits a channel" in lines[2]
    assert lines[3] == "1 ok, 2 rejected"


@pytest.mark.slow
def test_many_images_are_told_as_a_table(folder: Path) -> None:
    for number in range(12):
        write_image(folder / "d" / f"{number}.png", noise(424, 3))
    result = gzprep("inspect", folder)
    assert result.code == 0
    lines = result.out.splitlines()
    assert lines[0].split() == ["13", "ok"]
    assert any(line.split() == ["2", "rejected", "wrong_shape"] for line in lines)
    assert any("such as" in line and "100 x 100 px, expected 424 x 424" in line for line in lines)
    assert lines[-2:] == ["A line for every image: --all or --json.", "13 ok, 5 rejected"]
    every = gzprep("inspect", folder, "--all").out.splitlines()
    assert len([line for line in every if line.startswith(("ok ", "rejected "))]) == 18


def test_policies_are_those_of_the_recipe(folder: Path) -> None:
    black = folder / "b" / "black.PNG"
    flagged = gzprep("inspect", black, "--json", "--set", "defects.error_image.policy=flag").json[0]
    assert (flagged["verdict"], flagged["defects"]) == ("flagged", ["error_image", "frame_edge"])
    assert gzprep("inspect", black, "--json", "--set", "defects.error_image.policy=off").json[0]["scores"].keys() == (
        set(DETECTORS) - {"error_image"}
    )
    assert gzprep(
        "inspect", folder / "c" / "small.png", "--set", "images.frame=100", "--set", "crop.size=64"
    ).out.startswith("ok")


def test_a_data_set_is_asked_what_it_knows(dataset: Path, small_sky: Path) -> None:
    inspected = gzprep("inspect", dataset, "--json").json
    rows = pq.read_table(dataset / "catalogue.parquet").to_pylist()
    assert len(inspected) == len(rows) == 40
    rejected = {one["defects"][0]: Path(one["path"]).stem for one in inspected if one["verdict"] == "rejected"}
    assert rejected.items() >= spoiled(small_sky).items()


def test_nothing_to_look_at_is_told(tmp_path: Path) -> None:
    assert "no image" in gzprep("inspect", tmp_path).sentence
    result = gzprep("inspect", tmp_path / "absent")
    assert result.code == 1
    assert "absent" in result.sentence


# the page


def sheets(page: Path) -> dict[str, str]:
    """Detector to its part of the page."""
    parts = page.read_text().split('<section id="')[1:]
    return {part.partition('"')[0]: part for part in parts}


def scores(sheet: str) -> list[float]:
    return [float(text) for text in re.findall(r"<figcaption><b>([^<]+)</b>", sheet)]


def test_a_page_has_a_sheet_a_detector_the_strongest_first(folder: Path) -> None:
    result = gzprep("inspect", folder, "--html", folder / "page")
    assert result.code == 0
    assert str(folder / "page" / "index.html") in result.err
    shown = sheets(folder / "page" / "index.html")
    assert set(shown) == set(DETECTORS)
    found = [re.search(r"(\d+) of \d+ image", sheet)[1] != "0" for sheet in shown.values()]  # type: ignore[index]
    assert found == sorted(found, reverse=True), "sheets with findings come first"
    assert all(scores(sheet) == sorted(scores(sheet), reverse=True) for sheet in shown.values())
    errors = shown["error_image"]
    assert "1 of 4 images at 0.95\nor more; policy: drop" in errors
    assert errors.index("black.PNG") < errors.index("Below the threshold") < errors.index("good.png")


def test_a_page_shows_lines_and_its_own_copies_of_images(folder: Path) -> None:
    seam = noise(424, 3) + np.uint8(60)
    seam[60:360, 200] = 0
    write_image(folder / "a" / "<seam>.png", seam)
    gzprep("inspect", folder / "a", "--html", folder / "page")
    first = sheets(folder / "page" / "index.html")["black_line"].partition("</figure>")[0]
    assert "&lt;seam&gt;.png" in first
    ends = [float(re.search(rf'{name}="([^"]+)"', first)[1]) for name in ("x1", "y1", "x2", "y2")]  # type: ignore[index]
    assert ends == pytest.approx([200, 60, 200, 360], abs=8)
    address = re.search(r'src="([^"]+)"', first)[1]  # type: ignore[index]
    assert (folder / "page" / address).read_bytes() == (folder / "a" / "<seam>.png").read_bytes()


@pytest.mark.slow
def test_a_page_on_a_data_set_has_the_thresholds_of_its_recipe(small_sky: Path, tmp_path: Path) -> None:
    call = ("run", "--data", small_sky, "--out", tmp_path / "out", "--crop", "32", "--views", "0")
    assert gzprep(*call, "--set", "defects.frame_edge.threshold=12.5").code == 0
    assert gzprep("inspect", tmp_path / "out", "--html", tmp_path / "page").code == 0
    shown = sheets(tmp_path / "page" / "index.html")
    assert "at 12.5\nor more" in shown["frame_edge"]
    assert "no picture at hand" not in shown["frame_edge"]


def test_a_page_that_cannot_be_written_is_told(folder: Path) -> None:
    (folder / "page").write_text("a file")
    result = gzprep("inspect", folder / "a", "--html", folder / "page")
    assert result.code == 1
    assert "page" in result.sentence
