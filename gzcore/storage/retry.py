"""How long a bucket that fails is tried again: one policy for all requests.

obstore does most of the trying: HTTP 408, 429 and 5xx, a cut connection, and a time that ran out are tried again after
longer and longer waits, with chance in them so that workers do not come back together. It gives up where an answer
breaks off and the request for the rest of it fails, too; :func:`persist` begins such a request anew. Every request of
ours can be made twice without harm: an object is written whole, under its final name.
"""

import itertools
import random
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from gzcore.errors import GzError
from gzcore.machine import seconds_from_environment

if TYPE_CHECKING:
    from obstore.store import RetryConfig

LIMIT = "GZPREP_RETRY_LIMIT"
_LIMIT = 300.0
"""Seconds; a bucket that is being scaled up throttles for minutes (cloud.google.com/storage/docs/request-rate)."""
_FIRST, _LONGEST = 0.5, 32.0
"""Seconds of the first and of the longest wait; each is up to twice as long as the one before."""
_TRIES = 1_000_000
"""More than fit into any limit, so that time alone decides."""
PASSING = frozenset({408, 429, 500, 502, 503, 504})
"""HTTP states that may pass."""


Out = TypeVar("Out")


class Passing(Exception):
    """A request failed in a way that may pass; the message says how.

    Attributes:
        tries: how often obstore made it.
    """

    def __init__(self, trouble: str, tries: int = 1) -> None:
        super().__init__(trouble)
        self.tries = tries


class RetryPolicy(NamedTuple):
    """How long to go on, and the first and the longest wait, all in seconds."""

    limit: float
    first: float
    longest: float

    def for_obstore(self) -> "RetryConfig":
        """The same as obstore takes it."""
        return {
            "max_retries": _TRIES if self.limit else 0,
            "retry_timeout": timedelta(seconds=self.limit),
            "backoff": {
                "init_backoff": timedelta(seconds=self.first),
                "max_backoff": timedelta(seconds=self.longest),
                "base": 2,
            },
        }


def retry_policy() -> RetryPolicy:
    """The policy in force.

    Raises:
        UsageError: the variable of the environment holds something else than a number of seconds.
    """
    return RetryPolicy(retry_limit(), _FIRST, _LONGEST)


def retry_limit() -> float:
    """Seconds after which a request that keeps failing is given up.

    Raises:
        UsageError: the variable of the environment holds something else.
    """
    return seconds_from_environment(LIMIT, _LIMIT, timedelta.max.total_seconds() / 2, "one try only")


def persist(what: str, request: Callable[[], Out]) -> Out:
    """Make a request until it succeeds, or the time is up.

    Args:
        what: what is being done, such as ``reading gs://bucket/object``; for the sentence.
        request: raises :class:`Passing` where another try makes sense.

    Raises:
        GzError: it went on failing for ``GZPREP_RETRY_LIMIT`` seconds.
    """
    limit, tries = retry_limit(), 0
    give_up = time.monotonic() + limit
    for wait in _waits():
        try:
            return request()
        except Passing as trouble:
            tries += trouble.tries
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
