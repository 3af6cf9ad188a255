"""Numbers and text as a person reads them."""

import math
from collections.abc import Sequence

NOTHING = "\N{EN DASH}"
"""What stands for a figure that is undefined."""


def rate(value: float | None) -> str:
    """A figure between 0 and 1, or about that: three decimals."""
    return NOTHING if value is None or not math.isfinite(value) else f"{value:.3f}"


def whole(value: int | None) -> str:
    """A count, its thousands apart."""
    return NOTHING if value is None else f"{value:,}"


def between(bounds: Sequence[float] | None) -> str:
    """An interval, or nothing where there is none."""
    return "" if bounds is None else f"{rate(bounds[0])} to {rate(bounds[1])}"


def percent(share: float) -> str:
    """A share in per cent."""
    return f"{100 * share:.1f} %"


def listed(parts: Sequence[str]) -> str:
    """Parts as a list in a sentence."""
    return " and ".join((", ".join(parts[:-1]), parts[-1])) if len(parts) > 1 else "".join(parts)
