"""The arithmetic of results tables: the rows of the 2024 report, honest rows, and rows damaged on purpose."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gzcore.errors import UsageError
from gztrain.evaluation.audit import Result, audit, parse_results, read_results
from tests.gztrain.evaluation.test_published import CONSTANT, FILE, NEARLY
from tests.running import gztrain

DAMAGED = ("resnet50", "reduced")


def test_the_reports_rows_are_found_and_no_others() -> None:
    """18 rest on one answer for every galaxy; one is damaged."""
    findings = {(finding.model, finding.scheme): finding.reasons for finding in audit(read_results(FILE))}
    assert set(findings) == CONSTANT | NEARLY | {DAMAGED}
    assert all("one answer for every galaxy" in findings[key][0] for key in CONSTANT | NEARLY)
    first, second, *_ = findings[DAMAGED]
    assert first.startswith("TP equals FN and TN equals FP")
    assert second == "its counts add up to 4,271 galaxies, those of the other rows to 20,936"


def test_the_command_says_and_writes_the_same(tmp_path: Path) -> None:
    said, written = gztrain("audit", FILE), gztrain("audit", FILE, "--json")
    assert said.code == written.code == 0
    assert "19 of 39 rows are not sound" in said.out
    assert len(written.json) == 19
    assert written.json[0] == {
        "model": "resnet50",
        "scheme": "q10",
        "reasons": ["F1 is that of one answer for every galaxy, and AUC equals accuracy"],
    }
    absent = gztrain("audit", tmp_path / "absent.csv")
    assert absent.code == 2
    assert "cannot be read" in absent.sentence


# ------------------------------------------------------------ honest results


def honest(seed: int) -> Result:
    """A network that has learned something, scored as scikit-learn scores it: on one column, or on one a class."""
    from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score, roc_auc_score

    rng = np.random.default_rng(seed)
    galaxies, classes = int(rng.integers(500, 3_000)), int(rng.integers(1, 7))
    skill = rng.uniform(1, 3)
    if classes == 1:
        truth = (rng.random(galaxies) < rng.uniform(0.1, 0.9)).astype(int)[:, None]
        score = truth * skill + rng.normal(size=truth.shape)
        said = (score > skill / 2).astype(int)
        accuracy = accuracy_score(truth[:, 0], said[:, 0])
    else:
        answer = rng.choice(classes, galaxies, p=rng.dirichlet(np.full(classes, 5)))
        truth = np.eye(classes, dtype=int)[answer]
        score = truth * skill + rng.normal(size=truth.shape)
        chosen = score.argmax(1)
        said = np.eye(classes, dtype=int)[chosen]
        accuracy = accuracy_score(answer, chosen)
    average = "binary" if classes == 1 else "macro"
    column, other = (truth[:, 0], said[:, 0]) if classes == 1 else (truth, said)
    tp, tn = int((truth * said).sum()), int(((1 - truth) * (1 - said)).sum())
    figures = {
        "accuracy": accuracy,
        "binary_accuracy": (truth == said).mean(),
        "auc": roc_auc_score(truth.ravel(), score.ravel()),
        "precision": precision_score(truth.ravel(), said.ravel()),
        "recall": recall_score(truth.ravel(), said.ravel()),
        "f1": f1_score(column, other, average=average),
    }
    counts = {
        "true_positives": tp,
        "true_negatives": tn,
        "false_positives": int(said.sum()) - tp,
        "false_negatives": int(truth.sum()) - tp,
    }
    rounded = {name: round(float(value), 4) for name, value in figures.items()}
    return Result(f"model {seed}", f"q{seed}", rounded | {name: float(value) for name, value in counts.items()})


@pytest.mark.slow
def test_two_hundred_honest_results_raise_no_alarm() -> None:
    assert audit(tuple(honest(seed) for seed in range(200))) == []


# ------------------------------------------------------------ broken on purpose


def constant(result: Result) -> Result:
    """The same galaxies, and a network that says yes to all."""
    row = result.figures
    positives, negatives = (
        row["true_positives"] + row["false_negatives"],
        row["true_negatives"] + row["false_positives"],
    )
    share = positives / (positives + negatives)
    figures = {"accuracy": share, "binary_accuracy": share, "precision": share, "recall": 1.0}
    counts = {"true_positives": positives, "false_positives": negatives, "true_negatives": 0.0, "false_negatives": 0.0}
    return Result(result.model, result.scheme, {**figures, **counts})


def changed(**figures: float) -> Callable[[Result], Result]:
    return lambda result: Result(result.model, result.scheme, {**result.figures, **figures})


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        pytest.param(constant, "it says yes to everything", id="yes to everything"),
        pytest.param(changed(precision=0.1), "precision is 0.1000, and the counts give", id="precision of another run"),
        pytest.param(changed(recall=0.1), "recall is 0.1000, and the counts give", id="recall of another run"),
        pytest.param(changed(auc=1.2), "auc is 1.2; it lies between 0 and 1", id="AUC above 1"),
        pytest.param(changed(f1=float("nan")), "f1 is nan, which is no number", id="no number"),
        pytest.param(changed(true_positives=-3.0), "true_positives is -3; a count is not", id="negative count"),
    ],
)
def test_a_row_that_is_damaged_is_named_with_its_reason(damage: Callable[[Result], Result], reason: str) -> None:
    sound = [honest(seed) for seed in range(5)]
    (finding,) = audit((*sound, damage(honest(6))))
    assert finding.model == "model 6"
    assert any(said.startswith(reason) for said in finding.reasons)


def test_counts_of_another_number_of_galaxies_are_found() -> None:
    counts = dict(
        zip(("true_positives", "true_negatives", "false_positives", "false_negatives"), (40, 90, 6, 4), strict=True)
    )
    rows = [Result(f"model {number}", "bar", counts, columns=1) for number in range(4)]
    odd = Result("odd", "bar", {**counts, "true_negatives": 30.0}, columns=1)
    assert [(finding.model, finding.reasons) for finding in audit((*rows, odd))] == [
        ("odd", ("its counts add up to 80 galaxies, those of the other rows to 140",))
    ]


# ------------------------------------------------------------ tables


def test_names_that_others_use_and_lines_to_leave_out_are_understood() -> None:
    text = "# a note\nNetwork,Question,Acc,F1_Score,TP\nsmall,bar,0.8,,12\n\n"
    assert parse_results(text, "t.csv") == (Result("small", "bar", {"accuracy": 0.8, "true_positives": 12.0}),)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param("", "has none of the columns", id="empty"),
        pytest.param("a,b\n1,2\n", "has none of the columns", id="other columns"),
        pytest.param("model,f1\nx,0.3\nx\n", "Line 3 of t.csv has 1 values; its first line names 2", id="short line"),
        pytest.param("model,f1\nx,good\n", "Line 2 of t.csv has 'good' as f1; a number", id="no number"),
        pytest.param('model,f1\n"x,0.3\n', "is no CSV", id="open quote"),
        pytest.param(
            "model,f1,columns\nx,0.3,-inf\n", "as columns; a whole number from 1 is expected", id="endless columns"
        ),
        pytest.param(
            "model,f1,columns\nx,0.3,1.5\n", "as columns; a whole number from 1 is expected", id="half a column"
        ),
        pytest.param("model,f1,columns\nx,0.3,-3\n", "a whole number from 1 is expected", id="negative columns"),
    ],
)
def test_what_is_no_table_is_told_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        parse_results(text, "t.csv")
