"""The manifest: how it is read and checked. What a data set is about is not decided here.

``manifest.json`` is written last, so a folder that has one is whole. It is untrusted like every file. Names of shards
must be plain file names; no manifest can lead out of its folder.
"""

import json
import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from gzcore.dataset.features import Widths
from gzcore.dataset.layout import FORMAT, MANIFEST
from gzcore.errors import GzError
from gzcore.storage.places import Place

Json = dict[str, Any]
Count = Annotated[int, Field(ge=0, strict=True)]
Text = Annotated[str, Field(strict=True)]
Names = tuple[Text, ...]


def _plain_name(name: str) -> str:
    if not name or name in (".", "..") or set(name) & set("/\\\0"):
        raise ValueError(f"{name!r} is not the name of a file in the folder")
    return name


def _digest(text: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise ValueError(f"{text!r} is not a SHA-256 of 64 hexadecimal digits")
    return text


class _Part(BaseModel):
    """A part of the manifest; keys that the model does not name are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Shard(_Part):
    """One file of records, all of one split and one fold (-1 in test)."""

    file: Annotated[Text, AfterValidator(_plain_name)]
    fold: Annotated[int, Field(ge=-1, strict=True)]
    records: Count
    bytes: Count
    sha256: Annotated[Text, AfterValidator(_digest)]


class Split(_Part):
    """The files of a split."""

    records: Count
    bytes: Count
    shards: tuple[Shard, ...]


class Splits(_Part):
    """All files of records."""

    train: Split
    train_views: Split
    test: Split


class FeatureEntry(_Part):
    """One feature of a record."""

    name: Text
    dtype: Text
    shape: tuple[Count, ...]


class QuestionEntry(_Part):
    """One question of the decision tree; see :class:`gzcore.dataset.tree.Question`."""

    index: Count
    name: Text
    title: Text
    used: Annotated[Names, Field(min_length=1)]
    twin: Text | None
    dropped: Text | None
    parent: tuple[Text, Text] | None


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
    questions: tuple[QuestionEntry, ...]
    schemes: dict[Text, tuple[int, ...]]
    folds: dict[Annotated[Text, Field(pattern=r"^[0-9]+$")], LabelCounts]
    test: LabelCounts


class Crop(_Part):
    """The part of the recipe about crops: the side of the images, px."""

    size: Annotated[int, Field(ge=1, strict=True)]


class Views(_Part):
    """Augmented views of a training galaxy, beside the original."""

    count: Count


class RecipeEntry(_Part):
    """What a reader needs of the recipe."""

    crop: Crop
    views: Views


class Manifest(_Part):
    """What readers rely on."""

    name: Text
    data_hash: Annotated[Text, AfterValidator(_digest)] | None = None  # versions of gzprep before it gave none
    recipe: RecipeEntry
    versions: dict[str, str]
    source: dict[str, Any]
    counts: dict[str, Any]
    splits: Splits
    features: tuple[FeatureEntry, ...]
    labels: Labels

    @model_validator(mode="after")
    def _check(self) -> "Manifest":
        absent = {"fraction", "votes", "mask"} - {feature.name for feature in self.features if feature.shape}
        if absent:
            raise ValueError(f"features has no vector {min(absent)}")
        return self

    @property
    def widths(self) -> Widths:
        """How many fractions, votes and labels a record has."""
        shapes = {feature.name: feature.shape for feature in self.features}
        return Widths(shapes["fraction"][0], shapes["votes"][0], shapes["mask"][0])


def read_manifest(root: Place) -> tuple[Manifest, Json]:
    """Read the manifest of a dataset folder, and check it.

    Args:
        root: the folder.

    Returns:
        What readers rely on; and the whole document, which says more.

    Raises:
        GzError: the folder or its manifest is not there, damaged, or of a newer format; one sentence says what to do.
    """
    document = _read_document(root)
    newest = document["format"]
    if newest > FORMAT:
        raise GzError(f"{root} has format {newest}; this version knows formats up to {FORMAT}. Install a newer one.")
    try:
        return Manifest.model_validate(document), document
    except ValidationError as error:
        raise GzError(_damaged(root, _first_fault(error))) from None


def _read_document(root: Place) -> Json:
    path = root / MANIFEST
    if not root.is_dir():
        raise GzError(f"There is no dataset folder {root}; make one with gzprep run --out {root}.")
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise GzError(
            f"{root} has no {MANIFEST}, so it is not a whole dataset folder; gzprep run --out {root} makes or "
            "finishes one."
        ) from None
    except OSError as error:
        raise GzError(f"{path} cannot be read ({error.strerror}).") from None
    except (ValueError, RecursionError):
        raise GzError(_damaged(root, "it is not JSON")) from None
    if not isinstance(document, dict) or type(document.get("format")) is not int:
        raise GzError(_damaged(root, "it does not say its format"))
    return document


def _first_fault(error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(map(str, first["loc"])) or "it"
    if first["type"] == "missing":
        return f"it has no {key}"
    if first["type"] == "value_error":
        return f"{key}: {first['msg'].removeprefix('Value error, ')}"
    came = f" is {first['input']!r}" if isinstance(first["input"], str | int | float | None) else ""
    return f"{key}{came}: {first['msg']}"


def _damaged(root: Place, why: str) -> str:
    return f"{root / MANIFEST} is damaged ({why}); run gzprep run --out {root} again: it writes the manifest anew."
