"""The built-in operations as a pipeline of albumentations: it loads there and here, and draws the same operations."""

from collections import Counter
from io import StringIO
from typing import Any

import numpy as np
import pytest

from gzcore.recipe.named import recipes_of
from gzcore.storage.plain import parse_yaml
from gzprep.config import Views, from_mapping, read_recipe
from gzprep.images.as_pipeline import as_yaml, built_in_pipeline, notes_on
from gzprep.images.pipeline import apply_pipeline, build, check_pipeline, import_albumentations
from tests.running import gzprep

RECIPES = recipes_of("gzprep")


@pytest.mark.parametrize("name", RECIPES)
def test_what_is_printed_loads_in_both(name: str) -> None:
    recipe = read_recipe(RECIPES[name])
    document = built_in_pipeline(recipe.views, recipe.crop.size)
    text = as_yaml(document, notes_on(recipe.views))
    assert parse_yaml(text.encode()) == document
    check_pipeline(document, (424, 424), recipe.crop.size)
    loaded = import_albumentations().load(StringIO(text), data_format="yaml")
    assert loaded(image=np.zeros((424, 424, 3), np.uint8))["image"].shape == (recipe.crop.size,) * 2 + (3,)


def test_arguments_that_were_left_out_have_their_defaults() -> None:
    library = import_albumentations()
    document = built_in_pipeline(Views(), 224)
    full = library.to_dict(library.from_dict(document))
    assert library.to_dict(library.from_dict(full)) == full
    some = full["transform"]["transforms"][0]
    assert (some["n"], some["replace"], len(some["transforms"])) == (3, False, 7)
    assert some["transforms"][1]["rotate"] == (-180.0, 180.0)
    assert some["transforms"][2]["scale"] == {"x": (0.9, 1.1), "y": (0.9, 1.1)}
    assert all(transform["p"] == 1.0 for transform in some["transforms"])


def test_three_of_seven_are_drawn() -> None:
    pipeline, image = build(built_in_pipeline(Views(), 32)), np.zeros((64, 64, 3), np.uint8)
    drawn = [apply_pipeline(pipeline, image, seed, 32)[1][:-1] for seed in range(200)]
    assert {len(operations) for operations in drawn} == {3}
    places = Counter(operation["at"][1] for operations in drawn for operation in operations)
    assert set(places) == set(range(7))


@pytest.mark.parametrize(
    "views", [{"ops": 0}, {"blur": [1, 99]}, {"noise_sigma": [0, 8000]}, {"zoom": [-2.0, -1.0], "zoom_draw": "uniform"}]
)
def test_odd_ranges_give_a_pipeline_that_works(views: dict[str, Any]) -> None:
    check_pipeline(built_in_pipeline(from_mapping({"views": views}).views, 32), (64, 64), 32)


def test_the_command_prints_it() -> None:
    result = gzprep("views", "--yaml", "--crop", "64", "--set", "views.ops=2")
    assert result.code == 0, result.err
    assert parse_yaml(result.out.encode()) == built_in_pipeline(from_mapping({"views": {"ops": 2}}).views, 64)
    assert gzprep("views", "--json").json == built_in_pipeline(Views(), 224)
    assert "rotate            -180 to 180 degrees" in gzprep("views").out


def test_the_pipeline_of_a_recipe_is_printed_as_it_is(tmp_path: Any) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(gzprep("views", "--yaml").out)
    again = gzprep("views", "--yaml", "--set", f"views.pipeline={path}")
    assert parse_yaml(again.out.encode()) == parse_yaml(path.read_bytes())
