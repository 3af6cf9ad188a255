"""One bin, from its rows to its shards and its record: what one worker does in one go.

The shards of a bin appear whole, its record last. A bin whose record matches its rows and the bytes of its images is
left alone; that is all there is to resuming a run.
"""

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

import pyarrow as pa

from gzcore.dataset.layout import shard_name
from gzcore.errors import GzError
from gzcore.storage.atomic import appearing, withdraw, writing
from gzcore.storage.places import Place, sha256_of
from gzprep.catalogue.consistency import count_inconsistent
from gzprep.catalogue.galaxy import Galaxy, Rejection, Split, row_bytes
from gzprep.dataset.data_hash import data_sum
from gzprep.dataset.shards import Bin
from gzprep.dataset.spool import BUFFER, Spool
from gzprep.images.frame_sum import FrameSum
from gzprep.images.mean import write_mean
from gzprep.images.sources import read_images
from gzprep.prepare.bin_record import (
    BinRecord,
    FinishedBin,
    ShardInfo,
    column_sums,
    read_finished,
    tally,
    write_finished,
)
from gzprep.prepare.catalogue_row import catalogue_row
from gzprep.prepare.galaxy import Judged, image_digest, judge_galaxy, make_records
from gzprep.prepare.job import PreparationJob
from gzprep.prepare.rejudge import rejudge

OnGalaxy = Callable[[Rejection | None], None]


def write_bin(job: PreparationJob, target: Bin, rows: Iterable[Galaxy], on_galaxy: OnGalaxy) -> BinRecord:
    """Make the shards of a bin, unless they are there and up to date.

    Args:
        job: recipe and folders.
        target: the bin.
        rows: its galaxies, in any order. Galaxies of the other split are compared with them only.
        on_galaxy: called once a galaxy, with the rejection if there is one.

    Raises:
        GzError: a galaxy is there twice; or the folder cannot be written into.
    """
    compared = sorted(rows, key=lambda galaxy: galaxy.id)
    refuse_duplicates(compared)
    galaxies = [galaxy for galaxy in compared if galaxy.split is target.split]
    finished = find_finished(job, target, galaxies)
    if finished is not None:
        for rejection in finished.rejections:
            on_galaxy(rejection)
        return finished.record
    with writing(job.folder.root):
        return _make_bin(job, target, galaxies, on_galaxy)


def refuse_duplicates(galaxies: Sequence[Galaxy]) -> None:
    """Refuse two rows of one galaxy.

    Args:
        galaxies: sorted by id.

    Raises:
        GzError: the sentence names the galaxy and its catalogues.
    """
    for galaxy, following in pairwise(galaxies):
        if galaxy.id == following.id:
            both = galaxy.split != following.split
            where = "in the train and in the test catalogue" if both else f"twice in the {galaxy.split} catalogue"
            raise GzError(f"Galaxy {galaxy.id!r} is {where}; a galaxy may be in one place only. Remove a row.")


# ---------------------------------------------------------------- a bin that is there


def find_finished(job: PreparationJob, target: Bin, galaxies: Sequence[Galaxy]) -> FinishedBin | None:
    """Return a bin that is whole and up to date, else None; other thresholds alone are applied to its scores."""
    finished = read_finished(job.folder, target, job.catalogue_schema)
    if finished is None or finished.record.record_hash != job.record_hash:
        return None
    if not all(_is_intact(job.folder.root / shard.file, shard) for shard in finished.record.shards):
        return None
    if finished.record.inputs != _inputs_on_disk(job, galaxies):
        return None
    return finished if finished.record.recipe_hash == job.recipe_hash else _rejudge_bin(job, finished)


def _rejudge_bin(job: PreparationJob, finished: FinishedBin) -> FinishedBin | None:
    table = rejudge(finished.table, job.recipe.defects)
    if table is None:
        return None
    rows = table.select(["verdict", "reason", "flags"]).to_pylist()
    record = replace(
        finished.record,
        recipe_hash=job.recipe_hash,
        rejected=tally(row["reason"] for row in rows if row["reason"]),
        flagged=tally(flag for row in rows if row["verdict"] == "flagged" for flag in row["flags"]),
    )
    rejudged = FinishedBin(record, table)
    with writing(job.folder.root):
        write_finished(job.folder, rejudged)
    return rejudged


def _is_intact(path: Place, shard: ShardInfo) -> bool:
    if not path.is_file() or path.stat().st_size != shard.bytes:
        return False
    return sha256_of(path) == shard.sha256


def _inputs_on_disk(job: PreparationJob, galaxies: Sequence[Galaxy]) -> str:
    images = read_images(galaxies, job.source.images)
    digests = ("" if isinstance(data, Rejection) else image_digest(data) for data in images)
    return _hash_inputs_of(job, zip(galaxies, digests, strict=True))


def _hash_inputs_of(job: PreparationJob, pairs: Iterable[tuple[Galaxy, str]]) -> str:
    """Hash rows, image digests, and the test galaxy that a training galaxy is a duplicate of."""
    return hash_inputs((galaxy, digest + job.groups.in_test.get(galaxy.id, "")) for galaxy, digest in pairs)


