"""The feed: every record in every epoch, batches of one size, work in another thread; and what the history holds."""

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gzcore.errors import GzError
from gztrain.config import from_mapping
from gztrain.data.stream import ahead, fill
from gztrain.runs.history import COLUMNS, History, HistoryLine, open_scalars, read_history
from gztrain.training.feed import Feed
from gztrain.training.job import TrainingJob, make_job
from gztrain.training.request import TrainRequest


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
    lots = {row.tobytes() for _, part, _ in steps for row in part}
    assert len(lots) == len(job.training)  # each record has its own


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


@given(st.integers(1, 9), st.integers(1, 9))
def test_filling_repeats_rows_from_the_first(rows: int, size: int) -> None:
    array = np.arange(rows * 2).reshape(rows, 2)
    filled = fill(array, size)
    assert filled.shape == (size, 2)
    for place in range(size):
        np.testing.assert_array_equal(filled[place], array[place % rows])


# ---------------------------------------------------------------- another thread


def test_results_come_in_order_from_another_thread() -> None:
    with ahead(iter(range(20)), lambda item: (item * item, threading.current_thread().name)) as results:
        found = list(results)
    assert [result for result, _ in found] == [item * item for item in range(20)]
    assert {name for _, name in found} == {"gztrain-feed"}


def test_what_goes_wrong_is_raised_where_it_is_asked_for() -> None:
    def work(item: int) -> int:
        if item == 3:
            raise GzError("Record 3 is damaged.")
        return item

    found = []
    with pytest.raises(GzError, match="Record 3"), ahead(iter(range(9)), work) as results:
        found += list(iter(lambda: next(results), None))
    assert found == []
    with ahead(iter(range(9)), work) as results:
        assert [next(results) for _ in range(3)] == [0, 1, 2]


def test_whoever_has_had_enough_ends_the_thread_and_closes_the_source() -> None:
    closed = []

    def source() -> Iterator[int]:
        try:
            yield from range(1_000_000)
        finally:
            closed.append(True)

    with ahead(source(), lambda item: item) as results:
        assert next(results) == 0
    assert closed == [True]
    assert "gztrain-feed" not in {thread.name for thread in threading.enumerate()}


# ---------------------------------------------------------------- history


def line(step: int, val_loss: float | None = None) -> HistoryLine:
    return HistoryLine("whole", 1, step, 1e-3, 0.1 + step, val_loss, val_loss, 100.0, 0.5)


def test_a_history_reads_as_it_was_written(tmp_path: Path) -> None:
    history = History(tmp_path / "history.csv")
    history.write(line(1))
    history.write(line(2, 0.25))
    first, second = read_history(tmp_path / "history.csv")
    assert tuple(first) == COLUMNS
    assert (first["loss"], first["val_loss"], first["stage"]) == (1.1, None, "whole")
    assert second["val_loss"] == 0.25


def test_a_history_that_is_gone_on_with_loses_what_came_after_the_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    history = History(path)
    for step in range(1, 5):
        history.write(line(step))
    with path.open("a") as file:
        file.write("whole,1,5,0.0")  # killed while writing
    History(path, steps=3).write(line(4))
    assert [row["step"] for row in read_history(path)] == [1, 2, 3, 4]
    History(path)
    assert read_history(path) == []


def test_a_history_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(GzError, match="cannot be read"):
        read_history(tmp_path / "history.csv")


def test_tensorboard_reads_our_scalars(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    scalars, note = open_scalars(tmp_path, wanted=True)
    assert note is None
    scalars.write(line(7, 0.25))
    (path,) = tmp_path.iterdir()
    version, event = EventFileLoader(str(path)).Load()
    assert version.file_version == "brain.Event:2"
    found = {value.tag: value.tensor.float_val[0] for value in event.summary.value}
    assert event.step == 7
    assert found == pytest.approx(
        {"loss": 7.1, "rate": 1e-3, "val_loss": 0.25, "val_auc": 0.25, "samples_per_s": 100.0, "waiting": 0.5}
    )


def test_tensorboard_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scalars, note = open_scalars(tmp_path, wanted=False)
    scalars.write(line(1))
    assert note is None
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    scalars, note = open_scalars(tmp_path, wanted=True)
    scalars.write(line(1))
    assert note is not None
    assert "not installed" in note
    assert not list(tmp_path.iterdir())
