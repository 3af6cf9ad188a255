"""The history of a run, in history.csv and for TensorBoard."""

import csv
from pathlib import Path
from typing import Any

import pytest

from gzcore.errors import GzError
from gztrain.runs.history import (
    COLUMNS,
    History,
    HistoryLine,
    TensorBoard,
    damaged_in_training,
    open_scalars,
    read_history,
)


def test_what_training_left_out_is_what_its_fullest_epoch_did(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    columns = ("stage", "epoch", "damaged", "step", "loss")
    rows: list[tuple[Any, ...]] = [
        ("whole", 1, 1, 1, 0.5),
        ("whole", 2, 2, 2, 0.5),
        ("whole", 2, 1, 3, 0.5),
        ("fine-tune", 1, 1, 4, 0.5),
    ]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    assert damaged_in_training(path) == 3
    path.write_text("stage,epoch,step,loss\nwhole,1,1,0.5\n")  # of an older run
    assert damaged_in_training(path) == 0


def test_a_run_folder_that_is_gone_is_not_made_again(tmp_path: Path) -> None:
    with pytest.raises(GzError, match="perhaps removed meanwhile"):
        TensorBoard(tmp_path / "gone" / "tensorboard")
    assert not (tmp_path / "gone").exists()


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


def test_a_history_that_is_missing_is_reported(tmp_path: Path) -> None:
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
