"""What the documents of a run folder hold, as models that check them. They are untrusted like every file."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gzcore.dataset.schema import Count, Names, QuestionEntry, Text
from gzcore.dataset.tree import Question

Figure = Annotated[float, Field(ge=-1e300, le=1e300)] | None
"""A figure of metrics.json; null where it is not defined."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class SchemeEntry(_Part):
    """The questions and labels of a run; see :class:`gztrain.data.dataset.Scheme`."""

    name: Text
    questions: Annotated[tuple[QuestionEntry, ...], Field(max_length=1000)]
    places: Annotated[tuple[Count, ...], Field(max_length=1000)]
    names: Names
    fraction_places: Annotated[tuple[Count, ...], Field(max_length=10_000)]

    @model_validator(mode="after")
    def _check(self) -> "SchemeEntry":
        questions = [Question(**question.model_dump()) for question in self.questions]
        count = sum(len(question.labels) for question in questions)
        if not count or not count == len(self.names) == len(self.places):
            raise ValueError(f"names and places are not of the {count} labels of its questions")
        if len(self.fraction_places) != sum(len(question.answers) for question in questions):
            raise ValueError("fraction_places are not those of the answers of its questions")
        return self


class DatasetEntry(_Part):
    """The data set of a run; see :class:`gztrain.runs.data_set.DataRecord`."""

    path: Annotated[Text, Field(min_length=1, max_length=4096)]
    recipe_hash: Text
    data_hash: Text | None = None
    crop: Annotated[int, Field(ge=1, le=8192, strict=True)]
    frame: Annotated[int, Field(ge=1, le=100_000, strict=True)] | None = None
    pixel_scale: Annotated[float, Field(gt=0, le=3600)] | None = None
    masked: bool = False


class CountsEntry(_Part):
    """How often labels are known, and 1."""

    galaxies: Count
    answered: Annotated[tuple[Count, ...], Field(max_length=1000)]
    positives: Annotated[tuple[Count, ...], Field(max_length=1000)]


class ExtensionEntry(_Part):
    """A run went on for longer than was first asked for: after which step, and what had been asked for until then."""

    step: Count
    before: dict[Text, Count]


class RunDocument(_Part):
    """What ``config.json`` holds; the recipe in it is checked as every recipe is."""

    format: Annotated[int, Field(strict=True)]
    backend: Text
    dataset: DatasetEntry
    scheme: SchemeEntry
    label_counts: dict[Literal["asked", "report", "debiased"], CountsEntry] = {}
    config: dict[str, Any]
    extended: Annotated[tuple[ExtensionEntry, ...], Field(max_length=10_000)] = ()
    versions: Annotated[dict[Text, Text], Field(max_length=100)] = {}


class Figures(_Part):
    """Figures of some labels that tables and pages show."""

    model_config = ConfigDict(frozen=True, extra="allow")
    galaxies: Count
    per_label: dict[str, dict[str, Any]]
    per_question: dict[str, dict[str, Any]]


class PartEntry(_Part):
    """Figures of a group of galaxies."""

    galaxies: Count = 0
    known_questions: Count = 0
    accuracy: Figure
    auc_macro: Figure
    intervals: dict[Literal["accuracy", "auc_macro"], tuple[float, float] | None]


class GroupEntry(PartEntry):
    """A group, with its figures of each question."""

    name: Text
    per_question: dict[Text, PartEntry]


class ColumnEntry(_Part):
    """The groups by a column of the catalogue."""

    without: Count
    groups: Annotated[tuple[GroupEntry, ...], Field(max_length=1000)]


class Judged(Figures):
    """The entry of one split."""

    verdict: Text
    baselines: dict[Literal["majority", "image_free"], Figures]
    intervals: dict[str, Any]
    by: dict[Text, ColumnEntry] = {}


class MetricsDocument(_Part):
    """What ``metrics.json`` holds."""

    scheme: Text
    splits: dict[str, Judged]


class EnsembleDocument(_Part):
    """What ``ensemble.json`` holds."""

    members: Annotated[tuple[Text, ...], Field(max_length=10_000)]
    sides: Annotated[int, Field(ge=1, le=8, strict=True)]
    weights_sha256: Annotated[tuple[Text, ...], Field(max_length=10_000)] = ()
    """Of each member; nothing in files of older versions."""
