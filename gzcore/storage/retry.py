"""Patience with a service far away: what may pass is tried again, and what will be needed is asked for ahead.

Only what may pass is tried again: throttling (HTTP 408, 429), the service's own faults (5xx), a cut connection. Every
request of ours can be made twice without harm: an object is written whole, under its final name.
"""

import itertools
import os
import random
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from gzcore.errors import GzError, UsageError

LIMIT = "GZPREP_RETRY_LIMIT"
_LIMIT = 300.0
"""Seconds; a bucket that is being scaled up throttles for minutes (cloud.google.com/storage/docs/request-rate)."""
_FIRST, _LONGEST = 0.5, 32.0
"""Seconds between tries: doubled each time, less up to a half by chance, so that workers do not come back together."""
_AT_ONCE = 16
"""Requests under way at one time. A small object takes 20 to 50 ms to come, and a galaxy 6 ms to prepare."""
PASSING = frozenset({408, 429, 500, 502, 503, 504})
"""HTTP states that may pass."""

In = TypeVar("In")
Out = TypeVar("Out")


class Passing(Exception):
    """A request failed in a way that may pass; the message says how."""


def persist(what: str, request: Callable[[], Out]) -> Out:
    """Make a request until it succeeds.

    Args:
        what: what is being done, such as ``reading gs://bucket/object``; for the sentence.
        request: raises :class:`Passing` where another try makes sense.

    Raises:
        GzError: it went on failing for ``GZPREP_RETRY_LIMIT`` seconds.
    """
    limit = retry_limit()
    give_up = time.monotonic() + limit
    for tries, wait in enumerate(_waits(), 1):
        try:
            return request()
        except Passing as trouble:
            if time.monotonic() + wait > give_up:
                raise GzError(
                    f"Giving up {what} after {tries} tries in {limit:g} s: {trouble}. "
                    "Run the same command again: it goes on where it stopped."
                ) from None
        time.sleep(wait)
    raise AssertionError  # waits never end


def _waits() -> Iterator[float]:
    for power in itertools.count():
        yield min(_FIRST * 2 ** min(power, 10), _LONGEST) * random.uniform(0.5, 1)


def retry_limit() -> float:
    """Seconds after which a request that keeps failing is given up.

    Raises:
        UsageError: the variable of the environment holds something else.
    """
    text = os.environ.get(LIMIT, str(_LIMIT))
    try:
        limit = float(text)
    except ValueError:
        limit = -1.0
    if not limit >= 0:
        raise UsageError(f"{LIMIT} is {text!r}; expected a number of seconds, 0 to try once.")
    return limit


def ahead(function: Callable[[In], Out], items: Iterable[In], at_once: int = _AT_ONCE) -> Iterator[Out]:
    """Yield ``function`` of each item, in their order, with the next ones under way in threads already."""
    with ThreadPoolExecutor(at_once, "gzprep-ahead") as pool:
        under_way: deque[Future[Out]] = deque()
        try:
            for item in items:
                under_way.append(pool.submit(function, item))
                if len(under_way) > 2 * at_once:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:  # whoever consumes this may have had enough
            pool.shutdown(cancel_futures=True)
