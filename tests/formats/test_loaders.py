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

pytestmark = [
    pytest.mark.usefixtures("torch_and_grain"),
    pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning"),  # on a machine of one core
]
BATCH = 16
FORKED = pytest.mark.filterwarnings("ignore:os.fork.. was called:RuntimeWarning")
"""The examples use JAX and then PyTorch's workers, in one process."""


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

    chosen = grain.MapDataset.source(places).batch(BATCH, batch_fn=train.__getitem__)
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


def test_tensors_keep_their_values_while_later_batches_use_dropped_memory(train: gztrain.GalaxySelection) -> None:
    """Every other batch is kept, and so its memory must not be filled again."""
    places = order(3, 1, len(train)).tolist()
    kept = [batch["image"] for at, batch in enumerate(torch_records(train, places)) if at % 2]
    for images, batch in zip(kept, list(train.batches(BATCH, shuffle=True, seed=3, epoch=1))[1::2], strict=True):
        np.testing.assert_array_equal(images.numpy(), batch["image"])


class Darker:
    """A data set of a user, which changes records of ours."""

    def __init__(self, train: gztrain.GalaxySelection) -> None:
        self.train = train

    def __len__(self) -> int:
        return len(self.train)

    def __getitems__(self, places: list[int]) -> list[dict[str, Any]]:
        records = self.train.__getitems__(places)
        for record in records:
            record["image"] = record["image"] // 2
        return records


@pytest.mark.parametrize("workers", [0, 2])
def test_records_that_were_changed_make_the_changed_batch(workers: int, train: gztrain.GalaxySelection) -> None:
    from torch.utils.data import DataLoader, Subset

    images = next(train.batches(BATCH))["image"]
    for data, expected in ((Darker(train), images // 2), (Subset(train, range(BATCH)), images)):
        batch = next(iter(DataLoader(data, BATCH, num_workers=workers)))
        np.testing.assert_array_equal(batch["image"].numpy(), expected)


def scaled(records: list[dict[str, Any]]) -> dict[str, Any]:
    """A collate_fn of a user, which changes the batch of PyTorch's own."""
    from torch.utils.data import default_collate

    batch: dict[str, Any] = default_collate(records)
    batch["image"] = batch["image"] // 4
    batch["weight"] = batch["view"] + 1
    del batch["votes"]
    return batch


@pytest.mark.parametrize("workers", [0, 2])
def test_what_a_collate_fn_changes_arrives(workers: int, train: gztrain.GalaxySelection) -> None:
    from torch.utils.data import DataLoader

    given = next(train.batches(BATCH))
    batch = next(iter(DataLoader(train.to_torch(), BATCH, num_workers=workers, collate_fn=scaled)))
    np.testing.assert_array_equal(batch["image"].numpy(), given["image"] // 4)
    np.testing.assert_array_equal(batch["weight"].numpy(), given["view"] + 1)
    assert "votes" not in batch


@FORKED
@pytest.mark.usefixtures("beside_sky")
def test_examples_of_torch_and_grain_run() -> None:
    names = run_example(python_page())
    assert names["seen"] == len(names["train"])
    assert names["images"].shape[1:] == (3, 64, 64)


@FORKED
@pytest.mark.usefixtures("beside_sky")
def test_the_notebook_of_loops_runs_with_its_last_part() -> None:
    import torch

    names = run_cells((SOURCE / "loops.md").read_text())
    assert torch.isfinite(next(names["net"].parameters())).all()
