"""One bin, from its rows to its shards and its record: what one worker does in one go.

The shards of a bin appear whole, its record last. A bin whose record matches its rows and the bytes of its images is
left alone; that is all there is to resuming a run.
"""

import hashlib
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from itertools import pairwise

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import TypeAdapter

from gzcore.dataset.layout import shard_name
from gzcore.errors import GzError
from gzcore.storage.atomic import appearing, withdraw, writing
from gzcore.storage.documents import parse_json
from gzcore.storage.places import Place, for_arrow
from gzprep.catalogue.consistency import count_inconsistent
from gzprep.catalogue.galaxy import Galaxy, Rejection, Split, row_bytes
from gzprep.catalogue.tree import LABEL_NAMES
from gzprep.dataset.data_hash import data_sum
from gzprep.dataset.shards import Bin, order_of
from gzprep.dataset.spool import BUFFER, Spool
from gzprep.prepare.catalogue_row import SCHEMA, catalogue_row
from gzprep.prepare.galaxy import Judged, image_digest, judge_galaxy, make_records, read_images
from gzprep.prepare.job import Job
from gzprep.prepare.rejudge import rejudge

OnGalaxy = Callable[[Rejection | None], None]
_META = b"gzprep"


@dataclass(frozen=True, slots=True)
class ShardInfo:
    """A finished shard."""

    file: str
    split: str
    index: int
    fold: int
    records: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class BinRecord:
    """What was made of a bin.

    Attributes:
        bin: name of the bin.
        recipe_hash: recipe it was made with.
        record_hash: the same, without thresholds and policies.
        inputs: hash of its rows and of each image's bytes.
        data: its part of the data hash.
        galaxies: rows.
        accepted: galaxies in the shards.
        rejected: reason to number of galaxies.
        flagged: detector to number of accepted galaxies.
        inpainted: the same, of those in which its line was filled.
        shards: the files.
        labels: ``answered``, ``asked`` and ``report``: 22 sums each, over the accepted galaxies.
        inconsistent: kind to number of galaxies whose votes contradict each other.
    """

    bin: str
    recipe_hash: str
    record_hash: str
    inputs: str
    data: str
    galaxies: int
    accepted: int
    rejected: dict[str, int]
    flagged: dict[str, int]
    inpainted: dict[str, int]
    shards: tuple[ShardInfo, ...]
    labels: dict[str, list[int]]
    inconsistent: dict[str, int] = field(default_factory=dict)

    @classmethod
    def from_json(cls, text: str | bytes) -> "BinRecord":
        """Undo :meth:`to_json`.

        Raises:
            ValueError: the text is something else.
        """
        return _checker().validate_python(parse_json(text.encode() if isinstance(text, str) else text))

    def to_json(self) -> str:
        """The record as text."""
        return json.dumps(asdict(self), sort_keys=True)


@cache
def _checker() -> TypeAdapter[BinRecord]:
    return TypeAdapter(BinRecord)


def write_bin(job: Job, target: Bin, rows: Iterable[Galaxy], on_galaxy: OnGalaxy) -> BinRecord:
    """Make the shards of a bin, unless they are there already.

    Args:
        job: recipe and folders.
        target: the bin.
        rows: its galaxies, in any order. Galaxies of another split are visitors, sent here to be compared.
        on_galaxy: called once a galaxy, with the rejection if there is one.

    Raises:
        GzError: a galaxy is there twice; or the folder cannot be written into.
    """
    everyone = sorted(rows, key=lambda galaxy: galaxy.id)
    refuse_duplicates(everyone)
    galaxies = [galaxy for galaxy in everyone if galaxy.split is target.split]
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
    for one, other in pairwise(galaxies):
        if one.id == other.id:
            both = one.split != other.split
            where = "in the train and in the test catalogue" if both else f"twice in the {one.split} catalogue"
            raise GzError(f"Galaxy {one.id!r} is {where}; a galaxy may be in one place only. Remove a row.")


@dataclass(frozen=True, slots=True)
class FinishedBin:
    """A bin that is there: its record, and its rows of the catalogue."""

    record: BinRecord
    table: pa.Table

    @property
    def rejections(self) -> Iterator[Rejection | None]:
        """What each of its galaxies was rejected for (None: it was not)."""
        rows = self.table.select(["stage", "reason", "detail"]).to_pylist()
        return (Rejection(**row) if row["reason"] else None for row in rows)


def find_finished(job: Job, target: Bin, galaxies: Sequence[Galaxy]) -> FinishedBin | None:
    """Return a bin that is whole and up to date, else None; other thresholds alone are applied to its scores."""
    finished = read_finished(job, target)
    if finished is None or finished.record.record_hash != job.record_hash:
        return None
    if not all(_is_intact(job.folder.root / shard.file, shard) for shard in finished.record.shards):
        return None
    if finished.record.inputs != _inputs_on_disk(job, galaxies):
        return None
    return finished if finished.record.recipe_hash == job.recipe_hash else _rejudge_bin(job, target, finished)


def _rejudge_bin(job: Job, target: Bin, finished: FinishedBin) -> FinishedBin | None:
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
    with writing(job.folder.root):
        _write_record(job, target, table, record)
    return FinishedBin(record, table)


def read_finished(job: Job, target: Bin) -> FinishedBin | None:
    """Read the record of a bin, if there is one that can be read."""
    try:
        table = pq.read_table(for_arrow(job.folder.bin_record(target.name)))
        if table.schema.remove_metadata() != SCHEMA:
            return None
        return FinishedBin(BinRecord.from_json(table.schema.metadata[_META]), table)
    except (pa.ArrowException, OSError, KeyError, ValueError, TypeError):
        return None  # absent, damaged, or of an older format: the bin is made again


