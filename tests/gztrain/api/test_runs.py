"""Training and a run from a program: what it gives, and that it says what the command line says."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import gztrain
from gzcore.errors import GzError, UsageError
from gztrain.api.runs import Metrics
from gztrain.config import read_config
from gztrain.runs.folder import open_run as open_folder
from gztrain.runs.history import COLUMNS
from gztrain.training.options import OPTIONS
from tests.gztrain.run_folders import curve
from tests.running import gztrain as command

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("file_lean_training")]
TINY: dict[str, Any] = {"size": 16, "batch": 16, "epochs": 2, "fine_tune_epochs": 0, "views": 0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


class Diary(keras.callbacks.Callback):
    """Keeps what it is told at the end of each epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.epochs: list[dict[str, float]] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """As Keras calls it."""
        self.epochs.append({"epoch": epoch, **logs})


@pytest.fixture(scope="module")
def diary() -> Diary:
    return Diary()


@pytest.fixture(scope="module")
def run(dataset: Path, folder: Path, diary: Diary) -> gztrain.TrainedRun:
    given: dict[str, Any] = {"set": {"log": {"every": 1}, "bootstrap": 20}, "callbacks": [diary], **TINY}
    data = gztrain.open_dataset(dataset)
    return gztrain.fit(data, run=folder / "run", model="small", scheme="reduced", **given)


def test_callbacks_are_told_the_figures_of_the_history(run: gztrain.TrainedRun, diary: Diary) -> None:
    ends = run.history().dropna(subset=["val_loss"])
    assert [told["epoch"] for told in diary.epochs] == [0, 1]
    for name in ("val_loss", "val_auc"):
        assert [told[name] for told in diary.epochs] == pytest.approx(ends[name].tolist(), abs=1e-6)
    assert all(np.isfinite(told["loss"]) for told in diary.epochs)


@pytest.mark.usefixtures("run")
def test_a_run_is_that_of_the_command_line(dataset: Path, folder: Path) -> None:
    words = [word for key, value in TINY.items() for word in (f"--{key.replace('_', '-')}", str(value))]
    pairs = ("--scheme", "reduced", "--set", "log.every=1", "--set", "bootstrap=20")
    assert command("fit", dataset, "--run", folder / "same", *words, *pairs).code == 0
    assert curve(folder / "same") == curve(folder / "run")
    assert open_folder(folder / "same").config == open_folder(folder / "run").config


def test_the_history_is_a_table(run: gztrain.TrainedRun) -> None:
    history = run.history()
    assert history["epoch"].tolist() == sorted(history["epoch"])
    assert history["step"].tolist() == list(range(1, len(history) + 1))
    assert history["val_loss"].notna().sum() == 2


def test_a_history_without_lines_is_an_empty_table(run: gztrain.TrainedRun, tmp_path: Path) -> None:
    """As a run has it that was stopped before its first line."""
    (tmp_path / "history.csv").write_text(f"{','.join(COLUMNS)}\n")
    shutil.copy(Path(run) / "config.json", tmp_path)
    assert gztrain.open_run(tmp_path).history().shape == (0, len(COLUMNS))


def test_a_figure_is_found_by_its_name_or_not_at_all() -> None:
    metrics = Metrics({"scheme": "q1", "splits": {"val": {"auc": 0.5}}}, "val")
    assert (metrics["auc"], metrics.get("auc"), metrics.get("scheme"), metrics.get("ac", 0)) == (0.5, 0.5, "q1", 0)
    with pytest.raises(KeyError, match="ac"):
        metrics["ac"]


def test_a_run_is_judged_as_on_the_command_line(run: gztrain.TrainedRun) -> None:
    metrics = run.evaluate()
    assert dict(metrics) == command("evaluate", run.place, "--json").json
    assert metrics["accuracy"] == metrics["splits"]["test"]["accuracy"]
    assert metrics.split == "test"
    assert run.evaluate("val").split == "val"
    with pytest.raises(KeyError):
        metrics["beauty"]
    assert "test galaxies" in metrics._repr_html_()
    assert metrics._repr_html_().count("<p") == len(metrics["verdict"].splitlines())
    assert "\\n" not in metrics._repr_html_()
    assert "test galaxies" in repr(metrics)


