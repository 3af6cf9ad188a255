"""``gzprep merge`` joins data sets of two surveys: labels and masks worked out by hand, and what is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from gzcore.dataset.example import Record
from gzprep.dataset.folder import Folder
from gzprep.dataset.read import read_record, read_shard, shard_paths, widths_of
from tests.gztrain.shards import copied, edit_manifest
from tests.own_catalogues import QUICK, TRAINED, write_images, write_rows
from tests.running import gzprep, gztrain, manifest

pytestmark = pytest.mark.slow

NAN = float("nan")
GALAXIES = 20
FIRST = """
name = "first"
title = "The first survey"
suffix = "one"
citations = ["Doe 2025"]
licence = "CC0 1.0"

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

[schemes]
pretty = ["ring"]
"""
SECOND = """
name = "second"
title = "The second survey"
suffix = "two"
citations = ["Roe 2026"]
licence = "CC BY 4.0"
licence_url = "https://creativecommons.org/licenses/by/4.0/"

[[questions]]
name = "merging"
title = "Merging?"
used = ["none", "minor", "major"]

[[questions]]
name = "tail"
title = "A tidal tail?"
used = ["yes"]
twin = "no"
parent = ["merging", "major"]

[schemes]
pretty = ["tail"]
"""
COLUMNS = {
    "first": [*(f"shape-one_{answer}" for answer in ("smooth", "disk", "star")), "ring-one_yes", "ring-one_no"],
    "second": [*(f"merging-two_{answer}" for answer in ("none", "minor", "major")), "tail-two_yes", "tail-two_no"],
}
VOTES = {"first": (6, 12, 2, 9, 3), "second": (2, 3, 15, 5, 10)}
"""Votes on galaxy 0 of each survey."""


def make(folder: Path, survey: str, text: str, out: str, ids: str, *options: str) -> Path:
    """Make a data set of a made-up survey in ``folder / out``."""
    sky = folder / f"{out}-sky"
    names = [f"{ids}{number}" for number in range(GALAXIES)]
    write_images(sky / "images", [f"{name}.png" for name in names])
    chance = np.random.default_rng(0)
    rows = []
    for number, name in enumerate(names):
        votes = VOTES[survey] if number == 0 else chance.integers(3, 20, 5).tolist()
        own = dict(zip(COLUMNS[survey], votes, strict=True))
        rows.append({"id_str": name, "subfolder": "", "filename": f"{name}.png", **own})
    for split, part in (("train", rows[:15]), ("test", rows[15:])):
        write_rows(sky / f"{survey}_{split}_catalog.csv", part)
    (sky / f"{survey}.toml").write_text(text)
    chosen = ("--survey", str(sky / f"{survey}.toml"), "--out", folder / out)
    result = gzprep("run", "--data", sky, *chosen, *QUICK, *options)
    assert result.code == 0, result.err
    return folder / out


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``a`` of the first survey and ``b`` of the second."""
    folder = tmp_path_factory.mktemp("merge")
    make(folder, "first", FIRST, "a", "a")
    make(folder, "second", SECOND, "b", "b")
    return folder


@pytest.fixture(scope="module")
def joined(folders: Path) -> Path:
    """Both joined."""
    result = gzprep("merge", folders / "a", folders / "b", "--out", folders / "c")
    assert result.code == 0, result.err
    assert "Done in" in result.out
    return folders / "c"


def serialised(out: Path) -> dict[tuple[str, int], bytes]:
    """The bytes of every record, by id and view."""
    document = manifest(out)
    paths = shard_paths(Folder(out), document, document["splits"])
    found = [(read_record(data, widths_of(document)), data) for path in paths for data in read_shard(path)]
    return {(record.id, record.view): data for record, data in found}


def record_of(out: Path, galaxy: str, view: int = 0) -> Record:
    return read_record(serialised(out)[galaxy, view], widths_of(manifest(out)))


BY_HAND: dict[str, tuple[tuple[float, ...], tuple[float, ...], tuple[int, ...], tuple[int, ...], tuple[int, ...]]] = {
    # fractions; votes; report and asked labels (smooth, disk, ring, none, minor, major, tail); mask
    "a0": (
        (0.3, 0.6, 0.1, 0.75, 0.25, NAN, NAN, NAN, NAN, NAN),
        (20, 12, NAN, NAN),
        (0, 1, 1, 0, 0, 0, 0),
        (0, 1, 1, 0, 0, 0, 0),
        (1, 1, 1, 0, 0, 0, 0),
    ),
    "b0": (
        (NAN, NAN, NAN, NAN, NAN, 0.1, 0.15, 0.75, 5 / 15, 10 / 15),
        (NAN, NAN, 20, 15),
        (0, 0, 0, 0, 0, 1, 0),
        (0, 0, 0, 0, 0, 1, 0),
        (0, 0, 0, 1, 1, 1, 1),
    ),
}


