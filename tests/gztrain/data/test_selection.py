"""Selections: the records of a split, of folds, of views."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from gzcore.dataset.example import parse_record
from gzcore.dataset.tfrecord import OVERHEAD, unframe
from gzcore.errors import UsageError
from gztrain.data import select
from gztrain.data.dataset import Dataset, open_dataset
from tests.gz2 import WIDTHS


@pytest.fixture(scope="module")
def opened(dataset: Path) -> Dataset:
    return open_dataset(dataset)


def seen(data: Dataset, **wanted: Any) -> Counter[tuple[str, int, int]]:
    """(id, view, fold) of the records that a selection points to."""
    chosen = select(data, **wanted)
    found: Counter[tuple[str, int, int]] = Counter()
    for place in range(len(chosen)):
        data_file = chosen.shards[chosen.shard[place]].path.read_bytes()
        start = int(chosen.offset[place])
        record = unframe(data_file[start : start + int(chosen.length[place]) + OVERHEAD], int(chosen.length[place]))
        parsed = parse_record(record, WIDTHS)
        found[parsed.id, parsed.view, parsed.fold] += 1
    return found


def test_a_selection_has_the_records_of_its_split(opened: Dataset) -> None:
    train, test = seen(opened), seen(opened, split="test")
    assert len(train) == train.total() == opened.manifest["splits"]["train"]["records"]
    assert len(test) == test.total() == opened.manifest["splits"]["test"]["records"]
    assert {view for _, view, _ in train | test} == {0}
    assert {fold for _, _, fold in test} == {-1}


def test_a_selection_of_folds(opened: Dataset) -> None:
    training, validation = seen(opened, folds=[1, 2, 3, 4], views=1), seen(opened, folds=[0])
    assert {fold for _, _, fold in training} == {1, 2, 3, 4}
    assert {fold for _, _, fold in validation} == {0}
    assert not {galaxy for galaxy, _, _ in training} & {galaxy for galaxy, _, _ in validation}


@pytest.mark.parametrize(("views", "expected"), [(0, {0}), (1, {0, 1}), (2, {0, 1, 2}), (12, {0, 1, 2})])
def test_a_selection_of_views(opened: Dataset, views: int, expected: set[int]) -> None:
    found = seen(opened, views=views)
    assert {view for _, view, _ in found} == expected
    assert found.total() == opened.manifest["splits"]["train"]["records"] * len(expected)


def test_a_selection_of_nothing(opened: Dataset) -> None:
    assert len(select(opened, folds=[])) == 0


@pytest.mark.parametrize(
    ("split", "views", "sentence"),
    [
        ("train_views", 0, "no split 'train_views' to choose records of; choose train or test"),
        ("test", 2, "2 extra views cannot be had: training galaxies have up to 2, test none"),
        ("train", -1, "-1 extra views cannot be had"),
    ],
)
def test_a_selection_that_cannot_be(opened: Dataset, split: str, views: int, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        select(opened, split, views=views)
