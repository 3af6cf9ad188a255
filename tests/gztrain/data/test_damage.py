"""Damaged shards: the first damaged record is an error with shard and number, or is left out and counted."""

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from gzcore.errors import GzError
from gztrain.data import Selection, open_reader, order, select
from gztrain.data.dataset import open_dataset
from tests.gztrain.shards import (
    FIRST,
    check_same,
    copied,
    everything,
    flip,
    frame_starts,
    records_of,
    replace_record,
    spoil_image,
)

READERS = ["native", "tf"]


@pytest.fixture
def folder(dataset: Path, tmp_path: Path, empty_cache: Path) -> Path:  # noqa: ARG001 -- no index of a whole copy
    return copied(dataset, tmp_path / "out")


def flip_pixel(path: Path) -> None:
    flip(path, frame_starts(path)[2] + 1500)


def flip_length(path: Path) -> None:
    flip(path, frame_starts(path)[2] + 1)


def flip_checksum(path: Path) -> None:
    flip(path, frame_starts(path)[3] - 1)


def cut_within(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: frame_starts(path)[2] + 700])


def cut_in_header(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: frame_starts(path)[2] + 5])


def cut_between(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: frame_starts(path)[2]])


def spoil(path: Path) -> None:
    replace_record(path, 2, spoil_image)


def shrink(path: Path) -> None:
    """Another image in its place, which says that it is of 64 x 63 px."""
    replace_record(path, 2, lambda record: record.replace(b"\x00\x40\x00\x40\x03", b"\x00\x3f\x00\x40\x03"))


def forget_image(path: Path) -> None:
    replace_record(path, 2, lambda record: record.replace(b"\x05image", b"\x05imago"))


@dataclass(frozen=True)
class Case:
    """A damage to record 3 (from 1) of the first shard, what is told of it, and whether all after it are lost."""

    damage: Callable[[Path], None]
    told: str
    all_after: bool = False


CASES = {
    "a flipped bit in the image": Case(flip_pixel, "its checksum is wrong"),
    "a flipped bit in the checksum": Case(flip_checksum, "its checksum is wrong"),
    "a flipped bit in the length": Case(flip_length, "checksum of its length is wrong", all_after=True),
    "a shard cut within a record": Case(cut_within, "the file ends within it", all_after=True),
    "a shard cut within a header": Case(cut_in_header, "the file ends within it", all_after=True),
    "a shard cut between records": Case(cut_between, "the file ends before it", all_after=True),
    "an image that cannot be decoded": Case(spoil, "its image cannot be decoded"),
    "an image of another size": Case(shrink, "its image has 64 x 63 px, not 64 x 64"),
    "no image": Case(forget_image, "it lacks image, and has imago beside them"),
}


def chosen(folder: Path) -> Selection:
    return select(open_dataset(folder), "train", views=2)


@pytest.mark.parametrize("when", ["before the index is made", "after"])
@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("case", CASES)
def test_the_first_damaged_record_stops(case: str, name: str, when: str, folder: Path) -> None:
    if when == "after":
        chosen(folder)
    CASES[case].damage(folder / FIRST)
    selection = chosen(folder)
    records = open_dataset(folder).shards[0].records
    with pytest.raises(GzError, match=f"Record 3 of {records} in the shard .*{FIRST} cannot be used") as caught:
        everything(open_reader(name, threads=2), selection)
    assert CASES[case].told in str(caught.value)
    assert "--skip-damaged" in str(caught.value)
    assert caught.value.exit_code == 1
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("case", CASES)
def test_damaged_records_are_left_out_and_counted(case: str, name: str, folder: Path) -> None:
    whole = everything(open_reader("native"), chosen(folder))
    before = {(galaxy, int(view)) for batch in whole for galaxy, view in zip(batch.ids, batch.views, strict=True)}
    records = open_dataset(folder).shards[0].records
    shutil.rmtree(os.environ["GZTRAIN_CACHE"])
    CASES[case].damage(folder / FIRST)
    selection, reader = chosen(folder), open_reader(name, threads=2, skip_damaged=True)
    found = everything(reader, selection, order(0, 0, len(selection)))
    lost = range(3, records + 1) if CASES[case].all_after else [3]
    assert set(reader.damage.records) == {(FIRST, number) for number in lost}
    assert len(reader.damage) == len(lost)
    after = {(galaxy, int(view)) for batch in found for galaxy, view in zip(batch.ids, batch.views, strict=True)}
    assert len(after) == sum(map(len, found)) == len(before) - len(lost)
    assert after < before
    assert CASES[case].told in reader.damage.sentence()
    assert reader.damage.sentence().startswith(f"{len(lost)} damaged records were left out ({FIRST}, record 3: ")


