"""What a program gives to a function that it calls: taken as it is meant, or refused in a sentence."""

import operator
import os
from collections.abc import Iterable
from typing import Any

from gzcore.console import printable, shown
from gzcore.errors import UsageError


def told(value: object) -> str:
    """What came, in one line of a sentence; an array is written over several."""
    return printable(" ".join(shown(value).splitlines()))


def index(value: Any) -> int:  # noqa: ANN401 -- what came
    """A whole number, also one of numpy. Python takes True for 1, but a mask of true and false means other places.

    Raises:
        TypeError: it is none.
    """
    if isinstance(value, bool) or str(getattr(value, "dtype", "")) == "bool":
        raise TypeError
    return operator.index(value)


def whole(name: str, value: Any, least: int | None = None) -> int:  # noqa: ANN401 -- what came
    """The whole number of an argument.

    Args:
        name: of the argument.
        value: what came.
        least: the smallest that it may be; None: any.

    Raises:
        UsageError: it is none, or too small.
    """
    wanted = "a whole number" if least is None else f"a whole number, {least} or more"
    try:
        number = index(value)
    except TypeError:
        raise UsageError(f"{name} takes {wanted}; got {told(value)}.") from None
    if least is not None and number < least:
        raise UsageError(f"{name} takes {wanted}; got {number}.")
    return number


def texts(name: str, value: Any) -> tuple[str, ...]:  # noqa: ANN401 -- what came
    """The texts of an argument: one, or several.

    Raises:
        UsageError: it is something else.
    """
    found = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, Iterable) else None
    if found is None or not all(isinstance(text, str) for text in found):
        raise UsageError(f"{name} takes a text, or several in a list; got {told(value)}.")
    return found


def path_text(name: str, value: Any) -> str:  # noqa: ANN401 -- what came
    """The path or the address of an argument, as text.

    Raises:
        UsageError: it is something else.
    """
    text = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(text, str):
        raise UsageError(f"{name} takes a path or an address; got {told(value)}.")
    return text


def path_texts(name: str, value: Any) -> list[str]:  # noqa: ANN401 -- what came
    """The paths or addresses of an argument, one or several, as texts.

    Raises:
        UsageError: one of them is something else.
    """
    several = isinstance(value, Iterable) and not isinstance(value, str | bytes | os.PathLike)
    return [path_text(name, one) for one in (value if several else [value])]
