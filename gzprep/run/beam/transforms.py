"""The steps of the graph. As little logic as possible: each calls a function of a pure module, under its name."""

from collections.abc import Iterable, Iterator

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from gzcore.engines.start import SignOfLife
from gzcore.storage.atomic import writing
from gzprep.catalogue.galaxy import Galaxy, Split, pack
from gzprep.catalogue.read import RowGroup, read_galaxies
from gzprep.dataset.folder import Folder
from gzprep.dataset.shards import Bin
from gzprep.prepare.bin_record import BinRecord
from gzprep.prepare.finish import finish
from gzprep.prepare.job import PreparationJob
from gzprep.run.beam.counters import count_bin
from gzprep.run.pool import settle, write_bins, write_packed_bin

Keyed = tuple[str, bytes]
Group = tuple[Bin, Iterable[bytes]]


class ReadGalaxies(beam.PTransform):
    """RowGroup -> Galaxy: rows are read where they are needed, never in the launcher."""

    def __init__(self, job: PreparationJob) -> None:
        super().__init__()
        self.job = job

    def expand(self, groups: beam.PCollection) -> beam.PCollection:
        """Read each row group on whichever worker takes it."""
        return groups | "Spread" >> beam.Reshuffle() | "Read" >> beam.FlatMap(taken_galaxies, self.job)


def taken_galaxies(group: RowGroup, job: PreparationJob) -> Iterator[Galaxy]:
    """Yield the galaxies of a row group that ``limit`` leaves in; leave the sign of life first, if it is awaited."""
    if job.awaited:
        greet(job.folder)
    return (galaxy for galaxy in read_galaxies(group, job.recipe.survey) if job.takes(galaxy.id, galaxy.split))


def greet(folder: Folder) -> None:
    """Say, from within a worker, that the engine works.

    Raises:
        GzError: the worker does not see the dataset folder.
    """
    with writing(folder.root):
        sign_of_life(folder).give()


def sign_of_life(folder: Folder) -> SignOfLife:
    """What a worker leaves when it begins; the next run sweeps it away if this one is killed."""
    return SignOfLife(folder.temporaries / "started", folder.root, "gzprep")


class GroupByBin(beam.PTransform):
    """Galaxy -> (Bin, packed galaxies): only rows cross the shuffle, never pixels.

    The key of the shuffle is the bin's name: engines compare keys by their bytes, and those of a text never change.
    """

    def __init__(self, job: PreparationJob) -> None:
        super().__init__()
        self.job = job

    def expand(self, galaxies: beam.PCollection) -> beam.PCollection:
        """Key by the bin's name, group, and read the name once."""
        keyed = galaxies | "Key" >> beam.FlatMap(key_by_bin, self.job)
        return keyed | "Group" >> beam.GroupByKey() | "Parse" >> beam.Map(with_bin)


def with_bin(group: tuple[str, Iterable[bytes]]) -> Group:
    """Put the bin of a group in the place of its name."""
    name, rows = group
    return Bin.parse(name), rows


def key_by_bin(galaxy: Galaxy, job: PreparationJob) -> Iterator[Keyed]:
    """Yield (bin name, packed galaxy) for the bin of a galaxy.

    A test galaxy is also sent to the training bin that its id belongs to. There it is compared with the training
    galaxies: so a galaxy in both catalogues is found without a shuffle by id.
    """
    row = pack(galaxy)
    yield job.bin_of(galaxy.id, galaxy.split).name, row
    if galaxy.split is Split.TEST and job.counts.train:
        yield job.bin_of(galaxy.id, Split.TRAIN).name, row


class WriteBins(beam.PTransform):
    """(Bin, packed galaxies) -> BinRecord: one step reads, judges, makes views, encodes and writes."""

    def __init__(self, job: PreparationJob, workers: int = 1) -> None:
        super().__init__()
        self.writer = BinWriter(job) if workers == 1 else PooledBinWriter(job, workers)

    def expand(self, bins: beam.PCollection) -> beam.PCollection:
        """Write each bin where it is, or hand it to a worker process of this machine."""
        return bins | "Write" >> beam.ParDo(self.writer)


class BinWriter(beam.DoFn):
    """Writes a bin where it is: an engine with workers of its own decides where that is."""

    def __init__(self, job: PreparationJob) -> None:
        super().__init__()
        self.job = job

    def setup(self) -> None:
        """Be a worker: the engine, or we, run one a core."""
        settle()

    def process(self, group: Group) -> Iterator[BinRecord]:
        """Write one bin."""
        target, rows = group
        yield counted(write_packed_bin(self.job, target, list(rows)))


class PooledBinWriter(beam.DoFn):
    """Gathers the bins of a bundle and lets worker processes write them; for engines without workers of their own."""

    def __init__(self, job: PreparationJob, workers: int) -> None:
        super().__init__()
        self.job, self.workers = job, workers

    def start_bundle(self) -> None:
        """Begin with no bins."""
        self.bins: dict[Bin, list[bytes]] = {}

    def process(self, group: Group) -> None:
        """Keep one bin's rows; its pixels are read by the worker that writes it."""
        target, rows = group
        self.bins[target] = list(rows)

    def finish_bundle(self) -> Iterator[WindowedValue]:
        """Write all bins, and yield their records as they are done."""
        window = GlobalWindow()
        for record in write_bins(self.job, self.bins, self.workers):
            yield WindowedValue(counted(record), window.max_timestamp(), [window])


def counted(record: BinRecord) -> BinRecord:
    """Count the galaxies of a finished bin, and pass it on."""
    count_bin(record)
    return record


class WriteManifest(beam.PTransform):
    """BinRecord -> the manifest, once, when every bin is done."""

    def __init__(self, job: PreparationJob) -> None:
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
