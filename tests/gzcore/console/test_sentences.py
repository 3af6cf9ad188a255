"""Pieces of sentences: values and errors of others, not longer than a person reads."""

import pytest

from gzcore.console import brief, shown


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("no such key"), "no such key"),
        (KeyError("a" * 500), "'" + "a" * 299 + "..."),
        ("b" * 300, "b" * 300),
    ],
    ids=["short", "too long", "just right"],
)
def test_what_another_library_says_is_brief(error: object, words: str) -> None:
    assert brief(error) == words


def test_a_value_is_shown_as_python_writes_it_and_cut() -> None:
    assert shown(["a", 1]) == "['a', 1]"
    assert shown("x" * 100) == "'" + "x" * 79 + "..."