def hash_inputs(pairs: Iterable[tuple[Galaxy, str]]) -> str:
    """Hash rows and image digests, in their order."""
    digest = hashlib.blake2b(digest_size=32)
    for galaxy, image in pairs:
        row = row_bytes(galaxy)
        digest.update(len(row).to_bytes(4, "big") + row + image.encode().ljust(32))
    return digest.hexdigest()


# ---------------------------------------------------------------- a bin that is made


def _make_bin(job: PreparationJob, target: Bin, galaxies: Sequence[Galaxy], on_galaxy: OnGalaxy) -> BinRecord:
    withdraw(job.folder.manifest)  # before the first shard changes: the folder is not whole any more
    job.folder.bin_record(target.name).unlink(missing_ok=True)
    with tempfile.TemporaryFile(dir=job.folder.spool, buffering=BUFFER) as file:
        spool = Spool(file)
        judged = []
        side = job.recipe.images.frame
        frames = FrameSum(side) if side != "any" and job.averages(target) else None
        for galaxy, data in zip(galaxies, read_images(galaxies, job.source.images), strict=True):
            seen = _judge(job, galaxy, data)
            if frames is not None and seen.frame is not None:
                frames.add(seen.frame)
            judged.append(_spool_galaxy(job, target, seen, spool))
            on_galaxy(judged[-1].verdict.rejection)
        shards = tuple(_write_shard(job, target, split, spool) for split in target.shard_splits)
    if frames is not None:
        write_mean(job.folder.bin_mean(target.name), frames.mean_image(), job.folder.temporaries)
    survey = job.recipe.survey
    rows = [catalogue_row(galaxy, target, survey) for galaxy in judged]
    table = pa.Table.from_pylist(rows, job.catalogue_schema)
    finished = FinishedBin(_summarise(job, target, judged, shards), table)
    write_finished(job.folder, finished)
    return finished.record


def _judge(job: PreparationJob, galaxy: Galaxy, data: bytes | Rejection) -> Judged:
    """Judge a galaxy; a duplicate of a test galaxy is rejected."""
    judged = judge_galaxy(galaxy, data, job.recipe)
    if galaxy.id in job.groups.in_test and galaxy.split is Split.TRAIN:
        return judged.without_duplicate(job.groups.in_test[galaxy.id])
    return judged


def _spool_galaxy(job: PreparationJob, target: Bin, judged: Judged, spool: Spool) -> Judged:
    """Keep the records of a galaxy, if it has any, and let go of its pixels."""
    if judged.frame is not None:
        for record in make_records(judged, judged.frame, job.recipe, target.fold):
            spool.add(record.split, record.order, record.data)
    return judged.without_frame()


def _write_shard(job: PreparationJob, target: Bin, split: str, spool: Spool) -> ShardInfo:
    name = shard_name(job.recipe.name, split, target.index, target.count)
    digest, size = hashlib.sha256(), 0
    with appearing(job.folder.root / name, job.folder.temporaries) as file:
        for data in spool.in_order(split):
            file.write(data)
            digest.update(data)
            size += len(data)
    return ShardInfo(name, split, target.index, target.fold, spool.count(split), size, digest.hexdigest())


def _summarise(job: PreparationJob, target: Bin, judged: Sequence[Judged], shards: tuple[ShardInfo, ...]) -> BinRecord:
    survey = job.recipe.survey
    digests = [(galaxy.galaxy, galaxy.digest) for galaxy in judged]
    inputs, data = _hash_inputs_of(job, digests), data_sum(digests)
    accepted = [galaxy for galaxy in judged if galaxy.verdict.rejection is None]
    noticed = (
        tally(galaxy.verdict.rejection.reason.value for galaxy in judged if galaxy.verdict.rejection),
        tally(flag for galaxy in accepted for flag in galaxy.verdict.flags),
        tally(name for galaxy in accepted for name in galaxy.verdict.inpainted),
    )
    labels = {
        "answered": column_sums((galaxy.labels.mask for galaxy in accepted), survey.widths.labels),
        "asked": column_sums((galaxy.labels.asked for galaxy in accepted), survey.widths.labels),
        "report": column_sums((galaxy.labels.report for galaxy in accepted), survey.widths.labels),
    }
    inconsistent = count_inconsistent([galaxy.galaxy.votes for galaxy in judged], survey)
    hashes = (job.recipe_hash, job.record_hash, inputs, data)
    return BinRecord(target, *hashes, len(judged), len(accepted), *noticed, shards, labels, inconsistent)


def make_absent_bins(job: PreparationJob, present: Iterable[Bin]) -> list[BinRecord]:
    """Write the empty shards of the bins that no galaxy fell into."""
    absent = set(job.counts.bins()).difference(present)
    return [write_bin(job, target, (), lambda _: None) for target in sorted(absent)]
