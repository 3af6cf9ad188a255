"""What ``gztrain tune`` varies: keys of a recipe, each with a range or a list of values. Plain values only."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gzcore.console import shown
from gzcore.errors import UsageError
from gzcore.recipe.overlay import leaves
from gztrain.config import TrainConfig, as_mapping

_LOG_FROM = 10.0
"""A range whose ends differ by this factor or more is searched on a logarithmic scale."""
_EXAMPLE = "optimizer.rate=1e-4..1e-2 or optimizer.name=adam,adamw"


@dataclass(frozen=True)
class Vary:
    """A key of the recipe and the values that it may have: a range, or a list.

    Attributes:
        key: dotted key of the recipe.
        low: smallest value of a range.
        high: largest value of a range.
        whole: whether the values of a range are whole numbers.
        choices: values as ``--set`` takes them; empty for a range.
    """

    key: str
    low: float = 0.0
    high: float = 0.0
    whole: bool = False
    choices: tuple[str, ...] = ()

    @property
    def log(self) -> bool:
        """Whether a range is searched on a logarithmic scale."""
        return self.low > 0 and self.high / self.low >= _LOG_FROM

    def __str__(self) -> str:
        """As ``--over`` takes it."""
        if self.choices:
            return f"{self.key}={','.join(self.choices)}"
        ends = [int(end) if self.whole else end for end in (self.low, self.high)]
        return f"{self.key}={ends[0]}..{ends[1]}"

    def ends(self) -> tuple[str, ...]:
        """``KEY=VALUE`` pairs of the values that a recipe must allow: the ends of the range, or all of the list."""
        if self.choices:
            return tuple(f"{self.key}={choice}" for choice in self.choices)
        return tuple(setting(self.key, int(end) if self.whole else end) for end in (self.low, self.high))


def setting(key: str, value: Any) -> str:  # noqa: ANN401 -- a number or a text
    """A value of a trial as a ``KEY=VALUE`` pair."""
    return f"{key}={value}"


def read_space(pairs: Iterable[str], table: Mapping[str, Any]) -> tuple[Vary, ...]:
    """Read what is to be varied: options, over the table ``[tune]`` of a recipe.

    Args:
        pairs: ``KEY=LOW..HIGH`` or ``KEY=A,B,C``.
        table: the same by key, a range as a text, a list of values as a list.

    Raises:
        UsageError: nothing is to be varied, a key is unknown, or a range is no range.
    """
    given = {key: _as_text(key, value) for key, value in leaves(table).items()}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals:
            raise UsageError(f"--over got {shown(pair)}; expected KEY=LOW..HIGH or KEY=A,B, such as {_EXAMPLE}.")
        given[key.strip()] = text.strip()
    if not given:
        raise UsageError(f"There is nothing to vary; name keys with --over, such as {_EXAMPLE}, or in a table [tune].")
    known = leaves(as_mapping(TrainConfig()))
    return tuple(_vary(key, text, known) for key, text in given.items())


def _as_text(key: str, value: Any) -> str:  # noqa: ANN401 -- a value of TOML
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value:
        return ",".join(str(each).lower() if isinstance(each, bool) else str(each) for each in value)
    raise UsageError(f"[tune] has {key} = {shown(value)}; expected a range such as '1e-4..1e-2', or a list of values.")


def _vary(key: str, text: str, known: Mapping[str, Any]) -> Vary:
    if key not in known:
        raise UsageError(f"--over got the key {shown(key)}, which no recipe has; a key is written as for --set.")
    low, dots, high = text.partition("..")
    if dots:
        return _range(key, low, high, known[key])
    choices = tuple(choice.strip() for choice in text.split(","))
    if len(set(choices)) < 2 or "" in choices:
        raise UsageError(f"--over got {shown(f'{key}={text}')}; expected a range or a list, such as {_EXAMPLE}.")
    return Vary(key, choices=choices)


def _range(key: str, low: str, high: str, default: Any) -> Vary:  # noqa: ANN401 -- a value of the recipe
    try:
        first, last = float(low), float(high)
    except ValueError:
        first = last = math.nan
    if not first < last or not math.isfinite(last - first):
        raise UsageError(f"--over got {shown(f'{key}={low}..{high}')}; expected LOW..HIGH, two numbers in that order.")
    whole = isinstance(default, int) and not isinstance(default, bool)
    if whole and not (first.is_integer() and last.is_integer()):
        raise UsageError(f"--over got {shown(f'{key}={low}..{high}')}; expected whole numbers, as {key} is one.")
    return Vary(key, first, last, whole)
