"""gztrain explain, from a run folder to numbers and a page."""

from pathlib import Path

import numpy as np
import pytest

from gztrain.predict.explain.overlay import share_in_the_middle
from tests.gztrain.run_folders import untrained_run
from tests.running import gztrain

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("file_lean_training")]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, dataset: Path) -> Path:
    return untrained_run(tmp_path_factory.mktemp("run") / "<b>r", dataset, **{"model.size": 16}).root


def test_the_command_looks_at_the_test_split_and_writes_a_page(run: Path, tmp_path: Path) -> None:
    page = tmp_path / "why.html"
    found = gztrain("explain", run, "--number", "2", "--html", page, "--json")
    assert found.code == 0, found.err
    document = found.json
    assert document["method"] == "Grad-CAM"
    assert len(document["galaxies"]) == 2
    first = next(iter(document["steadiness"].values()))
    assert set(first) == {"turned", "shifted", "others", "score", "flipped", "blanked"}
    text = page.read_text()
    assert "&lt;b&gt;r" in text
    assert "<b>r" not in text
    assert text.count("data:image/jpeg;base64,") >= 2


def test_images_by_path_and_one_question(run: Path, small_sky: Path) -> None:
    some = sorted((small_sky / "images").rglob("*.jpg"))[5:7]
    found = gztrain("explain", run, *some, "--quick", "--question", "smooth-or-featured-gz2")
    assert found.code == 0, found.err
    assert "on 2 galaxies" in found.out
    assert gztrain("explain", run, "--question", "bars").sentence.startswith("gztrain: The run answers no question")


def test_the_middle_has_a_fifth_of_even_heat() -> None:
    assert share_in_the_middle(np.ones((7, 7), np.float32)) == pytest.approx(np.pi / 16, abs=0.01)
    assert share_in_the_middle(np.zeros((7, 7), np.float32)) is None
