"""The catalogue of a data set, read in batches: votes and labels of many galaxies as arrays."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from gzcore.dataset.schema import Manifest
from gzcore.dataset.tree import Question
from gzcore.errors import GzError
from gzcore.storage.damage import checked
from gzcore.storage.places import Place, for_arrow
from gzprep.catalogue.measures import measure_kind
from gzprep.catalogue.surveys import gz2
from gzprep.dataset.read import readable

Doubles = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int8]
ROWS = 8192
"""Rows of a batch: some 5 MB of votes."""


@dataclass(frozen=True)
class Columns:
    """Which columns hold the votes of each question.

    Attributes:
        questions: of the tree, in order.
        labels: names of all labels, in order.
        stored: names of the columns that the catalogue has.
        suffix: the end of the names of questions, which readers are spared, with its hyphen.
        measures: columns of magnitudes, sizes and redshifts.
        rows: number of galaxies in the catalogue.
    """

    questions: tuple[Question, ...]
    labels: tuple[str, ...]
    stored: frozenset[str]
    suffix: str = ""
    measures: tuple[str, ...] = ()
    rows: int = 0

    def short(self, question: Question) -> str:
        """The name of a question as a reader wants it: ``bar``."""
        return question.name.removesuffix(self.suffix)

    @cached_property
    def fractions(self) -> tuple[str, ...]:
        """Columns of vote fractions."""
        return tuple(name for question in self.questions for name in question.fraction_columns)

    def fraction_slice(self, question: Question) -> slice:
        """Where the fractions of a question stand."""
        start = sum(len(other.answers) for other in self.questions[: question.index])
        return slice(start, start + len(question.answers))

    def label_slice(self, question: Question) -> slice:
        """Where the labels of a question stand."""
        start = sum(len(other.used) for other in self.questions[: question.index])
        return slice(start, start + len(question.used))

    @cached_property
    def totals(self) -> tuple[str | None, ...]:
        """Columns of total votes, one a question; None where the catalogue has none."""
        names = (question.total_column for question in self.questions)
        return tuple(name if name in self.stored else None for name in names)

    def has_counts(self, question: Question) -> bool:
        """Whether volunteers answered the question itself; else it is derived from others."""
        return question.columns[0] in self.stored

    def wanted(self) -> list[str]:
        """Every column that a batch needs."""
        known = [name for name in self.totals if name is not None]
        return [*_PLAIN, *self.fractions, *known, *_VECTORS, *self.measures]


_PLAIN = ("id_str", "split", "fold", "verdict", "subfolder", "filename")
_VECTORS = ("label_report", "label_asked", "mask")


@dataclass(frozen=True, eq=False)
class Batch:
    """Some galaxies of the catalogue, N of them.

    Attributes:
        ids, splits, verdicts, subfolders, filenames: text, one a galaxy.
        folds: 0 to 4; -1 in test.
        fractions: vote fractions, float64 [N, F]; NaN where the question was not asked.
        totals: total votes, float64 [N, Q]. Where the catalogue has none they follow from the tree: volunteers who give
            the parent's answer are asked next. NaN where neither is known, and for a question that is derived.
        report, asked: labels, int8 [N, L].
        mask: int8 [N, L]; 1 where ``asked`` has an answer.
        measures: magnitudes, sizes and redshifts by the name of their column, each float64 [N], NaN: not known.
    """

    ids: Sequence[str]
    splits: Sequence[str]
    folds: Sequence[int]
    verdicts: Sequence[str]
    subfolders: Sequence[str]
    filenames: Sequence[str]
    fractions: Doubles
    totals: Doubles
    report: Labels
    asked: Labels
    mask: Labels
    measures: Mapping[str, Doubles] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def in_shards(self) -> npt.NDArray[np.bool_]:
        """Which galaxies are in the shards: all that were not rejected, [N]."""
        return np.array([verdict != "rejected" for verdict in self.verdicts], bool)


def questions_of(manifest: Manifest) -> tuple[Question, ...]:
    """The decision tree that a manifest tells."""
    return tuple(Question(**entry.model_dump()) for entry in manifest.labels.questions)


def open_columns(path: Place, manifest: Manifest) -> Columns:
    """Find the columns of a catalogue.

    Raises:
        GzError: it is absent, damaged, or lacks columns.
    """
    with readable(path), pq.ParquetFile(for_arrow(path)) as file:
        schema, rows = checked(file.schema_arrow), file.metadata.num_rows
    suffix = gz2().suffix if manifest.survey is None else manifest.survey.suffix
    measures = tuple(entry.name for entry in schema if pa.types.is_floating(entry.type) and measure_kind(entry.name))
    tree, short = questions_of(manifest), f"-{suffix}" if suffix else ""
    columns = Columns(tree, manifest.labels.names, frozenset(schema.names), short, measures, rows)
    absent = [name for name in columns.wanted() if name not in columns.stored]
    if absent:
        raise GzError(f"{path} has no column {absent[0]}; run gzprep again: it makes a new one.")
    return columns


def read_batches(path: Place, columns: Columns) -> Iterator[Batch]:
    """Yield the galaxies of a catalogue, in its order.

    Raises:
        GzError: it is damaged.
    """
    with readable(path), pq.ParquetFile(for_arrow(path)) as file:
        for table in file.iter_batches(ROWS, columns=columns.wanted()):
            yield _batch(table, columns)


def _batch(table: pa.RecordBatch, columns: Columns) -> Batch:
    texts = {name: table[name].to_pylist() for name in _PLAIN}
    fractions = np.stack([_numbers(table[name]) for name in columns.fractions], axis=1)
    unknown = np.full(table.num_rows, np.nan)
    totals = [unknown if name is None else _numbers(table[name]) for name in columns.totals]
    return Batch(
        ids=texts["id_str"],
        splits=texts["split"],
        folds=texts["fold"],
        verdicts=texts["verdict"],
        subfolders=texts["subfolder"],
        filenames=texts["filename"],
        fractions=fractions,
        totals=_along_the_tree(np.stack(totals, axis=1), fractions, columns),
        report=_vectors(table["label_report"], len(columns.labels)),
        asked=_vectors(table["label_asked"], len(columns.labels)),
        mask=_vectors(table["mask"], len(columns.labels)),
        measures={name: _numbers(table[name]) for name in columns.measures},
    )


def _along_the_tree(totals: Doubles, fractions: Doubles, columns: Columns) -> Doubles:
    """Fill in totals that the catalogue does not have; parents stand before their children."""
    by_name = {question.name: question for question in columns.questions}
    for question in columns.questions:
        own = fractions[:, columns.fraction_slice(question)]
        asked = np.where(np.isfinite(own).any(axis=1), totals[:, 0], np.nan)  # other surveys do not ask it
        if question.parents:
            ways = [
                _went_on(by_name[parent], answer, totals, fractions, columns) for parent, answer in question.parents
            ]
            asked = np.where(np.isfinite(ways).any(axis=0), np.rint(np.nansum(ways, axis=0)), np.nan)
        if columns.has_counts(question):
            known = totals[:, question.index]
            totals[:, question.index] = np.where(np.isfinite(known), known, asked)
    return totals


def _went_on(parent: Question, answer: str, totals: Doubles, fractions: Doubles, columns: Columns) -> Doubles:
    """Votes for an answer of a question, float64 [N]."""
    place = columns.fraction_slice(parent).start + parent.answers.index(answer)
    votes: Doubles = totals[:, parent.index] * fractions[:, place]
    return votes


def _numbers(column: pa.Array) -> Doubles:
    return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)


def _vectors(column: pa.Array, width: int) -> Labels:
    flat = column.flatten()
    if len(flat) != width * len(column):
        raise GzError(f"A row of the catalogue does not have {width} labels; run gzprep again: it makes a new one.")
    return np.asarray(flat.to_numpy(zero_copy_only=False), np.int8).reshape(-1, width)
