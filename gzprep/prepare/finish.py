"""Finishes a run: joins the bins' rows, and writes the manifest. A folder with a manifest is whole."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gzcore.dataset.layout import CARDS, FOLDS, FORMAT, VIEWS
from gzcore.dataset.manifest import read_manifest
from gzcore.errors import GzError
from gzcore.storage.ahead import ahead
from gzcore.storage.atomic import appearing, read_json, withdraw, write_json, writing
from gzcore.storage.damage import DAMAGE
from gzcore.storage.places import Place, for_arrow, sha256_of
from gzprep import __version__
from gzprep.catalogue.galaxy import Split
from gzprep.catalogue.survey import Survey
from gzprep.config import as_document, pixel_versions
from gzprep.dataset.card import cards
from gzprep.dataset.data_hash import add_sums
from gzprep.dataset.folder import Folder
from gzprep.dataset.leaks import COLUMNS, find_leaks
from gzprep.dataset.read import read_columns
from gzprep.dataset.source import describe as describe_source
from gzprep.dataset.source import whole_paths
from gzprep.images.mean import MeanImage, read_mean, write_mean
from gzprep.images.views import ORDER_OF_APPLICATION
from gzprep.prepare.bin import make_absent_bins
from gzprep.prepare.bin_record import BinRecord, column_sums
from gzprep.prepare.catalogue_row import REJECT_COLUMNS, reject_schema
from gzprep.prepare.job import PreparationJob
from gzprep.prepare.rejects import example_in, explain

Json = dict[str, Any]


def finish(job: PreparationJob, records: Iterable[BinRecord]) -> Json:
    """Check the share of rejects, and complete the folder: catalogue, rejects, cards, and last the manifest.

    Raises:
        GzError: more than ``max_reject_share`` of the galaxies were rejected.
    """
    present = list(records)
    present += make_absent_bins(job, [record.bin for record in present])
    present.sort(key=lambda record: record.bin)
    refuse_too_many_rejects(job, present)
    manifest = describe(job, present)
    note_source(job)
    if is_current(job, manifest):
        stored: Json = read_json(job.folder.manifest)
        return stored
    with writing(job.folder.root):
        withdraw(job.folder.manifest)
        write_catalogue(job, present)
        write_mean_image(job)
        manifest["leaks"] = find_leaks(read_columns(job.folder.catalogue, COLUMNS))
        write_cards(job.folder, manifest)
        job.folder.refused.unlink(missing_ok=True)
        write_json(job.folder.manifest, manifest, job.folder.temporaries)
    return manifest


def note_source(job: PreparationJob) -> None:
    """Note for this machine alone where the source is, if the manifest does not publish it."""
    places, path = whole_paths(job.source.data, job.source.catalogues, job.source.images_at), job.folder.source
    if isinstance(job.source.data, Path) and not (path.is_file() and read_json(path) == places):
        with writing(job.folder.root):
            write_json(path, places, job.folder.temporaries)


def is_current(job: PreparationJob, manifest: Json) -> bool:
    """Tell whether the folder is whole and says the same. What it says of leaks follows from the rest."""
    folder = job.folder
    counts = manifest["counts"]["all"]
    try:
        _, stored = read_manifest(folder.root)
        if stored != {**manifest, "leaks": stored.get("leaks")} or stored["leaks"] is None:
            return False
        rows, rejects = map(_row_count, (folder.catalogue, folder.rejects))
    except (*DAMAGE, GzError):
        return False  # absent or damaged: it is written again
    described = all((folder.root / name).is_file() for name in CARDS)
    return described and (rows, rejects) == (counts["in"], counts["in"] - counts["out"])


def _row_count(path: Place) -> int:
    """Rows of a table of ours, every one of them looked at, a piece in memory at a time."""
    with pq.ParquetFile(for_arrow(path)) as file:
        return sum(batch.num_rows for batch in file.iter_batches())


def too_many_rejects(records: Sequence[BinRecord], limit: float) -> bool:
    """Whether a larger share than ``limit`` of the galaxies was rejected."""
    rejected = sum(sum(record.rejected.values()) for record in records)
    return rejected > limit * sum(record.galaxies for record in records)


def refuse_too_many_rejects(job: PreparationJob, records: Sequence[BinRecord]) -> None:
    """Stop a run in which too much was rejected; ``rejects.parquet`` is written all the same.

    A folder that is whole stays so: then no bin has changed, and another run had been told to allow as much.

    Raises:
        GzError: it says how much, why, one example, and what to do.
    """
    limit = job.recipe.max_reject_share
    if not too_many_rejects(records, limit):
        return
    reasons = add_up(record.rejected for record in records)
    if not job.folder.manifest.exists():
        with writing(job.folder.root):
            write_rejects(job, records)
            write_json(job.folder.refused, {"rejected": reasons}, job.folder.temporaries)
    why = ", ".join(f"{reason} {count}" for reason, count in reasons.items())
    rejected = sum(reasons.values())
    raise GzError(
        f"{rejected} of {sum(record.galaxies for record in records)} galaxies {'was' if rejected == 1 else 'were'} "
        f"rejected ({why}), "
        f"more than max_reject_share = {limit:g}. "
        f"{_example(job, records, next(iter(reasons)))} All of them are in {job.folder.rejects}. "
        "If they may be left out: --set max_reject_share=1."
    )


def _example(job: PreparationJob, records: Sequence[BinRecord], reason: str) -> str:
    """The first galaxy that was rejected for the commonest reason, in full; and how many images are of which kind."""
    concerned = [record for record in records if reason in record.rejected]
    rows = (row for table in _bin_tables(job.folder, concerned[:1]) for row in table.to_pylist())
    example = example_in(rows, reason)
    if example is None:
        return ""
    details = (
        str(detail)
        for table in _bin_tables(job.folder, concerned)
        for detail in table.filter(pc.equal(table["reason"], reason))["detail"].to_pylist()
    )
    return explain(example, str(job.source.images), job.recipe, details)


def add_up(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    """Add up counts by name, largest first."""
    total: Counter[str] = Counter()
    for counted in counts:
        total.update(counted)
    return dict(sorted(total.items(), key=lambda item: (-item[1], item[0])))


def describe(job: PreparationJob, records: Sequence[BinRecord]) -> Json:
    """Build the manifest."""
    survey = job.recipe.survey
    return {
        "format": FORMAT,
        "name": job.recipe.name,
        "gzprep": __version__,
        **({"published": job.published} if job.published else {}),
        "recipe": plain_json(as_document(job.recipe)),
        "recipe_hash": job.recipe_hash,
        "data_hash": add_sums(record.data for record in records),
        "versions": pixel_versions(job.recipe.images),
        "order_of_application": list(ORDER_OF_APPLICATION) if job.recipe.views.pipeline is None else [],
        "source": _source(job),
        "counts": count(records),
        "splits": {split: _split(split, records) for split in (Split.TRAIN.value, VIEWS, Split.TEST.value)},
        "features": [plain_json(asdict(feature)) for feature in survey.features],
        "survey": survey.about,
        "labels": {**_labels(survey, records), **({"policies": POLICIES} if job.source.debiased else {})},
    }


def plain_json(value: Any) -> Any:  # noqa: ANN401 -- any JSON value
    """A value as JSON gives it back: lists in place of tuples."""
    if isinstance(value, dict):
        return {key: plain_json(item) for key, item in value.items()}
    return [plain_json(item) for item in value] if isinstance(value, list | tuple) else value


def _source(job: PreparationJob) -> Json:
    source = describe_source(job.folder, job.source.data, job.source.catalogues)
    pairs, at = zip(source["catalogues"], job.source.rows, strict=True), job.source.images_at
    return {
        "kind": job.source.kind,
        "data": source["data"],
        "images": job.recipe.images.folder if at is None else at.name,
        "catalogues": [{**file, "rows": rows} for file, rows in pairs],
    }


def count(records: Sequence[BinRecord]) -> Json:
    """Galaxies in, out, rejected by reason, flagged and inpainted by detector; in all and of each split."""
    return {
        "all": _count(records),
        **{split.value: _count([record for record in records if record.bin.split is split]) for split in Split},
    }


def _count(records: Sequence[BinRecord]) -> Json:
    inconsistent = add_up(record.inconsistent for record in records)
    return {
        "in": sum(record.galaxies for record in records),
        "out": sum(record.accepted for record in records),
        "rejected": add_up(record.rejected for record in records),
        "flagged": add_up(record.flagged for record in records),
        "inpainted": add_up(record.inpainted for record in records),
        **({"inconsistent": inconsistent} if inconsistent else {}),
    }


def _split(split: str, records: Sequence[BinRecord]) -> Json:
    shards = [asdict(shard) for record in records for shard in record.shards if shard.split == split]
    return {
        "records": sum(shard["records"] for shard in shards),
        "bytes": sum(shard["bytes"] for shard in shards),
        "shards": [{key: shard[key] for key in ("file", "fold", "records", "bytes", "sha256")} for shard in shards],
    }


USUAL_POLICIES = ["asked", "report"]
"""The label policies of every data set, which its manifest need not name."""
POLICIES = [*USUAL_POLICIES, "debiased"]
"""Those of a data set whose catalogue has debiased fractions."""


def _labels(survey: Survey, records: Sequence[BinRecord]) -> Json:
    """Names, schemes, and what a trainer needs for its weights: how often each label is answered and 1, by fold."""
    width = survey.widths.labels
    folds = {str(fold): _label_counts([r for r in records if r.bin.fold == fold], width) for fold in range(FOLDS)}
    test = _label_counts([record for record in records if record.bin.split is Split.TEST], width)
    return {**label_names(survey), "folds": folds, "test": test}


def label_names(survey: Survey) -> Json:
    """Names of labels, fractions and questions, the questions themselves, and the labels of each scheme."""
    return {
        "names": list(survey.label_names),
        "fraction_names": list(survey.fraction_names),
        "votes_names": [question.name for question in survey.tree],
        "questions": [plain_json(asdict(question)) for question in survey.tree],
        "schemes": {scheme: list(survey.scheme_labels(scheme)) for scheme in survey.questions_of_schemes},
    }


def _label_counts(records: Sequence[BinRecord], width: int) -> Json:
    kinds = ("answered", "asked", "report")
    counts = {key: column_sums((record.labels[key] for record in records), width) for key in kinds}
    return {"galaxies": sum(record.accepted for record in records), **counts}


def write_catalogue(job: PreparationJob, records: Sequence[BinRecord]) -> None:
    """Join the bins' rows to ``catalogue.parquet``, one bin in memory at a time; and write ``rejects.parquet``."""
    folder = job.folder
    with (
        appearing(folder.catalogue, folder.temporaries) as file,
        pq.ParquetWriter(file, job.catalogue_schema) as writer,
    ):
        for table in _bin_tables(folder, records):
            writer.write_table(table)
    write_rejects(job, records)


