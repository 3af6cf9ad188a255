"""Configs: what is refused and how it is told, what --set understands, and that every key can be said."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gzcore.errors import UsageError
from gzcore.recipe.overlay import leaves
from gztrain.config import TrainConfig, as_mapping, from_mapping, read_config
from gztrain.training.options import OPTIONS, as_settings

LEAVES = leaves(as_mapping(TrainConfig()))


# DESIGN.md and REPORT section 4, not the code.
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model.name", "small"),
        ("scheme", "auto"),
        ("labels", "asked"),
        ("fold", 0),
        ("views", None),
        ("model.weights", None),
        ("min_votes", 5),
        ("ties", "mask"),
        ("loss.name", "bce"),
        ("loss.weights", "ens"),
        ("loss.weight_total", "classes"),
        ("optimizer.rate", 1e-3),
        ("stages.fine_tune_epochs", 5),
        ("stages.fine_tune_rate", 0.1),
        ("augment.symmetries", True),
        ("compute.precision", "auto"),
        ("input.reader", "auto"),
    ],
)
def test_defaults_are_those_promised(key: str, value: object) -> None:
    assert LEAVES[key] == value


def test_values_survive_json_and_back() -> None:
    config = read_config(None, ["augment.affine=true", "model.weights=none", "optimizer.clip=1", "compute.devices=2"])
    assert from_mapping(as_mapping(config)) == config
    assert config != TrainConfig()


def test_naming_one_key_of_a_table_leaves_the_others() -> None:
    config = from_mapping({"stages": {"batch": 8}})
    assert (config.stages.batch, config.stages.epochs) == (8, TrainConfig().stages.epochs)


def test_what_is_set_beats_the_file_and_the_file_beats_the_base(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('scheme = "q1"\nfold = 2\n')
    config = read_config(recipe, ["fold=3"], base={"scheme": "all", "seed": 7})
    assert (config.scheme, config.fold, config.seed) == ("q1", 3, 7)


@pytest.mark.parametrize("pair", ["stages.unfreeze=2", "optimizer.layer_decay=0.7"])
def test_what_acts_in_the_second_stage_needs_one(pair: str) -> None:
    assert read_config(None, [pair]).stages.fine_tune_epochs > 0
    with pytest.raises(UsageError, match="which has 0 epochs"):
        read_config(None, [pair, "stages.fine_tune_epochs=0"])


@pytest.mark.parametrize(
    ("pair", "parts"),
    [
        ("stages.batch=0", ["stages.batch = 0", "greater than or equal to 1"]),
        ("stages.batch=true", ["stages.batch = True"]),
        ("stages.bach=1", ["stages.bach", "batch, epochs"]),
        ("colour=1", ["'colour'", "scheme, labels"]),
        ("labels=guessed", ["labels = 'guessed'", "'asked', 'report' or 'debiased'"]),
        ("optimizer.rate=-1", ["optimizer.rate = -1"]),
        ("optimizer.rate=nan", ["optimizer.rate = nan"]),
        ("optimizer.weight_decay=-0.1", ["optimizer.weight_decay = -0.1"]),
        ("model.dropout=1", ["model.dropout = 1"]),
        ("scheme.name=q1", ["scheme = {'name': 'q1'}"]),
        ("nonsense", ["'nonsense'", "KEY=VALUE"]),
        ("=1", ["'=1'"]),
        ("seed=-1", ["seed = -1"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_does_not_fit_is_told_in_a_sentence(pair: str, parts: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        read_config(None, [pair])
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(".")
    assert "pydantic" not in text
    for part in parts:
        assert part in text


def test_a_value_has_no_keys_below_it() -> None:
    with pytest.raises(UsageError, match="'fold' is a value and has no keys below it"):
        read_config(None, ["fold=1", "fold.more=2"])


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (Path.exists, "cannot be read"),
        (lambda path: path.write_text("fold = "), "is not TOML"),
        (lambda path: path.write_bytes(b"\xff\xfe\x00"), "is not TOML"),
        (lambda path: path.mkdir(), "cannot be used: it is not a regular file"),
    ],
    ids=["absent", "no toml", "no utf-8", "folder"],
)
def test_a_recipe_that_cannot_be_read(make: Callable[[Path], Any], part: str, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    make(recipe)
    with pytest.raises(UsageError, match=part):
        read_config(recipe)


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_sets_a_key_that_there_is(name: str) -> None:
    option = OPTIONS[name]
    assert option.key in LEAVES
    known = LEAVES[option.key]
    assert known is None or isinstance(known, option.kind) or option.kind is float
    default = option.help.rpartition("[")[2].rstrip("]")
    if isinstance(known, bool):
        assert default in {"yes" if known else "no", option.help}
    elif isinstance(known, str | int | float):
        assert default == str(known)


def test_options_that_were_not_given_set_nothing() -> None:
    assert as_settings({"fold": None, "affine": False, "rate": 0.5}) == ["augment.affine=false", "optimizer.rate=0.5"]


@pytest.mark.parametrize("name", OPTIONS)
def test_brackets_in_the_help_hold_the_default(name: str) -> None:
    """A default of None is the model's or the machine's choice, and said in words; so is no, for what is unusual."""
    default, (_, _, said) = LEAVES[OPTIONS[name].key], OPTIONS[name].help.removesuffix("]").partition(" [")
    if isinstance(default, bool):
        assert said in ({"yes"} if default else {"no", ""})
    elif default is not None:
        assert type(default)(said) == default


@pytest.mark.parametrize(
    ("old", "expected"),
    [({"skip_corrupt": True}, True), ({"skip_corrupt": False}, False), ({"skip_corrupt": False, "threads": 2}, False)],
    ids=["yes", "no", "beside another key"],
)
def test_the_old_name_of_skip_damaged_is_read(old: dict[str, Any], expected: bool) -> None:  # noqa: FBT001
    config = from_mapping({"input": old})
    assert config.input.skip_damaged is expected
    assert "skip_corrupt" not in as_mapping(config)["input"]


def test_the_old_name_can_be_set() -> None:
    assert read_config(None, ["input.skip_corrupt=true"]).input.skip_damaged
