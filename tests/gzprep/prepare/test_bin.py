"""One bin: what its shards hold, when it is left alone, and what makes it anew."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gzcore.errors import GzError
from gzprep.catalogue.galaxy import NAN, Galaxy, Rejection, Split
from gzprep.dataset.read import read_shard
from gzprep.dataset.shards import Bin, order_of
from gzprep.prepare.bin import hash_inputs, make_absent_bins, refuse_duplicates, write_bin
from gzprep.prepare.bin_record import BinRecord
from gzprep.prepare.job import PreparationJob
from tests.gz2 import Votes, read_record
from tests.gzprep.jobs import galaxies_by_bin, small_job
from tests.running import spoiled


@pytest.fixture
def job(sky_copy: Path, tmp_path: Path) -> PreparationJob:
    return small_job(sky_copy, tmp_path / "out")


@pytest.fixture
def target(job: PreparationJob) -> Bin:
    """The bin of the galaxy whose image is cut short."""
    galaxy = spoiled(job.source.data)["unreadable"]
    return job.bin_of(galaxy, Split.TRAIN)


def write(
    job: PreparationJob, target: Bin, galaxies: list[Galaxy] | None = None
) -> tuple[BinRecord, list[Rejection | None]]:
    """Write a bin; what was made of it, and what was said of its galaxies."""
    said: list[Rejection | None] = []
    own = galaxies_by_bin(job)[target] if galaxies is None else galaxies
    return write_bin(job, target, own, said.append), said


def test_a_bin_of_training_becomes_a_shard_of_each_split(job: PreparationJob, target: Bin) -> None:
    record, _ = write(job, target)
    accepted = set()
    for shard, view in zip(record.shards, (0, 1), strict=True):
        path = job.folder.root / shard.file
        data = path.read_bytes()
        assert (shard.bytes, shard.sha256) == (len(data), hashlib.sha256(data).hexdigest())
        records = [read_record(one) for one in read_shard(path)]
        assert len(records) == shard.records == record.accepted
        assert {(one.view, one.fold) for one in records} == {(view, target.fold)} == {(view, shard.fold)}
        order = [order_of(one.id, view, 0) for one in records]
        assert order == sorted(order)
        accepted |= {one.id for one in records}
    assert len(accepted) == record.accepted


def test_every_galaxy_is_told_of_once_in_the_order_of_the_ids(job: PreparationJob, target: Bin) -> None:
    record, said = write(job, target)
    assert len(said) == record.galaxies == record.accepted + sum(record.rejected.values())
    ids = sorted(galaxy.id for galaxy in galaxies_by_bin(job)[target])
    place = ids.index(spoiled(job.source.data)["unreadable"])
    assert (said[place] or pytest.fail("it was accepted")).reason == "unreadable"


def test_the_order_of_the_rows_does_not_matter(
    job: PreparationJob, target: Bin, tmp_path: Path, sky_copy: Path
) -> None:
    record, _ = write(job, target)
    other = small_job(sky_copy, tmp_path / "other")
    assert write(other, target, galaxies_by_bin(job)[target][::-1])[0] == record


def test_galaxies_of_the_other_split_are_compared_and_not_written(job: PreparationJob, target: Bin) -> None:
    own = galaxies_by_bin(job)[target]
    others = [galaxy for galaxies in galaxies_by_bin(job).values() for galaxy in galaxies if galaxy.split is Split.TEST]
    record, said = write(job, target, [*own, *others])
    assert record.galaxies == len(said) == len(own) < len(own) + len(others)


def galaxy(name: str, split: Split) -> Galaxy:
    return Galaxy(name, split, "a", "b.jpg", Votes((NAN,) * 30))


TWICE = {
    "in one catalogue": ((Split.TRAIN, Split.TRAIN), "Galaxy '7' is twice in the train catalogue"),
    "in the other": ((Split.TEST, Split.TEST), "Galaxy '7' is twice in the test catalogue"),
    "in both": ((Split.TRAIN, Split.TEST), "Galaxy '7' is in the train and in the test catalogue"),
}


@pytest.mark.parametrize(("splits", "sentence"), TWICE.values(), ids=TWICE.keys())
def test_a_galaxy_that_is_there_twice_is_refused(splits: tuple[Split, Split], sentence: str) -> None:
    galaxies = [galaxy("6", Split.TRAIN), *(galaxy("7", split) for split in splits), galaxy("8", Split.TRAIN)]
    with pytest.raises(GzError, match=sentence):
        refuse_duplicates(galaxies)
    refuse_duplicates([galaxies[0], galaxies[1], galaxies[3]])


def test_a_galaxy_of_both_catalogues_is_found_in_its_bin_of_training(job: PreparationJob, target: Bin) -> None:
    own = galaxies_by_bin(job)[target]
    with pytest.raises(GzError, match="in the train and in the test catalogue"):
        write(job, target, [*own, replace(own[0], split=Split.TEST)])


# ---------------------------------------------------------------- made again, or not


def was_made_again(job: PreparationJob, target: Bin, galaxies: list[Galaxy] | None = None) -> bool:
    """Write a bin; a manifest is withdrawn before the first shard of a bin that is made changes."""
    job.folder.manifest.write_text("{}")
    write(job, target, galaxies)
    return not job.folder.manifest.exists()


def test_a_finished_bin_is_left_alone_and_says_the_same(job: PreparationJob, target: Bin) -> None:
    first = write(job, target)
    assert not was_made_again(job, target)
    assert write(job, target) == first


def first_shard(job: PreparationJob, target: Bin) -> Path:
    return Path(str(job.folder.root)) / f"gz2-train.tfrecord-{target.index:05d}-of-{target.count:05d}"


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def spoil_the_note(job: PreparationJob, target: Bin) -> None:
    job.folder.bin_record(target.name).write_text("no parquet")


def forget_a_column(job: PreparationJob, target: Bin) -> None:
    path = str(job.folder.bin_record(target.name))
    table = pq.read_table(path)
    pq.write_table(table.drop_columns(["fold"]), path)


def name_another_recipe(job: PreparationJob, target: Bin) -> None:
    path = str(job.folder.bin_record(target.name))
    table = pq.read_table(path)
    text = table.schema.metadata[b"gzprep"].decode().replace(job.record_hash, "0" * 64)
    pq.write_table(table.replace_schema_metadata({b"gzprep": text}), path)


def change_an_image(job: PreparationJob, target: Bin) -> None:
    (made, *_) = galaxies_by_bin(job)[target]
    path = Path(str(job.source.images)) / made.subfolder / made.filename
    path.write_bytes(path.read_bytes() + b"\0" if path.exists() else b"\0")


DAMAGE: dict[str, Callable[[PreparationJob, Bin], object]] = {
    "a shard is gone": lambda job, target: first_shard(job, target).unlink(),
    "a shard is cut": lambda job, target: first_shard(job, target).write_bytes(b""),
    "a shard has a flipped bit": lambda job, target: flip_a_bit(first_shard(job, target)),
    "the note is gone": lambda job, target: job.folder.bin_record(target.name).unlink(),
    "the note is damaged": spoil_the_note,
    "the note is of an older format": forget_a_column,
    "it was made by another recipe": name_another_recipe,
    "an image has changed": change_an_image,
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_bin_is_made_again_where(name: str, job: PreparationJob, target: Bin) -> None:
    first, _ = write(job, target)
    DAMAGE[name](job, target)
    assert was_made_again(job, target)
    record, _ = write(job, target)
    assert not was_made_again(job, target)
    assert (record.shards == first.shards) or name == "an image has changed"


def test_a_bin_is_made_again_where_a_row_has_changed(job: PreparationJob, target: Bin) -> None:
    write(job, target)
    first, *others = galaxies_by_bin(job)[target]
    assert was_made_again(job, target, [replace(first, extras=("another", *first.extras[1:])), *others])
    assert was_made_again(job, target, others)


def test_another_threshold_alone_is_applied_to_the_scores(sky_copy: Path, tmp_path: Path, target: Bin) -> None:
    first, _ = write(small_job(sky_copy, tmp_path / "out", "defects.black_line.policy=keep"), target)
    other = small_job(sky_copy, tmp_path / "out", "defects.black_line.policy=flag", "defects.black_line.threshold=0")
    assert not was_made_again(other, target)
    record, _ = write(other, target)
    assert record.flagged.get("black_line") == record.accepted
    assert (record.shards, record.inputs, record.recipe_hash) == (first.shards, first.inputs, other.recipe_hash)
    table = pq.read_table(str(other.folder.bin_record(target.name)))
    assert table["verdict"].to_pylist().count("flagged") == record.accepted


def test_the_inputs_are_told_apart() -> None:
    one, other = galaxy("1", Split.TRAIN), galaxy("2", Split.TRAIN)
    inputs = ([], [(one, "a")], [(one, "b")], [(other, "a")], [(one, "a"), (other, "a")])
    assert len({hash_inputs(pairs) for pairs in inputs}) == len(inputs)


def test_bins_without_a_galaxy_get_empty_shards(sky_copy: Path, tmp_path: Path) -> None:
    job = small_job(sky_copy, tmp_path / "out", "shards.min_bins=2")
    present = job.counts.bins()[1:]
    (record,) = make_absent_bins(job, present)
    assert record.bin == job.counts.bins()[0]
    assert (record.galaxies, record.accepted, record.rejected) == (0, 0, {})
    assert [(job.folder.root / shard.file).read_bytes() for shard in record.shards] == [b""] * len(record.shards)
    assert pq.read_table(str(job.folder.bin_record(record.bin.name))).num_rows == 0
    assert isinstance(pq.read_schema(str(job.folder.bin_record(record.bin.name))), pa.Schema)


def test_redshifts_come_into_the_catalogue_and_change_no_shard(sky_copy: Path, tmp_path: Path, target: Bin) -> None:
    plain, _ = write(small_job(sky_copy, tmp_path / "plain"), target)
    path = sky_copy / "gz2_train_catalog.parquet"
    table = pq.read_table(path)
    redshifts = [place / 1000 for place in range(len(table))]
    pq.write_table(table.append_column("REDSHIFT", [redshifts]), path)
    job = small_job(sky_copy, tmp_path / "other")
    record, _ = write(job, target)
    assert (record.shards, record.data, record.labels) == (plain.shards, plain.data, plain.labels)
    rows = pq.read_table(job.folder.bin_record(target.name), columns=["id_str", "REDSHIFT"]).to_pylist()
    expected = dict(zip(table["id_str"].to_pylist(), redshifts, strict=True))
    assert {row["id_str"]: row["REDSHIFT"] for row in rows} == {row["id_str"]: expected[row["id_str"]] for row in rows}
