"""Damaged shards under the commands themselves: a sentence, or fewer galaxies that are counted wherever a run is told.

What the readers make of each kind of damage is in test_inputs_damage.py.
"""

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gzcore.errors import GzError
from gztrain.config import from_mapping
from gztrain.data import open_reader, order, select
from gztrain.data.dataset import Shard, open_dataset
from gztrain.data.stream import in_order
from gztrain.runs.history import damaged_in_training
from gztrain.training.feed import Feed, StepInput
from gztrain.training.job import TrainingJob, make_job
from gztrain.training.request import TrainRequest
from tests.gztrain.made import untrained_run
from tests.gztrain.running import TINY, curve, gztrain
from tests.gztrain.shards import copied, flip, frame_starts

READERS = ("native", "tf")
QUICK = (*TINY, "--views", "1", "--fine-tune-epochs", "0", "--threads", "1")


def flip_last(path: Path) -> None:
    """Turn over a bit of the last record."""
    flip(path, frame_starts(path)[-1] + 1500)


def cut_last(path: Path) -> None:
    """Cut the file within its last record."""
    path.write_bytes(path.read_bytes()[: frame_starts(path)[-1] + 700])


DAMAGES: dict[str, Callable[[Path], None]] = {"a flipped bit": flip_last, "a cut shard": cut_last}


@dataclass(frozen=True)
class Damaged:
    """A data set with a damaged last record in a shard of each kind: of training (fold 1), validation, test."""

    folder: Path
    training: Shard
    validation: Shard
    test: Shard


def damage(dataset: Path, to: Path, how: str) -> Damaged:
    folder = copied(dataset, to)
    data = open_dataset(folder)
    shards = [
        next(shard for shard in data.shards_of(split, folds) if shard.records)
        for split, folds in (("train", [1]), ("train", [0]), ("test", None))
    ]
    for shard in shards:
        DAMAGES[how](shard.path)
    return Damaged(folder, *shards)


def names_record(sentence: str, shard: Shard) -> bool:
    return f"Record {shard.records} of {shard.records} in the shard {shard.path} cannot be used" in sentence


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("reader", READERS)
def test_fit_stops_with_the_shard_and_the_number(reader: str, how: str, dataset: Path, tmp_path: Path) -> None:
    data = damage(dataset, tmp_path / "data", how)
    result = gztrain("fit", data.folder, "--run", tmp_path / "run", "--reader", reader, *QUICK)
    assert result.code == 1
    assert names_record(result.sentence, data.training)
    assert not (tmp_path / "run" / "metrics.json").exists()


@pytest.mark.parametrize(("reader", "how"), [("native", "a cut shard"), ("tf", "a flipped bit")])
def test_fit_and_evaluate_leave_out_and_count(reader: str, how: str, dataset: Path, tmp_path: Path) -> None:
    data, run = damage(dataset, tmp_path / "data", how), tmp_path / "run"
    result = gztrain("fit", data.folder, "--run", run, "--reader", reader, "--skip-corrupt", *QUICK)
    assert result.code == 0, result.err
    assert result.err.count("2 damaged records were left out (") == 1
    assert f"{data.training.path.name}, record {data.training.records}: " in result.err
    assert "Training left out 1 damaged records in an epoch." in result.out
    assert "1 damaged records were left out." in result.out

    rows = curve(run)
    for epoch in ("1", "2"):
        assert sum(int(row["damaged"]) for row in rows if row["epoch"] == epoch) == 1
    assert [row["val_damaged"] for row in rows if row["val_loss"]] == ["1", "1"]

    assert gztrain("evaluate", run, "--split", "test").code == 0  # as it trained
    found = json.loads((run / "metrics.json").read_text())
    assert found["training"] == {"damaged_records": 1}
    folds = open_dataset(dataset).manifest["labels"]
    whole = {"val": folds["folds"]["0"]["galaxies"], "test": folds["test"]["galaxies"]}
    for split, judged in found["splits"].items():
        assert (judged["damaged_records"], judged["galaxies"]) == (1, whole[split] - 1)


def test_a_run_that_stopped_goes_on_without_what_is_damaged(dataset: Path, tmp_path: Path) -> None:
    """Its validation, too: config.json says from then on that damaged records are skipped."""
    data, run = damage(dataset, tmp_path / "data", "a flipped bit"), tmp_path / "run"
    assert gztrain("fit", data.folder, "--run", run, *QUICK).code == 1
    result = gztrain("fit", data.folder, "--run", run, "--resume", "--skip-corrupt", "--json")
    assert result.code == 0, result.err
    assert result.json["training"] == {"damaged_records": 1}
    assert result.json["splits"]["val"]["damaged_records"] == 1


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("split", ["val", "test"])
def test_evaluate_stops_or_leaves_out_and_counts(split: str, reader: str, dataset: Path, tmp_path: Path) -> None:
    data = damage(dataset, tmp_path / "data", "a flipped bit")
    folder = untrained_run(tmp_path / "run", data.folder, **{"input.reader": reader, "model.size": 16, "bootstrap": 0})
    result = gztrain("evaluate", folder.root, "--split", split)
    assert result.code == 1
    assert names_record(result.sentence, data.test if split == "test" else data.validation)
    assert not folder.metrics.exists()
    found = gztrain("evaluate", folder.root, "--split", split, "--skip-corrupt", "--json").json
    assert found["splits"][split]["damaged_records"] == 1
    assert "training" not in found


