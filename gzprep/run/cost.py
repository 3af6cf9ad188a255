"""What a data set of some size costs, and what would break first: arithmetic over measured figures (docs/scale.md).

Sizes and speeds are measured on the user's own galaxies where there are any; what depends on the number of files alone
is written down here, with the figure that ``benchmarks/scale.py`` measured.
"""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from gzcore.console import human_bytes
from gzcore.dataset.layout import FOLDS
from gzcore.engines.dataflow import Fleet
from gzprep.dataset.shards import BinCounts

MANIFEST_BYTES, MANIFEST_BYTES_A_SHARD = 14_000, 310
CATALOGUE_BYTES = 840
"""A row of catalogue.parquet; it is written by one worker, through its disk."""
RECORD_BYTES_A_BIN = 1_100
"""A bin record as it crosses the last shuffle."""
JOB_BYTES, JOB_BYTES_A_PART = 40_000, 330
"""The graph that is sent to an engine: four steps, and the parts of the catalogues (500 a catalogue at most)."""
MEMORY_A_ROW = 6_000
"""A galaxy whose bin is being made: votes and labels as Python objects, in its worker."""
START_SECONDS = 240.0
"""From sending a job to its first bin: machines, a 1.4 GB image, reading the catalogue. An assumption, not a figure."""
FINISH_SECONDS_A_ROW, FINISH_SECONDS_A_BIN = 12e-6, 5e-3
"""One worker joins the bins' rows at the end; a bin's record takes 60 ms to come from a bucket, 16 at a time."""
_SYSTEM_DISK = 15e9
_LARGEST_MANIFEST = 50e6
_LARGEST_JOB = 10e6  # cloud.google.com/dataflow/quotas
_LARGEST_MEMORY = 2e9
_TOO_FEW_ROUNDS = 3.0


@dataclass(frozen=True, slots=True)
class Measured:
    """Figures of one galaxy.

    Attributes:
        galaxy_seconds: of one core, until a galaxy is read, judged and labelled.
        record_seconds: of one core, for each of its records.
        record_bytes: one record, with its frame.
        row_bytes: one galaxy as it crosses the shuffle.
    """

    galaxy_seconds: float
    record_seconds: float
    record_bytes: float
    row_bytes: float


@dataclass(frozen=True, slots=True)
class Size:
    """What is to be prepared.

    Attributes:
        train, test: galaxies.
        views: extra views of a training galaxy.
        counts: bins.
        parts: parts that the catalogues are read in.
    """

    train: int
    test: int
    views: int
    counts: BinCounts
    parts: int = 1

    @property
    def records(self) -> int:
        """Records, of all splits."""
        return self.train * (1 + self.views) + self.test

    @property
    def bins(self) -> int:
        """Units of work."""
        return self.counts.train + self.counts.test


@dataclass(frozen=True, slots=True)
class Cost:
    """What it takes.

    Attributes:
        core_hours: of one core, all galaxies.
        hours: on the fleet, with its start and with the one worker that joins the catalogue.
        machines: of the fleet, at most.
        output_bytes: shards.
        shuffle_bytes: rows, the test galaxies' twice, and bin records; pixels never cross a shuffle.
        files: shards.
        manifest_bytes, catalogue_bytes, job_bytes: one file each.
        bin_seconds: the longest that a core is busy with one thing.
        bin_rows: galaxies of a bin.
    """

    core_hours: float
    hours: float
    machines: int
    output_bytes: int
    shuffle_bytes: int
    files: int
    manifest_bytes: int
    catalogue_bytes: int
    job_bytes: int
    bin_seconds: float
    bin_rows: int


def core_seconds(size: Size, measured: Measured) -> float:
    """What one core would take for everything."""
    return (size.train + size.test) * measured.galaxy_seconds + size.records * measured.record_seconds


def cost(size: Size, measured: Measured, fleet: Fleet) -> Cost:
    """Work out what a data set takes."""
    seconds = core_seconds(size, measured)
    machines = fleet.machines_for(size.bins)
    bin_rows = (
        math.ceil(size.train / max(size.counts.train, 1)) if size.train else math.ceil(size.test / max(size.bins, 1))
    )
    bin_seconds = bin_rows * (measured.galaxy_seconds + (1 + size.views * bool(size.train)) * measured.record_seconds)
    rounds = math.ceil(size.bins / (machines * fleet.cores))
    work = max(seconds / (machines * fleet.cores), rounds * bin_seconds if rounds < _TOO_FEW_ROUNDS else 0.0)
    finish = (size.train + size.test) * FINISH_SECONDS_A_ROW + size.bins * FINISH_SECONDS_A_BIN
    files = 2 * size.counts.train + size.counts.test
    visits = size.train + 2 * size.test
    return Cost(
        core_hours=seconds / 3600,
        hours=(START_SECONDS + work + finish) / 3600,
        machines=machines,
        output_bytes=round(size.records * measured.record_bytes),
        shuffle_bytes=round(visits * measured.row_bytes + size.bins * RECORD_BYTES_A_BIN),
        files=files,
        manifest_bytes=MANIFEST_BYTES + files * MANIFEST_BYTES_A_SHARD,
        catalogue_bytes=(size.train + size.test) * CATALOGUE_BYTES,
        job_bytes=JOB_BYTES + size.parts * JOB_BYTES_A_PART,
        bin_seconds=bin_seconds,
        bin_rows=bin_rows,
    )


def limits(size: Size, found: Cost, fleet: Fleet, megabytes: float) -> Iterator[str]:
    """Yield what would break, or be slow, at this size, each with what to do; what breaks first comes first."""
    disk = fleet.disk_size_gb * 1e9 - _SYSTEM_DISK - 2 * fleet.cores * megabytes * 1e6
    if found.catalogue_bytes > disk:
        yield (
            f"catalogue.parquet would have {human_bytes(found.catalogue_bytes)}, and a worker's disk has "
            f"{human_bytes(max(disk, 0))} left: raise disk_size_gb, or prepare the survey in parts, one --catalogue "
            "and one --out each."
        )
    if found.manifest_bytes > _LARGEST_MANIFEST:
        yield (
            f"manifest.json would name {found.files} shards and have {human_bytes(found.manifest_bytes)}: raise "
            "shards.megabytes, or prepare the survey in parts."
        )
    if found.bin_rows * MEMORY_A_ROW > _LARGEST_MEMORY:
        yield (
            f"A bin would have {found.bin_rows} galaxies, {human_bytes(found.bin_rows * MEMORY_A_ROW)} in a worker's "
            "memory: lower shards.megabytes."
        )
    if found.job_bytes > _LARGEST_JOB:
        yield (
            f"The job graph would have {human_bytes(found.job_bytes)}; Dataflow takes {human_bytes(_LARGEST_JOB)}: "
            "join the catalogues."
        )
    if size.train and size.counts.train == FOLDS and found.bin_seconds > START_SECONDS:
        yield "There is one bin a fold: lower shards.megabytes or raise shards.min_bins, so that more cores can help."


def as_json(size: Size, measured: Measured, fleet: Fleet, megabytes: float) -> dict[str, Any]:
    """The plan as one JSON document: measured figures, cost, and warnings."""
    found = cost(size, measured, fleet)
    warnings = list(limits(size, found, fleet, megabytes))
    return {"measured": asdict(measured), "bins": size.bins, **asdict(found), "warnings": warnings}
