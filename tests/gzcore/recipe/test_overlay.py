"""The overlay of recipes, tried on a small recipe: the order of sources, and the sentences for wrong values."""

from dataclasses import field
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
import pytest
from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from gzcore.errors import UsageError
from gzcore.recipe.overlay import CHECKED, Int, as_pairs, from_mapping, lay_over, leaves, read_recipe


@dataclass(frozen=True, config=CHECKED)
class Oven:
    heat: Annotated[Int, Field(ge=0, le=300)] = 180
    fan: bool = False


@dataclass(frozen=True, config=CHECKED)
class Cake:
    eggs: Int = 3
    name: str = "plain"
    oven: Oven = field(default_factory=Oven)
    spices: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.oven.fan and self.oven.heat > 250:
            raise ValueError("oven.fan is on at more than 250 degrees; turn one of them down")
        return self


def read(*pairs: str, path: Path | None = None, base: dict[str, Any] | None = None) -> Cake:
    return read_recipe(Cake, path, pairs, base=base, example="eggs=2")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "cake.toml"
    path.write_text("eggs = 4\n[oven]\nheat = 200\n")
    return path


def test_nothing_said_gives_the_defaults() -> None:
    assert read() == from_mapping(Cake, {}) == Cake()


def test_pairs_beat_the_file_the_file_beats_the_base_and_the_base_the_defaults(file: Path) -> None:
    base = {"eggs": 1, "name": "rich", "oven": {"heat": 100, "fan": True}}
    assert read("oven.heat=210", "oven.heat=220", path=file, base=base) == Cake(4, "rich", Oven(220, True))  # noqa: FBT003


@pytest.mark.parametrize(
    "name",
    ["plain", 'na"me\n\x7f', "K\u00e4se", "\U0001f370", "null", "3"],
    ids=["plain", "signs", "umlaut", "beyond 16 bits", "null", "digits"],
)
def test_a_value_of_a_program_arrives_as_it_is(name: str) -> None:
    settings = {"name": name, "spices": np.array(["a", "b"]), "oven": {"heat": np.int64(90)}}
    assert read(*as_pairs(settings)) == Cake(3, name, Oven(90), ("a", "b"))


@pytest.mark.parametrize("value", [None, [90, None]], ids=repr)
def test_none_is_no_value(value: object) -> None:
    with pytest.raises(UsageError, match=r"set has None for oven.heat.*leave the key out"):
        as_pairs({"oven": {"heat": value}})


def test_the_base_is_left_as_it_was() -> None:
    base = {"oven": {"heat": 100}}
    read("oven.heat=210", "oven.fan=true", base=base)
    assert base == {"oven": {"heat": 100}}


@pytest.mark.parametrize(
    ("defaults", "values", "merged"),
    [
        ({}, {}, {}),
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}, {"a": {"b": 3, "c": 2}}),
        ({"a": {"b": 1}}, {"a": 5}, {"a": 5}),
        ({"a": 5}, {"a": {"b": 1}}, {"a": {"b": 1}}),
    ],
)
def test_tables_are_laid_over_key_by_key(defaults: Any, values: Any, merged: Any) -> None:
    assert lay_over(defaults, values) == merged


def test_leaves_have_dotted_keys() -> None:
    assert leaves({"a": {"b": {"c": 1}, "d": 2}, "e": 3}) == {"a.b.c": 1, "a.d": 2, "e": 3}


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"egs": 1}, "cake.toml has the key 'egs', which no recipe has; expected one of eggs, name, oven, spices."),
        ({"oven": {"heet": 1}}, "cake.toml has the key 'oven.heet', which no recipe has; expected one of heat, fan."),
        (
            {"heat": 9},
            "cake.toml has the key 'heat', which no recipe has; did you mean oven.heat? If not, ",
        ),
        ({"oven": 9}, "cake.toml has oven = 9, but oven is a table of keys; set one of oven.heat, oven.fan."),
        ({"eggs": True}, "cake.toml has eggs = True, which does not fit: Input should be a valid integer."),
        (
            {"spices": "mace"},
            (
                "cake.toml has spices = 'mace', which does not fit: a list is expected, in brackets, such as "
                'spices=["mace"].'
            ),
        ),
        (
            {"spices": 3},
            "cake.toml has spices = 3, which does not fit: a list is expected, in brackets, such as spices=[3].",
        ),
        ({"spices": {"a": 1}}, "cake.toml has spices = {'a': 1}, which does not fit: a list is expected, in brackets."),
        ({"spices": "m" * 2000}, f"cake.toml has spices = '{'m' * 20}"),
        ({"oven": {"heat": 301}}, "cake.toml has oven.heat = 301, which does not fit: Input should be less than or"),
        (
            {"oven": {"heat": 260, "fan": True}},
            "cake.toml does not fit together: oven.fan is on at more than 250 degrees; turn one of them down.",
        ),
    ],
)
def test_a_misfit_is_one_sentence_that_names_the_key(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        from_mapping(Cake, values, "cake.toml")
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("pair", ["", "eggs", "=2"])
def test_a_pair_without_key_or_value_shows_one_that_fits(pair: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(pair)
    assert str(caught.value) == f"--set got {pair!r}; expected KEY=VALUE, such as eggs=2."


def test_a_key_below_a_value_is_refused(file: Path) -> None:
    with pytest.raises(UsageError, match="'eggs' is a value and has no keys below it"):
        read("eggs.white=2", path=file)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [(None, "cannot be read (No such file or directory); name an existing file."), ("eggs: 4", "is not TOML: ")],
    ids=["absent", "not TOML"],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, text: str | None, sentence: str) -> None:
    path = tmp_path / "cake.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read(path=path)
    assert str(caught.value).startswith(f"The recipe {path} {sentence}")


@pytest.mark.parametrize("deep", ["--set", "the file"])
def test_tables_within_tables_without_end_are_refused(tmp_path: Path, deep: str) -> None:
    """Found by a search: Python's own limit of recursion was reached. The depth is judged first."""
    key, path = ".".join("a" * 3000), tmp_path / "cake.toml"
    path.write_text("" if deep == "--set" else f"[{key}]\n")
    with pytest.raises(UsageError, match=r"deeper than 64 levels|a key of 3000 parts"):
        read(*([f"{key}=1"] if deep == "--set" else []), path=path)


@pytest.mark.parametrize(
    "pair",
    ["eggs=" + "a" * 5000, "a" * 5000 + "=1", "a" * 5000, "eggs." + "a" * 5000 + "=1"],
    ids=["value", "key", "no value", "key below a value"],
)
def test_a_sentence_does_not_repeat_a_long_text(pair: str) -> None:
    with pytest.raises(UsageError) as caught:
        read("eggs=2", pair)
    assert len(str(caught.value)) < 300
