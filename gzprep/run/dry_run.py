"""What a run would make and how long it would take, measured on a few of the user's own galaxies."""

import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

from gzcore.console import human_bytes, human_time, show_line, show_table
from gzcore.dataset.layout import VIEWS
from gzcore.dataset.tfrecord import OVERHEAD
from gzcore.engines.dataflow import Fleet
from gzprep.catalogue.galaxy import Galaxy, Split, pack
from gzprep.catalogue.read import read_galaxies, row_groups
from gzprep.prepare.galaxy import judge_galaxy, make_records, read_image
from gzprep.prepare.job import Job
from gzprep.run import cost

_KEY_BYTES = 24
"""What a row is grouped by: the name of its bin."""
TRIED = 16
"""Galaxies that are prepared to learn their size and time."""


def estimate(job: Job, fleet: Fleet | None = None) -> dict[str, Any]:
    """Count shards and records exactly; estimate bytes and seconds from the first galaxies.

    Args:
        job: what would be made of what.
        fleet: machines that would make it; None: the default ones.

    Returns:
        ``splits`` (files, records, bytes of each), ``seconds`` on one core, ``tried`` galaxies, ``out``, and ``scale``,
        what it takes on many machines (:func:`gzprep.run.cost.as_json`).
    """
    tried, measured = _try(job)
    train, test = (job.galaxies[split] for split in Split)
    views = job.recipe.views.count
    plans = {
        Split.TRAIN.value: (job.counts.train, train),
        VIEWS: (job.counts.train, train * views),
        Split.TEST.value: (job.counts.test, test),
    }
    splits = {
        name: {"files": files, "records": count, "bytes": round(count * measured.record_bytes)}
        for name, (files, count) in plans.items()
        if files
    }
    parts = sum(len(row_groups(file)) for file in job.source.catalogues)
    size = cost.Size(train, test, views, job.counts, parts)
    return {
        "galaxies": train + test,
        "splits": splits,
        "seconds": round(cost.core_seconds(size, measured), 3),
        "tried": tried,
        "out": str(job.folder.root),
        "scale": cost.as_json(size, measured, fleet or Fleet(), job.recipe.shards.megabytes),
    }


def _first_galaxies(job: Job) -> Iterator[Galaxy]:
    groups = (group for file in job.source.catalogues for group in row_groups(file)[:1])
    return (galaxy for group in groups for galaxy in read_galaxies(group) if job.takes(galaxy.id, galaxy.split))


def _try(job: Job) -> tuple[int, cost.Measured]:
    """Prepare a few galaxies: how many, and what one of them takes."""
    galaxies = list(islice(_first_galaxies(job), TRIED))
    for galaxy in galaxies[:1]:
        _prepare(job, galaxy)  # once to warm up: libraries are loaded, tables made
    tried = [_prepare(job, galaxy) for galaxy in galaxies]
    lengths = [length for _, _, found in tried for length in found]
    records, rows = max(len(lengths), 1), max(len(galaxies), 1)
    return len(galaxies), cost.Measured(
        galaxy_seconds=sum(judging for judging, _, _ in tried) / rows,
        record_seconds=sum(making for _, making, _ in tried) / records,
        record_bytes=sum(lengths) / records,
        row_bytes=sum(len(pack(galaxy)) + _KEY_BYTES for galaxy in galaxies) / rows,
    )


def _prepare(job: Job, galaxy: Galaxy) -> tuple[float, float, list[int]]:
    """Prepare a galaxy: processor seconds until it is judged, those for its records, their lengths."""
    began = time.process_time()
    judged = judge_galaxy(galaxy, read_image(galaxy, job.source.images), job.recipe)
    between = time.process_time()
    lengths: list[int] = []
    if judged.frame is not None:
        lengths = [len(record.data) + OVERHEAD for record in make_records(judged, judged.frame, job.recipe)]
    return between - began, time.process_time() - between, lengths


def show(plan: dict[str, Any]) -> None:
    """Print an estimate."""
    rows = [(name, str(s["files"]), str(s["records"]), human_bytes(s["bytes"])) for name, s in plan["splits"].items()]
    show_table("A run would write", rows, ("", "files", "records", "size"))
    size = sum(split["bytes"] for split in plan["splits"].values())
    show_line("")
    show_line(
        f"{plan['galaxies']} galaxies into {plan['out']}: about {human_bytes(size)} and {human_time(plan['seconds'])} "
        f"on one core, judging by {plan['tried']} of them. No shard was written."
    )
    far = plan["scale"]
    show_line(
        f"On Dataflow: {far['core_hours']:.2g} core-hours; about {human_time(3600 * far['hours'])} with "
        f"{far['machines']} machines, start included; {human_bytes(far['shuffle_bytes'])} of rows shuffled. "
        f"manifest.json: {human_bytes(far['manifest_bytes'])}, catalogue.parquet: "
        f"{human_bytes(far['catalogue_bytes'])}, job graph: {human_bytes(far['job_bytes'])}."
    )
    for warning in far["warnings"]:
        show_line(f"Beware: {warning}")
