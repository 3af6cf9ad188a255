"""What a run would make and how long it would take, measured on a few of the user's own galaxies."""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from gzcore.console import human_bytes, human_time, show_line, show_table
from gzcore.dataset.layout import VIEWS
from gzcore.dataset.tfrecord import OVERHEAD
from gzcore.engines.dataflow import Fleet
from gzprep.catalogue.galaxy import Galaxy, Split, pack
from gzprep.catalogue.read import read_galaxies, row_groups
from gzprep.images.sources import read_image
from gzprep.prepare.galaxy import judge_galaxy, make_records
from gzprep.prepare.job import PreparationJob
from gzprep.prepare.rejects import Example, example_of, explain
from gzprep.run import cost

_KEY_BYTES = 24
"""What a row is grouped by: the name of its bin."""
TRIED = 16
"""Galaxies that are prepared to learn their size and time."""


def estimate(job: PreparationJob, fleet: Fleet | None = None) -> dict[str, Any]:
    """Count shards and records exactly; estimate bytes and seconds from the first galaxies.

    Args:
        job: what would be made of what.
        fleet: machines that would make it; None: the default ones.

    Returns:
        ``splits`` (files, records, bytes of each), ``seconds`` on one core, ``tried`` galaxies, how many of them were
        ``rejected`` for which reason with an ``example``, ``out``, and ``scale``, what it takes on many machines
        (:func:`gzprep.run.cost.as_json`).
    """
    tried, measured, rejects = _try(job)
    reasons = Counter(example.reason for example in rejects)
    alike = [example for example in rejects if example.reason == reasons.most_common(1)[0][0]]
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
        "rejected": dict(reasons.most_common()),
        "example": _explain(job, alike),
        "out": str(job.folder.root),
        "scale": cost.as_json(size, measured, fleet or Fleet(), job.recipe.shards.megabytes),
    }


def _explain(job: PreparationJob, alike: list[Example]) -> str | None:
    """Tell of galaxies that were rejected for one reason."""
    details = [example.detail for example in alike]
    return explain(alike[0], str(job.source.images), job.recipe, details) if alike else None


def _first_galaxies(job: PreparationJob) -> Iterator[Galaxy]:
    groups = (group for file in job.source.catalogues for group in row_groups(file)[:1])
    return (
        galaxy
        for group in groups
        for galaxy in read_galaxies(group, job.recipe.survey)
        if job.takes(galaxy.id, galaxy.split)
    )


def _try(job: PreparationJob) -> tuple[int, cost.Measured, list[Example]]:
    """Prepare a few galaxies: how many, what one of them takes, and those that were rejected."""
    galaxies = list(islice(_first_galaxies(job), TRIED))
    for galaxy in galaxies[:1]:
        _prepare(job, galaxy)  # once to warm up: libraries are loaded, tables made
    tried = [_prepare(job, galaxy) for galaxy in galaxies]
    lengths = [length for prepared in tried for length in prepared.lengths]
    records, rows = max(len(lengths), 1), max(len(galaxies), 1)
    measured = cost.Measured(
        galaxy_seconds=sum(prepared.judging for prepared in tried) / rows,
        record_seconds=sum(prepared.making for prepared in tried) / records,
        record_bytes=sum(lengths) / records,
        row_bytes=sum(len(pack(galaxy)) + _KEY_BYTES for galaxy in galaxies) / rows,
    )
    return len(galaxies), measured, [prepared.reject for prepared in tried if prepared.reject is not None]


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A galaxy that was tried: processor seconds until it was judged, those for its records, their lengths."""

    judging: float
    making: float
    lengths: tuple[int, ...]
    reject: Example | None


def _prepare(job: PreparationJob, galaxy: Galaxy) -> _Prepared:
    began = time.process_time()
    judged = judge_galaxy(galaxy, read_image(galaxy, job.source.images), job.recipe)
    between = time.process_time()
    fold = job.bin_of(galaxy.id, galaxy.split).fold
    records = () if judged.frame is None else make_records(judged, judged.frame, job.recipe, fold)
    lengths = tuple(len(record.data) + OVERHEAD for record in records)
    rejection = judged.verdict.rejection
    reject = None if rejection is None else example_of(galaxy, rejection)
    return _Prepared(between - began, time.process_time() - between, lengths, reject)


def show(plan: dict[str, Any]) -> None:
    """Print an estimate, and what of the sample was rejected; there is no estimate where all of it was."""
    if plan["rejected"]:
        why = ", ".join(f"{reason} {count}" for reason, count in plan["rejected"].items())
        show_line(f"{sum(plan['rejected'].values())} of the {plan['tried']} galaxies tried were rejected ({why}).")
        show_line(plan["example"])
        show_line("")
    if plan["tried"] and sum(plan["rejected"].values()) == plan["tried"]:
        show_line("So there is no estimate of sizes and times. No shard was written.")
        return
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
