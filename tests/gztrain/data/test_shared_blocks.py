"""Memory that one process fills and another one reads. Here both are this process, which opens it as another would."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from gzcore.errors import GzError
from gztrain.data.shared_blocks import Handle, SharedBlocks, can_share, open_images

pytestmark = pytest.mark.skipif(not can_share(), reason="this system has no memory without a name (memfd_create)")
SHAPE = (4, 8, 8, 3)


def lent(blocks: SharedBlocks, value: int, shape: tuple[int, ...] = SHAPE) -> Handle:
    """Fill images with a value, lend them, and drop them here."""
    images = blocks.take(shape)
    images[...] = value
    handle = blocks.lend(images)
    assert handle is not None
    return handle


def test_the_reader_finds_what_was_written_and_may_write_too() -> None:
    blocks = SharedBlocks()
    handle = pickle.loads(pickle.dumps(lent(blocks, 7)))  # noqa: S301 -- as it is sent
    images = open_images(handle, SHAPE)
    assert images.shape == SHAPE
    assert images.dtype == np.uint8
    assert (images == 7).all()
    assert images.flags.writeable


def test_memory_is_used_again_only_when_both_have_dropped_it() -> None:
    blocks = SharedBlocks()
    first = lent(blocks, 1)
    row = open_images(first, SHAPE)[2]  # a part keeps all of it
    second = lent(blocks, 2)
    assert second.number != first.number
    assert (row == 1).all()
    del row
    here = blocks.take(SHAPE)  # the block of `first`: it is free now
    third = lent(blocks, 3)
    assert {first.number, second.number} < {first.number, second.number, third.number}
    handle = blocks.lend(here)
    assert handle is not None
    assert handle.number == first.number


@pytest.mark.parametrize(("rows", "again"), [(2, True), (4, True), (5, False)], ids=["fewer", "as many", "more"])
def test_a_block_that_is_large_enough_is_used_again(rows: int, again: bool) -> None:  # noqa: FBT001
    blocks = SharedBlocks()
    first = lent(blocks, 1)
    open_images(first, SHAPE)
    assert (lent(blocks, 2, (rows, *SHAPE[1:])).number == first.number) is again


def test_images_of_other_memory_are_not_lent() -> None:
    assert SharedBlocks().lend(np.zeros(SHAPE, np.uint8)) is None


def test_memory_of_a_process_that_has_ended_is_told_in_a_sentence() -> None:
    absent = next(number for number in range(2**22, 2, -1) if not Path(f"/proc/{number}").exists())
    with pytest.raises(GzError, match="cannot be opened"):
        open_images(Handle(absent, 0, 3, 8192), SHAPE)
