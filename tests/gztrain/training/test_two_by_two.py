"""report-against-asked: four runs that differ in two keys, and the arithmetic of their table."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gzcore.dataset.layout import VIEWS
from gztrain.config import read_config
from gztrain.data import select
from gztrain.data.dataset import open_dataset
from gztrain.runs.folder import open_run
from gztrain.training.two_by_two import TABLE, Cell, Figure, conclusions, difference, figures_of, table_rows
from tests.gztrain.run_folders import TINY
from tests.running import gztrain

# ------------------------------------------------------------ arithmetic, worked by hand


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        pytest.param((0.9, 0.87, 0.93), (0.8, 0.76, 0.84), (0.1, 0.05, 0.15), id="3 and 4 make 5"),
        pytest.param((0.5, 0.5, 0.5), (0.6, 0.6, 0.6), (-0.1, -0.1, -0.1), id="no spread"),
        pytest.param((0.5, None, None), (0.25, 0.2, 0.3), (0.25, None, None), id="one without interval"),
        pytest.param((None, None, None), (0.25, 0.2, 0.3), (None, None, None), id="undefined"),
    ],
)
def test_half_widths_add_up_as_squares(one: Any, other: Any, expected: Any) -> None:
    found = difference(Figure(*one), Figure(*other))
    assert asdict(found) == pytest.approx(asdict(Figure(*expected)))


def test_figures_without_an_interval_have_none() -> None:
    judged = {"accuracy": 0.5, "auc_macro": None, "intervals": {"accuracy": [0.4, 0.6]}}
    assert figures_of(judged) == {"accuracy": Figure(0.5, 0.4, 0.6), "auc_macro": Figure(None)}


def cell(labels: Any, *, shared: bool, gap: tuple[float, float, float], test: float) -> dict[str, Any]:
    both = {name: Figure(test, test - 0.1, test + 0.1) for name in ("accuracy", "auc_macro")}
    gaps = {name: Figure(*gap) for name in both}
    return asdict(Cell(labels, shared, both, both, both, gaps))


def test_the_sentences_say_what_is_more_than_chance() -> None:
    cells = [
        cell("report", shared=True, gap=(0.2, 0.1, 0.3), test=0.6),
        cell("report", shared=False, gap=(0, -0.1, 0.1), test=0.6),
        cell("asked", shared=True, gap=(0.2, 0.1, 0.3), test=0.8),
        cell("asked", shared=False, gap=(0.05, -0.05, 0.15), test=0.7),
    ]
    document = {"cells": cells}
    leak, ours, policies = conclusions(document)
    assert leak == (
        "Validation on views of training galaxies: mean AUC +0.200 against the test split, more than chance."
    )
    assert ours.endswith("other galaxies: mean AUC +0.050 against the test split, within what chance gives.")
    assert "gives a mean AUC of 0.700, learning the labels report 0.600" in policies
    assert [row[0] for row in table_rows(document, "accuracy")] == [
        "report, views of training galaxies",
        "report, other galaxies",
        "asked, views of training galaxies",
        "asked, other galaxies",
    ]


# ------------------------------------------------------------ the records


def test_shared_views_are_those_of_all_folds_and_originals_stay_apart(dataset: Path) -> None:
    data = open_dataset(dataset)
    apart, shared = (select(data, folds=[1, 2], views=2, share_views=value) for value in (False, True))
    assert {shard.fold for shard in apart.shards} == {1, 2}
    originals = {shard.fold for shard in shared.shards if shard.split != VIEWS}
    views = {shard.fold for shard in shared.shards if shard.split == VIEWS}
    assert (originals, views) == ({1, 2}, set(data.folds))
    assert len(shared) == len(apart) + sum(
        int(np.sum(2 * shard.records)) for shard in data.shards_of("train") if shard.fold not in (1, 2)
    )


# ------------------------------------------------------------ the command

SHORT = ("--epochs", "1", "--fine-tune-epochs", "0", "--views", "1", "--scheme", "q0")


@pytest.mark.slow
@pytest.mark.usefixtures("lean_training")
def test_four_runs_differ_in_two_keys_and_are_taken_up_again(dataset: Path, tmp_path: Path) -> None:
    command = ("report-against-asked", dataset, "--run", tmp_path / "all", *TINY, *SHORT)
    first = gztrain(*command)
    assert first.code == 0, first.err
    assert "asked, views of training galaxies" in first.out
    folders = sorted(path.name for path in (tmp_path / "all").iterdir() if path.is_dir())
    assert folders == [
        *("asked-other-galaxies", "asked-shared-views", "report-other-galaxies", "report-shared-views"),
    ]
    configs = {name: open_run(tmp_path / "all" / name).config for name in folders}
    assert {(config.labels, config.share_views) for config in configs.values()} == {
        *(("asked", False), ("asked", True), ("report", False), ("report", True)),
    }
    written = (tmp_path / "all" / TABLE).read_text()
    again = gztrain(*command, "--resume", "--json")
    assert again.json == json.loads(written)
    assert (tmp_path / "all" / TABLE).read_text() == written
    assert gztrain(*command).code == 2


def test_without_views_there_is_nothing_to_share(dataset: Path, tmp_path: Path) -> None:
    refused = gztrain("report-against-asked", dataset, "--run", tmp_path / "all", *TINY, "--views", "0")
    assert refused.code == 2
    assert "--views is 0" in refused.sentence
    assert read_config(None, []).share_views is False