def write_mean_image(job: PreparationJob) -> None:
    """Merge the sums of images of the first bins; an older folder may lack one, and then has no mean image."""
    merged = _merged_means(job)
    if merged is not None:
        write_mean(job.folder.mean_image, merged, job.folder.temporaries)
    else:
        job.folder.mean_image.unlink(missing_ok=True)


def _merged_means(job: PreparationJob) -> MeanImage | None:
    """Add up the bins' sums, of which two are in memory at a time: each takes 4 MB."""
    merged: MeanImage | None = None
    for target in filter(job.averages, job.counts.bins()):
        mean = read_mean(job.folder.bin_mean(target.name))
        if mean is None:
            return None
        merged = mean if merged is None else merged.merged(mean)
    return merged


def write_rejects(job: PreparationJob, records: Sequence[BinRecord]) -> None:
    """Write ``rejects.parquet``, one bin in memory at a time."""
    folder = job.folder
    with appearing(folder.rejects, folder.temporaries) as file, pq.ParquetWriter(file, reject_schema()) as writer:
        for table in _bin_tables(folder, [record for record in records if record.rejected]):
            chosen = table.filter(pc.equal(table["verdict"], "rejected"))
            writer.write_table(chosen.select(list(REJECT_COLUMNS.values())).rename_columns(list(REJECT_COLUMNS)))


def _bin_tables(folder: Folder, records: Sequence[BinRecord]) -> Iterator[pa.Table]:
    """Yield the rows of the bins in their order; from a bucket, some ahead of the one in use."""

    def read(record: BinRecord) -> pa.Table:
        return pq.read_table(for_arrow(folder.bin_record(record.bin.name))).replace_schema_metadata(None)

    return map(read, records) if isinstance(folder.root, Path) else ahead(read, records)


def write_cards(folder: Folder, manifest: Json) -> None:
    """Write what others read the data set by, from the manifest and the catalogue's checksum."""
    for name, text in cards(manifest, sha256_of(folder.catalogue)).items():
        with appearing(folder.root / name, folder.temporaries) as out:
            out.write(text.encode())
