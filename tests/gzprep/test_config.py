"""Recipes: what is refused and how it is told, what --set understands, and what the hash covers."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import asdict, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from gzcore.errors import UsageError
from gzprep import config
from gzprep.catalogue.surveys import gz2, survey_of
from gzprep.config import PIXEL_LIBRARIES, Recipe, as_document, from_mapping, read_recipe, recipe_hash


def leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted key and value of every leaf."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def nested(key: str, value: Any) -> dict[str, Any]:
    """A mapping with one dotted key."""
    *parents, last = key.split(".")
    values: dict[str, Any] = {last: value}
    for parent in reversed(parents):
        values = {parent: values}
    return values


def leaf(recipe: Recipe, key: str) -> Any:
    value: Any = asdict(recipe)
    for part in key.split("."):
        value = value[part]
    return value


def assert_sentence(error: UsageError, *parts: str) -> None:
    text = str(error)
    assert "\n" not in text
    assert "pydantic" not in text
    assert text.endswith(".")
    for part in parts:
        assert part in text


LEAVES = dict(leaves(asdict(Recipe())))


# ---------------------------------------------------------------- defaults


# REPORT section 3 and DESIGN.md, not the code.
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", "gz2"),
        ("seed", 0),
        ("split_seed", 0),
        ("limit", None),
        ("max_reject_share", 0.10),
        ("images.frame", 424),
        ("images.folder", "images"),
        ("images.modes", ("RGB",)),
        ("crop.size", 224),
        ("labels.min_votes", 1),
        ("views.count", 12),
        ("views.ops", 3),
        ("views.rotate", (-180, 180)),
        ("views.zoom", (0.9, 1.1)),
        ("views.zoom_draw", "log-uniform"),
        ("views.translate", (-8, 8)),
        ("views.blur", (3, 5, 7)),
        ("views.noise_sigma", (1, 8)),
        ("views.denoise", "median"),
        ("shards.megabytes", 128),
        ("shards.min_bins", 4),
        ("defects.error_image.policy", "drop"),
    ],
)
def test_defaults(key: str, value: Any) -> None:
    assert LEAVES[key] == value


def test_an_empty_recipe_is_the_default() -> None:
    assert from_mapping({}) == read_recipe(None) == Recipe()


# ---------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("bogus", "max_reject_share"),
        ("Seed", "split_seed"),
        ("view", "views"),
        ("views.number", "count"),
        ("views.rotation", "rotate"),
        ("crop.px", "size, encoding, quality"),
        ("images.size", "frame"),
        ("labels.min", "min_votes"),
        ("shards.mb", "megabytes"),
        ("defects.no_such_defect", "error_image"),
    ],
)
def test_an_unknown_key_is_named_beside_the_known_ones(key: str, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        from_mapping(nested(key, 1), "The recipe x.toml")
    assert_sentence(caught.value, "The recipe x.toml", repr(key), expected)


def test_an_unknown_key_of_a_detector_is_named() -> None:
    with pytest.raises(UsageError) as caught:
        from_mapping({"defects": {"error_image": {"threshold": 0.5, "limit": 1}}})
    assert_sentence(caught.value, "'defects.error_image.limit'", "threshold, policy")


UNFIT = (
    ("name", "gz2-train"),
    ("name", "GZ2"),
    ("name", "../gz2"),
    ("name", "gz2\n"),
    ("name", ""),
    ("name", 3),
    ("seed", "abc"),
    ("seed", 1.5),
    ("seed", None),
    ("split_seed", [1]),
    ("limit", 0),
    ("limit", -5),
    ("limit", "none"),
    ("max_reject_share", -0.1),
    ("max_reject_share", 1.1),
    ("max_reject_share", float("nan")),
    ("images", "images"),
    ("images.frame", 15),
    ("images.frame", 8193),
    ("images.frame", "some"),
    ("images.frame", 424.0),
    ("images.fit", "squeeze"),
    ("images.fit", "scale"),
    ("images.arcsec", 0.4),
    ("images.own_arcsec", -1),
    ("images.source", "zip"),
    ("images.fits.bands", ["g", "r"]),
    ("images.fits.bands", 3),
    ("images.fits.stretch", "log"),
    ("images.fits.min", 1),
    ("images.fits.q", 0),
    ("images.fits.scale", 0),
    ("images.folder", 3),
    ("images.modes", []),
    ("images.modes", ["CMYK"]),
    ("images.modes", "RGB"),
    ("crop", 224),
    ("crop.size", 7),
    ("crop.size", 8193),
    ("crop.size", 224.5),
    ("crop.size", [224]),
    ("crop.encoding", "jpg"),
    ("crop.encoding", 1),
    ("crop.quality", 0),
    ("crop.quality", 101),
    ("labels.min_votes", -1),
    ("views", [1, 2]),
    ("views.count", -1),
    ("views.count", 100),
    ("views.count", "many"),
    ("views.count", {"deep": 1}),
    ("views.ops", 8),
    ("views.ops", -1),
    ("views.rotate", 90),
    ("views.rotate", [90]),
    ("views.rotate", [1, 2, 3]),
    ("views.rotate", "all"),
    ("views.rotate", [10, -10]),
    ("views.rotate", [float("-inf"), 0]),
    ("views.rotate", [0, float("nan")]),
    ("views.zoom", [1.1, 0.9]),
    ("views.zoom", [0, 1]),
    ("views.zoom", [-0.9, 1.5]),
    ("views.zoom_draw", "log"),
    ("views.translate", [8, -8]),
    ("views.blur", []),
    ("views.blur", 5),
    ("views.blur", [3, 4]),
    ("views.blur", [0]),
    ("views.blur", [-3]),
    ("views.blur", [3.5]),
    ("views.noise_sigma", [-1, 1]),
    ("views.noise_sigma", [8, 1]),
    ("views.denoise", "mean"),
    ("shards.megabytes", 0),
    ("shards.megabytes", -1),
    ("shards.megabytes", float("inf")),
    ("shards.min_bins", 0),
    ("defects.error_image", 0.5),
    ("defects.error_image", {"threshold": "high"}),
    ("defects.error_image", {"threshold": float("nan")}),
    ("defects.error_image", {"threshold": 0.5, "policy": "delete"}),
)


@pytest.mark.parametrize(("key", "value"), UNFIT, ids=[f"{key}={value}" for key, value in UNFIT])
def test_an_unfit_value_is_named(key: str, value: Any) -> None:
    with pytest.raises(UsageError) as caught:
        from_mapping(nested(key, value))
    assert_sentence(caught.value, key.rpartition(".")[2])


@pytest.mark.parametrize("key", ["seed", "limit", "images.frame", "views.count", "crop.quality", "shards.min_bins"])
def test_true_is_no_number(key: str) -> None:
    with pytest.raises(UsageError) as caught:
        from_mapping(nested(key, value=True))
    assert_sentence(caught.value, key)


def test_a_report_recipe_may_zoom_by_negative_numbers_uniformly() -> None:
    """F27: the report's code."""
    values = {"views": {"zoom": [-0.9, 1.5], "zoom_draw": "uniform"}}
    assert from_mapping(values).views.zoom == (-0.9, 1.5)


