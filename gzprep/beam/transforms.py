"""The steps of the graph. As little logic as possible: each calls a function of a pure module, under its name."""

from collections.abc import Iterable, Iterator

import apache_beam as beam

from gzprep.beam.counters import count_bin
from gzprep.bins import BinRecord, write_bin
from gzprep.catalogue import RowGroup, read_galaxies
from gzprep.job import Job
from gzprep.manifest import finish
from gzprep.progress import Reporter
from gzprep.records import Galaxy, Split, pack, unpack
from gzprep.shards import Bin, bin_of

Keyed = tuple[str, bytes]


class ReadGalaxies(beam.PTransform):
    """RowGroup -> Galaxy: rows are read where they are needed, never in the launcher."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.job = job

    def expand(self, groups: beam.PCollection) -> beam.PCollection:
        """Read each row group on whichever worker takes it."""
        return groups | "Spread" >> beam.Reshuffle() | "Read" >> beam.FlatMap(taken_galaxies, self.job)


def taken_galaxies(group: RowGroup, job: Job) -> Iterator[Galaxy]:
    """Yield the galaxies of a row group that ``limit`` leaves in."""
    return (galaxy for galaxy in read_galaxies(group) if job.takes(galaxy.id, galaxy.split))


class GroupByBin(beam.PTransform):
    """Galaxy -> (bin name, packed galaxies): only rows cross the shuffle, never pixels."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.job = job

    def expand(self, galaxies: beam.PCollection) -> beam.PCollection:
        """Key by bin, then group."""
        return galaxies | "Key" >> beam.FlatMap(key_by_bin, self.job) | "Group" >> beam.GroupByKey()


def key_by_bin(galaxy: Galaxy, job: Job) -> Iterator[Keyed]:
    """Yield (bin name, packed galaxy) for the bin of a galaxy.

    A test galaxy also visits the training bin it would be in: so a galaxy in both catalogues meets itself, and no
    shuffle by id is needed.
    """
    row, seed = pack(galaxy), job.recipe.split_seed
    yield bin_of(galaxy.id, galaxy.split, job.counts, seed).name, row
    if galaxy.split is Split.TEST and job.counts.train:
        yield bin_of(galaxy.id, Split.TRAIN, job.counts, seed).name, row


class WriteBins(beam.PTransform):
    """(bin name, packed galaxies) -> BinRecord: one step reads, judges, makes views, encodes and writes."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.job = job

    def expand(self, bins: beam.PCollection) -> beam.PCollection:
        """Write each bin where it is."""
        return bins | "Write" >> beam.Map(write_grouped_bin, self.job)


def write_grouped_bin(group: tuple[str, Iterable[bytes]], job: Job) -> BinRecord:
    """Write one bin, and tell the counters and whoever watches."""
    name, rows = group
    with Reporter(job.progress) as reporter:
        record = write_bin(job, Bin.parse(name), map(unpack, rows), reporter.galaxy)
    count_bin(record)
    return record


class WriteManifest(beam.PTransform):
    """BinRecord -> the manifest, once, when every bin is done."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.job = job

    def expand(self, records: beam.PCollection) -> beam.PCollection:
        """Bring the records together and describe the folder."""
        return (
            records
            | "Rekey" >> beam.Map(lambda record: (0, record))
            | "Gather" >> beam.GroupByKey()
            | "Finish" >> beam.Map(lambda group, job: finish(job, group[1]), self.job)
        )
