"""Votes and labels without images: the same as with them, and the counts that a run works with."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from gzcore.errors import GzError
from gztrain.data import open_reader, select
from gztrain.data.answers import answers_of
from gztrain.data.damage import Damage
from gztrain.data.dataset import choose_scheme, open_dataset
from gztrain.data.label_counts import count_labels
from gztrain.data.label_source import LabelSource
from gztrain.data.stream import in_order


def test_they_are_those_of_the_reader(dataset: Path) -> None:
    selection = select(open_dataset(dataset))
    with_images = list(in_order(open_reader("native"), selection, 7))
    without = list(answers_of(selection, Damage()))
    for name in ("fractions", "votes", "label_asked", "label_report", "mask", "places"):
        parts = [np.concatenate([getattr(batch, name) for batch in batches]) for batches in (with_images, without)]
        np.testing.assert_array_equal(*parts)
    assert [galaxy for batch in without for galaxy in batch.ids] == [g for batch in with_images for g in batch.ids]


@pytest.mark.parametrize(("min_votes", "ties"), [(1, "keep"), (5, "keep"), (1, "mask"), (5, "mask"), (0, "mask")])
def test_labels_are_counted_under_the_mask_that_a_run_trains_with(min_votes: int, ties: str, dataset: Path) -> None:
    opened, reader = open_dataset(dataset), open_reader("native")
    scheme = choose_scheme(opened, "all")
    source = LabelSource(scheme, "asked", min_votes, ties)  # type: ignore[arg-type]
    batches = in_order(reader, select(opened, folds=[0, 1, 2]), 16)
    labels, masks = (np.concatenate(parts) for parts in zip(*map(source.of, batches), strict=True))
    counted, expected = source.count(opened, [0, 1, 2], reader), count_labels(scheme, labels, masks)
    assert counted.as_json() == expected.as_json()


def test_a_damaged_record_stops_or_is_left_out(dataset: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(dataset, tmp_path / "copy"))
    path = next(shard.path for shard in open_dataset(copy).shards if shard.split == "train" and shard.records)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    selection = select(open_dataset(copy))
    with pytest.raises(GzError, match="--skip-damaged"):
        list(answers_of(selection, Damage()))
    damage = Damage(skip=True)
    assert sum(map(len, answers_of(selection, damage))) == len(selection) - len(damage)
    assert len(damage) == 1
