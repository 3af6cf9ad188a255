"""A survey that gzprep does not know goes from its file to shards, to a trained model and to its figures."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gzcore.dataset.example import Record
from gzprep.dataset.folder import Folder
from gzprep.dataset.read import read_record, read_shard, shard_paths, widths_of
from gztrain.data.dataset import choose_scheme, open_dataset
from tests.gztrain.shards import copied, edit_manifest
from tests.own_catalogues import QUICK, TRAINED, write_images, write_rows
from tests.running import Result, gzprep, gztrain, manifest

pytestmark = pytest.mark.slow

SURVEY = """
name = "made-up"
title = "A made-up survey"
citations = ["Doe 2026, on galaxies that are not there"]
licence = "CC0 1.0"
licence_url = "https://creativecommons.org/publicdomain/zero/1.0/"

[[questions]]
name = "shape"
title = "Which shape?"
used = ["smooth", "disk"]
dropped = "star"

[[questions]]
name = "ring"
title = "A ring?"
used = ["yes"]
twin = "no"
parent = ["shape", "disk"]

[[questions]]
name = "merging"
title = "Merging?"
used = ["none", "minor", "major"]

[schemes]
rings = ["ring"]
"""
COLUMNS = (
    *("shape_smooth", "shape_disk", "shape_star", "ring_yes", "ring_no"),
    *("merging_none", "merging_minor", "merging_major"),
)
NAN = float("nan")
BY_HAND: dict[str, tuple[tuple[int, ...], tuple[float, ...], tuple[float, ...], tuple[int, ...], tuple[int, ...]]] = {
    # votes; fractions; total votes; labels (smooth, disk, ring, none, minor, major); mask
    "smooth, with a ring, and not asked whether it merges": (
        (12, 6, 2, 4, 2, 0, 0, 0),
        (0.6, 0.3, 0.1, 4 / 6, 2 / 6, NAN, NAN, NAN),
        (20, 6, 0),
        (1, 0, 1, 0, 0, 0),
        (1, 1, 1, 0, 0, 0),
    ),
    "a star, which is no label; without a ring; a major merger": (
        (3, 5, 12, 0, 5, 1, 2, 17),
        (0.15, 0.25, 0.6, 0, 1, 0.05, 0.1, 0.85),
        (20, 5, 20),
        (0, 0, 0, 0, 0, 1),
        (0, 0, 1, 1, 1, 1),
    ),
    "smooth to all, so not asked about a ring; a minor merger": (
        (20, 0, 0, 0, 0, 5, 10, 5),
        (1, 0, 0, NAN, NAN, 0.25, 0.5, 0.25),
        (20, 0, 20),
        (1, 0, 0, 0, 1, 0),
        (1, 1, 0, 1, 1, 1),
    ),
}
GALAXIES = 40


def votes_of(number: int) -> tuple[int, ...]:
    """The votes on a galaxy: those that were worked out by hand come first."""
    if number < len(BY_HAND):
        return list(BY_HAND.values())[number][0]
    rng = np.random.default_rng(number)
    shape, merging = rng.multinomial(20, (0.4, 0.5, 0.1)), rng.multinomial(20, (0.5, 0.25, 0.25))
    ring = int(rng.integers(0, shape[1] + 1))
    return (*map(int, shape), ring, int(shape[1]) - ring, *map(int, merging))


@pytest.fixture(scope="module")
def sky(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of the made-up survey, with its file."""
    folder = tmp_path_factory.mktemp("made-up") / "sky"
    names = [f"g{number}" for number in range(GALAXIES)]
    write_images(folder / "images", [f"{name}.png" for name in names])
    rows = [
        {
            "id_str": name,
            "subfolder": "",
            "filename": f"{name}.png",
            **dict(zip(COLUMNS, votes_of(number), strict=True)),
        }
        for number, name in enumerate(names)
    ]
    for split, part in (("train", rows[:32]), ("test", rows[32:])):
        write_rows(folder / f"made_{split}_catalog.csv", part)
    (folder / "made-up.toml").write_text(SURVEY)
    return folder


def make(sky: Path, out: Path, *options: str) -> Result:
    return gzprep("run", "--data", sky, "--out", out, "--survey", str(sky / "made-up.toml"), *QUICK, *options)


