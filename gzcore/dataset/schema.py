"""What the manifest holds, as models that check it.

It is untrusted like every file. Names in it become parts of paths, and its numbers become sizes of arrays: so a name is
a plain name, and a number has a limit.
"""

import re
from itertools import chain
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from gzcore.dataset.features import Widths
from gzcore.dataset.layout import FOLDS, SPLITS, TEST, TEST_FOLD
from gzcore.dataset.tfrecord import OVERHEAD
from gzcore.dataset.tree import Question

Count = Annotated[int, Field(ge=0, le=2**48, strict=True)]
Text = Annotated[str, Field(strict=True)]
Names = Annotated[tuple[Text, ...], Field(max_length=1000)]
Hash = Annotated[Text, Field(pattern=r"^[0-9a-f]{64}$")]
_SHARD_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,150}\.tfrecord-[0-9]{5,7}-of-[0-9]{5,7}")


def _plain_name(name: str) -> str:
    """A name as gzprep gives it: it leads to no other folder and is no other file of the data set."""
    if not _SHARD_NAME.fullmatch(name):
        raise ValueError(f"{name[:80]!r} is not the name of a shard, such as gz2-train.tfrecord-00000-of-00005")
    return name


def _digest(text: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise ValueError(f"{text[:80]!r} is not a SHA-256 of 64 hexadecimal digits")
    return text


BEST_COMPRESSION = 1100
"""No PNG or JPEG is so much smaller than its pixels: DEFLATE reaches 1,032."""


class _Part(BaseModel):
    """A part of the manifest; keys that the model does not name are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Shard(_Part):
    """One file of records, all of one split and one fold (-1 in test)."""

    file: Annotated[Text, AfterValidator(_plain_name)]
    fold: Annotated[int, Field(ge=-1, lt=FOLDS, strict=True)]
    records: Count
    bytes: Count
    sha256: Annotated[Text, AfterValidator(_digest)]


class Split(_Part):
    """The files of a split."""

    records: Count
    bytes: Count
    shards: tuple[Shard, ...]

    @model_validator(mode="after")
    def _check(self) -> "Split":
        records = sum(shard.records for shard in self.shards)
        if records != self.records:
            raise ValueError(f"records is {self.records}, and those of its shards add up to {records}")
        return self


class Splits(_Part):
    """All files of records. There is no other split: every one that is listed is read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    train: Split
    train_views: Split
    test: Split

    @model_validator(mode="after")
    def _check(self) -> "Splits":
        names: set[str] = set()
        for split in SPLITS:
            for shard in getattr(self, split).shards:
                if shard.file in names:
                    raise ValueError(f"the shard {shard.file} is listed twice")
                if (shard.fold == TEST_FOLD) != (split == TEST):
                    raise ValueError(f"the shard {shard.file} of {split} has fold {shard.fold}")
                names.add(shard.file)
        return self


class FeatureEntry(_Part):
    """One feature of a record."""

    name: Text
    dtype: Text
    shape: Annotated[tuple[Count, ...], Field(max_length=1)]


class QuestionEntry(_Part):
    """One question of the decision tree; see :class:`gzcore.dataset.tree.Question`."""

    index: Count
    name: Text
    title: Text
    used: Annotated[Names, Field(min_length=1)]
    twin: Text | None
    dropped: Text | None
    parent: tuple[Text, Text] | None
    parents: Annotated[tuple[tuple[Text, Text], ...], Field(max_length=100)] = ()  # older versions had none
    sources: Annotated[Names, Field(max_length=100)] = ()  # nor these


def _check_parents(questions: tuple[QuestionEntry, ...]) -> None:
    """Check that each question follows from an answer of a question before it: no circles."""
    answers: set[tuple[str, str]] = set()
    for entry in questions:
        question = Question(**entry.model_dump())
        if not answers.issuperset(question.parents):
            raise ValueError(f"a parent of the question {question.name[:80]!r} is not an answer before it")
        answers |= {(question.name, answer) for answer in question.answers}


class LabelCounts(_Part):
    """How many galaxies there are, and of each label how often it is answered, and is 1 under each policy."""

    galaxies: Count
    answered: tuple[Count, ...]
    asked: tuple[Count, ...]
    report: tuple[Count, ...]


class Labels(_Part):
    """The decision tree, the labels, and the labels of each scheme."""

    names: Names
    fraction_names: Names
    questions: Annotated[tuple[QuestionEntry, ...], Field(max_length=1000)]
    schemes: dict[Text, Annotated[tuple[Count, ...], Field(max_length=1000)]]
    folds: dict[Annotated[Text, Field(pattern=r"^[0-9]$")], LabelCounts]
    test: LabelCounts

    @model_validator(mode="after")
    def _check(self) -> "Labels":
        if len(set(self.names)) < len(self.names) or len(set(self.fraction_names)) < len(self.fraction_names):
            raise ValueError("names or fraction_names has a name twice")
        if [question.index for question in self.questions] != list(range(len(self.questions))):
            raise ValueError("the questions are not numbered from 0")
        counts = chain((self.test,), self.folds.values())
        for column in chain.from_iterable((part.answered, part.asked, part.report) for part in counts):
            if len(column) != len(self.names):
                raise ValueError(f"{len(column)} counts came for {len(self.names)} labels")
        _check_parents(self.questions)
        return self


class CatalogueEntry(_Part):
    """A catalogue that galaxies came from."""

    file: Text
    split: Literal["train", "test"]


def _below(text: str) -> str:
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts or "\\" in text or ":" in text:
        raise ValueError(f"{text[:80]!r} is not a folder below the data folder")
    return text


class JoinedQuestion(_Part):
    """A question of a folder that was joined."""

    name: Text


class JoinedSurvey(_Part):
    """Its survey: what tells its questions from those of another folder."""

    questions: Annotated[tuple[JoinedQuestion, ...], Field(max_length=1000)] = ()
    suffix: Text | None = None


class JoinedRecipe(_Part):
    """Its recipe; without a survey it is that of Galaxy Zoo 2."""

    survey: JoinedSurvey | None = None


class JoinedFolder(_Part):
    """One of the folders that ``gzprep merge`` joined."""

    prefix: Text = ""
    recipe: JoinedRecipe = JoinedRecipe()


class Source(_Part):
    """Where the galaxies came from."""

    data: Text
    catalogues: Annotated[tuple[CatalogueEntry, ...], Field(max_length=1000)]
    kind: Text | None = None
    images: Annotated[Text, AfterValidator(_below)] = "images"
    inputs: Annotated[tuple[JoinedFolder, ...], Field(max_length=1000)] | None = None


class Counted(_Part):
    """How many galaxies came in and went out, and what was rejected, flagged and filled."""

    into: Annotated[Count, Field(alias="in")]
    out: Count
    rejected: dict[str, Count]
    flagged: dict[str, Count]
    inpainted: dict[str, Count] = {}
    inconsistent: dict[str, Count] = {}


class Counts(_Part):
    """The galaxies, all and by split."""

    all: Counted
    train: Counted
    test: Counted


class Leak(_Part):
    """Galaxies that are in two places at once, found in one way."""

    compared: Count
    test: Count
    folds: Count
    examples: Annotated[tuple[tuple[Text, Text], ...], Field(max_length=100)]


class Leaks(_Part):
    """Galaxies that are in two places at once."""

    galaxies: Count
    same_image: Leak
    same_position: Leak


class Crop(_Part):
    """The part of the recipe about crops: the side of the images, px."""

    size: Annotated[int, Field(ge=1, le=8192, strict=True)]


class Views(_Part):
    """Augmented views of a training galaxy, beside the original."""

    count: Annotated[int, Field(ge=0, le=99, strict=True)]


class Minimum(_Part):
    """The part of the recipe about labels: votes that a question needs to count as answered."""

    min_votes: Count


class RecipeEntry(_Part):
    """What a reader needs of the recipe."""

    crop: Crop
    labels: Minimum
    views: Views


def _folds(splits: Splits) -> set[int]:
    return {shard.fold for split in (splits.train, splits.train_views) for shard in split.shards}


class SurveyEntry(_Part):
    """What volunteers were asked, beside the questions: its name, and the end of the names of its questions."""

    name: Text
    title: Text
    suffix: Text = ""


class Manifest(_Part):
    """What readers rely on."""

    format: Annotated[int, Field(strict=True)]
    name: Annotated[Text, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$")]
    recipe_hash: Hash
    data_hash: Hash | None = None  # versions of gzprep before it gave none
    recipe: RecipeEntry
    versions: dict[str, Text]
    source: Source
    counts: Counts
    splits: Splits
    features: Annotated[tuple[FeatureEntry, ...], Field(max_length=100)]
    labels: Labels
    survey: SurveyEntry | None = None  # versions of gzprep before it knew Galaxy Zoo 2 alone
    leaks: Leaks | None = None

    @model_validator(mode="after")
    def _check(self) -> "Manifest":
        shapes = {feature.name: feature.shape for feature in self.features}
        labels = self.labels
        for name, count in (("fraction", labels.fraction_names), ("votes", labels.questions), ("mask", labels.names)):
            if shapes.get(name) != (len(count),):
                raise ValueError(f"features has no vector {name} of {len(count)} numbers")
        if not _folds(self.splits) <= {int(fold) for fold in labels.folds}:
            raise ValueError("a shard of train has a fold that labels.folds does not have")
        return self

    @model_validator(mode="after")
    def _check_sizes(self) -> "Manifest":
        """Check that so many images of this size fit into the files, however well they were compressed."""
        least = OVERHEAD + 3 * self.recipe.crop.size**2 // BEST_COMPRESSION
        for split in SPLITS:
            for shard in getattr(self.splits, split).shards:
                if shard.records * least > shard.bytes:
                    size = self.recipe.crop.size
                    raise ValueError(
                        f"{shard.records} images of {size} x {size} px do not fit into the {shard.bytes} bytes of "
                        f"{shard.file}"
                    )
        return self

    @property
    def widths(self) -> Widths:
        """How many fractions, votes and labels a record has."""
        shapes = {feature.name: feature.shape for feature in self.features}
        return Widths(shapes["fraction"][0], shapes["votes"][0], shapes["mask"][0])
