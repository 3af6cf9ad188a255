"""``gzprep run --labels`` on a catalogue of a user's own, as Zoobot reads it: shards, a trained model, its figures."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.own_catalogues import QUICK, TRAINED, write_images, write_rows
from tests.running import gzprep, gztrain, manifest

pytestmark = pytest.mark.slow

GALAXIES = 30


@pytest.fixture(scope="module")
def rings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``rings.csv`` with ids, absolute paths, 0 and 1, and classes; some are blank."""
    folder = tmp_path_factory.mktemp("own")
    names = [f"g{row}.png" for row in range(GALAXIES)]
    write_images(folder / "pictures", names)
    rows = [
        {
            "id_str": f"g{row}",
            "file_loc": str(folder / "pictures" / name),
            "ring": ("1", "0", "")[row % 3],
            "type": ("spiral", "smooth", "odd one", "")[row % 4],
        }
        for row, name in enumerate(names)
    ]
    return write_rows(folder / "rings.csv", rows)


@pytest.fixture(scope="module")
def made(rings: Path) -> Path:
    """The data set of both columns of labels."""
    out = rings.parent / "rings"
    result = gzprep("run", "--catalogue", rings, "--labels", "ring,type", "--out", out, *QUICK)
    assert result.code == 0, result.err
    assert "Labels: ring (yes, no); type (odd-one, smooth, spiral)." in result.err
    assert "Paths of images are those of the column file_loc." in result.err
    return out


def test_two_columns_are_two_questions(made: Path) -> None:
    document: Any = manifest(made)
    assert document["labels"]["names"] == ["ring_yes", "type_odd-one", "type_smooth", "type_spiral"]
    assert document["name"] == "rings"
    assert (document["survey"]["own_labels"], "Volunteers" in (made / "README.md").read_text()) == (True, False)
    rows = {row["id_str"]: row for row in pq.read_table(made / "catalogue.parquet").to_pylist()}
    by_hand = {
        "g0": ([1, 0, 0, 1], [1, 1, 1, 1]),
        "g1": ([0, 0, 1, 0], [1, 1, 1, 1]),
        "g11": ([0, 0, 0, 0], [0, 0, 0, 0]),
    }
    assert {name: (rows[name]["label_asked"], rows[name]["mask"]) for name in by_hand} == by_hand


def test_its_records_are_made_again_without_a_word_about_columns(made: Path) -> None:
    found = gzprep("verify", made, "--replay", "5", "--json")
    assert (found.json["ok"], found.json["replayed"]) == (True, 5), found.json["faults"]


@pytest.mark.usefixtures("lean_training")
def test_it_trains_and_is_judged(made: Path, tmp_path: Path) -> None:
    fitted = gztrain("fit", made, "--run", tmp_path / "run", *TRAINED)
    assert fitted.code == 0, fitted.err
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert set(metrics["splits"]["val"]["per_question"]) == {"ring", "type"}


def test_without_labels_there_are_shards_and_no_label_is_known(rings: Path, tmp_path: Path) -> None:
    result = gzprep("run", "--catalogue", rings, "--labels", "none", "--out", tmp_path / "out", *QUICK)
    assert result.code == 0, result.err
    document: Any = manifest(tmp_path / "out")
    assert document["splits"]["train"]["records"] == GALAXIES
    assert sum(sum(fold["answered"]) for fold in document["labels"]["folds"].values()) == 0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--labels", "ring", "--survey", "gz2"), "--labels makes the questions of your own columns"),
        (("--labels", "rong"), "has no column rong; it has id_str, file_loc, ring, type"),
        (("--path-column", "where", "--labels", "ring"), "has no column where"),
        ((), "no survey that gzprep knows fits its columns. Name your columns of labels with --labels"),
    ],
    ids=["beside a survey", "no such column", "no such path", "no labels named"],
)
def test_what_does_not_fit_is_told_in_a_sentence(
    rings: Path, tmp_path: Path, options: tuple[str, ...], sentence: str
) -> None:
    result = gzprep("run", "--catalogue", rings, "--out", tmp_path / "out", *QUICK, *options)
    assert result.code != 0
    assert sentence in result.err
    assert "Traceback" not in result.err


def test_columns_of_your_own_need_a_catalogue(tmp_path: Path) -> None:
    result = gzprep("run", "--labels", "ring", "--out", tmp_path / "out", *QUICK)
    assert "--labels, --id-column and --path-column need --catalogue or --data" in result.sentence