def _is_intact(path: Place, shard: ShardInfo) -> bool:
    if not path.is_file() or path.stat().st_size != shard.bytes:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == shard.sha256


def _inputs_on_disk(job: Job, galaxies: Sequence[Galaxy]) -> str:
    images = read_images(galaxies, job.source.images)
    digests = ("" if isinstance(data, Rejection) else image_digest(data) for data in images)
    return _hash_inputs_of(job, zip(galaxies, digests, strict=True))


def _hash_inputs_of(job: Job, pairs: Iterable[tuple[Galaxy, str]]) -> str:
    """Hash rows, image digests, and the test galaxy that a training galaxy is a duplicate of."""
    return hash_inputs((galaxy, digest + job.groups.in_test.get(galaxy.id, "")) for galaxy, digest in pairs)


def hash_inputs(pairs: Iterable[tuple[Galaxy, str]]) -> str:
    """Hash rows and image digests, in their order."""
    digest = hashlib.blake2b(digest_size=32)
    for galaxy, image in pairs:
        row = row_bytes(galaxy)
        digest.update(len(row).to_bytes(4, "big") + row + image.encode().ljust(32))
    return digest.hexdigest()


def _make_bin(job: Job, target: Bin, galaxies: Sequence[Galaxy], on_galaxy: OnGalaxy) -> BinRecord:
    withdraw(job.folder.manifest)  # before the first shard changes: the folder is not whole any more
    job.folder.bin_record(target.name).unlink(missing_ok=True)
    with tempfile.TemporaryFile(dir=job.folder.spool, buffering=BUFFER) as file:
        spool = Spool(file)
        images = read_images(galaxies, job.source.images)
        judged = [_spool_galaxy(job, target, *one, spool, on_galaxy) for one in zip(galaxies, images, strict=True)]
        shards = tuple(_write_shard(job, target, split, spool) for split in target.shard_splits)
    record = _summarise(job, target, judged, shards)
    _write_record(job, target, pa.Table.from_pylist([catalogue_row(one, target) for one in judged], SCHEMA), record)
    return record


def _spool_galaxy(  # noqa: PLR0913, PLR0917 -- where from, where to
    job: Job, target: Bin, galaxy: Galaxy, data: bytes | Rejection, spool: Spool, on_galaxy: OnGalaxy
) -> Judged:
    judged = judge_galaxy(galaxy, data, job.recipe)
    if galaxy.id in job.groups.in_test and galaxy.split is Split.TRAIN:
        judged = judged.without_duplicate(job.groups.in_test[galaxy.id])
    if judged.frame is not None:
        for record in make_records(judged, judged.frame, job.recipe, target.fold):
            split = galaxy.split.value if record.view == 0 else f"{galaxy.split}_views"
            spool.add(split, order_of(galaxy.id, record.view, job.recipe.split_seed), record.data)
    on_galaxy(judged.verdict.rejection)
    return judged.without_frame()


def _write_shard(job: Job, target: Bin, split: str, spool: Spool) -> ShardInfo:
    name = shard_name(job.recipe.name, split, target.index, target.count)
    digest, size = hashlib.sha256(), 0
    with appearing(job.folder.root / name, job.folder.temporaries) as file:
        for data in spool.in_order(split):
            file.write(data)
            digest.update(data)
            size += len(data)
    return ShardInfo(name, split, target.index, target.fold, spool.count(split), size, digest.hexdigest())


def _summarise(job: Job, target: Bin, judged: Sequence[Judged], shards: tuple[ShardInfo, ...]) -> BinRecord:
    digests = [(one.galaxy, one.digest) for one in judged]
    inputs, data = _hash_inputs_of(job, digests), data_sum(digests)
    accepted = [one for one in judged if one.verdict.rejection is None]
    noticed = (
        tally(one.verdict.rejection.reason.value for one in judged if one.verdict.rejection),
        tally(flag for one in accepted for flag in one.verdict.flags),
        tally(name for one in accepted for name in one.verdict.inpainted),
    )
    labels = {
        "answered": column_sums(one.labels.mask for one in accepted),
        "asked": column_sums(one.labels.asked for one in accepted),
        "report": column_sums(one.labels.report for one in accepted),
    }
    inconsistent = count_inconsistent([one.galaxy.votes for one in judged])
    hashes = (job.recipe_hash, job.record_hash, inputs, data)
    return BinRecord(target.name, *hashes, len(judged), len(accepted), *noticed, shards, labels, inconsistent)


def tally(names: Iterable[str]) -> dict[str, int]:
    """How often each name comes, by name."""
    return dict(sorted(Counter(names).items()))


def column_sums(vectors: Iterable[Sequence[int]]) -> list[int]:
    """Sums, place by place, of vectors of 22 labels."""
    sums = [0] * len(LABEL_NAMES)
    for vector in vectors:
        sums = [total + value for total, value in zip(sums, vector, strict=True)]
    return sums


def _write_record(job: Job, target: Bin, rows: pa.Table, record: BinRecord) -> None:
    table = rows.replace_schema_metadata({_META: record.to_json()})
    with appearing(job.folder.bin_record(target.name), job.folder.temporaries) as file:
        pq.write_table(table, file)


def make_absent_bins(job: Job, present: Iterable[str]) -> list[BinRecord]:
    """Write the empty shards of the bins that no galaxy fell into."""
    absent = {target.name for target in job.counts.bins()}.difference(present)
    return [write_bin(job, Bin.parse(name), (), lambda _: None) for name in sorted(absent)]


def split_of(record: BinRecord) -> Split:
    """Split of a bin's galaxies."""
    return Bin.parse(record.bin).split
