"""PyTorch's DataLoader and Grain give the batches of `train.batches`, to the last bit; examples that need them run."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gztrain
from gztrain.data import order
from tests.test_notebooks import SOURCE, run_cells
from tests.test_readme import python_page, run_example

pytestmark = pytest.mark.usefixtures("torch_and_grain")
BATCH = 16


@pytest.fixture(scope="module")
def train(dataset: Path) -> gztrain.GalaxySelection:
    return gztrain.open_dataset(dataset).select("train", folds=[1, 2, 3, 4], views=2, scheme="reduced")


def torch_records(train: gztrain.GalaxySelection, places: list[int]) -> Iterable[Any]:
    """Two workers, which read record after record."""
    from torch.utils.data import DataLoader

    return DataLoader(train.to_torch(), BATCH, sampler=places, num_workers=2)


def torch_batches(train: gztrain.GalaxySelection, places: list[int]) -> Iterable[Any]:
    """Two workers, which read a batch at once."""
    from torch.utils.data import BatchSampler, DataLoader

    return DataLoader(train, batch_size=None, sampler=BatchSampler(places, BATCH, drop_last=False), num_workers=2)


def grain_records(train: gztrain.GalaxySelection, places: list[int]) -> Iterable[Any]:
    """Two threads, which read record after record."""
    import grain

    chosen = grain.MapDataset.source(places).map(grain.MapDataset.source(train).__getitem__)
    return chosen.batch(BATCH).to_iter_dataset(grain.ReadOptions(num_threads=2))


def grain_batches(train: gztrain.GalaxySelection, places: list[int]) -> Iterable[Any]:
    """Two threads, which read a batch at once."""
    import grain

    chosen = grain.MapDataset.source(places).batch(BATCH).map(train.__getitem__)
    return chosen.to_iter_dataset(grain.ReadOptions(num_threads=2))


WAYS: list[Callable[[gztrain.GalaxySelection, list[int]], Iterable[Any]]] = [
    torch_records,
    torch_batches,
    grain_records,
    grain_batches,
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_every_batch_is_that_of_batches(
    way: Callable[[gztrain.GalaxySelection, list[int]], Iterable[Any]], train: gztrain.GalaxySelection
) -> None:
    places = order(3, 1, len(train)).tolist()
    ours = list(train.batches(BATCH, shuffle=True, seed=3, epoch=1))
    theirs = list(way(train, places))
    assert len(ours) == len(theirs)
    for expected, batch in zip(ours, theirs, strict=True):
        assert set(batch) == set(expected)
        for key, values in expected.items():
            found = np.asarray(batch[key])
            assert found.dtype == values.dtype, key
            np.testing.assert_array_equal(found, values, err_msg=key)


@pytest.mark.usefixtures("beside_sky")
def test_examples_of_torch_and_grain_run() -> None:
    names = run_example(python_page())
    assert names["seen"] == len(names["train"])
    assert names["images"].shape[1:] == (3, 64, 64)


@pytest.mark.usefixtures("beside_sky")
def test_the_notebook_of_loops_runs_with_its_last_part() -> None:
    import torch

    names = run_cells((SOURCE / "loops.md").read_text())
    assert torch.isfinite(next(names["net"].parameters())).all()
