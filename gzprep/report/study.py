"""All statistics of a data set that the page needs, collected in two passes over its catalogue."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from gzcore.console.stages import OnStage, silent
from gzcore.dataset.schema import Manifest
from gzcore.dataset.tree import Question
from gzcore.errors import GzError
from gzcore.hashing import HASH_RANGE, identity_hash
from gzcore.storage.places import Place
from gzprep.config import from_mapping
from gzprep.dataset.folder import Folder
from gzprep.dataset.read import open_folder
from gzprep.dataset.source import find_origin
from gzprep.images.sources import open_images
from gzprep.report.by_measure import Grouped, Spread, choose
from gzprep.report.certainty import Certainty
from gzprep.report.confident import MostConfident
from gzprep.report.correlation import Correlation
from gzprep.report.pictures import SourceImages
from gzprep.report.prevalence import Together
from gzprep.report.reach import Reach
from gzprep.report.rows import Batch, Columns, open_columns, read_batches

SAMPLE = 2000
"""Galaxies whose source images are averaged, as many as in the source report (section 6.2.3)."""


class Statistic(Protocol):
    """What is collected batch by batch."""

    def add(self, batch: Batch) -> None:
        """Add galaxies."""


@dataclass(frozen=True, slots=True)
class Known:
    """A galaxy of the sample: where its image is."""

    hash: int
    id: str
    subfolder: str
    filename: str


@dataclass(eq=False)
class Study:
    """What is known of a data set.

    Attributes:
        folder, manifest, document: the dataset folder, and its manifest twice: as a model, and whole.
        images: the source images; None where they are not found.
        columns: of its catalogue.
        reach, correlation, together, certainty, confident: statistics of votes and labels.
        report_positive, asked_positive, asked_known: galaxies with each label under both policies, and those with an
            answer, over the whole catalogue, float64 [L].
        sample: at most 2,000 sound galaxies, those with the smallest hashes.
        spreads, grouped: columns of magnitudes, sizes and redshifts, and labels in groups by some of them.
    """

    folder: Folder
    manifest: Manifest
    document: dict[str, Any]
    images: SourceImages | None
    columns: Columns
    reach: Reach
    correlation: Correlation
    together: Together
    certainty: list[Certainty]
    confident: MostConfident
    report_positive: np.ndarray
    asked_positive: np.ndarray
    asked_known: np.ndarray
    sample: list[Known] = field(default_factory=list)
    spreads: list[Spread] = field(default_factory=list)
    grouped: list[Grouped] = field(default_factory=list)

    @property
    def questions(self) -> tuple[Question, ...]:
        """The decision tree."""
        return self.columns.questions

    @property
    def own_labels(self) -> bool:
        """Whether the labels are a user's own, and not volunteers' votes."""
        return bool(self.document.get("survey", {}).get("own_labels"))

    @property
    def answered(self) -> bool:
        """Whether any question has an answer; not so in a data set without labels."""
        return bool(self.reach.asked.any())

    @property
    def voted(self) -> bool:
        """Whether it is known how many votes a fraction rests on."""
        return bool(self.reach.votes.any())

    @property
    def hard(self) -> bool:
        """Whether every fraction is 0 or 1, so that no answer is surer than another."""
        return bool(self.reach.whole.sum() == self.reach.asked.sum())

    def short(self, column: str) -> str:
        """A column of votes as a reader wants it: ``bar: yes``."""
        votes = column.removesuffix("_fraction")
        question = next(question for question in self.questions if votes in question.columns)
        return f"{self.columns.short(question)}: {votes.removeprefix(f'{question.name}_')}"


def study(root: Place, data: Place | None = None, on_stage: OnStage = silent) -> Study:
    """Read a dataset folder.

    Args:
        root: the folder.
        data: where the data folder with the source images is now; None: where it was.
        on_stage: is told how many rows have been read.

    Raises:
        GzError: the folder is not whole, or damaged; or ``data`` is given and is not such a folder.
    """
    folder, document = open_folder(root)
    manifest = Manifest.model_validate(document)
    columns = open_columns(folder.catalogue, manifest)
    result = _empty(folder, manifest, document, columns)
    result.images = _images(folder, document, data)
    batches = _told(folder.catalogue, columns, on_stage)
    for batch in next(batches):
        _add(result, batch)
    result.confident = MostConfident(columns, result.reach.enough_votes())
    result.grouped = choose(result.spreads, columns)
    for batch in next(batches):
        result.confident.add(batch)
        for grouped in result.grouped:
            grouped.add(batch)
    return result


def _told(path: Place, columns: Columns, on_stage: OnStage) -> Iterator[Iterator[Batch]]:
    """The catalogue twice, each time in batches; it is told how many rows of both passes have been read."""
    done = 0

    def once() -> Iterator[Batch]:
        nonlocal done
        for batch in read_batches(path, columns):
            yield batch
            done += len(batch)
            on_stage("Reading the catalogue, twice", done, 2 * columns.rows)

    yield once()
    yield once()


def _empty(folder: Folder, manifest: Manifest, document: dict[str, Any], columns: Columns) -> Study:
    labels = len(columns.labels)
    return Study(
        folder,
        manifest,
        document,
        None,
        columns,
        Reach.empty(columns),
        Correlation.empty(columns),
        Together.empty(columns),
        [Certainty(question, columns) for question in columns.questions],
        MostConfident(columns, np.full(len(columns.questions), np.nan)),
        np.zeros(labels),
        np.zeros(labels),
        np.zeros(labels),
        spreads=[Spread(name) for name in columns.measures],
    )


def _images(folder: Folder, document: dict[str, Any], data: Place | None) -> SourceImages | None:
    recipe = from_mapping(document["recipe"], "The manifest's recipe")
    try:
        origin = find_origin(folder, document, data)
    except GzError:
        if data is not None:
            raise
        return None
    try:
        place = origin.images(recipe.images.folder)
        source = open_images(place, recipe, origin.catalogues)
    except GzError:
        return None
    return SourceImages(source, recipe)


def _add(result: Study, batch: Batch) -> None:
    sums: tuple[Statistic, ...] = (result.reach, result.correlation, result.together)
    statistics: tuple[Statistic, ...] = (*sums, *result.certainty, *result.spreads)
    for statistic in statistics:
        statistic.add(batch)
    result.report_positive += batch.report.sum(axis=0)
    result.asked_positive += (batch.asked * batch.mask).sum(axis=0)
    result.asked_known += batch.mask.sum(axis=0)
    _sample(result, batch)


def _sample(result: Study, batch: Batch) -> None:
    """Keep the sound galaxies with the smallest hashes: the same sample, in whatever order the rows come."""
    limit = result.sample[-1].hash if len(result.sample) >= SAMPLE else HASH_RANGE
    for place, verdict in enumerate(batch.verdicts):
        if verdict == "accepted":
            number = identity_hash("report-sample", 0, batch.ids[place])
            if number < limit:
                known = Known(number, batch.ids[place], batch.subfolders[place], batch.filenames[place])
                result.sample.append(known)
    result.sample = sorted(result.sample, key=lambda known: (known.hash, known.id))[:SAMPLE]
