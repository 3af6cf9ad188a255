"""Checkpoints: what comes back, and what is damaged. ``tests/gztrain/test_kills.py`` kills runs."""

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gzcore.errors import GzError
from gztrain.training import checkpoint
from gztrain.training.checkpoint import Checkpoints, Snapshot, assign_values, values_of
from gztrain.training.schedule import Best, Position, Progress, Validation, progress_from_json, progress_to_json

numbers = st.integers(0, 10**9)
floats = st.floats(allow_nan=False, width=32)
progresses = st.builds(
    Progress,
    st.builds(Position, *[numbers] * 5),
    st.builds(Best, numbers, st.builds(Validation, floats, floats), numbers),
    st.lists(floats, max_size=3).map(tuple),
    st.booleans(),
    numbers,
    floats,
    st.booleans(),
    st.booleans(),
    st.just(({"name": "Counter", "state": {"seen": 3}},)) | st.just(()),
)


def snapshot(steps: int = 7, best: int = 5) -> Snapshot:
    rng = np.random.default_rng(steps)
    model = (rng.normal(size=(2, 3)).astype(np.float32), np.array([1, 2], np.uint32), np.float32(0.5).reshape(()))
    progress = Progress(Position(steps=steps), Best(best, Validation(0.25, float("nan"))), (1.5, 2.5))
    return Snapshot(progress, model, (np.array(3, np.int64),), (np.ones(2),))


@given(progresses)
def test_progress_survives_json(progress: Progress) -> None:
    assert progress_from_json(json.loads(json.dumps(progress_to_json(progress)))) == progress


def test_a_run_folder_that_is_gone_is_not_made_again(tmp_path: Path) -> None:
    """A checkpoint would be all that is in it, and the command would say that it ended well."""
    with pytest.raises(GzError, match="perhaps removed meanwhile"):
        Checkpoints(tmp_path / "gone" / "checkpoint").save(snapshot())
    assert not (tmp_path / "gone").exists()


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    checkpoints, saved = Checkpoints(tmp_path / "checkpoint"), snapshot()
    checkpoints.save_best(5, saved.model)
    checkpoints.save(saved)
    found = checkpoints.load()
    assert found is not None
    assert found.progress.position == saved.progress.position
    assert found.progress.losses == saved.progress.losses
    assert np.isnan(found.progress.best.validation.auc)
    kinds = [(*each.model, *each.optimizer, *each.callbacks) for each in (saved, found)]
    for before, after in zip(*kinds, strict=True):
        assert before.dtype == after.dtype
        np.testing.assert_array_equal(before, after)
    assert [part.tobytes() for part in checkpoints.load_best(5)] == [part.tobytes() for part in saved.model]


def test_without_a_checkpoint_nothing_is_loaded(tmp_path: Path) -> None:
    assert Checkpoints(tmp_path).load() is None


def test_the_best_before_last_is_dropped_only_when_a_checkpoint_names_the_new_one(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save_best(5, snapshot().model)
    checkpoints.save(snapshot(best=5))
    checkpoints.save_best(9, snapshot().model)
    assert {path.name for path in tmp_path.iterdir()} == {"last.npz", "best-000000005.npz", "best-000000009.npz"}
    checkpoints.save(snapshot(best=9))
    assert {path.name for path in tmp_path.iterdir()} == {"last.npz", "best-000000009.npz"}
    with pytest.raises(GzError, match=r"best-000000005\.npz is missing; start over with --overwrite\.$"):
        checkpoints.load_best(5)


def test_a_checkpoint_that_cannot_be_written_leaves_the_last_one(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(snapshot(steps=7))
    full = mock.patch("os.fsync", side_effect=OSError(28, "No space left on device"))
    with full, pytest.raises(GzError, match="disk is full"):
        checkpoints.save(snapshot(steps=8))
    found = checkpoints.load()
    assert found is not None
    assert found.progress.position.steps == 7
    assert [path.name for path in tmp_path.iterdir()] == ["last.npz"]


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[data.index(b"NUMPY") + 130] ^= 1
    path.write_bytes(data)


def _begin_beyond_the_end(path: Path) -> None:
    """Let an array begin behind the end of the file; found by a search."""
    data = bytearray(path.read_bytes())
    at = data.rfind(b"PK\x03\x04")
    data[at + 28 : at + 30] = struct.pack("<H", 60_000)  # bytes between its name and itself
    path.write_bytes(bytes(data))


def _name_without_letters(path: Path) -> None:
    """Say of a name that it is UTF-8, and let it be something else; found by a search."""
    data = bytearray(path.read_bytes())
    at = data.find(b"PK\x01\x02")
    data[at + 9] |= 0x08
    data[at + 46] = 0x8C
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    "damage",
    [
        *(_cut, _flip, lambda path: path.write_bytes(b""), lambda path: np.savez(path, a=np.zeros(3))),
        *(_begin_beyond_the_end, _name_without_letters),
    ],
    ids=["cut", "flipped bit", "empty", "of something else", "an array beyond the end", "a name that is no UTF-8"],
)
def test_damage_is_reported(damage: Callable[[Path], Any], tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(snapshot())
    damage(checkpoints.last)
    with pytest.raises(GzError, match=r"last.npz is damaged .*--overwrite\.$"):
        checkpoints.load()


def test_values_of_other_variables_are_refused() -> None:
    import keras

    dense = keras.layers.Dense(2)
    dense.build((None, 3))
    values = values_of(dense.variables)
    assign_values(dense.variables, [value + 1 for value in values], Path("here"))
    np.testing.assert_array_equal(values_of(dense.variables)[0], values[0] + 1)
    with pytest.raises(GzError, match="here holds 1 arrays that do not fit the 2 variables"):
        assign_values(dense.variables, values[:1], Path("here"))


def test_pickles_are_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "last.npz"
    np.savez(path, allow_pickle=True, progress=np.array([{"a": 1}], object))
    with mock.patch("pickle.load", side_effect=AssertionError), pytest.raises(GzError, match="damaged"):
        checkpoint.Checkpoints(tmp_path).load()
