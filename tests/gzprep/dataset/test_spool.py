"""What was spooled comes back framed, whole and in order, however it falls into batches."""

import os
import tempfile
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gzcore.dataset.tfrecord import frame
from gzprep.dataset.spool import BUFFER, Spool

Kept = tuple[str, int, bytes]
kept = st.lists(st.tuples(st.sampled_from(("train", "train_views")), st.integers(0, 2**64 - 1), st.binary(max_size=50)))


def spooled(records: list[Kept]) -> Iterator[Spool]:
    with tempfile.TemporaryFile(buffering=BUFFER) as file:
        spool = Spool(file)
        for split, order, record in records:
            spool.add(split, order, record)
        yield spool


def expected(records: list[Kept], split: str) -> bytes:
    ordered = sorted((order, place) for place, (of, order, _) in enumerate(records) if of == split)
    return b"".join(frame(records[place][2]) for _, place in ordered)


@settings(deadline=None)
@given(kept)
def test_each_split_comes_back_in_its_order(records: list[Kept]) -> None:
    for spool in spooled(records):
        for split in ("train", "train_views", "test"):
            assert b"".join(map(bytes, spool.in_order(split))) == expected(records, split)
            assert spool.count(split) == sum(of == split for of, _, _ in records)


SIZES = {
    "nothing": (),
    "an empty record": (0,),
    "one longer than a batch": (700_000,),
    "a batch and one byte": (1 << 19, 1),
    "many batches": (300_000, 200_000, 1, 400_000, 600_000, 20, 500_000),
    "just a batch": ((1 << 19) - 16,),
}


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_batches_lose_nothing(sizes: tuple[int, ...]) -> None:
    records = [("test", 1000 - place, os.urandom(size)) for place, size in enumerate(sizes)]
    for spool in spooled(records):
        assert b"".join(map(bytes, spool.in_order("test"))) == expected(records, "test")


def test_a_file_that_was_cut_short_is_an_error() -> None:
    with tempfile.TemporaryFile(buffering=BUFFER) as file:
        spool = Spool(file)
        spool.add("test", 1, b"a record")
        file.flush()
        file.truncate(10)
        with pytest.raises(OSError, match="cut short"):
            list(spool.in_order("test"))