def test_images_are_classified(
    run: gztrain.TrainedRun, small_sky: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    votes = run.predict(str(small_sky / "images"))
    assert "1 could not be classified" in capsys.readouterr().err  # its file is cut short
    assert command("predict", run.place, small_sky / "images", "--parquet", tmp_path / "votes.parquet").code == 0
    import pandas as pd

    pd.testing.assert_frame_equal(votes, pd.read_parquet(tmp_path / "votes.parquet"))
    few = run.predict([small_sky / "images" / path for path in votes["path"][:2]])
    assert few["path"].tolist() == votes["path"][:2].tolist()


def test_the_model_takes_images_of_the_data_set(run: gztrain.TrainedRun, dataset: Path) -> None:
    images = next(gztrain.open_dataset(dataset).select("test").batches(4))["image"]
    assert np.asarray(run.model(images)).shape == (4, len(run.label_names))


def test_a_run_is_opened_by_text_path_or_itself(run: gztrain.TrainedRun) -> None:
    assert gztrain.open_run(str(run.place)).place == gztrain.open_run(run.place).place == run.place
    assert gztrain.open_run(run) is run
    assert repr(run) == f"open_run({str(run.place)!r})"
    assert "small" in run._repr_html_()
    assert "smallest" in run._repr_html_()


def test_a_run_goes_on_or_begins_anew(run: gztrain.TrainedRun, dataset: Path) -> None:
    before = curve(Path(run.place))
    gztrain.fit(dataset, run.place, resume=True)
    assert curve(Path(run.place)) == before


REFUSED: dict[str, tuple[Callable[[Any, Any], Any], type[GzError], str]] = {
    "a keyword": (lambda data, _run: gztrain.fit(data, run="new", epoch=1), UsageError, "did you mean epochs"),
    "no run": (lambda data, _run: gztrain.fit(data), UsageError, "missing a required argument: 'run'"),
    "a run that is there": (lambda data, run: gztrain.fit(data, run.place), UsageError, "has a run already"),
    "a model": (lambda data, _run: gztrain.fit(data, "new", model="smal"), UsageError, "did you mean small"),
    "a number": (lambda data, _run: gztrain.fit(data, "new", epochs="two"), UsageError, "stages.epochs = 'two'"),
    "a recipe": (lambda data, _run: gztrain.fit(data, "new", recipe="vitt"), UsageError, "did you mean vit"),
    "a key": (lambda data, _run: gztrain.fit(data, "new", set={"stages.epoch": 1}), UsageError, "has the key"),
    "views": (lambda data, _run: gztrain.fit(data, "new", views=12), UsageError, "--views 12 was asked for"),
    "one callback": (lambda data, _run: gztrain.fit(data, "new", callbacks=Diary()), UsageError, r"such as \[Diary\("),
    "no callbacks": (lambda _data, _run: gztrain.fit("nowhere", "new", callbacks=None), GzError, "no dataset folder"),
    "a data set": (lambda _data, _run: gztrain.fit("nowhere", "new"), GzError, "no dataset folder nowhere"),
    "a split": (lambda _data, run: run.evaluate("train"), UsageError, "no split 'train' of a run"),
    "labels": (lambda _data, run: run.evaluate("val", labels="x"), UsageError, "no label policy 'x'"),
    "a number for a run": (
        lambda data, _run: gztrain.fit(data, 5),
        UsageError,
        "run takes a path or an address; got 5",
    ),
    "a number for a recipe": (lambda data, _run: gztrain.fit(data, "new", recipe=5), UsageError, "recipe takes a path"),
    "a number to open": (lambda _data, _run: gztrain.open_run(5), UsageError, "takes a path or an address; got 5"),
    "a number for data": (lambda _data, run: run.evaluate(data=5), UsageError, "data takes a path .*; got 5"),
    "a number for by": (lambda _data, run: run.evaluate(by=5), UsageError, "by takes a text, or several .*; got 5"),
    "a number to predict": (lambda _data, run: run.predict(5), UsageError, "paths takes a path .*; got 5"),
    "numbers to predict": (lambda _data, run: run.predict([5]), UsageError, "paths takes a path .*; got 5"),
    "an image": (lambda _data, run: run.predict("nowhere.jpg"), UsageError, "no image or folder"),
    "a run to open": (lambda _data, _run: gztrain.open_run("nowhere"), GzError, "no run in nowhere"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_wrong_is_told_as_on_the_command_line(
    name: str, run: gztrain.TrainedRun, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    call, kind, words = REFUSED[name]
    with pytest.raises(kind, match=words) as caught:
        call(gztrain.open_dataset(dataset), run)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "new").exists()


def test_every_option_of_the_command_line_is_a_keyword_with_its_help() -> None:
    import inspect

    assert set(OPTIONS) < set(inspect.signature(gztrain.fit).parameters)
    for name, option in OPTIONS.items():
        assert f"{name}: {option.help}" in str(gztrain.fit.__doc__)


def test_values_become_those_of_the_recipe() -> None:
    from gzcore.recipe.overlay import as_pairs

    values = {"model": {"name": "vit-64-8-12", "dropout": np.float64(0.25)}, "augment.zoom": (0.9, 1.1)}
    config = read_config(None, as_pairs({**values, "stages.epochs": np.int64(3), "strict_labels": True}))
    assert (config.model.name, config.model.dropout, config.stages.epochs) == ("vit-64-8-12", 0.25, 3)
    assert tuple(config.augment.zoom) == (0.9, 1.1)
    assert config.strict_labels
    assert as_pairs("a=1") == as_pairs(["a=1"]) == ["a=1"]
    assert json.loads(as_pairs({"path": Path("x")})[0].partition("=")[2]) == "x"
