"""What a worker needs to know: the recipe, where to read, where to write, how many bins."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from gzcore.errors import GzError, UsageError
from gzcore.hashing import HASH_RANGE, identity_hash
from gzcore.recipe.overlay import lay_over
from gzcore.storage.atomic import json_bytes, write_json, writing
from gzcore.storage.documents import read_document
from gzcore.storage.hub import SCHEME as HUB
from gzcore.storage.places import Place, Url
from gzprep.catalogue.galaxy import Split
from gzprep.catalogue.measures import measure_kind
from gzprep.catalogue.names import has_debiased, wanted
from gzprep.catalogue.read import CatalogueFile, check_columns, read_all, read_ids, row_count
from gzprep.catalogue.surveys import gz2
from gzprep.config import Recipe, as_document, recipe_hash, record_hash
from gzprep.dataset.folder import Folder
from gzprep.dataset.shards import Bin, BinCounts, bin_of, plan_bins
from gzprep.dataset.source import GALAXY_ZOO_2, kind_of
from gzprep.images.mean import LARGEST_FRAME, SAMPLE
from gzprep.images.pipeline import check_pipeline
from gzprep.images.sources import ImageSource, open_images
from gzprep.prepare.catalogue_row import catalogue_schema
from gzprep.prepare.groups import Groups, find_groups


@dataclass(frozen=True, slots=True)
class Source:
    """The input: catalogues with their number of rows, the images, and what kind of galaxies they are.

    ``images_at`` is where the user said that the images are; None: in the data folder, where the recipe says.
    ``debiased`` tells that every catalogue has debiased fractions, and ``measures`` names the columns of magnitudes,
    sizes and redshifts that some catalogue has.
    """

    data: Place
    catalogues: tuple[CatalogueFile, ...]
    rows: tuple[int, ...]
    images: ImageSource
    kind: str = GALAXY_ZOO_2
    images_at: Place | None = None
    debiased: bool = False
    measures: tuple[str, ...] = ()

    def count(self, split: Split) -> int:
        """Rows of a split."""
        pairs = zip(self.catalogues, self.rows, strict=True)
        return sum(rows for file, rows in pairs if file.split is split)


@dataclass(frozen=True)
class PreparationJob:
    """Everything that the graph is built from.

    Attributes:
        folder: the dataset folder.
        source: the input.
        recipe: what to do.
        recipe_hash: identity of the recipe and of the pixel libraries.
        counts: number of bins of each split.
        galaxies: number of galaxies of each split, once ``limit`` has been applied.
        ceilings: largest ``identity_hash("limit", …)`` of the galaxies to take, of each split.
        progress: address of the launcher's progress socket, or "" where no launcher listens.
        awaited: whether the launcher waits for a sign that workers have begun.
        groups: galaxies that are one galaxy under several ids, where the recipe asks for them.
        published: the date that the data set is published under, such as ``2026-11-28``; None: it says none.
    """

    folder: Folder
    source: Source
    recipe: Recipe
    recipe_hash: str
    counts: BinCounts
    galaxies: Mapping[Split, int]
    ceilings: Mapping[Split, int] = field(default_factory=dict)
    progress: str = ""
    awaited: bool = False
    groups: Groups = field(default_factory=Groups)
    published: str | None = None

    @cached_property
    def catalogue_schema(self) -> pa.Schema:
        """Columns of the data set's own catalogue."""
        return catalogue_schema(self.recipe, debiased=self.source.debiased, measures=self.source.measures)

    @cached_property
    def record_hash(self) -> str:
        """Identity of what records are made by: the recipe without its thresholds."""
        return record_hash(self.recipe)

    def bin_of(self, galaxy_id: str, split: Split) -> Bin:
        """The bin that a galaxy of a split belongs to: it decides the fold and the shards."""
        return bin_of(galaxy_id, split, self.counts, self.recipe.split_seed, self.groups.fold_id(galaxy_id))

    def averages(self, target: Bin) -> bool:
        """Whether the images of a bin are in the mean image: the first bins, with about 2,000 galaxies, are.

        There is none where images keep their own size.
        """
        bins = self.counts.bins()
        wanted = -(-SAMPLE * len(bins) // max(sum(self.galaxies.values()), 1))
        frame = self.recipe.images.frame
        return frame != "any" and frame <= LARGEST_FRAME and target in bins[:wanted]

    def takes(self, galaxy_id: str, split: Split) -> bool:
        """Whether ``limit`` leaves a galaxy in."""
        ceiling = self.ceilings.get(split, HASH_RANGE)
        return ceiling == HASH_RANGE or identity_hash("limit", self.recipe.split_seed, galaxy_id) <= ceiling


def open_source(
    data: Place, catalogues: tuple[CatalogueFile, ...], recipe: Recipe, images_at: Place | None = None
) -> Source:
    """Check the input: schemas, row counts, the images. Of images in parquet or tar, an index is made.

    Raises:
        GzError: something is absent or empty.
    """
    columns = [check_columns(file.path, recipe.survey) for file in catalogues]
    debiased = all(has_debiased(recipe.survey, names) for names in columns)
    read = dict.fromkeys(name for names in columns for name in names)
    measures = tuple(name for name in read if measure_kind(name) and name not in wanted(recipe.survey))
    rows = tuple(row_count(file.path, recipe.survey) for file in catalogues)
    if not any(rows):
        names = " and ".join(file.path.name for file in catalogues)
        raise GzError(f"The catalogue is empty: {names} in {data} has no row; there is nothing to prepare.")
    place = data / recipe.images.folder if images_at is None else images_at
    beside = catalogues if images_at is None else ()  # a place that was named is never replaced by another one
    images = open_images(place, recipe, beside)
    return Source(data, catalogues, rows, images, kind_of(data, recipe.survey), images_at, debiased, measures)


def apply_limit(source: Source, recipe: Recipe) -> tuple[dict[Split, int], dict[Split, int]]:
    """Find how many galaxies of each split ``limit`` leaves, and the largest hash among them.

    Returns:
        Galaxies, and ceilings (none without a limit), of each split.
    """
    totals = {split: source.count(split) for split in Split}
    if recipe.limit is None or recipe.limit >= sum(totals.values()):
        return totals, {}
    train = round(recipe.limit * totals[Split.TRAIN] / sum(totals.values()))
    shares = {Split.TRAIN: train, Split.TEST: recipe.limit - train}
    return shares, {split: _ceiling(source, split, share, recipe) for split, share in shares.items()}


def _ceiling(source: Source, split: Split, share: int, recipe: Recipe) -> int:
    files = (file for file in source.catalogues if file.split is split)
    ids = (galaxy_id for file in files for galaxy_id in read_ids(file, recipe.survey))
    hashes = sorted(identity_hash("limit", recipe.split_seed, galaxy_id) for galaxy_id in ids)
    return hashes[share - 1] if share else -1


def refuse_source(out: Place, source: Source) -> None:
    """Refuse to write among the source: it is read-only.

    Raises:
        GzError: the dataset folder is the data folder, or lies in the image folder.
    """
    if isinstance(out, Url) and out.scheme == HUB:
        raise GzError(f"--out {out} is on the Hugging Face hub, which is only read; choose another.")
    target, data = out.resolve(), source.data.resolve()
    images = [place.resolve() for place in source.images.places]  # beside the catalogue: a folder below is another one
    if target == data or any(place in (target, *target.parents) for place in images if place != data):
        raise GzError(f"--out {out} is where the source images are, which are never written to; choose another.")


def make_job(out: Place, source: Source, recipe: Recipe) -> PreparationJob:
    """Work out the job, keeping the number of bins that the folder already has.

    Raises:
        GzError: what the folder holds is damaged; or the recipe's own pipeline of views cannot be used.
    """
    if recipe.views.pipeline is not None:
        side = 2 * recipe.crop.size if recipe.images.frame == "any" else recipe.images.frame
        check_pipeline(recipe.views.pipeline, (side, side), recipe.crop.size)
    galaxies, ceilings = apply_limit(source, recipe)
    fresh = plan_bins(galaxies[Split.TRAIN], galaxies[Split.TEST], recipe)
    folder = Folder(out)
    keep = folder.plan.exists() and not is_left_over(folder, recipe)
    kept = _planned_counts(folder) if keep else BinCounts(0, 0)
    counts = BinCounts(kept.train or fresh.train, kept.test or fresh.test)
    fixed = (folder, source, recipe, recipe_hash(recipe), counts, galaxies, ceilings)
    job = PreparationJob(*fixed, published=publication_date())
    if recipe.group_by == "galaxy":
        return job
    everyone = read_all(source.catalogues, recipe.survey)
    taken = (galaxy for galaxy in everyone if job.takes(galaxy.id, galaxy.split))
    return replace(job, groups=find_groups(taken, source.images))


def publication_date() -> str | None:
    """The date in ``SOURCE_DATE_EPOCH``, in UTC: no clock is asked, so that the same bytes come again.

    Source of the name: https://reproducible-builds.org/specs/source-date-epoch/.

    Raises:
        UsageError: the variable holds no number of seconds.
    """
    text = os.environ.get("SOURCE_DATE_EPOCH")
    if not text:
        return None
    try:
        return datetime.fromtimestamp(int(text), UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        raise UsageError(f"SOURCE_DATE_EPOCH is {text!r}; expected seconds since 1970, such as 1700000000.") from None


def _planned_counts(folder: Folder) -> BinCounts:
    return BinCounts(**read_plan(folder)["bins"])


def read_plan(folder: Folder) -> dict[str, Any]:
    """Read what the folder is being made from.

    Raises:
        GzError: the plan is damaged.
    """
    try:
        plan: dict[str, Any] = read_document(folder.plan, _Plan, "run the same command with --overwrite")[1]
    except FileNotFoundError:
        raise GzError(f"{folder.plan} is no longer there; run the same command again.") from None
    return plan


class _PlannedBins(BaseModel):
    """Number of bins of each split; the limit is the number of shards that a file name can count."""

    model_config = ConfigDict(extra="forbid")
    train: Annotated[int, Field(ge=0, lt=100_000, strict=True)]
    test: Annotated[int, Field(ge=0, lt=100_000, strict=True)]


class _Plan(BaseModel):
    """What ``plan.json`` holds."""

    recipe_hash: str
    recipe: dict[str, Any]
    bins: _PlannedBins


def check_folder(job: PreparationJob) -> None:
    """Refuse a folder that holds something else. Other thresholds and policies are no other data set.

    Raises:
        GzError: it was made from another recipe, or not by gzprep.
    """
    folder, name = job.folder, job.recipe.name
    if folder.plan.exists():
        differing = _other_recipe(folder, job.recipe, job.recipe_hash)
        if differing and not is_left_over(folder, job.recipe):
            raise GzError(
                f"{folder.root} holds a data set made from another recipe (different: {differing}); "
                "choose another --out, or replace it with --overwrite."
            )
    elif folder.merging.is_file():
        raise GzError(
            f"{folder.root} was made by gzprep merge, and gzprep run adds nothing to it; "
            "choose another --out, or replace it with --overwrite."
        )
    elif folder.manifest.exists() or folder.catalogue.exists() or any(folder.root.glob(f"{name}-*.tfrecord-*")):
        raise GzError(
            f"{folder.root} holds files of another data set; choose another --out, or replace them with --overwrite."
        )


def is_left_over(folder: Folder, recipe: Recipe) -> bool:
    """Whether a folder holds only what a run of another recipe left when it stopped for too many rejects."""
    refused = folder.refused.is_file() and folder.plan.exists() and not folder.manifest.exists()
    return refused and bool(_other_recipe(folder, recipe, recipe_hash(recipe)))


def _other_recipe(folder: Folder, recipe: Recipe, identity: str) -> str:
    """Name what makes the recipe of a folder another one; empty where it makes the same records."""
    plan = read_plan(folder)
    if plan["recipe_hash"] == identity:
        return ""
    planned = lay_over(as_document(Recipe()), plan["recipe"])  # an older plan lacks keys that were added since
    changed = differences(_with_name(planned), _with_name(as_document(recipe)))
    if changed and all(key.startswith("defects.") for key in changed):
        return ""
    return ", ".join(changed) or "questions of the survey, or versions of libraries"


def _with_name(recipe: dict[str, Any]) -> dict[str, Any]:
    """A recipe with the name of its survey in the place of all its questions."""
    survey = recipe.get("survey", {})
    name = survey.get("name", "another") if survey else str(gz2())
    return {**recipe, "survey": name}


def differences(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Name the keys in which two recipes differ, each with its old and its new value."""
    found = []
    for key in sorted({*old, *new}):
        before, after = _plain(old.get(key)), _plain(new.get(key))
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            found += differences(before, after, f"{prefix}{key}.")
        elif before != after and key != "max_reject_share":
            found.append(f"{prefix}{key} was {_short(before)}, is {_short(after)}")
    return found


def _short(value: object) -> str:
    return text if len(text := str(value)) <= 100 else f"{text[:100]}..."


def _plain(value: Any) -> Any:  # noqa: ANN401 -- any JSON value
    return list(value) if isinstance(value, tuple) else value


def write_plan(job: PreparationJob) -> None:
    """Note in the folder what it is being made from.

    Raises:
        GzError: the folder cannot be written into; or, in a bucket, a run of another recipe was faster.
    """
    plan = {"recipe_hash": job.recipe_hash, "recipe": as_document(job.recipe), "bins": asdict(job.counts)}
    path = job.folder.plan
    with writing(job.folder.root):
        try:
            if not isinstance(path, Path):
                path.create(json_bytes(plan))
                return
        except FileExistsError:  # of a run before, of one that was faster, or of a try of ours whose answer was lost
            check_folder(job)
        write_json(path, plan, job.folder.temporaries)


def forget_plan(folder: Folder) -> None:
    """Remove the plan of a run that failed before it had made anything: any recipe may have the folder then.

    In a bucket it stays: another run may be at work under the same plan.
    """
    if isinstance(folder.root, Path):
        shards = folder.root.glob("*.tfrecord-*")
        if not any((folder.manifest.exists(), folder.catalogue.exists(), *folder.bins.glob("*"), *shards)):
            folder.plan.unlink(missing_ok=True)
