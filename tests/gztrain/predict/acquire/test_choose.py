"""gztrain next: from runs and galaxies to a list and a sheet."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gztrain.data.dataset import Dataset, open_dataset
from gztrain.predict.acquire import choose
from gztrain.runs.folder import open_run
from tests.gztrain.run_folders import untrained_run
from tests.running import SMALL, gzprep, gztrain

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


def joined(dataset: Path, **manifest: Any) -> Dataset:
    return replace(open_dataset(dataset), manifest=manifest)


GZ2, MERGED = {"name": "gz2"}, {"name": "merged"}
ONCE, TWICE = {"inputs": [{"prefix": "gz2_"}]}, {"inputs": [{"prefix": "merged_gz2_"}]}
FOLDERS: dict[str, tuple[dict[str, Any], list[str], set[str]]] = {
    "as it was made": ({"survey": GZ2}, ["587", "588"], {"587"}),
    "the run's was joined": ({"survey": GZ2}, ["587", "588"], {"gz2_587"}),
    "the run's was joined twice": ({"survey": GZ2}, ["587", "588"], {"merged_gz2_587"}),
    "joined": ({"survey": MERGED, "source": ONCE}, ["gz2_587", "gz2_588"], {"587"}),
    "joined twice": ({"survey": MERGED, "source": TWICE}, ["merged_gz2_587", "merged_gz2_588"], {"587"}),
    "both were joined": ({"survey": MERGED, "source": ONCE}, ["gz2_587", "gz2_588"], {"merged_gz2_587"}),
    "a dot in the id": ({"survey": GZ2}, ["J112953.88-000427.4", "J112953.88-000427.5"], {"J112953.88-000427.4"}),
}
"""The manifest of a folder, ids of two galaxies, and what the first was called when it trained the run."""


@pytest.mark.parametrize(("manifest", "names", "trained"), FOLDERS.values(), ids=FOLDERS)
def test_a_galaxy_that_trained_the_run_is_left_out_whatever_it_is_called(
    dataset: Path, monkeypatch: pytest.MonkeyPatch, manifest: dict[str, Any], names: list[str], trained: set[str]
) -> None:
    opened = joined(dataset, **manifest)
    monkeypatch.setattr(choose, "open_dataset", lambda _: opened)
    assert choose.untrained(names, trained, choose.called_in([dataset], [])) == [1]


FILES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "as it was made": ({}, {"587"}),
    "joined": ({"source": ONCE}, {"gz2_587"}),
    "joined twice": ({"source": TWICE}, {"merged_gz2_587"}),
    "joined without prefixes": ({"source": {"inputs": [{"prefix": ""}]}}, {"587"}),
}
"""The manifest of a run's data set, and what the galaxy is called in it."""


@pytest.mark.parametrize(("manifest", "trained"), FILES.values(), ids=FILES)
def test_an_image_that_trained_the_run_is_left_out(
    dataset: Path, runs: list[Path], monkeypatch: pytest.MonkeyPatch, manifest: dict[str, Any], trained: set[str]
) -> None:
    opened = joined(dataset, **manifest)
    monkeypatch.setattr(choose, "open_dataset", lambda _: opened)
    called = choose.called_in([Path("folder")], [open_run(runs[0])])
    assert choose.untrained(["folder/587.jpg", "folder/588.jpg"], trained, called) == [1]


def test_galaxies_are_offered_where_the_training_ones_are_not_known(tmp_path: Path) -> None:
    assert choose.untrained(["7"], None, choose.called_in([tmp_path], [])) == [0]


def test_the_data_set_of_a_run_may_be_gone(dataset: Path, tmp_path: Path) -> None:
    run = untrained_run(tmp_path / "run", dataset, **{"model.size": 16}).root
    config = json.loads((run / "config.json").read_text())
    config["dataset"]["path"] = str(tmp_path / "gone")
    (run / "config.json").write_text(json.dumps(config))
    called = choose.called_in([tmp_path], [open_run(run)])
    assert choose.untrained(["7.jpg", "8.jpg"], {"7"}, called) == [1]


def test_a_joined_folder_offers_no_galaxy_that_trained_the_run(runs: list[Path], dataset: Path, tmp_path: Path) -> None:
    """It holds the data set of the runs, with other ids, and galaxies of another sky."""
    sky, other, both = (tmp_path / name for name in ("sky", "other", "both"))
    commands = (
        ("simulate", sky, "--galaxies", "12", "--seed", "7"),
        ("run", "--data", sky, "--out", other, *SMALL),
        ("merge", dataset, other, "--prefix", "--out", both),
    )
    for command in commands:
        result = gzprep(*command)
        assert result.code == 0, result.err
    alone, joined = (gztrain("next", *runs, place, "--count", "2", "--json").json for place in (dataset, both))
    assert joined["trained"] == alone["trained"] > 0
    assert joined["galaxies"] > alone["galaxies"]
