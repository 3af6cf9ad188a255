"""``gztrain tune``: trials are runs, the best one is named, and an interrupted search goes on with its trial."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gzcore.errors import GzError, Stopped, UsageError
from gztrain.config import read_config
from gztrain.runs.folder import open_run
from gztrain.runs.watch import Quiet
from gztrain.training import fit as fitting
from gztrain.training import tune as tuning
from gztrain.training.search_space import read_space
from gztrain.training.tune import TuneRequest, check_request, read_varied, tune
from tests.running import gztrain

pytestmark = pytest.mark.usefixtures("file_lean_training")
TINY = (
    *("model.size=16", "stages.batch=16", "stages.epochs=1", "stages.fine_tune_epochs=0", "views=0"),
    *("bootstrap=0", "log.tensorboard=false"),
)
OVER = ["optimizer.rate=1e-3..1e-1", "optimizer.name=adam,adamw", "optimizer.warmup=0..1"]


def request(data: Path, study: Path, trials: int = 2, **more: Any) -> TuneRequest:
    return TuneRequest(data, study, read_config(None, TINY), read_space(OVER, {}), trials, **more)


def untrained(found: dict[int, float | None]) -> Callable[..., Any]:
    """A training that is over at once, with these figures by trial; None: it fails."""

    def train(asked: Any, _watch: Any) -> dict[str, Any]:
        value = found[int(asked.run.name.removeprefix("trial-"))]
        if value is None:
            raise GzError("The loss is nan.")
        return {"splits": {"val": {"auc_macro": value, "loss": value}}}

    return train


def test_it_needs_optuna(dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "find_spec", lambda _: None)
    with pytest.raises(GzError, match=r"needs Optuna; install it with: pip install 'gzprep\[tune\]'"):
        check_request(request(dataset, tmp_path))


def test_a_recipe_may_say_what_to_vary(tmp_path: Path) -> None:
    recipe = tmp_path / "mine.toml"
    recipe.write_text('seed = 7\n[tune.optimizer]\nrate = "1e-3..1e-1"\n')
    config, space = read_varied(recipe, ["fold=1"], ["optimizer.name=adam,adamw"])
    assert (config.seed, config.fold) == (7, 1)
    assert [str(vary) for vary in space] == ["optimizer.rate=0.001..0.1", "optimizer.name=adam,adamw"]
    recipe.write_text("tune = 3\n")
    with pytest.raises(UsageError, match=r"expected a table \[tune\]"):
        read_varied(recipe, [], [])


class TestWithOptuna:
    @pytest.fixture(autouse=True)
    def _optuna(self) -> None:
        pytest.importorskip("optuna", reason="optuna is not installed: pip install optuna")

    @pytest.mark.slow
    def test_trials_are_runs_and_the_best_is_named(self, dataset: Path, tmp_path: Path) -> None:
        words = [word for pair in TINY for word in ("--set", pair)]
        over = [word for pair in OVER for word in ("--over", pair)]
        result = gztrain("tune", dataset, "--study", tmp_path / "study", *words, *over, "--trials", "2")
        assert result.code == 0, result.err
        document = json.loads((tmp_path / "study" / "tune.json").read_text())
        assert [trial["run"] for trial in document["trials"]] == ["trial-000", "trial-001"]
        for trial in document["trials"]:
            run, values = open_run(tmp_path / "study" / trial["run"]), trial["values"]
            assert run.config.optimizer.rate == values["optimizer.rate"]
            assert run.config.optimizer.name == values["optimizer.name"]
            figures = json.loads(run.folder.metrics.read_text())["splits"]["val"]
            assert trial["auc"] == figures["auc_macro"]
        assert document["best"]["auc"] == max(trial["auc"] for trial in document["trials"])
        assert f"{document['best']['run']} is the best, with a mean AUC of" in result.out
        again = gztrain("tune", dataset, "--study", tmp_path / "study", *words, *over, "--trials", "2")
        assert again.code == 2
        assert "go on with it by --resume" in again.sentence
        again = gztrain(
            "tune", dataset, "--study", tmp_path / "study", *words, *over, "--trials", "2", "--resume", "--json"
        )
        assert again.json == document

    def test_an_interrupted_search_comes_to_the_same_trials(
        self, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        figures: dict[int, float | None] = {number: 0.5 + 0.04 * (number * 7 % 10) for number in range(13)}
        monkeypatch.setattr(fitting, "fit", untrained(figures))
        whole = tune(request(dataset, tmp_path / "whole", 13), Quiet())

        def stopped(*_: Any) -> None:
            raise Stopped("Stopped.")

        for trials in (1, 12):  # the second stop is after the search has begun to look at results
            tune(request(dataset, tmp_path / "cut", trials, resume=trials > 1), Quiet())
            with monkeypatch.context() as patch:
                patch.setattr(fitting, "fit", stopped)
                with pytest.raises(Stopped):
                    tune(request(dataset, tmp_path / "cut", 13, resume=True), Quiet())
        assert tune(request(dataset, tmp_path / "cut", 13, resume=True), Quiet()) == whole
        assert len({trial["values"]["optimizer.rate"] for trial in whole["trials"]}) == 13

    def test_a_trial_that_fails_is_told_and_the_search_goes_on(
        self, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(fitting, "fit", untrained({0: None, 1: 0.7, 2: float("nan")}))
        found = tune(request(dataset, tmp_path, 3, goal="loss"), Quiet())
        assert [trial["loss"] for trial in found["trials"]] == [None, 0.7, None]
        assert found["best"]["run"] == "trial-001"
        told = capsys.readouterr().err
        assert "trial-000 failed: The loss is nan." in told
        assert "trial-002 has no loss" in told

    def test_a_search_without_a_figure_is_an_error(
        self, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(fitting, "fit", untrained({0: None}))
        with pytest.raises(GzError, match="None of the 1 trials"):
            tune(request(dataset, tmp_path, 1), Quiet())

    @pytest.mark.parametrize(
        ("change", "part"),
        [
            ({"goal": "loss"}, "another goal"),
            ({"space": read_space(["seed=1..2"], {})}, "another over"),
            ({"config": read_config(None, ["fold=1"])}, "another recipe"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_another_search_is_not_gone_on_with(
        self, change: dict[str, Any], part: str, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(fitting, "fit", untrained({0: 0.5, 1: 0.6}))
        tune(request(dataset, tmp_path, 1), Quiet())
        with pytest.raises(UsageError, match=part):
            tune(replace(request(dataset, tmp_path, 2, resume=True), **change), Quiet())

    def test_a_value_that_no_recipe_allows_is_told_before_anything_is_made(self, dataset: Path, tmp_path: Path) -> None:
        result = gztrain("tune", dataset, "--study", tmp_path / "x", "--over", "model.dropout=0..1")
        assert result.code == 2
        assert "model.dropout = 1" in result.sentence
        assert not (tmp_path / "x").exists()
