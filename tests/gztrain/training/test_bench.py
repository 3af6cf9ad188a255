"""``gztrain bench``: every stage is measured, and the sentence names what the figures say."""

from pathlib import Path

import pytest

from gztrain.training.bench import Rates, advice, bottleneck
from tests.running import gztrain

FAST = 1e6
CASES: dict[str, tuple[Rates, str, str]] = {
    "a slow device": (Rates(8e4, 6e4, 1600, 3000, 9000, 100, 99), "step", "30.0 times as fast"),
    "a fast device": (Rates(8e4, 6e4, 1600, 3000, 9000, 5000, 2800), "decode", "--threads"),
    "a slow disk": (Rates(200, 6e4, 1600, 190, 9000, 5000, 180), "read", "Copy the data set"),
    "parsing": (Rates(8e4, 900, 1600, 800, 9000, 5000, 700), "parse", "--reader tf"),
    "a slow bus": (Rates(8e4, 6e4, 1600, 9000, 2000, 5000, 1900), "to_device", "has to travel"),
    "galaxies that are ready in time though little faster": (
        Rates(8e4, 6e4, FAST, 980, FAST, 1000, 950),
        "step",
        "1.0 times",
    ),
}


@pytest.mark.parametrize(("rates", "name", "words"), CASES.values(), ids=CASES)
def test_the_bottleneck_is_what_the_whole_waits_for(rates: Rates, name: str, words: str) -> None:
    assert bottleneck(rates) == name
    assert words in advice(rates)
    assert "{" not in advice(rates)


@pytest.mark.slow
def test_every_stage_is_measured(dataset: Path) -> None:
    found = gztrain("bench", dataset, "--size", "32", "--batch", "8", "--seconds", "0.1", "--views", "1", "--json").json
    rates = found["samples_per_second"]
    assert set(rates) == set(Rates.__dataclass_fields__)
    assert all(rate > 0 for rate in rates.values())
    assert found["advice"]
    assert (found["batch"], found["size"], found["crop"]) == (8, 32, 64)
    assert not (Path.cwd() / "config.json").exists()


def test_a_folder_that_is_no_data_set_is_reported(tmp_path: Path) -> None:
    result = gztrain("bench", tmp_path, "--seconds", "0.1")
    assert result.code == 1
    assert "manifest" in result.sentence