def test_a_split_of_nothing_but_damage_is_told_in_a_sentence(dataset: Path, tmp_path: Path) -> None:
    folder = copied(dataset, tmp_path / "data")
    for shard in open_dataset(folder).shards_of("test"):
        shard.path.write_bytes(b"")
    run = untrained_run(tmp_path / "run", folder, **{"model.size": 16, "bootstrap": 0})
    result = gztrain("evaluate", run.root, "--skip-corrupt")
    assert result.code == 1
    assert "that were to be read are damaged" in result.sentence


# ---------------------------------------------------------------- steps of which little is left


def job_of(folder: Path, at: Path) -> TrainingJob:
    config = from_mapping({"views": 0, "fold": 0, "input": {"threads": 1, "skip_corrupt": True}})
    return make_job(TrainRequest(folder, at, config))


def feed_of(job: TrainingJob, batch: int) -> Feed:
    return Feed(open_reader(threads=1, skip_corrupt=True), job.training, job.training_loss, batch, seed=3)


@pytest.fixture(scope="module")
def holed(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingJob:
    """A job whose training shards lack two of three records, and the last twelve of epoch 2."""
    folder = copied(dataset, tmp_path_factory.mktemp("holed") / "data")
    job = job_of(folder, folder)
    chosen = job.training
    last = set(order(3, 2, len(chosen))[-12:].tolist())
    for place in range(len(chosen)):
        if place % 3 or place in last:
            flip(chosen.shards[chosen.shard[place]].path, int(chosen.offset[place]) + 1500)
    return job_of(folder, folder)


def damaged_places(job: TrainingJob) -> set[int]:
    whole = in_order(open_reader(threads=1, skip_corrupt=True), job.training, 8)
    return set(range(len(job.training))) - {place for batch in whole for place in batch.places.tolist()}


def same(one: StepInput, other: StepInput) -> bool:
    parts = zip(one.arrays, other.arrays, strict=True)
    return one.damaged == other.damaged and all(np.array_equal(*pair) for pair in parts)


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_an_epoch_has_all_its_steps_and_counts_what_each_lacks(batch: int, holed: TrainingJob) -> None:
    feed, bad = feed_of(holed, batch), damaged_places(holed)
    steps = list(feed.epoch(2))
    assert len(steps) == feed.steps
    assert {len(part) for fed in steps for part in fed.arrays} == {batch}
    places = order(3, 2, len(holed.training)).tolist()
    lacking = [len(bad & set(places[start : start + batch])) for start in range(0, len(places), batch)]
    assert [fed.damaged for fed in steps] == lacking
    assert lacking[-2] == batch  # there are steps of which nothing is left


@pytest.mark.parametrize("batch", [1, 2])
def test_a_step_of_nothing_is_fed_with_the_next_one(batch: int, holed: TrainingJob) -> None:
    feed, bad = feed_of(holed, batch), damaged_places(holed)
    steps = list(feed.epoch(2))
    places = np.resize(order(3, 2, len(holed.training)), (feed.steps, batch))
    empty = [set(row) <= bad for row in places.tolist()]
    assert sum(empty) > 5
    for (fed, following), nothing in zip(pairwise([*steps, steps[0]]), empty, strict=True):
        if nothing:  # after the last comes the first
            assert all(np.array_equal(*pair) for pair in zip(fed.arrays, following.arrays, strict=True))


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_an_epoch_with_holes_can_be_entered_anywhere(batch: int, holed: TrainingJob) -> None:
    feed = feed_of(holed, batch)
    whole = list(feed.epoch(2))
    for done in range(feed.steps + 1):
        rest = list(feed.epoch(2, done))
        assert len(rest) == feed.steps - done
        assert all(same(*pair) for pair in zip(whole[done:], rest, strict=True))


def test_records_that_come_again_at_the_end_are_counted_once(dataset: Path, tmp_path: Path) -> None:
    folder = copied(dataset, tmp_path / "data")
    first = open_dataset(folder).shards_of("train", [1])[0]
    flip_last(first.path)
    job = job_of(folder, tmp_path)
    for batch in (7, 3 * len(job.training)):
        assert sum(fed.damaged for fed in feed_of(job, batch).epoch(0)) == 1


def test_nothing_but_damage_is_told_in_a_sentence(dataset: Path, tmp_path: Path) -> None:
    folder = copied(dataset, tmp_path / "data")
    job = job_of(folder, tmp_path)
    for shard in job.training.shards:
        shard.path.write_bytes(b"")
    with pytest.raises(GzError, match=r"All \d+ records in .* are damaged"):
        list(feed_of(job, 4).epoch(0))
    with pytest.raises(GzError, match=r"All \d+ records in .* are damaged"):
        list(in_order(open_reader(skip_corrupt=True), select(open_dataset(folder), folds=[1, 2, 3, 4]), 4))


def test_what_training_left_out_is_what_its_fullest_epoch_did(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    columns = ("stage", "epoch", "damaged")
    rows: list[tuple[Any, ...]] = [("whole", 1, 1), ("whole", 2, 2), ("whole", 2, 1), ("fine-tune", 1, 1)]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    assert damaged_in_training(path) == 3
    path.write_text("stage,epoch\nwhole,1\n")  # of an older run
    assert damaged_in_training(path) == 0
