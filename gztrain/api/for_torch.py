"""Batches for PyTorch's DataLoader: as they were read, and without a copy on their way from a worker process.

The loader asks for the records of a batch, and its ``default_collate`` stacks them. Here the records know the batch
that they come from, and the batch is taken as it is. For this, PyTorch has a table of functions by type
(``default_collate_fn_map``; see the documentation of ``default_collate``). PyTorch is never imported here: where the
process has not imported it, records are plain dicts.
"""

import os
import sys
from collections.abc import Sequence
from operator import is_
from typing import Any

import numpy as np
import numpy.typing as npt

from gztrain.data.shared_blocks import Handle, SharedBlocks, can_share, open_images

Arrays = dict[str, npt.NDArray[Any]]
_COLLATE = "torch.utils.data._utils.collate"
_blocks: dict[int, SharedBlocks] = {}
"""By process: a worker that was forked must not fill the memory of another one."""


def worker_memory() -> SharedBlocks | None:
    """Memory for images that the parent can read, in a worker process of a DataLoader; None elsewhere."""
    if not _in_worker() or not can_share():
        return None
    return _blocks.setdefault(os.getpid(), SharedBlocks())


def _in_worker() -> bool:
    data = sys.modules.get("torch.utils.data")
    return data is not None and data.get_worker_info() is not None


class Record(dict[str, Any]):
    """A record of a batch: a dict that knows the batch, its row there, and its first values."""

    def __init__(self, values: dict[str, Any], batch: Arrays, row: int) -> None:
        super().__init__(values)
        self.batch, self.row, self.made = batch, row, tuple(values.values())

    def is_row(self, row: int, batch: Arrays) -> bool:
        """Whether this is a row of a batch still; a transformation may have put other values into the dict."""
        same = self.batch is batch and self.row == row and len(self) == len(self.made)
        return same and all(map(is_, self.values(), self.made))

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)


def samples(arrays: Arrays) -> list[dict[str, Any]]:
    """The records of a batch, as dicts."""
    ids, views = arrays["id"].tolist(), arrays["view"].tolist()
    return [
        {**{key: values[row] for key, values in arrays.items()}, "id": ids[row], "view": views[row]}
        for row in range(len(ids))
    ]


def samples_for_loader(arrays: Arrays) -> list[dict[str, Any]]:
    """The same; ``default_collate`` of PyTorch makes the same batch of them, without a copy."""
    if _COLLATE not in sys.modules:
        return samples(arrays)
    sys.modules[_COLLATE].default_collate_fn_map[Record] = _collate
    return [Record(record, arrays, row) for row, record in enumerate(samples(arrays))]


def _collate(records: Sequence[Record], *, collate_fn_map: dict[Any, Any] | None = None) -> dict[str, Any]:
    """A batch of records: a dict of tensors; ``id`` is a list of str."""
    batch = records[0].batch
    if len(records) == len(batch["id"]) and all(record.is_row(row, batch) for row, record in enumerate(records)):
        return Parcel(batch) if _in_worker() else _tensors(batch)
    stacked: dict[str, Any] = sys.modules[_COLLATE].collate(list(map(dict, records)), collate_fn_map=collate_fn_map)
    return stacked


class Parcel(dict[str, Any]):
    """A batch of tensors in a worker. The parent gets a plain dict, and opens the memory that the images are in."""

    def __init__(self, arrays: Arrays) -> None:
        super().__init__(_tensors(arrays))
        self._arrays, self._made = arrays, dict(self)

    def __reduce__(self) -> tuple[Any, ...]:
        if self.keys() != self._made.keys() or not all(map(is_, self.values(), self._made.values())):
            return dict, (dict(self),)  # a collate_fn of the user has put other values into it
        images, blocks = self._arrays["image"], _blocks.get(os.getpid())
        handle = None if blocks is None else blocks.lend(images)
        if handle is None:
            return _tensors, (self._arrays,)
        return _received, (handle, images.shape, {**self._arrays, "image": np.empty(0, np.uint8)})


def _received(handle: Handle, shape: tuple[int, ...], arrays: Arrays) -> dict[str, Any]:
    return _tensors({**arrays, "image": open_images(handle, shape)})


def _tensors(arrays: Arrays) -> dict[str, Any]:
    """Tensors in the memory of the arrays; ``id`` as a list of str, as PyTorch has it."""
    from_numpy = sys.modules["torch"].from_numpy
    return {key: values.tolist() if values.dtype.kind == "U" else from_numpy(values) for key, values in arrays.items()}
