"""A run is judged on galaxies that it was not trained on, or refused: a table of data sets that look alike."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from gzcore.errors import GzError
from gztrain.data.dataset import open_dataset
from gztrain.data.galaxies import galaxies_of
from gztrain.data.names import joined_once, names_of
from gztrain.evaluation.judged_data import judged_data
from gztrain.runs.data_set import record_of
from gztrain.runs.folder import RunFolder, open_run
from gztrain.runs.galaxies import trained_of, write_galaxies
from tests.gztrain.run_folders import TINY, untrained_run
from tests.gztrain.shards import copied, edit_manifest
from tests.running import SMALL, gzprep, gztrain

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("file_lean_training")]
SMALLEST: dict[str, Any] = {"model.size": 16, "bootstrap": 5, "scheme": "q1"}
"""Options of an untrained run."""


def swapped(sky: Path, to: Path, moved: int | None = None) -> Path:
    """A sky with the same images whose first test galaxies were drawn from the training galaxies; None: all of them."""
    to.mkdir()
    (to / "images").symlink_to(sky / "images")
    train, test = (pq.read_table(sky / f"gz2_{split}_catalog.parquet") for split in ("train", "test"))
    count = len(train) if moved is None else moved
    pq.write_table(train.slice(2, count), to / "gz2_test_catalog.parquet")
    pq.write_table(test, to / "gz2_train_catalog.parquet")
    return to


def made(sky: Path, to: Path, *settings: str) -> Path:
    result = gzprep("run", "--data", sky, "--out", to, *SMALL, *settings)
    assert result.code == 0, result.err
    return to


@pytest.fixture(scope="module")
def other_sky(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sky of other galaxies."""
    folder = tmp_path_factory.mktemp("other") / "sky"
    assert gzprep("simulate", folder, "--galaxies", "20", "--seed", "7").code == 0
    return folder


