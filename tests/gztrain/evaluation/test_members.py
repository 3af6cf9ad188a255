"""Members of an ensemble that answer different questions, and what each adds."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gzcore.errors import GzError
from gztrain.data.dataset import choose_scheme, open_dataset
from gztrain.data.label_counts import counts_of_folds
from gztrain.evaluation.members import compared, in_groups, in_order, join, joined_counts
from gztrain.runs.folder import Run, open_run
from tests.gztrain.run_folders import told_run

REDUCED = ("q0", "q1", "q2", "q3", "q6", "q10")


@pytest.fixture(scope="module")
def told(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return open_run(told_run(tmp_path_factory.mktemp("told") / "run", dataset).root)


def asking(told: Run, schemes: Sequence[str]) -> list[Run]:
    """Runs for some schemes; only what is looked at before models are loaded."""
    data, found = open_dataset(told.dataset), []
    for name in schemes:
        scheme = choose_scheme(data, name)
        counts = {"asked": counts_of_folds(data.manifest, scheme, [1, 2, 3, 4], "asked")}
        found.append(replace(told, scheme=scheme, label_counts=counts))  # type: ignore[arg-type]
    return found


def test_runs_for_every_question_are_a_scheme_whatever_their_order(told: Run) -> None:
    runs = asking(told, [*reversed(REDUCED), "q3"])
    scheme, groups = in_order(in_groups(runs), open_dataset(told.dataset))
    assert scheme.name == "reduced"
    assert [(group[0].scheme.name, len(group)) for group in groups] == [(q, 1 + (q == "q3")) for q in REDUCED]
    whole = counts_of_folds(open_dataset(told.dataset).manifest, scheme, [1, 2, 3, 4], "asked")
    joined = joined_counts(groups)["asked"]
    assert joined.names == whole.names == scheme.names
    np.testing.assert_array_equal(joined.positives, whole.positives)


@pytest.mark.parametrize(
    ("schemes", "words"),
    [
        (("q0", "q1"), "questions of q0, q1, which together are no scheme .* reduced"),
        (("q0", "reduced"), "must answer the same questions, or others altogether"),
    ],
    ids=["some questions", "one question in two schemes"],
)
def test_what_makes_no_scheme_is_refused(told: Run, schemes: tuple[str, ...], words: str) -> None:
    with pytest.raises(GzError, match=words):
        in_order(in_groups(asking(told, schemes)), open_dataset(told.dataset))


def constant(*outputs: float) -> Any:
    """A model that gives the same values for every image."""
    import keras

    images = keras.Input((4, 4, 3), dtype="uint8")
    flat = keras.layers.Flatten()(keras.layers.Rescaling(0.0)(images))
    bias = keras.initializers.Constant(list(outputs))
    return keras.Model(images, keras.layers.Dense(len(outputs), bias_initializer=bias)(flat))


@pytest.mark.parametrize("sides", [1, 8])
def test_members_for_a_question_are_averaged_and_questions_stand_side_by_side(sides: int) -> None:
    model = join([[constant(0.2), constant(0.6)], [constant(0.1, 0.9)]], sides)
    found = np.asarray(model(np.zeros((2, 4, 4, 3), np.uint8)))
    np.testing.assert_allclose(found, [[0.4, 0.1, 0.9]] * 2, atol=1e-6)


def test_the_gain_is_that_on_the_same_questions() -> None:
    judged = {"accuracy": 0.9, "auc_macro": 0.95, "per_question": {"a": {"accuracy": 0.8, "auc_macro": None}, "b": {}}}
    whole = {"accuracy": 0.85, "auc_macro": 0.96, "per_question": {"b": {}, "a": {}}}
    one = {"accuracy": 0.75, "auc_macro": 0.7, "per_question": {"a": {}}}
    rows = compared({"whole": whole, "one": one, "not judged": {}}, judged)
    assert [row["run"] for row in rows] == ["whole", "one", "not judged"]
    assert [row["questions"] for row in rows] == [2, 1, 0]
    assert rows[0]["accuracy_gain"] == pytest.approx(0.05)
    assert rows[0]["auc_macro_gain"] == pytest.approx(-0.01)
    assert rows[1]["accuracy_gain"] == pytest.approx(0.05)
    assert rows[1]["auc_macro_gain"] is None
    assert rows[2]["accuracy"] is rows[2]["accuracy_gain"] is None
