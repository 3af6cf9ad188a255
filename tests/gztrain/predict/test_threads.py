"""Libraries compute in one thread while images are read, and have their threads again afterwards."""

from collections.abc import Iterator

import cv2
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from gztrain.predict.threads import in_batches, read_ahead, reading_threads


def threads() -> set[int]:
    """How many threads OpenCV has, and the libraries that multiply matrices for numpy and scipy."""
    libraries = [library for library in threadpool_info() if library["user_api"] == "blas"]
    assert libraries
    return {cv2.getNumThreads(), *(library["num_threads"] for library in libraries)}


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    """All have two threads."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    with threadpool_limits(2, user_api="blas"):
        yield
    cv2.setNumThreads(before)


def test_libraries_have_one_thread_where_images_are_read() -> None:
    with reading_threads() as pool:
        assert threads() == {1}
        assert pool.submit(threads).result() == {1}
    assert threads() == {2}


def test_they_have_their_threads_again_after_an_error() -> None:
    with pytest.raises(OSError, match="gone"), reading_threads():
        raise OSError("gone")
    assert threads() == {2}


def test_they_have_them_again_where_two_readings_end_crosswise() -> None:
    first, second = reading_threads(), reading_threads()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert threads() == {1}
    second.__exit__(None, None, None)
    assert threads() == {2}


@pytest.mark.parametrize(
    ("number", "batches"), [(0, [[]]), (2, [[0, 1]]), (3, [[0, 1, 2]]), (7, [[0, 1, 2], [3, 4, 5], [6]])]
)
def test_all_are_read_in_their_order(number: int, batches: list[list[int]]) -> None:
    with reading_threads() as pool:
        assert [*read_ahead(pool, int, in_batches([*map(str, range(number))], 3))] == batches


@pytest.mark.parametrize("number", range(4))
def test_the_next_batch_is_asked_for_before_one_is_given(number: int) -> None:
    asked: list[int] = []

    def batches() -> Iterator[list[int]]:
        for place in range(number):
            asked.append(place)
            yield [place]

    with reading_threads() as pool:
        given = [(found, len(asked)) for found in read_ahead(pool, str, batches())]
    assert given == [([str(place)], min(place + 2, number)) for place in range(number)]
