"""Cross-validation: a run a fold, judged all together, with mean and standard deviation; going on where it stopped."""

import json
import statistics
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gzcore.errors import UsageError
from gztrain.config import read_config
from gztrain.data.dataset import open_dataset
from gztrain.evaluation.baselines import make_baseline
from gztrain.evaluation.evaluate import write_down
from gztrain.evaluation.metrics import judge
from gztrain.evaluation.predictions import Predictions, read_predictions
from gztrain.runs.data_set import record_of
from gztrain.runs.folder import Json, RunFolder, open_run, write_config
from gztrain.runs.watch import Quiet
from gztrain.training import crossval as module
from gztrain.training.crossval import crossval, join, over_folds
from gztrain.training.job import make_job
from gztrain.training.request import TrainRequest, make_config
from tests.gztrain.run_folders import TINY
from tests.gztrain.synthetic import documented_keys, paths
from tests.running import gztrain

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("file_lean_training")]

CONFIG = read_config(None, ["bootstrap=10"])


class Told(Quiet):
    """A watcher that remembers what it was told."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def tell(self, sentence: str) -> None:
        self.sentences.append(sentence)


def guess(request: TrainRequest) -> Json:
    """Leave what a run leaves, with guessed probabilities."""
    job, folder = make_job(request), RunFolder(request.run)
    (batch,) = job.reader.batches(job.validation, np.arange(len(job.validation)), len(job.validation))
    labels, mask = job.label_source.of(batch)
    guessed = np.random.default_rng(request.config.fold).random(labels.shape, np.float32)
    predictions = Predictions(batch.ids, guessed, labels, mask, job.scheme.names)
    counts = job.label_source.count(job.dataset, [fold for fold in range(5) if fold != request.config.fold], job.reader)
    found = judge(predictions, job.scheme, baseline=make_baseline(counts, job.scheme), bootstrap=10)
    write_config(folder, job.config, record_of(job.dataset), job.scheme, "tensorflow")
    return write_down(folder, job.scheme.name, "val", {"damaged_records": 1, **found}, predictions)


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Guesses in place of training; which folds were asked for."""
    asked: list[int] = []

    def fit(request: TrainRequest, _: Any) -> Json:
        asked.append(request.config.fold)
        return guess(request)

    monkeypatch.setattr(module, "fit", fit)
    return asked


def test_every_galaxy_is_judged_by_the_run_that_had_not_seen_it(
    quickly: list[int], dataset: Path, tmp_path: Path
) -> None:
    found = crossval(TrainRequest(dataset, tmp_path / "run", CONFIG), Told())
    assert quickly == [0, 1, 2, 3, 4]
    folder = RunFolder(tmp_path / "run")
    told = read_predictions(folder.predictions_of("val"))
    parts = [read_predictions(folder.fold(number).predictions) for number in range(5)]
    assert told.ids == tuple(name for part in parts for name in part.ids)
    assert len(told.ids) == open_dataset(dataset).manifest["splits"]["train"]["records"]
    assert json.loads(folder.metrics.read_text()) == found
    whole = found["splits"]["val"]
    each = [json.loads(folder.fold(number).metrics.read_text())["splits"]["val"] for number in range(5)]
    assert whole["damaged_records"] == 5
    assert paths(found, open_run(folder.fold(0).root).scheme) <= documented_keys()
    assert whole["true_positives"] == sum(part["true_positives"] for part in each)
    folds = whole["folds"]
    aucs = [part["auc"] for part in each]
    assert folds["numbers"] == [0, 1, 2, 3, 4]
    assert folds["mean"]["auc"] == pytest.approx(np.mean(aucs))
    assert folds["sd"]["auc"] == pytest.approx(np.std(aucs, ddof=1))
    assert "baselines" not in folds["mean"]


def test_folds_that_are_done_are_left_alone(quickly: list[int], dataset: Path, tmp_path: Path) -> None:
    request = TrainRequest(dataset, tmp_path / "run", CONFIG)
    crossval(request, Told())
    folder = RunFolder(request.run)
    folder.fold(3).metrics.unlink()
    folder.metrics.unlink()
    quickly.clear()
    with pytest.raises(UsageError, match="has a run already"):
        crossval(request, Told())
    told = Told()
    crossval(TrainRequest(dataset, request.run, CONFIG, resume=True), told)
    assert quickly == [3]
    other = read_config(None, ["bootstrap=10", "stages.batch=7"])
    with pytest.raises(UsageError, match=r"fold-0 has stages.batch = 64, and 7"):
        crossval(TrainRequest(dataset, request.run, other, resume=True), Told())
    resumed = make_config(request.run, None, [], resume=True)
    assert resumed == replace(CONFIG, views=2)  # all that the data set has
    assert told.sentences == [
        "Fold 0 is done.",
        "Fold 1 is done.",
        "Fold 2 is done.",
        "Fold 3 validates.",
        "Fold 4 is done.",
    ]
    quickly.clear()
    crossval(TrainRequest(dataset, request.run, CONFIG, overwrite=True), Told())
    assert quickly == [0, 1, 2, 3, 4]


def test_numbers_are_combined_where_they_are_defined() -> None:
    parts: list[dict[str, Any]] = [
        {
            "auc": 0.5,
            "galaxies": 3,
            "constant": False,
            "verdict": "so",
            "per_label": {"a": {"auc": None}},
            "intervals": {},
        },
        {
            "auc": 0.7,
            "galaxies": 5,
            "constant": False,
            "verdict": "so",
            "per_label": {"a": {"auc": 0.9}},
            "intervals": {},
        },
        {
            "auc": None,
            "galaxies": 4,
            "constant": True,
            "verdict": "so",
            "per_label": {"a": {"auc": 0.8}},
            "intervals": {},
        },
    ]
    assert over_folds(parts, statistics.fmean) == {
        "auc": pytest.approx(0.6),
        "galaxies": 4,
        "per_label": {"a": {"auc": pytest.approx(0.85)}},
    }
    assert over_folds(parts[:1], statistics.fmean)["per_label"] == {"a": {"auc": None}}


def test_predictions_of_several_folds_are_joined() -> None:
    def part(name: str) -> Predictions:
        ones = np.ones((1, 2), np.int64)
        return Predictions((name,), np.full((1, 2), 0.5, np.float32), ones, ones, ("a", "b"))

    joined = join([part("one"), part("two")])
    assert joined.ids == ("one", "two")
    assert joined.probabilities.shape == (2, 2)


@pytest.mark.slow
def test_the_command_trains_a_fold_each(dataset: Path, tmp_path: Path) -> None:
    """The whole way, once: five models of one epoch."""
    options = (*TINY, "--epochs", "1", "--fine-tune-epochs", "0", "--views", "0", "--scheme", "q0")
    result = gztrain("crossval", dataset, "--run", tmp_path / "run", *options)
    assert result.code == 0, result.err
    for word in ("5 folds", "mean", "sd", "AUC, mean over labels"):
        assert word in result.out
    assert {path.name for path in (tmp_path / "run").glob("fold-*")} == {f"fold-{number}" for number in range(5)}
    result = gztrain("evaluate", tmp_path / "run")
    assert result.code == 1
    assert "cross-validation of several runs" in result.sentence