@pytest.fixture(scope="module")
def made(sky: Path) -> Path:
    """The data set of the made-up survey."""
    result = make(sky, sky.parent / "out")
    assert result.code == 0, result.err
    return sky.parent / "out"


def records(out: Path) -> dict[str, Record]:
    """The records of view 0, by id."""
    document = manifest(out)
    paths = shard_paths(Folder(out), document, ["train", "test"])
    found = [read_record(data, widths_of(document)) for path in paths for data in read_shard(path)]
    return {record.id: record for record in found}


@pytest.mark.parametrize("case", BY_HAND)
def test_labels_and_mask_worked_out_by_hand(made: Path, case: str) -> None:
    _, fractions, votes, labels, mask = BY_HAND[case]
    record = records(made)[f"g{list(BY_HAND).index(case)}"]
    np.testing.assert_allclose(record.fraction, np.array(fractions, np.float32))
    assert tuple(record.votes) == votes
    assert tuple(record.label_asked) == labels
    assert tuple(record.mask) == mask


def test_the_manifest_and_the_cards_tell_of_the_survey(made: Path) -> None:
    document: Any = manifest(made)
    assert document["name"] == "made_up"
    assert document["survey"]["title"] == "A made-up survey"
    assert document["source"]["kind"] == "catalogue"
    assert [(feature["name"], feature["shape"]) for feature in document["features"][4:7]] == [
        *(("fraction", [8]), ("votes", [3]), ("label_report", [6]))
    ]
    assert document["labels"]["schemes"] == {
        "q0": [0, 1],
        "q1": [2],
        "q2": [3, 4, 5],
        "rings": [2],
        "all": [0, 1, 2, 3, 4, 5],
    }
    card, croissant = (made / "README.md").read_text(), json.loads((made / "croissant.json").read_text())
    assert all(text in card for text in ("A made-up survey", "Doe 2026", "CC0 1.0", "Q0 to Q2"))
    assert not [text for text in ("Galaxy Zoo 2", "Willett", "sdss") if text in card]
    assert croissant["creator"][0]["name"] == "A made-up survey"


def test_the_folder_is_whole_and_its_records_are_made_again(made: Path) -> None:
    found = gzprep("verify", made, "--replay", "5", "--json")
    assert (found.json["ok"], found.json["replayed"]) == (True, 5), found.json["faults"]


def test_the_same_command_again_makes_nothing_and_another_survey_is_refused(sky: Path, made: Path) -> None:
    before = (made / "manifest.json").stat().st_mtime_ns
    assert make(sky, made).code == 0
    assert (made / "manifest.json").stat().st_mtime_ns == before
    (sky / "other.toml").write_text(SURVEY.replace('"made-up"', '"other"').replace('"minor"', '"small"'))
    again = gzprep("run", "--data", sky, "--out", made, "--survey", str(sky / "other.toml"), *QUICK)
    assert again.code != 0
    assert "merging_small_fraction" in again.sentence


def test_a_preview_and_a_report_know_its_questions(made: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    assert gzprep("preview", made, "--id", "g0", "--png", tmp_path / "g0.png").code == 0
    report = gzprep("report", made, "--html", tmp_path / "page")
    assert report.code == 0, report.err
    assert "Q1 ring" in (tmp_path / "page" / "index.html").read_text()


@pytest.mark.usefixtures("lean_training")
def test_it_trains_and_is_judged(made: Path, tmp_path: Path) -> None:
    fitted = gztrain("fit", made, "--run", tmp_path / "run", *TRAINED)
    assert fitted.code == 0, fitted.err
    judged = gztrain("evaluate", tmp_path / "run", "--json")
    assert judged.code == 0, judged.err
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["scheme"] == "all"
    labels = set(metrics["splits"]["test"]["per_label"])
    assert labels == {"shape_smooth", "shape_disk", "ring_yes", "merging_none", "merging_minor", "merging_major"}


def test_a_folder_of_before_there_were_surveys_is_read_as_galaxy_zoo_2(dataset: Path, tmp_path: Path) -> None:
    old = copied(dataset, tmp_path / "old")
    edit_manifest(old, lambda document: document.pop("survey"))
    assert gzprep("verify", old, "--json").json["ok"]
    galaxy = next(iter(records(old)))
    assert gzprep("preview", old, "--id", galaxy, "--png", tmp_path / "views.png").code == 0
    assert choose_scheme(open_dataset(old), "auto").name == "reduced"
