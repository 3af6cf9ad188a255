"""What a person sees of a run that has ended."""

from pathlib import Path

import pytest

from gztrain.cli.show import number, show_metrics
from gztrain.cli.show_groups import show_members
from gztrain.evaluation.evaluate import read_metrics
from gztrain.models import MODELS
from tests.gztrain.run_folders import told_run
from tests.running import gztrain


@pytest.mark.parametrize(("value", "text"), [(None, "-"), (3, "3"), (0.12345, "0.123")])
def test_numbers(value: float | None, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(("sight", "words"), [(1.0, "depends on the image"), (0.0, "does not depend on the image")])
def test_a_table_says_whether_the_model_sees(
    sight: float, words: str, dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = told_run(tmp_path / "run", dataset, sight=sight)
    show_metrics(read_metrics(folder), str(folder.root))
    out = capsys.readouterr().out
    assert words in out
    for part in ("test galaxies, scheme reduced", "commonest answer", "how-rounded-gz2_cigar", "false negatives"):
        assert part in out


@pytest.mark.parametrize("columns", ["60", "80"])
def test_names_of_models_are_whole_on_a_narrow_terminal(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    words = gztrain("models").out.split()
    assert set(MODELS) <= set(words)


def test_members_that_are_better_by_themselves_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    figures = {"questions": 6, "accuracy": 0.9, "accuracy_gain": -0.01, "auc_macro": 0.91, "auc_macro_gain": -0.02}
    unknown = dict.fromkeys(figures)
    show_members({"members": [{"run": "one", **figures}, {"run": "two", **unknown}]})
    out = capsys.readouterr().out
    assert "-0.020" in out
    assert "than in the ensemble: one.\n" in out
    assert "gztrain evaluate judges it" in out
