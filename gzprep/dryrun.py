"""What a run would make and how long it would take, measured on a few of the user's own galaxies."""

import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

from gzprep.catalogue import read_galaxies, row_groups
from gzprep.console import human_bytes, human_time, show_line, show_table
from gzprep.job import Job
from gzprep.prepare import judge_galaxy, make_records, read_image
from gzprep.records import Galaxy, Split
from gzprep.shards import VIEWS_SPLIT
from gzprep.tfrecord import OVERHEAD

TRIED = 16
"""Galaxies that are prepared to learn their size and time."""


def estimate(job: Job) -> dict[str, Any]:
    """Count shards and records exactly; estimate bytes and seconds from the first galaxies.

    Returns:
        ``splits`` (files, records, bytes of each), ``seconds`` on one core, ``tried`` galaxies, ``out``.
    """
    tried, records, size, seconds = _try(job)
    train, test = (job.galaxies[split] for split in Split)
    views = job.recipe.views.count
    plans = {
        Split.TRAIN.value: (job.counts.train, train),
        VIEWS_SPLIT: (job.counts.train, train * views),
        Split.TEST.value: (job.counts.test, test),
    }
    each, pace = size / max(records, 1), seconds / max(records, 1)
    splits = {
        name: {"files": files, "records": count, "bytes": round(count * each)}
        for name, (files, count) in plans.items()
        if files
    }
    total = sum(split["records"] for split in splits.values())
    return {
        "galaxies": train + test,
        "splits": splits,
        "seconds": round(total * pace, 3),
        "tried": tried,
        "out": str(job.folder.root),
    }


def _first_galaxies(job: Job) -> Iterator[Galaxy]:
    groups = (group for file in job.source.catalogues for group in row_groups(file)[:1])
    return (galaxy for group in groups for galaxy in read_galaxies(group) if job.takes(galaxy.id, galaxy.split))


def _try(job: Job) -> tuple[int, int, int, float]:
    """Prepare a few galaxies: how many, their records, bytes and seconds."""
    galaxies = list(islice(_first_galaxies(job), TRIED))
    for galaxy in galaxies[:1]:
        _record_lengths(job, galaxy)  # once to warm up: libraries are loaded, tables made
    began = time.perf_counter()
    lengths = [length for galaxy in galaxies for length in _record_lengths(job, galaxy)]
    return len(galaxies), len(lengths), sum(lengths), time.perf_counter() - began


def _record_lengths(job: Job, galaxy: Galaxy) -> list[int]:
    judged = judge_galaxy(galaxy, read_image(galaxy, job.source.images), job.recipe)
    if judged.frame is None:
        return []
    return [len(record.data) + OVERHEAD for record in make_records(judged, judged.frame, job.recipe)]


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
