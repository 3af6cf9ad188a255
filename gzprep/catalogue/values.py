"""The rules for one value of a catalogue. They are the same for text of a CSV file and for values of parquet."""

import math
import re
from decimal import Decimal

LONGEST_ID = 100
"""Characters of an id."""
EXACT = 1 << 53
"""From here on a floating-point number does not hold every integer."""
NULLS = frozenset(
    ("", "#n/a", "#n/a n/a", "#na", "-1.#ind", "-1.#qnan", "-nan", "1.#ind", "1.#qnan", "<na>", "n/a", "na", "nan")
) | {"none", "null"}
"""What tables write for an absent value, in lower case. ``--`` and numbers such as -99 are not among them."""

_BLANKS = "\u180e\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
"""Characters without width, which ``str.strip`` leaves."""
_EXPONENT = re.compile(r"[+-]?(?:\d+[.,]\d*|[.,]\d+|\d+(?=[eE][+-])|\d{1,4}(?=[eE]\d{1,2}\Z))[eE][+-]?\d+", re.ASCII)
"""A number in exponent form. A long hexadecimal name such as 12345678e9 is not one."""
_POINT = re.compile(r"[+-]?(\d*)\.(\d*)", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_DIGITS = re.compile(r"\d{1,100}", re.ASCII)


class UnfitValue(ValueError):
    """A value that makes its galaxy unusable; the text says what came and what was expected."""


class FloatId(ValueError):
    """An id that has passed through a floating-point column: the whole catalogue is refused."""


def show(value: object) -> str:
    """A value as it stands in a message: short, and without control characters."""
    if isinstance(value, float | Decimal):
        return f"{value:g}"
    text = repr(value) if isinstance(value, str | bytes) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def trim(text: str) -> str:
    """Text without blanks of any kind at its ends."""
    before = ""
    while text != before:
        before, text = text, text.strip().strip(_BLANKS)
    return text


def is_null(text: str) -> bool:
    """Tell whether trimmed text stands for an absent value."""
    return len(text) <= 9 and text.lower() in NULLS


def canonical_id(value: object, exact: int = EXACT) -> str:
    """The one spelling of an id: ``" 68"``, ``"68.0"``, 68.0 and 68 are the same galaxy.

    Args:
        value: what the table holds.
        exact: from here on its type of floating-point numbers does not hold every integer.

    Raises:
        UnfitValue: the galaxy has no usable id.
        FloatId: the id is a number that may have lost digits.
    """
    if value is None or value != value:  # noqa: PLR0124 -- NaN, which stands for null in a column of numbers
        raise UnfitValue("column id_str is empty; expected an id")
    if isinstance(value, float):
        return _float_id(value, exact)
    if isinstance(value, Decimal) and value == value.to_integral_value():
        value = int(value)
    text = trim(f"{value:f}" if isinstance(value, Decimal) else str(value))
    return text if _DIGITS.fullmatch(text) else _text_id(text)


def _float_id(value: float, exact: int) -> str:
    if not value.is_integer() or abs(value) >= exact:
        raise FloatId(repr(value))
    return str(int(value))


def _text_id(text: str) -> str:
    if is_null(text):
        raise UnfitValue("column id_str is empty; expected an id")
    if len(text) > LONGEST_ID:
        raise UnfitValue(f"column id_str has {len(text)} characters; expected {LONGEST_ID} at most")
    if not text.isprintable():
        raise UnfitValue(f"column id_str is {show(text)}, with an invisible character; expected visible ones")
    if not any(map(str.isalnum, text)):
        raise UnfitValue(f"column id_str is {show(text)}; expected an id with a letter or a digit")
    if _EXPONENT.fullmatch(text):
        raise FloatId(show(text))
    number = _POINT.fullmatch(text)
    return _decimal_id(text, *number.groups()) if number else text


def _decimal_id(text: str, whole: str, decimals: str) -> str:
    """Take ``.0`` off an id. Other decimals, or too many digits, show that it was a floating-point number."""
    if not whole and not decimals:
        return text
    if not whole or decimals.strip("0") or int(whole) >= EXACT:
        raise FloatId(show(text))
    return text.partition(".")[0]


def parse_number(text: str, *, comma: bool = False) -> float:
    """A number from text; NaN where the text stands for an absent value.

    Args:
        text: what the table holds.
        comma: the table writes a decimal comma.

    Raises:
        UnfitValue: it is no number.
    """
    plain = trim(text)
    if is_null(plain):
        return math.nan
    if comma and plain.count(",") <= 1 and "." not in plain:
        plain = plain.replace(",", ".")
    elif comma:
        raise UnfitValue(show(text))
    if not _NUMBER.fullmatch(plain):
        raise UnfitValue(show(text))
    return float(plain)