@pytest.mark.parametrize("galaxy", BY_HAND)
def test_labels_and_mask_worked_out_by_hand(joined: Path, galaxy: str) -> None:
    fractions, votes, report, asked, mask = BY_HAND[galaxy]
    record = record_of(joined, galaxy)
    np.testing.assert_allclose(record.fraction, np.array(fractions, np.float32))
    np.testing.assert_array_equal(record.votes, np.array(votes, np.float32))
    assert (tuple(record.label_report), tuple(record.label_asked), tuple(record.mask)) == (report, asked, mask)


@pytest.mark.parametrize(("part", "galaxy"), [("a", "a3"), ("b", "b19")])
def test_image_fold_and_what_was_done_are_copied(folders: Path, joined: Path, part: str, galaxy: str) -> None:
    before, after = record_of(folders / part, galaxy), record_of(joined, galaxy)
    assert (before.image, before.fold, before.ops) == (after.image, after.fold, after.ops)


def test_the_joined_folder_is_whole(joined: Path) -> None:
    found = gzprep("verify", joined, "--json").json
    assert (found["ok"], found["records"]) == (True, 2 * (20 + 15)), found["faults"]
    again = gzprep("verify", joined, "--replay", "3")
    assert again.code != 0
    assert "joined by gzprep merge from a, b" in again.sentence


def test_the_manifest_and_the_cards_tell_of_both(joined: Path, folders: Path) -> None:
    document: Any = manifest(joined)
    assert document["labels"]["schemes"] == {
        "q0": [0, 1],
        "q1": [2],
        "q2": [3, 4, 5],
        "q3": [6],
        "pretty": [2, 6],
        "all": list(range(7)),
    }
    assert [entry["folder"] for entry in document["source"]["inputs"]] == ["a", "b"]
    assert (document["counts"]["all"]["in"], document["counts"]["test"]["out"]) == (40, 10)
    sums = sum(int(manifest(folders / part)["data_hash"], 16) for part in "ab") % 2**256
    assert int(document["data_hash"], 16) == sums
    card = (joined / "README.md").read_text()
    assert all(text in card for text in ("The first survey", "Roe 2026", "Doe 2025", "CC0 1.0", "CC BY 4.0"))
    assert json.loads((joined / "croissant.json").read_text())["name"] == "merged"


def test_the_catalogue_says_which_survey_a_galaxy_is_from_and_where_its_records_are(joined: Path) -> None:
    rows = {row["id_str"]: row for row in pq.read_table(joined / "catalogue.parquet").to_pylist()}
    assert (rows["a0"]["survey"], rows["b0"]["survey"]) == ("first", "second")
    assert (rows["b0"]["mask"], rows["b0"]["label_asked"]) == ([0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 0, 0, 1, 0])
    assert np.isnan(rows["b0"]["shape-one_disk_fraction"])
    assert rows["b0"]["shard"] == 5 + rows["b0"]["fold"]


@pytest.mark.usefixtures("lean_training")
def test_it_trains_on_all_questions_and_is_judged(joined: Path, tmp_path: Path) -> None:
    fitted = gztrain("fit", joined, "--run", tmp_path / "run", *TRAINED)
    assert fitted.code == 0, fitted.err
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["scheme"] == "all"
    assert set(metrics["splits"]["val"]["per_question"]) == {"shape-one", "ring-one", "merging-two", "tail-two"}


def test_the_policy_report_would_make_up_answers_and_is_refused(joined: Path, tmp_path: Path) -> None:
    refused = gztrain("fit", joined, "--run", tmp_path / "run", "--labels", "report")
    assert (refused.code, "joined from folders with different questions" in refused.sentence) == (2, True)
    assert not (tmp_path / "run").exists()


