"""Text for a terminal."""

import pytest

from gzcore.console import human_time, printable


def test_control_characters_are_spelled_out() -> None:
    assert printable("a\x1b[31mb\nc") == "a\\x1b[31mb\\nc"


@pytest.mark.parametrize(("seconds", "text"), [(5, "5 s"), (300, "5 min"), (7200, "2.0 h")])
def test_durations(seconds: float, text: str) -> None:
    assert human_time(seconds) == text