@pytest.mark.parametrize(("crop", "frame"), [(425, 424), (224, 100), (17, 16)])
def test_a_crop_larger_than_the_frame_is_refused(crop: int, frame: int) -> None:
    with pytest.raises(UsageError) as caught:
        from_mapping({"crop": {"size": crop}, "images": {"frame": frame}})
    assert_sentence(caught.value, "crop.size", str(crop), "images.frame", f"{frame} px")


def test_a_crop_of_the_whole_frame_is_fine() -> None:
    assert from_mapping({"crop": {"size": 424}}).crop.size == 424


def test_usage_errors_exit_with_2() -> None:
    assert UsageError.exit_code == 2


# ---------------------------------------------------------------- files and --set


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text('seed = 7\n[crop]\nsize = 256\nencoding = "png"\n[views]\nrotate = [-90, 90]\nblur = [3]\n')
    recipe = read_recipe(path)
    assert (recipe.seed, recipe.crop.size, recipe.crop.encoding) == (7, 256, "png")
    assert (recipe.views.rotate, recipe.views.blur, recipe.views.count) == ((-90.0, 90.0), (3,), 12)


def test_an_absent_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read_recipe(tmp_path / "none.toml")
    assert_sentence(caught.value, str(tmp_path / "none.toml"), "No such file")


