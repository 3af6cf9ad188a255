"""Recipes are found by name, files as they are named, and both command lines list what there is."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gzcore.errors import UsageError
from gzcore.recipe.named import find_recipe, purpose, recipes_of
from gzcore.storage.places import as_place
from gzprep.config import read_recipe
from tests.running import Result, gzprep, gztrain

COMMANDS: dict[str, Callable[..., Result]] = {"gzprep": gzprep, "gztrain": gztrain}


@pytest.mark.parametrize("wanted", ["./my.toml", "my.toml", "folder/my", "gs://bucket/my.toml", "gz2-vit.toml"])
def test_anything_but_a_word_is_a_file(wanted: str) -> None:
    assert find_recipe("gzprep", wanted) == as_place(wanted)


def test_a_word_is_a_recipe_of_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where a file has that name: ``./gz2-vit`` would be the file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gz2-vit").touch()
    (tmp_path / "mine").touch()
    assert find_recipe("gzprep", "gz2-vit") == recipes_of("gzprep")["gz2-vit"]
    assert find_recipe("gzprep", "./gz2-vit") == Path("gz2-vit")
    assert find_recipe("gzprep", "mine") == Path("mine")


@pytest.mark.parametrize(
    ("package", "wanted", "words"),
    [
        ("gzprep", "gz2-vti", ("did you mean gz2-vit?", "gz2-cnn, gz2-report, gz2-vit, sample", "./my.toml")),
        ("gzprep", "vit", ("gz2-cnn",)),
        ("gztrain", "gz2-cnn", ("cct, cnn, cvt, report, small, vit",)),
    ],
)
def test_an_unknown_name_lists_those_there_are(package: str, wanted: str, words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError) as caught:
        find_recipe(package, wanted)
    assert all(word in str(caught.value) for word in (repr(wanted), *words))


@pytest.mark.parametrize("package", COMMANDS)
def test_recipes_are_listed_with_their_purpose_and_printed(package: str) -> None:
    run, known = COMMANDS[package], recipes_of(package)
    listed = run("recipes")
    assert listed.code == 0
    assert [line for line in listed.out.splitlines() if not line.startswith(" ")] == list(known)
    told = json.loads(run("recipes", "--json").out)
    assert told == {name: purpose(path) for name, path in known.items()}
    assert all(40 < len(line) < 130 and line.endswith(".") for line in told.values())
    for name, path in known.items():
        assert run("recipes", name).out == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("package", COMMANDS)
def test_an_unknown_recipe_is_a_sentence_of_the_command(package: str, tmp_path: Path) -> None:
    given = ("run", "--out", tmp_path / "out") if package == "gzprep" else ("fit", tmp_path, "--run", tmp_path / "out")
    result = COMMANDS[package](*given, "--recipe", "nonesuch")
    assert (result.code, "There is no recipe 'nonesuch'" in result.sentence) == (2, True)
    assert not (tmp_path / "out").exists()


def test_a_recipe_that_was_printed_is_the_same_recipe(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(gzprep("recipes", "gz2-vit").out)
    assert read_recipe(find_recipe("gzprep", str(mine))) == read_recipe(find_recipe("gzprep", "gz2-vit"))