def test_a_preview_and_a_report_know_all_questions(joined: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    assert gzprep("preview", joined, "--id", "b0", "--png", tmp_path / "b0.png").code == 0
    report = gzprep("report", joined, "--html", tmp_path / "page")
    assert report.code == 0, report.err
    assert "tail-two" in (tmp_path / "page" / "index.html").read_text()
    assert "40 ok" in gzprep("inspect", joined).out


def test_records_of_one_survey_stay_byte_for_byte(folders: Path, tmp_path: Path) -> None:
    more = make(tmp_path, "first", FIRST, "more", "m")
    result = gzprep("merge", folders / "a", more, "--out", tmp_path / "both")
    assert result.code == 0, result.err
    assert serialised(tmp_path / "both") == {**serialised(folders / "a"), **serialised(more)}
    assert gzprep("verify", tmp_path / "both").code == 0


def test_a_joined_folder_can_be_joined_again(folders: Path, joined: Path, tmp_path: Path) -> None:
    more = make(tmp_path, "first", FIRST, "more", "m")
    for names, out in (((joined, more), "steps"), ((folders / "a", folders / "b", more), "at-once")):
        assert gzprep("merge", *names, "--out", tmp_path / out).code == 0
        assert gzprep("verify", tmp_path / out).code == 0
    steps, at_once = manifest(tmp_path / "steps"), manifest(tmp_path / "at-once")
    assert [steps[key] for key in ("data_hash", "splits", "labels", "counts")] == [
        at_once[key] for key in ("data_hash", "splits", "labels", "counts")
    ]


def test_equal_ids_are_refused_or_get_the_name_of_their_survey(folders: Path, tmp_path: Path) -> None:
    same = make(tmp_path, "second", SECOND, "same", "a")
    refused = gzprep("merge", folders / "a", same, "--out", tmp_path / "out")
    assert refused.code != 0
    assert "20 ids are in" in refused.sentence
    assert "--prefix" in refused.sentence
    assert not (tmp_path / "out").exists()
    assert gzprep("merge", folders / "a", same, "--prefix", "--out", tmp_path / "out").code == 0
    assert {("first_a0", 0), ("second_a0", 1)} <= serialised(tmp_path / "out").keys()
    assert gzprep("verify", tmp_path / "out").code == 0


def test_a_merge_that_was_stopped_begins_again_and_a_whole_one_is_left_alone(folders: Path, joined: Path) -> None:
    before = {path.name: path.read_bytes() for path in joined.glob("*.tfrecord-*")}
    (joined / "manifest.json").unlink()
    (joined / next(iter(before))).unlink()
    assert gzprep("merge", folders / "a", folders / "b", "--out", joined).code == 0
    assert {path.name: path.read_bytes() for path in joined.glob("*.tfrecord-*")} == before
    changed = (joined / "manifest.json").stat().st_mtime_ns
    again = gzprep("merge", folders / "a", folders / "b", "--out", joined)
    assert "nothing is to be done" in again.err
    assert (joined / "manifest.json").stat().st_mtime_ns == changed


def recipe(table: str, key: str, value: object) -> Callable[[Any], None]:
    """Change a value of the recipe that a manifest tells."""
    return lambda document: document["recipe"][table].update({key: value})


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (recipe("crop", "size", 40), "crop.size is 40, not 32. Make it again"),
        (recipe("crop", "encoding", "png"), "--set crop.encoding="),
        (recipe("views", "count", 3), "--views 1"),
        (lambda document: document.pop("data_hash"), "has no data hash"),
        (lambda document: document["labels"]["names"].reverse(), "has other labels than its survey"),
    ],
    ids=["crop", "encoding", "views", "no data hash", "labels of another survey"],
)
def test_a_folder_that_does_not_fit_is_refused(
    folders: Path, tmp_path: Path, change: Callable[[Any], None], sentence: str
) -> None:
    other = copied(folders / "b", tmp_path / "b")
    edit_manifest(other, change)
    result = gzprep("merge", folders / "a", other, "--out", tmp_path / "out")
    assert result.code != 0
    assert sentence in result.sentence


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("merge", "a", "--out", "x"), "two dataset folders or more"),
        (("merge", "a", "a", "--out", "x"), "is named twice"),
        (("merge", "a", "b", "--out", "a"), "is one of the folders that are joined"),
        (("merge", "a", "c", "--out", "x"), "ids are in"),
        (("merge", "a", "b", "--out", "b-sky/../other"), "files of another data set"),
        (("merge", "a", "nowhere", "--out", "x"), "no dataset folder"),
        (("run", "--data", "a-sky", "--survey", "a-sky/first.toml", "--out", "c", *QUICK), "made by gzprep merge"),
    ],
    ids=["one", "twice", "into an input", "again", "in the way", "absent", "run into it"],
)
def test_what_cannot_be_done_is_told_in_a_sentence(
    folders: Path, joined: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], sentence: str
) -> None:
    assert joined.is_dir()
    (folders / "other").mkdir(exist_ok=True)
    (folders / "other" / "manifest.json").write_text("{}")
    monkeypatch.chdir(folders)
    result = gzprep(*words)
    assert result.code != 0
    assert sentence in result.sentence


BROKEN: dict[str, Callable[[Path], object]] = {
    "a damaged manifest": lambda out: (out / "manifest.json").write_text("{"),
    "no manifest": lambda out: (out / "manifest.json").unlink(),
    "no shard": lambda out: next(out.glob("merged-test.tfrecord-*")).unlink(),
}


@pytest.mark.parametrize("damage", BROKEN.values(), ids=BROKEN)
def test_a_broken_folder_is_whole_again_after_the_command_that_is_told(
    damage: Callable[[Path], object], folders: Path, joined: Path, tmp_path: Path
) -> None:
    before, out = serialised(joined), copied(joined, tmp_path / "out")
    damage(out)
    told = gztrain("fit", out, "--run", tmp_path / "run").sentence
    assert f"gzprep merge FOLDER FOLDER --out {out} --overwrite" in told
    assert "gzprep run" not in told
    again = gzprep("merge", folders / "a", folders / "b", "--out", out, "--overwrite")
    assert again.code == 0, again.err
    assert serialised(out) == before
