"""gztrain next: from runs and galaxies to a list and a sheet."""

import csv
from pathlib import Path

import pytest

from gztrain.predict.acquire import choose
from tests.gztrain.run_folders import untrained_run
from tests.running import gztrain

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("file_lean_training")]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, dataset: Path) -> list[Path]:
    folder = tmp_path_factory.mktemp("runs")
    return [
        untrained_run(folder / str(seed), dataset, seed=seed, **{"model.size": 16, "model.dropout": 0.5}).root
        for seed in (0, 1)
    ]


def test_two_runs_choose_galaxies_of_a_data_set_that_did_not_train_them(
    runs: list[Path], dataset: Path, tmp_path: Path
) -> None:
    out, page = tmp_path / "next.csv", tmp_path / "next.html"
    found = gztrain("next", *runs, dataset, "--count", "3", "--out", out, "--html", page, "--json")
    assert found.code == 0, found.err
    document = found.json
    assert (document["method"], document["networks"]) == ("ensemble", 2)
    scores = [entry["score"] for entry in document["next"]]
    assert scores == sorted(scores, reverse=True)
    assert document["trained"] > 0
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [entry["id"] for entry in document["next"]]
    assert rows[0]["rank"] == "1"
    assert page.read_text().count("data:image/jpeg;base64,") == 3


def test_one_run_is_asked_by_dropout_and_the_list_is_the_same_each_time(
    runs: list[Path], small_sky: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choose, "SAMPLES", 3)
    some = sorted((small_sky / "images").rglob("*.jpg"))[5:8]
    first, again = (gztrain("next", runs[0], *some, "--count", "2", "--json") for _ in range(2))
    assert first.json["method"] == "dropout"
    assert first.json["next"] == again.json["next"]
    assert gztrain("next", runs[0], runs[1]).sentence.startswith("gztrain: IMAGES are missing")


@pytest.mark.parametrize("other", ["q1", "q6"], ids=["as many labels", "more labels"])
def test_runs_of_different_questions_are_not_compared(other: str, dataset: Path, tmp_path: Path) -> None:
    runs = [untrained_run(tmp_path / name, dataset, scheme=name, **{"model.size": 16}).root for name in ("q0", other)]
    found = gztrain("next", *runs, dataset, "--count", "2", "--json")
    assert found.sentence.startswith("gztrain: The runs answer different questions")


def test_ids_are_compared_whole_and_files_without_their_endings() -> None:
    trained = {"J112953.88-000427.4", "7"}
    assert choose.untrained(["J112953.88-000427.4", "J112953.88-000427.5"], trained, ids=True) == [1]
    assert choose.untrained(["folder/7.jpg", "folder/8.jpg"], trained, ids=False) == [1]
    assert choose.untrained(["7"], None, ids=True) == [0]
