"""The recipes that come with gzprep, and the defaults that the code knows, are the same thing."""

import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from gzcore.recipe.named import recipes_of
from gzprep.config import Recipe, read_recipe

RECIPES = recipes_of("gzprep")


def leaves(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= leaves(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return found


def plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def test_there_are_recipes() -> None:
    assert set(RECIPES) == {"gz2-cnn", "gz2-vit", "gz2-report", "sample"}


@pytest.mark.parametrize("path", RECIPES.values(), ids=RECIPES)
def test_a_recipe_is_valid_and_opens_with_its_purpose(path: Path) -> None:
    read_recipe(path)
    opening = [line for line in path.read_text().splitlines()[:6] if line.startswith("#")]
    assert len(opening) >= 5
    assert f"--recipe {path.stem}" in path.read_text()
    assert all(any(word in line for line in opening) for word in ("Command", "Cost", "Result"))


def test_the_first_recipe_names_every_key_with_its_default() -> None:
    written = leaves(tomllib.loads(RECIPES["gz2-cnn"].read_text()))
    values = {**asdict(Recipe()), "survey": "gz2"}
    known = {key: plain(value) for key, value in leaves(values).items() if value is not None}
    assert written == known


def test_the_report_recipe_has_the_reports_values() -> None:
    views = read_recipe(RECIPES["gz2-report"]).views
    assert (views.count, views.ops) == (12, 3)  # F22, F23
    assert views.zoom == (-0.9, 1.5)  # F27
    assert views.translate == (-15.0, 15.0)  # F28
    assert views.noise_sigma == (1.0, 1.0)  # F30
    assert (views.zoom_draw, views.denoise) == ("uniform", "non-local-means")
