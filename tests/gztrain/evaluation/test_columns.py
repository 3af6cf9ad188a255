"""Groups of galaxies by a column of the catalogue, and their figures."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from gztrain.data.dataset import open_dataset
from gztrain.data.galaxies import galaxies_of, read_catalogue
from gztrain.evaluation import columns
from gztrain.evaluation.columns import Column, by_columns, groups_of, read_columns
from gztrain.evaluation.strata import rows_of
from tests.gztrain.synthetic import scheme_of, some_predictions

NAN, INF = float("nan"), float("inf")


def column(values: list[float | str | None]) -> tuple[Column, list[str]]:
    ids = [str(place) for place in range(len(values))]
    numbers = not any(isinstance(value, str) for value in values)
    return Column("c", numbers, dict(zip(ids, values, strict=True))), ids


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param(
            [1, 2, 3, 4, 5, 6, 7, 8],
            {"1 to 2": [0, 1], "3 to 4": [2, 3], "5 to 6": [4, 5], "7 to 8": [6, 7]},
            id="quartiles",
        ),
        pytest.param([3.5, 0.25], {"0.25": [1], "3.5": [0]}, id="two"),
        pytest.param([0, 0, 0, 0, 0, 1, 2], {"0": [0, 1, 2, 3, 4], "1 to 2": [5, 6]}, id="most the smallest"),
        pytest.param([0, 1, 1, 1, 1, 1], {"0": [0], "1": [1, 2, 3, 4, 5]}, id="most the largest"),
        pytest.param([7, 7, 7], {"7": [0, 1, 2]}, id="all equal"),
        pytest.param([NAN, None, INF, 2], {"2": [3]}, id="no value"),
        pytest.param([None, None], {}, id="none at all"),
        pytest.param(["b", "a", "b", None], {"b": [0, 2], "a": [1]}, id="texts"),
        pytest.param(["x\x1b[31m"], {"x\\x1b[31m": [0]}, id="control characters"),
    ],
)
def test_groups_by_hand(values: list[float | str | None], expected: dict[str, list[int]]) -> None:
    groups = groups_of(*column(values))
    assert {group.name: group.rows.tolist() for group in groups} == expected


def test_rare_texts_are_joined() -> None:
    """Letters a to l: each of the first nine is there twice, and has a group; the three others are joined."""
    groups = groups_of(*column([*"abcdefghi" * 2, *"jkl"]))
    assert [group.name for group in groups] == [*"abcdefghi", "3 other values"]
    assert groups[-1].rows.tolist() == [18, 19, 20]
    assert len(groups_of(*column([*"abcdefghij"]))) == 10


def test_figures_of_a_group_are_those_of_its_galaxies() -> None:
    scheme = scheme_of("reduced")
    predictions = some_predictions(scheme, 60)
    half = Column(
        "c", numbers=False, values={galaxy: "x" if int(galaxy) < 20 else "y" for galaxy in predictions.ids[:50]}
    )
    part = by_columns(predictions, scheme, [half], (20, 0))["c"]
    assert (part["kind"], part["without"]) == ("texts", 10)
    assert [(group["name"], group["galaxies"]) for group in part["groups"]] == [("y", 30), ("x", 20)]
    first = rows_of(predictions, np.arange(20))
    name, place = "how-rounded-gz2", scheme.blocks[4]
    known = first.mask[:, place].all(axis=1)
    right = first.labels[known, place].argmax(axis=1) == first.probabilities[known, place].argmax(axis=1)
    found = part["groups"][1]["per_question"][name]
    assert found["known_questions"] == known.sum()
    assert found["accuracy"] == pytest.approx(right.mean())
    low, high = found["intervals"]["accuracy"]
    assert low <= found["accuracy"] <= high


def test_columns_of_a_data_set_come_by_the_split_of_the_galaxies(dataset: Path) -> None:
    data = open_dataset(dataset)
    fold, verdict = read_columns(data, "train", ["fold", "verdict", "fold"])
    assert (fold.numbers, verdict.numbers) == (True, False)
    assert {galaxy: int(value or 0) for galaxy, value in fold.values.items()} == galaxies_of(data, "train")
    assert set(verdict.values.values()) <= {"accepted", "flagged"}


def test_ids_with_more_digits_than_a_float_has_are_grouped(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids of SDSS are beyond 2**53."""
    data = open_dataset(dataset)
    table = read_catalogue(data)
    assert table is not None
    ids = pa.array([587722981736120347 + 10**12 * place for place in range(len(table))])
    monkeypatch.setattr(columns, "read_catalogue", lambda _: table.append_column("dr7objid", ids))
    (column,) = read_columns(data, "train", ["dr7objid"])
    assert len(groups_of(column, list(column.values))) == 4
