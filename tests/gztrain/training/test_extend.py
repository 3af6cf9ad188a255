"""``--extend``: a run that has ended goes on for longer, as if it had been asked to from the beginning."""

import json
from pathlib import Path

import numpy as np
import pytest

from gzcore.errors import UsageError
from gztrain.config import TrainConfig, read_config
from gztrain.runs.folder import open_run
from gztrain.runs.watch import Quiet
from gztrain.training.extend import check_extended, last_state
from gztrain.training.fit import fit
from gztrain.training.job import stages_of
from gztrain.training.request import TrainRequest, make_config
from tests.gztrain.run_folders import curve
from tests.running import gztrain

pytestmark = pytest.mark.usefixtures("file_lean_training")
STEADY = (
    *("model.size=16", "stages.batch=16", "stages.fine_tune_epochs=0", "bootstrap=0", "views=0"),
    *("log.tensorboard=false", "log.every=1", "optimizer.schedule=constant", "optimizer.warmup=0"),
)


def config(*settings: str) -> TrainConfig:
    return read_config(None, [*STEADY, *settings])


@pytest.fixture(scope="module")
def ended(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two epochs that has ended."""
    run = tmp_path_factory.mktemp("ended") / "run"
    fit(TrainRequest(dataset, run, config("stages.epochs=2")), Quiet())
    return run


@pytest.mark.slow
def test_an_extended_run_is_the_longer_run(ended: Path, dataset: Path, tmp_path: Path) -> None:
    """By Python and by the command, and a further stage after it."""
    longer = fit(TrainRequest(dataset, tmp_path, config("stages.epochs=3", "stages.fine_tune_epochs=1")), Quiet())
    model = open_run(tmp_path).model().get_weights()
    result = gztrain("fit", dataset, "--run", ended, "--extend", "--epochs", "3", "--json")
    assert result.code == 0, result.err
    assert curve(ended) == curve(tmp_path)[: len(curve(ended))]
    result = gztrain("fit", dataset, "--run", ended, "--extend", "--fine-tune-epochs", "1", "--json")
    assert result.code == 0, result.err
    assert curve(ended) == curve(tmp_path)
    assert result.json["splits"] == longer["splits"]
    for own, expected in zip(open_run(ended).model().get_weights(), model, strict=True):
        np.testing.assert_array_equal(own, expected)
    document = json.loads((ended / "config.json").read_text())
    assert document["extended"] == [
        {"step": 4, "before": {"stages.epochs": 2}},
        {"step": 6, "before": {"stages.fine_tune_epochs": 0}},
    ]
    result = gztrain("fit", dataset, "--run", ended, "--extend", "--epochs", "9")
    assert result.code == 2
    assert "raise --fine-tune-epochs (it was 1)" in result.sentence
    assert (ended / "metrics.json").exists()


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        (("stages.patience=1",), "--patience was 6, not 1"),
        ((), "needs a larger number than the run had: --epochs"),
    ],
    ids=["fewer", "as many"],
)
def test_what_does_not_extend_a_run_is_told(settings: tuple[str, ...], part: str, ended: Path) -> None:
    run = open_run(ended)
    with pytest.raises(UsageError, match=part):
        check_extended(run, make_config(ended, None, settings, resume=True), stages_of(run.config))


@pytest.mark.slow
def test_a_stage_that_its_patience_ended_needs_more_patience(dataset: Path, tmp_path: Path) -> None:
    settings = config("stages.epochs=9", "stages.patience=1", "optimizer.rate=1e-30")
    fit(TrainRequest(dataset, tmp_path, settings), Quiet())
    run = open_run(tmp_path)
    assert last_state(run).progress.best.waited == 1
    more = make_config(tmp_path, None, ["stages.epochs=12"], resume=True)
    with pytest.raises(UsageError, match="by its patience; raise --patience, too"):
        check_extended(run, more, stages_of(run.config))
    patient = make_config(tmp_path, None, ["stages.patience=2"], resume=True)
    check_extended(run, patient, stages_of(run.config))


def test_there_must_be_a_run_to_extend(dataset: Path, tmp_path: Path) -> None:
    result = gztrain("fit", dataset, "--run", tmp_path / "run", "--extend", "--epochs", "9")
    assert result.code == 2
    assert "There is no run in" in result.sentence
    assert not (tmp_path / "run").exists()
    result = gztrain("fit", dataset, "--run", tmp_path / "run", "--extend", "--overwrite")
    assert "choose one of them" in result.sentence


def test_the_resumed_run_is_told_of_extend(ended: Path, dataset: Path) -> None:
    result = gztrain("fit", dataset, "--run", ended, "--resume", "--epochs", "50")
    assert result.code == 2
    assert "--extend lets a run go on for longer" in result.sentence