def test_a_folder_is_no_recipe(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read_recipe(tmp_path)
    assert_sentence(caught.value, str(tmp_path))


@pytest.mark.parametrize(
    "content",
    [b"seed = ", b"seed: 7", b"{}", b'{"seed": 7}', b"\xff\xfe\x00", b"seed = 1\nseed = 2", b"[views\n"],
    ids=["no value", "yaml", "braces", "json", "bytes", "twice", "open bracket"],
)
def test_a_file_that_is_not_toml_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "recipe.toml"
    path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read_recipe(path)
    assert_sentence(caught.value, f"{path} is not TOML")


def test_a_fault_in_a_file_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text("[views]\ncuont = 4\n")
    with pytest.raises(UsageError) as caught:
        read_recipe(path)
    assert_sentence(caught.value, str(path), "'views.cuont'")


@pytest.mark.parametrize(
    ("pair", "key", "value"),
    [
        ("seed=7", "seed", 7),
        ("seed=-7", "seed", -7),
        (" seed =7", "seed", 7),
        ("limit=1_000", "limit", 1000),
        ("name=sky_2", "name", "sky_2"),
        ('name="sky"', "name", "sky"),
        ("name='sky'", "name", "sky"),
        ("views.count=4", "views.count", 4),
        ("views.count = 4", "views.count", 4),
        ("views.rotate=[-90, 90]", "views.rotate", (-90.0, 90.0)),
        ("views.blur=[3]", "views.blur", (3,)),
        ("shards.megabytes=1.5", "shards.megabytes", 1.5),
        ("shards.megabytes=1e3", "shards.megabytes", 1000.0),
        ("crop.encoding=png", "crop.encoding", "png"),
        ("images.folder=a=b", "images.folder", "a=b"),
        ("images.folder=my images", "images.folder", "my images"),
        ("views.denoise=non-local-means", "views.denoise", "non-local-means"),
        ("defects.error_image.threshold=0.5", "defects.error_image.threshold", 0.5),
        ("defects.error_image.policy=flag", "defects.error_image.policy", "flag"),
    ],
)
def test_set_changes_one_key(pair: str, key: str, value: Any) -> None:
    recipe = read_recipe(None, [pair])
    assert leaf(recipe, key) == value
    assert {other: leaf(recipe, other) for other in LEAVES if other != key} == {
        other: LEAVES[other] for other in LEAVES if other != key
    }


def test_set_goes_over_the_file_and_the_last_one_wins(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text("[views]\ncount = 3\nops = 2\n")
    views = read_recipe(path, ["views.count=4", "views.count=5"]).views
    assert (views.count, views.ops) == (5, 2)


@pytest.mark.parametrize("pair", ["", "views.count", "=4", "="])
def test_set_without_key_or_value_says_what_was_expected(pair: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_recipe(None, [pair])
    assert_sentence(caught.value, repr(pair), "KEY=VALUE")


@pytest.mark.parametrize(
    ("pair", "key"),
    [
        ("views.cuont=4", "views.cuont"),
        ("views..count=4", "views."),
        ("views.count=", "views.count"),
        ("views.count=four", "views.count"),
        ("seed=2024-01-01", "seed"),
        ("crop=256", "crop"),
        ("views.count.deep=3", "views.count"),
    ],
)
def test_set_of_something_unfit_names_the_key(pair: str, key: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_recipe(None, [pair])
    assert_sentence(caught.value, key)


def test_set_below_a_value_of_the_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text("[views]\ncount = 3\n")
    with pytest.raises(UsageError) as caught:
        read_recipe(path, ["views.count.deep=3"])
    assert_sentence(caught.value, "views.count.deep", "'count'")


SURVEY = """
name = "{name}"
title = "Mine"
[[questions]]
name = "ring"
title = "A ring?"
used = ["yes"]
twin = "no"
"""


def test_a_survey_of_a_recipe_is_looked_for_beside_it_then_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, here = tmp_path / "recipes" / "recipe.toml", tmp_path / "here"
    recipe.parent.mkdir()
    here.mkdir()
    monkeypatch.chdir(here)
    recipe.write_text('survey = "mine.toml"\n')
    with pytest.raises(UsageError, match=re.escape(str(recipe.parent / "mine.toml"))):
        read_recipe(recipe)
    (here / "mine.toml").write_text(SURVEY.format(name="here"))
    assert read_recipe(recipe).survey.name == "here"
    (recipe.parent / "mine.toml").write_text(SURVEY.format(name="beside"))
    assert read_recipe(recipe).survey.name == "beside"
    recipe.write_text('survey = "kaggle"\n')
    assert read_recipe(recipe).survey.name == "kaggle"


# ---------------------------------------------------------------- the hash


OTHER_WORDS: dict[str, Any] = {
    "group_by": "duplicates",
    "name": "sky",
    "images.folder": "pictures",
    "crop.encoding": "png",
    "views.zoom_draw": "uniform",
    "views.denoise": "non-local-means",
    "views.pipeline": {"transform": {}},
    "survey": survey_of({**gz2().document(), "suffix": "other"}, "it"),
    "images.fit": "crop",
    "images.source": "tar",
    "images.column": "picture",
    "images.mask": "central",
    "images.fits.stretch": "asinh",
    "images.fits.bands": ("z", "r", "g"),
}


def another(key: str, value: Any) -> Any:
    """A fit value that differs."""
    if key in OTHER_WORDS:
        return OTHER_WORDS[key]
    if isinstance(value, str):
        return "flag" if key.endswith(".policy") and value != "flag" else "drop"
    if key == "images.modes":
        return ("RGB", "L")
    if isinstance(value, tuple):
        return (*value[:-1], value[-1] + 2)
    if value is None:
        return 5
    return value + (1 if isinstance(value, int) else 0.01)


def changed(key: str) -> Recipe:
    values = deepcopy(asdict(Recipe()))
    *parents, last = key.split(".")
    part = values
    for parent in parents:
        part = part[parent]
    part[last] = another(key, part[last])
    if key == "images.arcsec":  # which is of no use with another fit
        part["fit"] = "scale"
    return from_mapping(values)


UNHASHED = {"max_reject_share", "images.folder", "images.source", "images.column"}  # when a run stops; where images are


@pytest.mark.parametrize("key", LEAVES)
def test_the_hash_covers_every_key_but_what_changes_no_byte(key: str) -> None:
    recipe = changed(key)
    assert leaf(recipe, key) != LEAVES[key]
    assert (recipe_hash(recipe) == recipe_hash(Recipe())) == (key in UNHASHED)


def test_every_change_has_a_hash_of_its_own() -> None:
    hashes = {recipe_hash(changed(key)) for key in LEAVES if key not in UNHASHED}
    assert len(hashes) == len(LEAVES) - len(UNHASHED)


def test_the_hash_is_that_of_the_values_not_of_their_spelling() -> None:
    back = from_mapping(json.loads(json.dumps(as_document(Recipe()))))  # lists for tuples
    assert back == Recipe()
    assert recipe_hash(back) == recipe_hash(Recipe())
    whole = from_mapping({"views": {"rotate": [-180, 180], "blur": (3, 5, 7)}, "shards": {"megabytes": 128}})
    assert recipe_hash(whole) == recipe_hash(Recipe())


def test_the_hash_does_not_hang_on_the_order_of_keys() -> None:
    values = asdict(Recipe())
    assert recipe_hash(from_mapping(dict(reversed(values.items())))) == recipe_hash(from_mapping(values))


def test_the_hash_is_the_same_in_every_process() -> None:
    code = "from gzprep.config import Recipe, recipe_hash; print(recipe_hash(Recipe()))"
    environment = {**os.environ, "PYTHONHASHSEED": "3"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == recipe_hash(Recipe())
    assert len(done.stdout.strip()) == 64


@pytest.mark.parametrize("library", PIXEL_LIBRARIES)
def test_the_hash_covers_the_version_of_every_pixel_library(monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    before = recipe_hash(Recipe())
    monkeypatch.setattr(config, "version", lambda name: "0.0.1" if name == library else metadata.version(name))
    assert recipe_hash(Recipe()) != before


def test_pixel_libraries_are_those_of_the_design() -> None:
    """Decoder, encoder, numpy, OpenCV, albumentations."""
    assert {"simplejpeg", "pillow", "numpy", "opencv-python-headless", "albumentations"} <= set(PIXEL_LIBRARIES)


def test_replacing_by_hand_gives_the_same_hash() -> None:
    assert recipe_hash(replace(Recipe(), seed=7)) == recipe_hash(from_mapping({"seed": 7}))


NOT_TOGETHER = {
    "any and crop": ({"frame": "any", "fit": "crop"}, "images.frame is any"),
    "any and resize": ({"frame": "any", "fit": "resize"}, "images.frame is any"),
    "scale without a scale": ({"fit": "scale"}, "images.arcsec"),
    "a scale without scale": ({"arcsec": 0.4}, 'images.fit = "scale"'),
    "black above white": ({"fits": {"min": 3, "max": 3}}, "images.fits.min is 3"),
    "two bands": ({"fits": {"bands": ["g", "r"]}}, "images.fits.bands has 2 bands"),
    "lupton of one band": ({"fits": {"bands": ["g"], "stretch": "lupton"}}, "asinh"),
}


@pytest.mark.parametrize(("images", "told"), NOT_TOGETHER.values(), ids=NOT_TOGETHER)
def test_image_keys_that_do_not_fit_together(images: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        from_mapping({"images": images})
    assert_sentence(caught.value, told)


@pytest.mark.parametrize("bands", ["z,r,g", "z, r, g", ["z", "r", "g"]])
def test_bands_are_taken_as_they_are_typed(bands: Any) -> None:
    assert from_mapping({"images": {"fits": {"bands": bands}}}).images.fits.bands == ("z", "r", "g")


def test_a_number_of_a_plane_is_a_band() -> None:
    assert from_mapping({"images": {"fits": {"bands": [2, 1, 0]}}}).images.fits.bands == ("2", "1", "0")


def test_an_image_may_have_any_size() -> None:
    recipe = read_recipe(None, ["images.frame=any", "crop.size=512"])
    assert (recipe.images.frame, recipe.crop.size) == ("any", 512)
    assert recipe_hash(recipe) != recipe_hash(read_recipe(None, ["crop.size=512", "images.frame=512"]))


MODES = {
    "as they are defined": ["RGB", "L"],
    "another order": ["L", "RGB"],
    "one of them twice": ["L", "RGB", "L"],
}


@pytest.mark.parametrize("modes", MODES.values(), ids=MODES)
def test_the_order_of_modes_makes_no_other_recipe(modes: list[str]) -> None:
    assert from_mapping({"images": {"modes": modes}}) == from_mapping({"images": {"modes": ["RGB", "L"]}})


def test_the_default_modes_do_not_change_the_hash_and_others_do() -> None:
    hashes = [
        recipe_hash(from_mapping({"images": {"modes": modes}})) for modes in (["RGB", "RGB"], ["L"], ["RGB", "L"])
    ]
    assert hashes[0] == recipe_hash(Recipe())
    assert len(set(hashes)) == 3
