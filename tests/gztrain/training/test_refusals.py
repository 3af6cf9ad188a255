"""What can be refused is refused before the run folder is touched: in one sentence, and the old run stays whole."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gztrain.runs.folder import RunFolder
from tests.gztrain.run_folders import TINY, untrained_run
from tests.gztrain.shards import copied, edit_manifest
from tests.running import gztrain

pytestmark = [
    pytest.mark.usefixtures("file_lean_training"),
    pytest.mark.filterwarnings(
        "ignore:Even though the `tf.config:UserWarning"
    ),  # tf.data compiles its own functions even so
]

UNFIT: dict[str, tuple[str, ...]] = {
    "no such model": ("--model", "resnet51"),
    "a size above the crop": ("--size", "65"),
    "a size below the smallest": ("--size", "8"),
    "patches of a model without": ("--patch", "8"),
    "patches that do not divide": ("--model", "vit-64-8-12", "--size", "32", "--patch", "5"),
    "no such head": ("--head", "both"),
    "a head that the model lacks": ("--head", "report"),
    "all features dropped": ("--dropout", "1"),
    "ImageNet weights of a model without": ("--weights", "imagenet"),
    "no weights file": ("--weights", "absent.h5"),
    "a weights file that is none": ("--weights", "WEIGHTS.h5"),
    "a model file that is none": ("--weights", "WEIGHTS.keras"),
    "no such loss": ("--loss", "mse"),
    "no such class weights": ("--class-weights", "balanced"),
    "a negative focus": ("--set", "loss.gamma=-1"),
    "more devices than there are": ("--devices", "64"),
    "no such precision": ("--precision", "float8"),
    "a batch that cannot be cut": ("--accumulate", "3"),
    "no such compilation": ("--jit", "perhaps"),
    "no such scheme": ("--scheme", "q99"),
    "no such label policy": ("--labels", "guessed"),
    "a negative number of votes": ("--min-votes", "-1"),
    "a negative seed": ("--seed", "-1"),
    "a seed that is too large": ("--seed", str(1 << 32)),
    "a negative number of views": ("--views", "-1"),
    "a zoom of nothing": ("--set", "augment.zoom=[0,1.1]"),
    "a zoom the wrong way round": ("--affine", "--set", "augment.zoom=[1.1,0.9]"),
    "a shift out of the image": ("--set", "augment.shift=[-0.9,0.9]"),
    "a range of three": ("--set", "augment.rotate=[0,1,2]"),
    "no gradient": ("--set", "optimizer.clip=0"),
    "a rate of nothing": ("--rate", "0"),
    "an infinite rate": ("--set", "optimizer.rate=inf"),
    "no such reader": ("--reader", "fast"),
    "no threads": ("--threads", "0"),
    "no batch": ("--batch", "0"),
    "no such key": ("--set", "stages.batches=4"),
    "no such recipe": ("--recipe", "absent.toml"),
    "labels without a positive": ("--scheme", "all", "--strict-labels", "--set", "min_votes=1000"),
}
"""Settings that no run can have; WEIGHTS stands for a file of a few bytes."""


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, without the locks."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.parent.name != ".gztrain")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def old_run(root: Path) -> Path:
    """A folder with all that a run and a cross-validation leave, in name."""
    folder = RunFolder(root)
    for run in (folder, folder.fold(0)):
        files = (run.config, run.history, run.model, run.metrics, run.report, run.predictions)
        for path in (*files, run.checkpoint / "last.npz", run.tensorboard / "events", root / "notes.txt"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"the old {path.name}")
    return root


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """Two files that are called weights, and are none."""
    for suffix in ("h5", "keras"):
        (tmp_path / f"weights.{suffix}").write_text("nothing")
    return tmp_path / "weights"


@pytest.mark.parametrize("command", ["fit", "crossval"])
@pytest.mark.parametrize("settings", UNFIT.values(), ids=UNFIT)
def test_unfit_settings_leave_the_old_run_whole(
    settings: tuple[str, ...], command: str, dataset: Path, weights: Path, tmp_path: Path
) -> None:
    run = old_run(tmp_path / "run")
    before = contents(run)
    chosen = [setting.replace("WEIGHTS", str(weights)) for setting in settings]
    result = gztrain(command, dataset, "--run", run, *TINY, "--overwrite", *chosen)
    assert result.code in {1, 2}, result.err
    assert result.sentence
    assert "unexpected" not in result.err
    assert contents(run) == before


UNFIT_DATA: dict[str, Callable[[Path], None]] = {
    "no manifest": lambda data: (data / "manifest.json").unlink(),
    "a manifest that is damaged": lambda data: (data / "manifest.json").write_text("{"),
    "a shard that is missing": lambda data: next(data.glob("gz2-train.tfrecord-*")).unlink(),
    "one fold": lambda data: edit_manifest(data, keep_first_fold),
    "labels that are missing": lambda data: edit_manifest(data, lambda manifest: manifest["labels"].pop("schemes")),
}


def keep_first_fold(manifest: dict[str, Any]) -> None:
    folds = manifest["labels"]["folds"]
    manifest["labels"]["folds"] = {"0": folds["0"]}


@pytest.mark.parametrize("command", ["fit", "crossval"])
@pytest.mark.parametrize("spoil", UNFIT_DATA.values(), ids=UNFIT_DATA)
def test_unfit_data_leave_the_old_run_whole(
    spoil: Callable[[Path], None], command: str, dataset: Path, tmp_path: Path
) -> None:
    data, run = copied(dataset, tmp_path / "data"), old_run(tmp_path / "run")
    spoil(data)
    before = contents(run)
    result = gztrain(command, data, "--run", run, *TINY, "--overwrite")
    assert result.code in {1, 2}, result.err
    assert result.sentence
    assert contents(run) == before


def test_a_fold_that_is_not_there(dataset: Path, tmp_path: Path) -> None:
    """Of ``fit`` alone: a cross-validation goes through all folds."""
    run = old_run(tmp_path / "run")
    before = contents(run)
    result = gztrain("fit", dataset, "--run", run, *TINY, "--overwrite", "--fold", "9")
    assert (result.code, "There is no fold 9" in result.sentence) == (2, True)
    assert contents(run) == before


# ---------------------------------------------------------------- runs to go on with


@pytest.fixture
def begun(dataset: Path, tmp_path: Path) -> Path:
    """A run with a checkpoint."""
    run = tmp_path / "run"
    result = gztrain("fit", dataset, "--run", run, *TINY, "--epochs", "1", "--fine-tune-epochs", "0")
    assert result.code == 0, result.err
    (run / "metrics.json").unlink()
    return run


@pytest.mark.slow
def test_a_run_that_cannot_go_on_is_left_as_it_is(begun: Path, dataset: Path) -> None:
    """The reader may be changed with --resume; here it is not written down, since nothing else goes well."""
    checkpoint = begun / "checkpoint" / "last.npz"
    whole = checkpoint.read_bytes()
    with np.load(checkpoint) as stored:
        fewer = {name: stored[name] for name in stored.files if name != "model-0"}
    for spoil, word in (
        (lambda: checkpoint.write_bytes(whole[:-9]), "damaged"),
        (lambda: np.savez(checkpoint, **fewer), "damaged"),
        (lambda: checkpoint.write_bytes(whole), "was asked for"),
    ):
        spoil()
        before = contents(begun)
        asked = ("--rate", "0.5") if word == "was asked for" else ("--reader", "tf")
        result = gztrain("fit", dataset, "--run", begun, "--resume", *asked)
        assert result.code in {1, 2}
        assert word in result.sentence
        assert contents(begun) == before


@pytest.mark.slow
def test_a_cross_validation_looks_at_all_folds_before_the_first(dataset: Path, tmp_path: Path) -> None:
    """The last fold was begun with another rate; the first would train for hours before anyone knew."""
    run = tmp_path / "folds"
    untrained_run(run / "fold-4", dataset, **{"model.size": "16", "fold": 4, "optimizer.rate": 0.5})
    before = contents(run)
    result = gztrain("crossval", dataset, "--run", run, "--resume", *TINY)
    assert (result.code, "fold-4 has" in result.sentence) == (2, True)
    assert contents(run) == before


# ---------------------------------------------------------------- ensembles and exports


@pytest.fixture(scope="module")
def members(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs on the small sky, and one that asks other questions."""
    root = tmp_path_factory.mktemp("members")
    for name, scheme in (("a", "reduced"), ("b", "reduced"), ("other", "q0")):
        untrained_run(root / name, dataset, scheme=scheme, **{"model.size": 16, "bootstrap": 5})
    return root


