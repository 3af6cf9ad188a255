"""The rules for one value: ids have one spelling, numbers are numbers, and what is neither is refused in words."""

import math
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gzprep.catalogue.values import FloatId, UnfitValue, canonical_id, parse_number, show, trim

checked = settings(deadline=None, derandomize=True, max_examples=200)

SAME_ID = {
    "text": ("68", "68"),
    "integer": (68, "68"),
    "float": (68.0, "68"),
    "decimal": (Decimal("68.00"), "68"),
    "decimal of 18 digits": (Decimal("587722982293766366.0"), "587722982293766366"),
    "point and zero": ("68.0", "68"),
    "point and zeros": ("68.000", "68"),
    "point alone": ("68.", "68"),
    "blanks": ("  68\t", "68"),
    "no-break space": ("\u00a068\u00a0", "68"),
    "zero-width space": ("\u200b68\u200b", "68"),
    "byte order mark": ("\ufeff68", "68"),
    "blanks of all kinds": (" \u200b\u3000\u2060 68.0 \u200d\u00a0", "68"),
    "18 digits": ("587722982293766366", "587722982293766366"),
    "18 digits, integer": (587722982293766366, "587722982293766366"),
    "23 digits": ("12345678901234567890123", "12345678901234567890123"),
    "largest exact float": (float(2**53 - 1), "9007199254740991"),
    "leading zeros": ("000123", "000123"),
    "leading zeros and point": ("000123.0", "000123"),
    "a name with points": ("J000411.19+020924.0", "J000411.19+020924.0"),
    "a name with a minus": ("J000411.19-020924.0", "J000411.19-020924.0"),
    "a name with blanks": ("SDSS J0004+0209", "SDSS J0004+0209"),
    "a name with an accent": ("é1", "é1"),
    "hexadecimal": ("12345678e9", "12345678e9"),
    "version": ("1.0.0", "1.0.0"),
    "100 characters": ("x" * 100, "x" * 100),
}


@pytest.mark.parametrize(("value", "expected"), SAME_ID.values(), ids=SAME_ID)
def test_an_id_has_one_spelling(value: object, expected: str) -> None:
    assert canonical_id(value) == expected


FLOAT_IDS = {
    "pandas": "5.877307815847542e+17",
    "short": "5.877e+17",
    "capital": "5.877E17",
    "Excel": "5.87723E+17",
    "decimal comma": "5,87723E+17",
    "no decimals": "6e+17",
    "one digit": "1e5",
    "engineering": "587.7e15",
    "three digits": "587E15",
    "minus": "-5.877e+17",
    "small": "5.877e-17",
    "blanks around": " 5.877e+17\u00a0",
    "18 digits and a point": "587722982293766400.0",
    "2 to the 53": "9007199254740992.0",
    "decimals": "68.5",
    "float": 5.877e17,
    "float of 2 to the 53": float(2**53),
    "float with decimals": 68.5,
    "infinite": math.inf,
    "decimal with decimals": Decimal("68.5"),
}


@pytest.mark.parametrize("value", FLOAT_IDS.values(), ids=FLOAT_IDS)
def test_an_id_that_was_a_floating_point_number_is_told(value: object) -> None:
    with pytest.raises(FloatId):
        canonical_id(value)


UNFIT_IDS = {
    "null": (None, "empty"),
    "not a number": (math.nan, "empty"),
    "empty": ("", "empty"),
    "blanks": ("  \u00a0\u200b", "empty"),
    "nan": ("nan", "empty"),
    "null in words": ("NULL", "empty"),
    "pandas": ("<NA>", "empty"),
    "astropy": ("--", "'--'"),
    "tab within": ("68\t69", r"'68\t69'"),
    "zero byte": ("68\x0069", r"'68\x0069'"),
    "escape": ("\x1b[31m68", r"'\x1b[31m68'"),
    "line break within": ("68\n69", r"'68\n69'"),
    "zero width within": ("68\u200b69", r"'68\u200b69'"),
    "right to left": ("68\u202e69", r"'68\u202e69'"),
    "101 characters": ("x" * 101, "101 characters"),
    "a million characters": ("9" * 1_000_000, "1000000 characters"),
}


@pytest.mark.parametrize(("value", "told"), UNFIT_IDS.values(), ids=UNFIT_IDS)
def test_an_id_that_cannot_be_used_says_why(value: object, told: str) -> None:
    with pytest.raises(UnfitValue) as caught:
        canonical_id(value)
    assert "id_str" in str(caught.value)
    assert told in str(caught.value)
    assert "expected" in str(caught.value)
    assert str(caught.value).isprintable()


@checked
@given(st.one_of(st.text(), st.from_regex(r"[0-9.,eE+-]+", fullmatch=True)))
def test_the_spelling_of_a_spelling_is_the_same(text: str) -> None:
    try:
        galaxy_id = canonical_id(text)
    except (UnfitValue, FloatId):
        return
    assert canonical_id(galaxy_id) == galaxy_id
    assert canonical_id(f"\u00a0{text}\u200b ") == galaxy_id


NUMBERS = {
    "integer": ("12", 12.0),
    "fraction": ("0.25", 0.25),
    "no zero": (".25", 0.25),
    "exponent": ("2.5e-1", 0.25),
    "plus": ("+1", 1.0),
    "blanks": ("\u00a0 0.25\u200b", 0.25),
    "empty": ("", math.nan),
    "nan": ("NaN", math.nan),
    "absent": ("N/A", math.nan),
}


@pytest.mark.parametrize(("text", "expected"), NUMBERS.values(), ids=NUMBERS)
def test_a_number(text: str, expected: float) -> None:
    assert parse_number(text) == pytest.approx(expected, nan_ok=True, rel=0)


@pytest.mark.parametrize(
    "text", ["12h", "--", "inf", "-Infinity", "1_000", "0x10", "0,25", "1 2", "\uff11\uff12", "true", "$5"]
)
def test_text_that_is_no_number(text: str) -> None:
    with pytest.raises(UnfitValue) as caught:
        parse_number(text)
    assert show(text) in str(caught.value)


def test_decimal_commas() -> None:
    assert parse_number("0,25", comma=True) == 0.25
    assert parse_number("12", comma=True) == 12
    for text in ("0.25", "1.234,5", "1,234,5"):
        with pytest.raises(UnfitValue):
            parse_number(text, comma=True)


@checked
@given(st.text(max_size=200))
def test_values_are_shown_without_control_characters(text: str) -> None:
    assert show(text).isprintable()
    assert len(show(text)) <= 60


@checked
@given(st.text())
def test_trimming_twice_is_trimming_once(text: str) -> None:
    assert trim(trim(text)) == trim(text)
