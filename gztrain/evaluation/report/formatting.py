"""Numbers and lists as text for a reader."""

import math
from collections.abc import Sequence

NOTHING = "\N{EN DASH}"
"""Shown in place of an undefined figure."""


def rate(value: float | None) -> str:
    """A figure of about 0 to 1, with three decimals."""
    return NOTHING if value is None or not math.isfinite(value) else f"{value:.3f}"


def whole(value: int | None) -> str:
    """A count, with commas between thousands."""
    return NOTHING if value is None else f"{value:,}"


def between(bounds: Sequence[float] | None) -> str:
    """An interval as "low to high"; empty if there is none."""
    return "" if bounds is None else f"{rate(bounds[0])} to {rate(bounds[1])}"


def percent(share: float) -> str:
    """A share in per cent, with one decimal."""
    return f"{100 * share:.1f} %"


def listed(items: Sequence[str]) -> str:
    """Items as a list in a sentence: "a, b and c"."""
    return " and ".join((", ".join(items[:-1]), items[-1])) if len(items) > 1 else "".join(items)
