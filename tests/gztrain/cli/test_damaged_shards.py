"""Damaged shards under the commands themselves: a sentence, or fewer galaxies that are counted wherever a run is told.

What the readers make of each kind of damage is in tests/gztrain/data/test_damage.py.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from gztrain.data.dataset import Shard, open_dataset
from tests.gztrain.run_folders import TINY, curve, untrained_run
from tests.gztrain.shards import copied, flip, frame_starts
from tests.running import gztrain

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("file_lean_training"),
    pytest.mark.filterwarnings(
        "ignore:Even though the `tf.config:UserWarning"
    ),  # tf.data compiles its own functions even so
]

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
    result = gztrain("fit", data.folder, "--run", run, "--reader", reader, "--skip-damaged", *QUICK)
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
    result = gztrain("fit", data.folder, "--run", run, *QUICK, "--resume", "--skip-damaged", "--json")
    assert result.code == 0, result.err
    assert result.json["training"] == {"damaged_records": 1}
    assert result.json["splits"]["val"]["damaged_records"] == 1


@pytest.mark.parametrize(
    ("split", "reader"),
    [
        ("val", "native"),
        ("test", "tf"),
        pytest.param("val", "tf", marks=pytest.mark.thorough),
        pytest.param("test", "native", marks=pytest.mark.thorough),
    ],
)
def test_evaluate_stops_or_leaves_out_and_counts(split: str, reader: str, dataset: Path, tmp_path: Path) -> None:
    data = damage(dataset, tmp_path / "data", "a flipped bit")
    folder = untrained_run(tmp_path / "run", data.folder, **{"input.reader": reader, "model.size": 16, "bootstrap": 0})
    result = gztrain("evaluate", folder.root, "--split", split)
    assert result.code == 1
    assert names_record(result.sentence, data.test if split == "test" else data.validation)
    assert not folder.metrics.exists()
    option = "--skip-damaged" if split == "val" else "--skip-corrupt"  # its earlier name
    found = gztrain("evaluate", folder.root, "--split", split, option, "--json").json
    assert found["splits"][split]["damaged_records"] == 1
    assert "training" not in found


def test_a_split_with_only_damaged_records_is_reported_in_a_sentence(dataset: Path, tmp_path: Path) -> None:
    folder = copied(dataset, tmp_path / "data")
    for shard in open_dataset(folder).shards_of("test"):
        shard.path.write_bytes(b"")
    run = untrained_run(tmp_path / "run", folder, **{"model.size": 16, "bootstrap": 0})
    result = gztrain("evaluate", run.root, "--skip-damaged")
    assert result.code == 1
    assert "that were to be read are damaged" in result.sentence