@pytest.fixture(scope="module")
def run(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one epoch."""
    folder = tmp_path_factory.mktemp("judged") / "run"
    short = ("--epochs", "1", "--fine-tune-epochs", "0", "--views", "0", "--scheme", "q1")
    result = gztrain("fit", dataset, "--run", folder, *TINY, *short)
    assert result.code == 0, result.err
    return folder


@pytest.fixture(scope="module")
def swapped_data(small_sky: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set whose test galaxies are the training galaxies; not to be written into."""
    folder = tmp_path_factory.mktemp("swapped")
    return made(swapped(small_sky, folder / "sky"), folder / "out")


@pytest.fixture(scope="module")
def other_data(other_sky: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data set of other galaxies; not to be written into."""
    return made(other_sky, tmp_path_factory.mktemp("other") / "sky two")


@pytest.fixture
def own(run: Path, tmp_path: Path) -> Path:
    """A copy of the run that a test may change."""
    return Path(shutil.copytree(run, tmp_path / "run"))


def without_data_hash(manifest: dict[str, Any]) -> None:
    manifest.pop("data_hash")


def forget(run: Path, *, galaxies: bool = True) -> None:
    """Make a run folder as earlier versions left it: no data hash, no counts, no list of galaxies."""
    config = json.loads((run / "config.json").read_text())
    config.pop("label_counts")
    for key in ("data_hash", "frame", "pixel_scale"):
        config["dataset"].pop(key)
    (run / "config.json").write_text(json.dumps(config))
    if galaxies:
        (run / "galaxies.parquet").unlink()


def test_the_run_folder_names_its_galaxies(run: Path, dataset: Path) -> None:
    rows = pq.read_table(run / "galaxies.parquet").to_pylist()
    assert {row["id"]: row["fold"] for row in rows} == galaxies_of(open_dataset(dataset), "train")
    assert all((row["role"] == "validation") == (row["fold"] == 0) for row in rows)
    manifest = json.loads((dataset / "manifest.json").read_text())
    data = json.loads((run / "config.json").read_text())["dataset"]
    assert (data["data_hash"], data["recipe_hash"]) == (manifest["data_hash"], manifest["recipe_hash"])


def test_ids_come_from_the_records_where_there_is_no_catalogue(dataset: Path, tmp_path: Path) -> None:
    copy = copied(dataset, tmp_path / "copy")
    listed = [galaxies_of(open_dataset(copy), split) for split in ("train", "test")]
    (copy / "catalogue.parquet").unlink()
    assert [galaxies_of(open_dataset(copy), split) for split in ("train", "test")] == listed
    assert all(listed)


# ---------------------------------------------------------------- the same data set, wherever it is

SAME: dict[str, Callable[[Path, Path], Path]] = {
    "where it was": lambda data, _: data,
    "copied": lambda data, folder: copied(data, folder / "copy"),
    "renamed": lambda data, folder: copied(data, folder / "another name"),
    "a link": lambda data, folder: link(data, folder / "link"),
    "without a data hash": lambda data, folder: edited(data, folder / "old", without_data_hash),
}


def link(data: Path, to: Path) -> Path:
    to.symlink_to(data)
    return to


def edited(data: Path, to: Path, edit: Callable[[Any], None]) -> Path:
    copy = copied(data, to)
    edit_manifest(copy, edit)
    return copy


@pytest.mark.parametrize("make", SAME.values(), ids=SAME)
def test_the_same_data_set_is_judged_as_itself(
    make: Callable[[Path, Path], Path], own: Path, dataset: Path, tmp_path: Path
) -> None:
    result = gztrain("evaluate", own, "--data", make(dataset, tmp_path), "--json")
    assert result.code == 0, result.err
    assert list(result.json["splits"]) == ["val", "test"]
    assert result.json["splits"]["test"]["data_set"]["same"] is True


@pytest.mark.parametrize("galaxies", [True, False], ids=["without a list of galaxies", "without a data hash"])
def test_a_run_of_an_earlier_version_still_works(galaxies: bool, own: Path, dataset: Path) -> None:  # noqa: FBT001
    forget(own, galaxies=galaxies)
    result = gztrain("evaluate", own, "--json")
    assert result.code == 0, result.err
    assert list(result.json["splits"]) == ["val", "test"]
    assert gztrain("fit", dataset, "--run", own, "--resume").code == 0


# ---------------------------------------------------------------- other data

STRANGE: dict[str, tuple[Callable[[Path, Path, Path], Path], str]] = {
    "splits swapped": (lambda _, other, __: other, r"trained on \d+ of"),
    "a few training galaxies": (
        lambda sky, _, folder: made(swapped(sky, folder / "sky", 10), folder / "out"),
        r"trained on \d of 10 galaxies",
    ),
    "swapped, without a data hash": (
        lambda _, other, folder: edited(other, folder / "old", without_data_hash),
        r"trained on \d+ of",
    ),
    "swapped, without a catalogue": (
        lambda _, other, folder: no_catalogue(copied(other, folder / "out")),
        r"trained on \d+ of",
    ),
    "another crop": (lambda sky, _, folder: made(sky, folder / "out", "--crop", "48"), "sees images of 64 px"),
}
"""What makes them of the small sky, of the data set with exchanged splits, and in which folder."""


def no_catalogue(data: Path) -> Path:
    (data / "catalogue.parquet").unlink()
    return data


@pytest.mark.parametrize("name", STRANGE)
def test_galaxies_that_were_trained_on_are_refused(
    name: str, own: Path, small_sky: Path, swapped_data: Path, tmp_path: Path
) -> None:
    """By a run of today, and by one of an earlier version."""
    make, words = STRANGE[name]
    before = (own / "metrics.json").read_bytes()
    other = make(small_sky, swapped_data, tmp_path)
    for old in (False, True):
        if old:
            forget(own)
        result = gztrain("evaluate", own, "--data", other)
        assert result.code == 1
        assert str(other) in result.sentence
        assert re.search(words, result.sentence), result.sentence
        assert (own / "metrics.json").read_bytes() == before
        assert not (own / "predictions-test.parquet").exists()


def test_folds_drawn_again_are_refused_for_val_and_named_for_test(own: Path, small_sky: Path, tmp_path: Path) -> None:
    """The same galaxies and another recipe: the validation fold of one is trained on by the other."""
    again = made(small_sky, tmp_path / "again", "--set", "split_seed=5")
    assert record_of(open_dataset(again)).data_hash == open_run(own).data.data_hash
    result = gztrain("evaluate", own, "--split", "val", "--data", again)
    assert result.code == 1
    assert "in the val split of" in result.sentence
    result = gztrain("evaluate", own, "--data", again, "--json")
    assert result.code == 0, result.err
    (name,) = set(result.json["splits"]) - {"val"}
    assert name.startswith("test-of-again-")


def test_other_galaxies_are_judged_under_a_name_of_their_own(own: Path, other_data: Path, tmp_path: Path) -> None:
    other = other_data
    assert gztrain("evaluate", own).code == 0
    before = json.loads((own / "metrics.json").read_text())["splits"]
    result = gztrain("evaluate", own, "--data", other)
    assert result.code == 0, result.err
    assert "of sky two, which is not the data set" in " ".join(result.out.split())
    after = json.loads((own / "metrics.json").read_text())["splits"]
    (name,) = set(after) - set(before)
    assert name == f"test-of-sky-two-{record_of(open_dataset(other)).data_hash[:8]}"  # type: ignore[index]
    assert {key: after[key] for key in before} == before
    assert (after[name]["data_set"]["same"], after[name]["data_set"]["name"]) == (False, "sky two")
    assert (own / f"predictions-{name}.parquet").exists()
    page = gztrain("report", own, "--html", tmp_path / "page", "--split", name)
    assert page.code == 0, page.err
    assert "sky two" in (tmp_path / "page" / "report.html").read_text()


def test_a_run_that_knows_no_galaxies_is_judged_on_its_own_data_alone(
    own: Path, other_data: Path, tmp_path: Path
) -> None:
    forget(own)
    config = json.loads((own / "config.json").read_text())
    config["dataset"]["path"] = str(tmp_path / "gone")
    (own / "config.json").write_text(json.dumps(config))
    result = gztrain("evaluate", own, "--data", other_data)
    assert result.code == 1
    assert "is not known any more" in result.sentence


def test_a_damaged_list_of_galaxies_is_reported(own: Path, other_data: Path) -> None:
    (own / "galaxies.parquet").write_bytes(b"PAR1")
    result = gztrain("evaluate", own, "--data", other_data)
    assert (result.code, "galaxies.parquet is damaged" in result.sentence) == (1, True)


def without_training_galaxies(manifest: dict[str, Any]) -> None:
    for split in ("train", "train_views"):
        manifest["splits"][split] |= {"shards": [], "records": 0}
    manifest["labels"]["folds"] = {}


def test_baselines_are_those_of_the_training_galaxies_of_the_run(own: Path, dataset: Path, tmp_path: Path) -> None:
    expected = gztrain("evaluate", own, "--json").json["splits"]["test"]["baselines"]
    result = gztrain("evaluate", own, "--data", edited(dataset, tmp_path / "out", without_training_galaxies), "--json")
    assert result.code == 0, result.err
    assert result.json["splits"]["test"]["baselines"] == expected


def test_a_folder_without_test_galaxies_mentions_the_validation_fold(own: Path, dataset: Path, tmp_path: Path) -> None:
    def no_test(manifest: dict[str, Any]) -> None:
        manifest["splits"]["test"] |= {"shards": [], "records": 0}

    result = gztrain("evaluate", own, "--data", edited(dataset, tmp_path / "out", no_test))
    assert (result.code, "--split val" in result.sentence) == (1, True)


# ---------------------------------------------------------------- other commands


@pytest.mark.parametrize("command", ["fit", "crossval"])
def test_other_data_are_not_gone_on_with(command: str, run: Path, swapped_data: Path, tmp_path: Path) -> None:
    root = tmp_path / "run"
    shutil.copytree(run, root if command == "fit" else root / "fold-0")
    folder = RunFolder(root if command == "fit" else root / "fold-0")
    (folder.metrics).unlink()
    before = folder.history.read_bytes()
    other = swapped_data
    result = gztrain(command, other, "--run", root, "--resume")
    assert result.code == 1, result.err
    assert "holds other data" in result.sentence
    assert str(other) in result.sentence
    assert str(open_run(run).dataset) in result.sentence
    assert folder.history.read_bytes() == before


def test_members_of_other_data_make_no_ensemble(own: Path, swapped_data: Path, tmp_path: Path) -> None:
    other = swapped_data
    stranger = untrained_run(tmp_path / "stranger", other, **SMALLEST)
    result = gztrain("ensemble", own, stranger.root)
    assert result.code == 1
    assert "must be trained on one data set" in result.sentence
    assert str(other) in result.sentence


def test_an_ensemble_is_not_judged_on_galaxies_that_a_member_was_trained_on(
    own: Path, run: Path, small_sky: Path, tmp_path: Path
) -> None:
    other = made(swapped(small_sky, tmp_path / "sky", 10), tmp_path / "other")
    result = gztrain("ensemble", own, run, "--data", other, "--run", tmp_path / "mean")
    assert (result.code, "trained on" in result.sentence) == (1, True)
    assert not (tmp_path / "mean").exists()


@pytest.mark.parametrize("before", ["", "gz2_"], ids=["as they are", "with the survey before them"])
def test_galaxies_of_a_joined_folder_are_known_again(own: Path, dataset: Path, before: str) -> None:
    """The run was trained on all test galaxies, in a folder that gzprep merge made."""
    ids = galaxies_of(open_dataset(dataset), "test")
    write_galaxies(RunFolder(own), {f"{before}{name}": 1 for name in ids}, [f"{before}{name}" for name in ids])
    config = json.loads((own / "config.json").read_text())
    config["dataset"]["data_hash"] = "0" * 64
    (own / "config.json").write_text(json.dumps(config))
    with pytest.raises(GzError, match=f"was trained on {len(ids)} of {len(ids)} galaxies in the test split"):
        judged_data(open_run(own), open_dataset(dataset), "test")


def test_galaxies_of_a_joined_folder_are_told_from_others(dataset: Path) -> None:
    opened = open_dataset(dataset)
    source = {"inputs": [{"prefix": "gz2_"}, {"prefix": ""}]}
    joined = replace(opened, manifest={"survey": {"name": "merged"}, "source": source})
    assert names_of("gz2_587", joined) == {"gz2_587", "587"}


@pytest.mark.parametrize(
    ("manifest", "name"),
    [
        pytest.param(
            {"survey": {"name": "merged"}, "source": {"inputs": [{"prefix": "merged_gz2_"}]}}, "merged_gz2_587"
        ),
        pytest.param({"survey": {"name": "gz2"}, "source": {}}, "587"),
        pytest.param({"source": {}}, "587"),
    ],
    ids=["joined twice", "as it was made", "made by an old version"],
)
@pytest.mark.parametrize("trained", ["587", "gz2_587", "merged_gz2_587"])
def test_a_galaxy_is_known_again_however_often_folders_were_joined(
    dataset: Path, manifest: dict[str, Any], name: str, trained: str
) -> None:
    names = names_of(name, replace(open_dataset(dataset), manifest=manifest))
    assert joined_once(trained) in names


def test_an_ensemble_that_knows_no_galaxies_is_judged_on_test_alone(own: Path, dataset: Path) -> None:
    """As one that was fetched from a hub: its configuration has the validation fold of its first member alone."""
    (own / "galaxies.parquet").unlink()
    (own / "ensemble.json").write_text('{"members": ["a", "b"], "sides": 1}')
    run, data = open_run(own), open_dataset(dataset)
    assert judged_data(run, data, "test").same
    with pytest.raises(GzError, match="not known which galaxies its members were trained on; judge it on test"):
        judged_data(run, data, "val")


def test_an_ensemble_of_folds_is_not_judged_on_a_fold_later(dataset: Path, tmp_path: Path) -> None:
    """Its members validate on different folds, so each fold was trained on by one of them."""
    folds = galaxies_of(open_dataset(dataset), "train")
    for fold in (0, 1):
        folder = untrained_run(tmp_path / "folds" / f"fold-{fold}", dataset, fold=fold, **SMALLEST)
        write_galaxies(folder, folds, [name for name, its in folds.items() if its != fold])
    result = gztrain("ensemble", tmp_path / "folds", "--run", tmp_path / "mean")
    assert result.code == 0, result.err
    assert trained_of(open_run(tmp_path / "mean")) == frozenset(folds)
    result = gztrain("evaluate", tmp_path / "mean", "--split", "val")
    assert (result.code, "in the val split of" in result.sentence) == (1, True)


def test_a_report_does_not_show_galaxies_of_other_data(own: Path, swapped_data: Path, tmp_path: Path) -> None:
    assert gztrain("evaluate", own).code == 0
    other = swapped_data
    result = gztrain("report", own, "--html", tmp_path / "page", "--data", other)
    assert result.code == 2
    assert str(other) in result.sentence
    assert str(open_run(own).dataset) in result.sentence


def test_the_runs_of_a_report_stand_beside_their_data_sets(own: Path, other_data: Path, tmp_path: Path) -> None:
    stranger = untrained_run(tmp_path / "stranger", other_data, **SMALLEST)
    for folder in (own, stranger.root):
        assert gztrain("evaluate", folder).code == 0
    assert gztrain("report", own, stranger.root, "--html", tmp_path / "page").code == 0
    page = (tmp_path / "page" / "report.html").read_text()
    for data in (open_run(own).data, open_run(stranger.root).data):
        assert data.short in page