@pytest.mark.parametrize("name", READERS)
def test_an_index_made_before_the_damage_saves_later_records(name: str, folder: Path) -> None:
    chosen(folder)
    flip_length(folder / FIRST)
    selection, reader = chosen(folder), open_reader(name, skip_damaged=True)
    assert sum(len(batch) for batch in everything(reader, selection)) == len(selection) - 1
    assert reader.damage.records == {(FIRST, 3): "its length or the checksum of its length is wrong"}


@pytest.mark.parametrize("case", CASES)
def test_both_readers_leave_out_the_same(case: str, folder: Path) -> None:
    CASES[case].damage(folder / FIRST)
    selection = chosen(folder)
    readers = [open_reader(name, threads=2, skip_damaged=True) for name in READERS]
    places = order(3, 1, len(selection))
    check_same(*(everything(reader, selection, places, 4, seed=3, epoch=1) for reader in readers))
    assert set(readers[0].damage.records) == set(readers[1].damage.records)


@pytest.mark.parametrize("name", READERS)
def test_a_skipped_record_moves_no_other_to_another_batch(name: str, folder: Path) -> None:
    """A run that goes on in the middle of an epoch counts on it."""
    spoil(folder / FIRST)
    selection, reader = chosen(folder), open_reader(name, threads=2, skip_damaged=True)
    places = order(3, 1, len(selection))
    batches = everything(reader, selection, places, 5)
    bad = [place for place in range(len(selection)) if selection.number[place] == 2 and selection.shard[place] == 0]
    for number, batch in enumerate(batches):
        own = places[5 * number : 5 * number + 5]
        np.testing.assert_array_equal(batch.places, own[~np.isin(own, bad)])


@pytest.mark.parametrize("name", READERS)
def test_an_empty_batch_is_not_given(name: str, folder: Path) -> None:
    spoil(folder / FIRST)
    selection, reader = chosen(folder), open_reader(name, skip_damaged=True)
    batches = everything(reader, selection, np.array([0, 2, 1]), 1)
    assert [batch.places.tolist() for batch in batches] == [[0], [1]]
    assert len(reader.damage) == 1


@pytest.mark.parametrize("name", READERS)
def test_a_record_is_counted_once_however_many_epochs(name: str, folder: Path) -> None:
    cut_within(folder / FIRST)
    selection, reader = chosen(folder), open_reader(name, skip_damaged=True)
    first = sum(len(batch) for batch in everything(reader, selection))
    counted = len(reader.damage)
    assert sum(len(batch) for batch in everything(reader, selection)) == first
    assert len(reader.damage) == counted == len(selection) - first


@pytest.mark.parametrize("name", READERS)
def test_many_undecodable_images(name: str, folder: Path) -> None:
    path = folder / FIRST
    count = len(records_of(path))
    for number in range(count):
        replace_record(path, number, spoil_image)
    reader = open_reader(name, threads=2, skip_damaged=True)
    selection = chosen(folder)
    assert sum(len(batch) for batch in everything(reader, selection, batch=3)) == len(selection) - count
    assert len(reader.damage) == count


def test_without_damage_the_sentence_is_empty() -> None:
    assert open_reader(skip_damaged=True).damage.sentence() == ""


def test_only_a_few_are_named(folder: Path) -> None:
    cut_in_header(folder / FIRST)
    extra = folder / FIRST.replace("train", "train_views")
    cut_in_header(extra)
    reader = open_reader(skip_damaged=True)
    everything(reader, chosen(folder))
    assert len(re.findall(r"-of-00005, record \d+: ", reader.damage.sentence())) == 5
    assert f"and {len(reader.damage) - 5} more" in reader.damage.sentence()


@pytest.mark.parametrize("name", READERS)
def test_lost_records_are_an_error_before_the_first_batch(name: str, folder: Path) -> None:
    """Not hours later, where its turn comes."""
    cut_within(folder / FIRST)
    selection = chosen(folder)
    lost = np.flatnonzero(selection.length < 0)
    places = np.concatenate([np.flatnonzero(selection.length >= 0), lost])
    with pytest.raises(GzError, match="Record 3 of"):
        next(open_reader(name).batches(selection, places, 4))


@pytest.mark.parametrize("name", READERS)
def test_a_damaged_record_that_is_not_asked_for_does_no_harm(name: str, folder: Path) -> None:
    cut_within(folder / FIRST)
    selection = chosen(folder)
    good = np.flatnonzero(selection.length >= 0)
    assert sum(len(batch) for batch in everything(open_reader(name), selection, good)) == len(good)
    assert everything(open_reader(name), select(open_dataset(folder), folds=[1, 2, 3, 4]))


@pytest.mark.parametrize("name", READERS)
def test_a_shard_that_goes_away(name: str, folder: Path) -> None:
    selection = chosen(folder)
    (folder / FIRST).unlink()
    with pytest.raises(GzError, match=f"Record 1 of .*{FIRST} cannot be used: the file cannot be read .No such"):
        everything(open_reader(name), selection)