def without_test_galaxies(manifest: dict[str, Any]) -> None:
    manifest["splits"]["test"]["shards"] = []


ENSEMBLES: dict[str, tuple[str, ...]] = {
    "one run": ("a",),
    "a run twice": ("a", "a"),
    "other questions": ("a", "other"),
    "a run that is not there": ("a", "absent"),
    "no galaxies to judge it on": ("a", "b", "--data", "EMPTY"),
    "no data": ("a", "b", "--data", "absent"),
}


@pytest.mark.slow
@pytest.mark.parametrize("arguments", ENSEMBLES.values(), ids=ENSEMBLES)
def test_an_ensemble_that_cannot_be_leaves_the_old_run_whole(
    arguments: tuple[str, ...], members: Path, dataset: Path, tmp_path: Path
) -> None:
    run, empty = old_run(tmp_path / "run"), copied(dataset, tmp_path / "empty")
    edit_manifest(empty, without_test_galaxies)
    before = contents(run)
    given = [str(empty) if word == "EMPTY" else word if word.startswith("--") else members / word for word in arguments]
    result = gztrain("ensemble", *given, "--run", run, "--overwrite")
    assert result.code in {1, 2}, result.err
    assert result.sentence
    assert contents(run) == before
    assert {path.name for path in tmp_path.iterdir()} == {"run", "empty"}


@pytest.mark.slow
def test_an_ensemble_replaces_the_old_run_when_it_is_whole(members: Path, tmp_path: Path) -> None:
    run = old_run(tmp_path / "run")
    result = gztrain("ensemble", members / "a", members / "b", "--run", run, "--overwrite")
    assert result.code == 0, result.err
    left = {"config.json", "galaxies.parquet", "ensemble.json", "metrics.json", "model.keras", "predictions.parquet"}
    assert {path.name for path in run.iterdir()} == {
        *left,
        "predictions-test.parquet",
        "notes.txt",
        ".gztrain",
        "MODEL_CARD.md",
    }
    assert {path.name for path in tmp_path.iterdir()} == {"run"}


def test_an_export_does_not_touch_a_folder_that_is_in_use(members: Path, tmp_path: Path) -> None:
    folder = old_run(tmp_path / "run")
    before, run = contents(folder), contents(members / "a")
    for arguments in ((members / "a", folder), (members / "absent", tmp_path / "new"), (members / "a", members / "a")):
        result = gztrain("export", *arguments)
        assert result.code in {1, 2}
        assert result.sentence
    assert contents(folder) == before
    assert contents(members / "a") == run
    assert not (tmp_path / "new").exists()
