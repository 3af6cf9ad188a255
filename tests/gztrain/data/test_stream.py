"""Work in another thread: results in order, errors where they are asked for, an end when it is asked for."""

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gzcore.errors import GzError
from gztrain.data.stream import ahead, fill


@given(st.integers(1, 9), st.integers(1, 9))
def test_filling_repeats_rows_from_the_first(rows: int, size: int) -> None:
    array = np.arange(rows * 2).reshape(rows, 2)
    filled = fill(array, size)
    assert filled.shape == (size, 2)
    for place in range(size):
        np.testing.assert_array_equal(filled[place], array[place % rows])


def test_results_come_in_order_from_another_thread() -> None:
    with ahead(iter(range(20)), lambda item: (item * item, threading.current_thread().name)) as results:
        found = list(results)
    assert [result for result, _ in found] == [item * item for item in range(20)]
    assert {name for _, name in found} == {"gztrain-feed"}


def test_an_error_in_the_thread_is_raised_where_results_are_read() -> None:
    def work(item: int) -> int:
        if item == 3:
            raise GzError("Record 3 is damaged.")
        return item

    found = []
    with pytest.raises(GzError, match="Record 3"), ahead(iter(range(9)), work) as results:
        found += list(iter(lambda: next(results), None))
    assert found == []
    with ahead(iter(range(9)), work) as results:
        assert [next(results) for _ in range(3)] == [0, 1, 2]


def test_leaving_early_ends_the_thread_and_closes_the_source() -> None:
    closed = []

    def source() -> Iterator[int]:
        try:
            yield from range(1_000_000)
        finally:
            closed.append(True)

    with ahead(source(), lambda item: item) as results:
        assert next(results) == 0
    assert closed == [True]
    assert "gztrain-feed" not in {thread.name for thread in threading.enumerate()}
