"""What ``tune`` varies: ranges, lists, and what is refused."""

from typing import Any

import pytest

from gzcore.errors import UsageError
from gztrain.training.search_space import Vary, read_space


@pytest.mark.parametrize(
    ("pair", "expected", "log"),
    [
        ("optimizer.rate=1e-4..1e-2", Vary("optimizer.rate", 1e-4, 1e-2), True),
        ("optimizer.weight_decay=0..0.1", Vary("optimizer.weight_decay", 0, 0.1), False),
        ("stages.batch=8..64", Vary("stages.batch", 8, 64, whole=True), False),
        ("stages.batch=8..80", Vary("stages.batch", 8, 80, whole=True), True),
        ("optimizer.clip=1..2", Vary("optimizer.clip", 1, 2), False),
        ("model.name=small, cct", Vary("model.name", choices=("small", "cct")), False),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_ranges_and_lists(pair: str, expected: Vary, *, log: bool) -> None:
    (found,) = read_space([pair], {})
    assert (found, found.log) == (expected, log)
    assert read_space([str(found)], {}) == (found,)


def test_a_table_of_a_recipe_and_options_over_it() -> None:
    table = {"optimizer": {"rate": "1e-4..1e-2", "ema": [True, False]}, "stages.batch": [16, 32]}
    found = read_space(["optimizer.rate=1e-3..1e-2", "seed=1..3"], table)
    assert [str(vary) for vary in found] == [
        *("optimizer.rate=0.001..0.01", "optimizer.ema=true,false", "stages.batch=16,32", "seed=1..3"),
    ]
    assert found[1].ends() == ("optimizer.ema=true", "optimizer.ema=false")
    assert found[3].ends() == ("seed=1", "seed=3")


@pytest.mark.parametrize(
    ("pairs", "table", "part"),
    [
        ([], {}, "There is nothing to vary"),
        (["optimizer.rate"], {}, "expected KEY=LOW..HIGH or KEY=A,B"),
        (["optimizer.speed=1..2"], {}, "the key 'optimizer.speed', which no recipe has"),
        (["optimizer.rate=2..1"], {}, "two numbers in that order"),
        (["optimizer.rate=a..1"], {}, "two numbers in that order"),
        (["optimizer.rate=1..inf"], {}, "two numbers in that order"),
        (["optimizer.rate=1..nan"], {}, "two numbers in that order"),
        (["stages.batch=8..9.5"], {}, "expected whole numbers"),
        (["model.name=small"], {}, "expected a range or a list"),
        (["model.name=small,"], {}, "expected a range or a list"),
        ([], {"optimizer": {"rate": 3}}, r"\[tune\] has optimizer.rate = 3"),
        ([], {"optimizer": {"rate": []}}, r"\[tune\] has optimizer.rate = \[\]"),
    ],
)
def test_what_is_no_space_is_told(pairs: list[str], table: dict[str, Any], part: str) -> None:
    with pytest.raises(UsageError, match=part):
        read_space(pairs, table)
