"""The feed: every record in every epoch, batches of one size, and steps that lack damaged records."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from gzcore.errors import GzError
from gztrain.config import from_mapping
from gztrain.data import open_reader, order, select
from gztrain.data.dataset import open_dataset
from gztrain.data.stream import in_order
from gztrain.training.feed import Feed, StepInput
from gztrain.training.job import TrainingJob, make_job
from gztrain.training.request import TrainRequest
from tests.gztrain.shards import copied, flip, frame_starts


@pytest.fixture(scope="module")
def job(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingJob:
    config = from_mapping({"views": 1, "fold": 1, "input": {"threads": 1}})
    return make_job(TrainRequest(dataset, tmp_path_factory.mktemp("run"), config))


def feed_of(job: TrainingJob, batch: int) -> Feed:
    return Feed(job.reader, job.training, job.training_loss, batch, seed=3)


@pytest.mark.parametrize("batch", [7, 16, 200])
def test_an_epoch_sees_every_record_in_batches_of_one_size(job: TrainingJob, batch: int) -> None:
    feed = feed_of(job, batch)
    steps = [fed.arrays for fed in feed.epoch(0)]
    assert len(steps) == feed.steps
    assert {tuple(len(part) for part in step) for step in steps} == {(batch,) * 3}
    draws = {row.tobytes() for _, part, _ in steps for row in part}
    assert len(draws) == len(job.training)  # each record has its own


def test_an_epoch_can_be_entered_anywhere(job: TrainingJob) -> None:
    feed = feed_of(job, 7)
    whole = list(feed.epoch(2))
    rest = list(feed.epoch(2, done=3))
    assert len(rest) == len(whole) - 3
    for one, other in zip(whole[3:], rest, strict=True):
        for part, same in zip(one.arrays, other.arrays, strict=True):
            np.testing.assert_array_equal(part, same)


def test_epochs_differ(job: TrainingJob) -> None:
    first, second = (next(iter(feed_of(job, 7).epoch(epoch))) for epoch in (0, 1))
    assert not np.array_equal(first.arrays[0], second.arrays[0])


def test_training_and_validation_share_no_galaxy(job: TrainingJob) -> None:
    ids = [
        {name for batch in job.reader.batches(part, np.arange(len(part)), 8) for name in batch.ids}
        for part in (job.training, job.validation)
    ]
    assert not ids[0] & ids[1]
    assert all(ids)


# ---------------------------------------------------------------- damaged records


def skipping_job_of(folder: Path, at: Path) -> TrainingJob:
    config = from_mapping({"views": 0, "fold": 0, "input": {"threads": 1, "skip_damaged": True}})
    return make_job(TrainRequest(folder, at, config))


def skipping_feed_of(job: TrainingJob, batch: int) -> Feed:
    return Feed(open_reader(threads=1, skip_damaged=True), job.training, job.training_loss, batch, seed=3)


@pytest.fixture(scope="module")
def holed(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingJob:
    """A job whose training shards lack two of three records, and the last twelve of epoch 2."""
    folder = copied(dataset, tmp_path_factory.mktemp("holed") / "data")
    job = skipping_job_of(folder, folder)
    chosen = job.training
    last = set(order(3, 2, len(chosen))[-12:].tolist())
    for place in range(len(chosen)):
        if place % 3 or place in last:
            flip(chosen.shards[chosen.shard[place]].path, int(chosen.offset[place]) + 1500)
    return skipping_job_of(folder, folder)


def damaged_places(job: TrainingJob) -> set[int]:
    whole = in_order(open_reader(threads=1, skip_damaged=True), job.training, 8)
    return set(range(len(job.training))) - {place for batch in whole for place in batch.places.tolist()}


def same(one: StepInput, other: StepInput) -> bool:
    parts = zip(one.arrays, other.arrays, strict=True)
    return one.damaged == other.damaged and all(np.array_equal(*pair) for pair in parts)


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_an_epoch_has_all_its_steps_and_counts_what_each_lacks(batch: int, holed: TrainingJob) -> None:
    feed, bad = skipping_feed_of(holed, batch), damaged_places(holed)
    steps = list(feed.epoch(2))
    assert len(steps) == feed.steps
    assert {len(part) for fed in steps for part in fed.arrays} == {batch}
    places = order(3, 2, len(holed.training)).tolist()
    lacking = [len(bad & set(places[start : start + batch])) for start in range(0, len(places), batch)]
    assert [fed.damaged for fed in steps] == lacking
    assert lacking[-2] == batch  # there are steps of which nothing is left


@pytest.mark.parametrize("batch", [1, 2])
def test_a_step_whose_records_are_all_damaged_gets_those_of_the_next_step(batch: int, holed: TrainingJob) -> None:
    feed, bad = skipping_feed_of(holed, batch), damaged_places(holed)
    steps = list(feed.epoch(2))
    places = np.resize(order(3, 2, len(holed.training)), (feed.steps, batch))
    empty = [set(row) <= bad for row in places.tolist()]
    assert sum(empty) > 5
    for (fed, following), nothing in zip(pairwise([*steps, steps[0]]), empty, strict=True):
        if nothing:  # after the last comes the first
            assert all(np.array_equal(*pair) for pair in zip(fed.arrays, following.arrays, strict=True))


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_an_epoch_with_holes_can_be_entered_anywhere(batch: int, holed: TrainingJob) -> None:
    feed = skipping_feed_of(holed, batch)
    whole = list(feed.epoch(2))
    for done in range(feed.steps + 1):
        rest = list(feed.epoch(2, done))
        assert len(rest) == feed.steps - done
        assert all(same(*pair) for pair in zip(whole[done:], rest, strict=True))


def test_records_that_come_again_at_the_end_are_counted_once(dataset: Path, tmp_path: Path) -> None:
    folder = copied(dataset, tmp_path / "data")
    first = open_dataset(folder).shards_of("train", [1])[0]
    flip(first.path, frame_starts(first.path)[-1] + 1500)
    job = skipping_job_of(folder, tmp_path)
    for batch in (7, 3 * len(job.training)):
        assert sum(fed.damaged for fed in skipping_feed_of(job, batch).epoch(0)) == 1


def test_a_training_split_of_damaged_records_alone_is_reported(dataset: Path, tmp_path: Path) -> None:
    folder = copied(dataset, tmp_path / "data")
    job = skipping_job_of(folder, tmp_path)
    for shard in job.training.shards:
        shard.path.write_bytes(b"")
    with pytest.raises(GzError, match=r"All \d+ records in .* are damaged"):
        list(skipping_feed_of(job, 4).epoch(0))
    with pytest.raises(GzError, match=r"All \d+ records in .* are damaged"):
        list(in_order(open_reader(skip_damaged=True), select(open_dataset(folder), folds=[1, 2, 3, 4]), 4))
