"""Ensembles: the mean of probabilities, seen from one side or from eight, as a run folder like any other."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gzcore.errors import GzError, UsageError
from gzcore.images import Pixels
from gztrain.data import open_reader, select
from gztrain.data.dataset import open_dataset
from gztrain.evaluation.ensemble import EnsembleRequest, average, ensemble, members_of
from gztrain.evaluation.evaluate import evaluate
from gztrain.evaluation.model_card import read_card, weights_hash
from gztrain.evaluation.predictions import read_predictions
from gztrain.models.layers import symmetries
from gztrain.runs.folder import RunFolder, open_run
from tests.gztrain.run_folders import untrained_run

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("file_lean_training")]


SMALL: dict[str, Any] = {"model.size": 16, "bootstrap": 5}


@pytest.fixture(scope="module")
def runs(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> list[RunFolder]:
    folder = tmp_path_factory.mktemp("members")
    return [untrained_run(folder / name, dataset, seed=seed, **SMALL) for seed, name in enumerate(("one", "two"))]


def galaxies_of(data: Path) -> Pixels:
    """All test galaxies of a data set."""
    selection = select(open_dataset(data), "test")
    batches = open_reader().batches(selection, np.arange(len(selection)), len(selection))
    return next(iter(batches)).images


def eight(images: Pixels) -> list[Pixels]:
    """The symmetries of the square, by rotation and reflection."""
    both = (images, images[:, :, ::-1])
    return [np.ascontiguousarray(np.rot90(side, turns, (1, 2))) for side in both for turns in range(4)]


def test_symmetries_are_the_eight_of_the_square() -> None:
    image = np.arange(16, dtype=np.uint8).reshape(1, 4, 4, 1)
    found = {np.asarray(view).tobytes() for view in symmetries(image)}
    assert found == {view.tobytes() for view in eight(image)}
    assert len(found) == 8
    np.testing.assert_array_equal(np.asarray(symmetries(image)[0]), image)


@pytest.mark.parametrize("sides", [1, 8])
def test_the_mean_is_that_of_all_members_and_views(
    runs: list[RunFolder], dataset: Path, tmp_path: Path, sides: int
) -> None:
    found = ensemble(EnsembleRequest(tuple(run.root for run in runs), tmp_path / "mean", sides=sides))
    images = galaxies_of(dataset)
    views = eight(images) if sides == 8 else [images]
    models = [open_run(run.root).model() for run in runs]
    expected = np.mean([np.asarray(model(view, training=False)) for model in models for view in views], axis=0)
    told = read_predictions(tmp_path / "mean" / "predictions-test.parquet")
    np.testing.assert_allclose(told.probabilities, expected, atol=1e-5)
    assert np.ptp(expected, axis=0).min() > 0.01  # the members see something, so that a mean could be wrong
    assert found["splits"]["test"]["galaxies"] == len(images)


def test_an_ensemble_is_a_run_like_any_other(runs: list[RunFolder], tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "mean")
    found = ensemble(EnsembleRequest(tuple(run.root for run in runs), folder.root))
    hashes = [weights_hash(run.model) for run in runs]
    told = {"members": [str(run.root) for run in runs], "sides": 1, "weights_sha256": hashes}
    assert json.loads(folder.ensemble.read_text()) == told
    members = [{"name": run.root.name, "weights_sha256": found} for run, found in zip(runs, hashes, strict=True)]
    assert read_card(folder.card)["members"] == members
    assert all(f"| member | {run.root.name}, weights, SHA-256 `" in folder.card.read_text() for run in runs)
    assert json.loads(folder.metrics.read_text()) == found
    assert set(evaluate(folder.root, "val")["splits"]) == {"val", "test"}


def test_one_run_from_eight_sides_does_not_mind_how_an_image_lies(runs: list[RunFolder], dataset: Path) -> None:
    images = galaxies_of(dataset)[:2]
    model = average([open_run(runs[0].root).model()], sides=8)
    upright, turned = (np.asarray(model(view)) for view in (images, eight(images)[5]))
    np.testing.assert_allclose(upright, turned, atol=1e-5)


def test_without_a_folder_nothing_is_kept(runs: list[RunFolder], tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    found = ensemble(EnsembleRequest((runs[0].root,), None, sides=8))
    assert found["splits"]["test"]["galaxies"] > 0
    assert sorted(tmp_path.rglob("*")) == before


def test_a_cross_validation_stands_for_its_folds(dataset: Path, tmp_path: Path) -> None:
    for fold in (1, 0):
        untrained_run(tmp_path / "cross" / f"fold-{fold}", dataset, fold=fold, **SMALL)
    (tmp_path / "cross" / "fold-2").mkdir()  # not begun
    assert members_of(tmp_path / "cross") == [tmp_path / "cross" / f"fold-{fold}" for fold in (0, 1)]
    with pytest.raises(GzError, match="validate on one fold"):
        ensemble(EnsembleRequest((tmp_path / "cross",), tmp_path / "mean", "val"))


def changed(folder: RunFolder, **values: Any) -> Path:
    """A copy of a run's config with some values changed; that is all that is looked at first."""
    document = json.loads(folder.config.read_text())
    for path, value in values.items():
        *parents, last = path.split("__")
        place = document
        for parent in parents:
            place = place[parent]
        place[last] = value
    other = folder.root.parent / f"changed-{'-'.join(values)}"
    other.mkdir(exist_ok=True)
    (other / "config.json").write_text(json.dumps(document))
    return other


STRANGERS = {
    "another scheme": ({"scheme__name": "all"}, "answer the same questions"),
    "other labels": ({"scheme__names": ["a"] * 8}, "have the same labels"),
    "another policy": ({"config__labels": "report"}, "follow one label policy"),
    "another recipe": ({"dataset__recipe_hash": "0" * 64}, "be trained on one data set"),
    "other data": ({"dataset__data_hash": "0" * 64}, "be trained on one data set"),
    "another crop": ({"dataset__crop": 65}, "see images of one size"),
}


@pytest.mark.parametrize("name", STRANGERS)
def test_what_does_not_belong_together_is_refused(runs: list[RunFolder], tmp_path: Path, name: str) -> None:
    values, wish = STRANGERS[name]
    stranger = changed(runs[1], **values)
    with pytest.raises(GzError, match=f"must {wish}"):
        ensemble(EnsembleRequest((runs[0].root, stranger), tmp_path / "mean"))
    assert not (tmp_path / "mean").exists()


def test_mistakes_of_the_command_are_reported(runs: list[RunFolder], tmp_path: Path) -> None:
    one, two = (run.root for run in runs)
    with pytest.raises(UsageError, match="needs two runs or more"):
        ensemble(EnsembleRequest((one,), tmp_path / "mean"))
    with pytest.raises(UsageError, match="is named twice"):
        ensemble(EnsembleRequest((one, two, one.parent / "two" / ".." / "one"), tmp_path / "mean"))
    with pytest.raises(UsageError, match="is a member of the ensemble"):
        ensemble(EnsembleRequest((one, two), two, overwrite=True))
    with pytest.raises(UsageError, match="1 side or from 8; 4 came"):
        EnsembleRequest((one, two), None, sides=4)
    assert RunFolder(two).model.exists()


def test_a_folder_with_a_run_is_kept_unless_told_otherwise(runs: list[RunFolder], tmp_path: Path) -> None:
    members = tuple(run.root for run in runs)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UsageError, match="has a run already; begin anew with --overwrite"):
        ensemble(EnsembleRequest(members, tmp_path))
    ensemble(EnsembleRequest(members, tmp_path, overwrite=True))
    assert open_run(tmp_path).scheme.name == "reduced"
