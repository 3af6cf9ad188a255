"""Work done ahead of time by threads, so that waiting, for a service say, overlaps with other work."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_AT_ONCE = 16
"""Requests under way at one time: an object takes longer to come than a galaxy takes to prepare (docs/scale.md)."""

In = TypeVar("In")
Out = TypeVar("Out")


def ahead(function: Callable[[In], Out], items: Iterable[In], at_once: int = _AT_ONCE) -> Iterator[Out]:
    """Yield ``function`` of each item, in their order, with the next ones under way in threads already."""
    with ThreadPoolExecutor(at_once, "gzcore-ahead") as pool:
        under_way: deque[Future[Out]] = deque()
        try:
            for item in items:
                under_way.append(pool.submit(function, item))
                if len(under_way) > 2 * at_once:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:  # the caller may stop early
            pool.shutdown(cancel_futures=True)


def one_ahead(items: Iterator[Out]) -> Iterator[Out]:
    """Yield items, none of which is None, while a thread makes the next one; what it raises comes in its turn."""
    with ThreadPoolExecutor(1, "gzcore-ahead") as pool:
        coming = pool.submit(next, items, None)
        while (here := coming.result()) is not None:
            coming = pool.submit(next, items, None)
            yield here
