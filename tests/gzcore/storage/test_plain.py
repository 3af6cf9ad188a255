"""Files of plain data: what is read, and what is refused and why."""

from pathlib import Path
from typing import Any

import pytest

from gzcore.storage.documents import BadDocument
from gzcore.storage.plain import MOST_VALUES, parse_yaml, plain, read_plain


@pytest.mark.parametrize(
    ("name", "text"), [("a.yaml", "a: [1, 2.5, true, null, x]"), ("a.json", '{"a": [1, 2.5, true, null, "x"]}')]
)
def test_yaml_and_json_hold_the_same(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    assert read_plain(tmp_path / name) == {"a": [1, 2.5, True, None, "x"]}


def test_tuples_become_lists() -> None:
    assert plain({"a": (1, (2, 3))}) == {"a": [1, [2, 3]]}


REFUSED: dict[str, tuple[bytes, str]] = {
    "an object of Python": (b"a: !!python/object/apply:os.system ['true']", "not YAML of plain data"),
    "no YAML": (b"a: [1\nb: }", "in line 2"),
    "no UTF-8": (b"a: \xff", "UTF-8"),
    "a date": (b"a: 2026-11-28", "2026-11-28"),
    "a date that is none": (b"a: 2026-99-99", "not YAML of plain data"),
    "a set": (b"a: !!set {b}", "expected texts"),
    "a number that is not finite": (b"a: .inf", "inf"),
    "a key that is a number": (b"1: a", "'1'"),
    "a merge key": (b"a: &a {b: 1}\nc: {<<: *a}", "merge key"),
    "too deep": (b"[" * 70 + b"]" * 70, "deeper than 64"),
    "far too deep": (b"[" * 20000 + b"]" * 20000, "deeper than 64"),
    "too many values": (b"a: [" + b"1," * MOST_VALUES + b"]", f"more than {MOST_VALUES}"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("data", "part"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_plain_data_is_refused(data: bytes, part: str) -> None:
    with pytest.raises(BadDocument, match=part) as caught:
        plain(parse_yaml(data))
    assert "\n" not in str(caught.value)


def test_aliases_that_stand_for_very_much_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    with pytest.raises(BadDocument, match="more than"):
        plain(parse_yaml("\n".join(lines).encode()))


def test_an_alias_that_holds_itself_is_refused() -> None:
    with pytest.raises(BadDocument, match="deeper"):
        plain(parse_yaml(b"a: &a [*a]"))


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"#" * 1_000_001)
    with pytest.raises(BadDocument, match="more than"):
        read_plain(tmp_path / "a.yaml")


@pytest.mark.parametrize("value", [{1: 2}, {"a": {2: 3}}, object(), float("nan")])
def test_values_that_json_does_not_have(value: Any) -> None:
    with pytest.raises(BadDocument):
        plain(value)
