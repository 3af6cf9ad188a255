"""A data set that ``gzprep merge`` joined from others: what its manifest says of them, and the hashes that follow."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from gzcore.console import brief, printable
from gzcore.dataset.layout import MERGED
from gzcore.dataset.schema import Hash, Text
from gzcore.errors import GzError
from gzcore.storage.documents import BadDocument, fit
from gzprep.catalogue.survey import Survey
from gzprep.dataset.data_hash import add_sums

Json = dict[str, Any]


class Input(BaseModel):
    """One of the joined data sets, as far as the hashes need it.

    Attributes:
        name: what its survey is called.
        prefix: what was put before each of its ids; may be empty.
        recipe_hash, data_hash: those of its manifest.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
    name: Text
    prefix: Text
    recipe_hash: Hash
    data_hash: Hash


class _Inputs(BaseModel):
    inputs: tuple[Input, ...] = Field(min_length=1, max_length=1000)


def is_merged(manifest: Json) -> bool:
    """Whether a data set was joined from others."""
    return bool(manifest["source"].get("kind") == MERGED)


def inputs_of(manifest: Json) -> tuple[Input, ...]:
    """The data sets that a merged one was joined from.

    Raises:
        GzError: the manifest does not say so, or it is damaged.
    """
    try:
        return fit(_Inputs, {"inputs": manifest["source"].get("inputs")}).inputs
    except BadDocument as error:
        raise GzError(f"manifest.json: source.inputs is damaged ({brief(error)}).") from None


def refuse_merged(manifest: Json) -> None:
    """Refuse what needs the source images of a data set that was joined from others.

    Raises:
        GzError: it was joined; the sentence says from what.
    """
    if is_merged(manifest):
        data = printable(str(manifest["source"]["data"]))
        raise GzError(
            f"The data set was joined by gzprep merge from {data}, and its source images are known there only; "
            "name one of these folders instead."
        )


def merged_recipe_hash(inputs: Sequence[Input], survey: Survey) -> str:
    """SHA-256 over the recipe hashes of the inputs in their order, the prefixes of ids, and the joined questions."""
    parts = [(entry.recipe_hash, entry.prefix) for entry in inputs]
    text = json.dumps({"inputs": parts, "tree": survey.tree_document}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def merged_data_hash(inputs: Sequence[Input]) -> str:
    """Sum of the data hashes of the inputs, as the data hash of one folder is a sum over its galaxies."""
    return add_sums(entry.data_hash for entry in inputs)
