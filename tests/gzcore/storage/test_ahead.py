"""What will be needed is asked for ahead, in order, and no more of it than that."""

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gzcore.storage.ahead import ahead, one_ahead


@given(st.lists(st.integers(), max_size=60), st.integers(1, 5))
def test_what_is_asked_for_ahead_comes_in_order(items: list[int], at_once: int) -> None:
    assert list(ahead(lambda item: item * 2, items, at_once)) == [item * 2 for item in items]


def test_no_more_is_asked_for_ahead_than_that() -> None:
    taken = []

    def items() -> Iterator[int]:
        for item in range(100):
            taken.append(item)
            yield item

    results = ahead(lambda item: item, items(), at_once=2)
    assert next(results) == 0
    assert len(taken) <= 6
    results.close()  # type: ignore[attr-defined]
    assert threading.active_count() < 50


def test_an_error_in_what_is_ahead_comes_in_its_place() -> None:
    results = ahead(lambda item: 1 // item, [1, 1, 0, 1], at_once=2)
    assert [next(results), next(results)] == [1, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)


@given(st.lists(st.integers(), max_size=20))
def test_one_ahead_gives_all_in_order(items: list[int]) -> None:
    assert list(one_ahead(iter(items))) == items


def test_the_next_one_is_made_while_one_is_looked_at() -> None:
    begun = [threading.Event() for _ in range(4)]

    def items() -> Iterator[int]:
        for place, event in enumerate(begun):
            event.set()
            yield place

    results = one_ahead(items())
    assert next(results) == 0
    assert begun[1].wait(60)
    assert next(results) == 1
    results.close()  # type: ignore[attr-defined]
    assert not begun[3].is_set()


def test_an_error_in_the_next_one_comes_in_its_turn() -> None:
    results = one_ahead(1 // item for item in (1, 1, 0, 1))
    assert [next(results), next(results)] == [1, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)
