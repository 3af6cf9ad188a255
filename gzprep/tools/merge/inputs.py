"""The folders that are to be joined: opened, and refused in a sentence where they do not fit each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gzcore.dataset.layout import TRAIN, VIEWS
from gzcore.dataset.manifest import read_manifest
from gzcore.dataset.schema import Manifest
from gzcore.errors import GzError, UsageError
from gzcore.storage.places import Place
from gzprep.config import Recipe, as_document, from_mapping
from gzprep.dataset.folder import Folder
from gzprep.dataset.read import read_columns
from gzprep.prepare.job import differences

Json = dict[str, Any]
_MUST_AGREE = {"crop.size": "--crop", "crop.encoding": "--set crop.encoding=", "views.count": "--views"}
"""Keys of the recipe that all folders must share, and how ``gzprep run`` is told them."""


@dataclass(frozen=True)
class Part:
    """One of the folders that are joined.

    Attributes:
        folder: its paths.
        manifest, document: its manifest, as a model and whole.
        recipe: what it was made with.
        prefix: what is put before each of its ids; may be empty.
    """

    folder: Folder
    manifest: Manifest
    document: Json
    recipe: Recipe
    prefix: str = ""

    def __str__(self) -> str:
        return str(self.folder.root)

    def shards(self, split: str) -> int:
        """Number of its shards of a split."""
        return len(self.document["splits"][split]["shards"])


def open_parts(roots: Sequence[Place], *, prefix: bool) -> list[Part]:
    """Open dataset folders, and check that they can be joined.

    Args:
        roots: the folders, two or more.
        prefix: put the name of its survey before each id.

    Raises:
        UsageError: there are fewer than two, or one is there twice.
        GzError: one is not whole, they have other crops or views, or an id is in two of them.
    """
    whole = [root.resolve() for root in roots]
    if len(whole) < 2:
        raise UsageError("gzprep merge joins two dataset folders or more; name them before --out.")
    twice = next((one for one, other in combinations(whole, 2) if one == other), None)
    if twice is not None:
        raise UsageError(f"The folder {twice} is named twice; name each folder once.")
    parts = [_open(root, prefix=prefix) for root in roots]
    for part in parts[1:]:
        _refuse_other_images(parts[0], part)
    _refuse_equal_ids(parts)
    return parts


def _open(root: Place, *, prefix: bool) -> Part:
    manifest, document = read_manifest(root)
    recipe = from_mapping(document["recipe"], f"The recipe of {root}")
    survey, labels = recipe.survey, manifest.labels
    if (survey.label_names, survey.fraction_names) != (labels.names, labels.fraction_names):
        raise GzError(f"{root} has other labels than its survey {survey}; gzprep verify {root} says more.")
    if manifest.data_hash is None:
        raise GzError(f"{root} has no data hash, for an old version of gzprep made it; make it again with gzprep run.")
    if len(manifest.splits.train.shards) != len(manifest.splits.train_views.shards):
        raise GzError(f"{root} has other numbers of shards in {TRAIN} and {VIEWS}; make it again with gzprep run.")
    return Part(Folder(root), manifest, document, recipe, f"{survey}_" if prefix else "")


def _refuse_other_images(first: Part, part: Part) -> None:
    """Refuse crops of another size or encoding, and another number of views."""
    ours, theirs = as_document(first.recipe), as_document(part.recipe)
    differing, options = [], []
    for key, option in _MUST_AGREE.items():
        table, name = key.split(".")
        want, has = ours[table][name], theirs[table][name]
        if want != has:
            differing.append(f"{key} is {has}, not {want}")
            options.append(f"{option}{'' if option.endswith('=') else ' '}{want}")
    if differing:
        raise GzError(
            f"{part} cannot be joined to {first}: {'; '.join(differing)}. Make it again with these options beside "
            f"those that you gave: gzprep run --out {part} --overwrite {' '.join(options)}."
        )


_IDS = pa.schema([("id_str", pa.string())])


def _refuse_equal_ids(parts: Sequence[Part]) -> None:
    """Refuse an id that is in two folders: one galaxy must be in one place only."""
    ids = [_ids(part) for part in parts]
    for (one, first), (other, second) in combinations(zip(parts, ids, strict=True), 2):
        both = second.filter(pc.is_in(second, value_set=first))
        if len(both):
            raise GzError(_equal_ids(one, other, both))


def _ids(part: Part) -> pa.ChunkedArray:
    table = read_columns(part.folder.catalogue, _IDS, part.manifest.counts.all.into)
    return pc.binary_join_element_wise(part.prefix, table["id_str"], "")


def _equal_ids(one: Part, other: Part, both: pa.ChunkedArray) -> str:
    found = f"{len(both):,} ids are in {one} and in {other}, such as {both[0].as_py()!r}."
    if one.recipe.survey.name == other.recipe.survey.name:
        return f"{found} Both are of the survey {one.recipe.survey}: leave the galaxies of one folder out of the other."
    return f"{found} If they may stay in both, --prefix puts the name of the survey before each id."


def told(parts: Sequence[Part]) -> list[str]:
    """What a person should know: in what the recipes differ. The records stay as they were made."""
    first = _rest_of_recipe(parts[0])
    lines = []
    for part in parts[1:]:
        found = differences(first, _rest_of_recipe(part))
        if found:
            lines.append(f"{part} has another recipe than {parts[0]}; its records stay as they are: {'; '.join(found)}")
    return lines


def _rest_of_recipe(part: Part) -> Json:
    return {key: value for key, value in as_document(part.recipe).items() if key not in {"survey", "name"}}
