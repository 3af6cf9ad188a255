"""The recipes that come with gztrain, and the defaults that the code knows, are the same thing."""

import tomllib
from pathlib import Path

import pytest

from gzcore.recipe.named import recipes_of
from gzcore.recipe.overlay import leaves
from gztrain.config import TrainConfig, as_mapping, read_config
from gztrain.models.plan import make_model_plan

RECIPES = recipes_of("gztrain")


def test_there_are_recipes() -> None:
    assert set(RECIPES) == {"cnn", "small", "vit", "cct", "cvt", "report"}


@pytest.mark.parametrize("path", RECIPES.values(), ids=RECIPES)
def test_a_recipe_is_valid_and_opens_with_its_purpose(path: Path) -> None:
    config = read_config(path)
    opening = [line for line in path.read_text().splitlines()[:8] if line.startswith("#")]
    for word in ("Command", "Cost", "Result"):
        assert any(line.startswith(f"# {word} ") for line in opening), word
    assert f"--recipe {path.stem}" in path.read_text()
    crop = 256 if config.model.name.startswith(("vit", "cct", "cvt")) else 224
    make_model_plan(config.model, crop, 8)


def test_the_first_recipe_names_every_key_with_its_default() -> None:
    written = leaves(tomllib.loads(RECIPES["cnn"].read_text()))
    known = {key: value for key, value in leaves(as_mapping(TrainConfig())).items() if value is not None}
    assert written == known


def test_the_report_recipe_has_the_reports_values() -> None:
    config = read_config(RECIPES["report"])
    assert (config.model.name, config.labels, config.views) == ("resnet50", "report", 12)  # F15, F40, F22
    assert (config.loss.name, config.loss.weights, config.loss.weight_total) == ("bce", "ens", "samples")  # F16
    assert (config.optimizer.name, config.optimizer.rate, config.optimizer.schedule) == ("adam", 1e-3, "constant")
    assert (config.stages.batch, config.stages.fine_tune_epochs, config.stages.fine_tune_rate) == (16, 5, 0.1)
