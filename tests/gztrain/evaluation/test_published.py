"""The report's own figures, as the project carries them."""

from collections import Counter
from pathlib import Path

import pytest

from gztrain.evaluation.figures import METRICS
from gztrain.evaluation.published import SOURCE, find_published, published_rows
from tests.running import ROOT

FILE = ROOT / "gztrain" / "evaluation" / "report_results.csv"


def test_there_are_39_rows() -> None:
    rows = published_rows()
    assert len(rows) == 39
    assert len({(row.model, row.scheme) for row in rows}) == 39
    assert Counter(row.model for row in rows)["resnet50"] == Counter(row.model for row in rows)["vit"] == 13
    assert all(tuple(row.figures) == METRICS for row in rows)


@pytest.mark.parametrize(
    ("scheme", "model", "name", "value"),
    [
        ("q0", "resnet50", "auc", 0.9851),
        ("reduced", "xception", "binary_accuracy", 0.8992),
        ("all", "resnet50", "false_negatives", 54505.7148),
        ("reduced", "vit", "loss", 0.5687),
    ],
)
def test_figures(scheme: str, model: str, name: str, value: float) -> None:
    row = next(row for row in find_published(scheme) if row.model == model)
    assert row.figures[name] == value


def test_the_scheme_that_its_code_left_out() -> None:
    assert find_published("hubble") == ()


def test_the_file_says_where_it_is_from() -> None:
    head = FILE.read_text().splitlines()[0]
    assert head.startswith("# ")
    assert all(part in head for part in SOURCE.replace("-", " to ").split(", ")[1:])


def test_the_file_is_the_reports(real_data: Path) -> None:
    original = real_data.parent / "report" / "results.csv"
    if not original.is_file():
        pytest.skip(f"no {original}")
    assert [
        line for line in FILE.read_text().splitlines() if not line.startswith("#")
    ] == original.read_text().splitlines()


CONSTANT = {
    ("resnet50", "q10"),
    ("vgg16", "reduced"),
    ("vgg19", "all"),
    ("cct", "reduced"),
    ("cvt", "reduced"),
    *(("vit", scheme) for scheme in ("q1", "q3", "q4", "q5", "q6", "q7", "q8", "q9", "q10", "reduced", "all")),
}
NEARLY = {("resnet50v2", "reduced"), ("resnet50v2", "all")}


def test_constant_predictors() -> None:
    """18 of 39: by the F1 of 16, and nearly so of two more; of six AUC equals accuracy, too."""
    found = {(row.model, row.scheme): row.constant for row in published_rows() if row.constant}
    assert set(found) == CONSTANT | NEARLY
    assert {key for key, why in found.items() if "within 0.01" in why} == NEARLY
    assert sum("AUC equals accuracy" in why for why in found.values()) == 6


def test_one_answer_for_every_galaxy_has_the_f1_that_scikit_learn_gives_it() -> None:
    from sklearn.metrics import f1_score

    row = next(row for row in find_published("q4") if row.model == "vit")  # 43.69 % of three classes
    truth = [0] * 4369 + [1] * 3000 + [2] * 2631
    assert row.one_answer_f1 == pytest.approx(f1_score(truth, [0] * 10_000, average="macro", zero_division=0))
    assert row.one_answer_f1 == pytest.approx(row.figures["f1"], abs=1e-4)
