"""The manifest of a joined folder."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from gzcore.dataset.layout import FOLDS, FORMAT, MERGED, SPLITS, TEST_FOLD
from gzprep import __version__
from gzprep.catalogue.galaxy import Split
from gzprep.config import Recipe, as_document
from gzprep.dataset.merged import Input, is_merged, merged_data_hash, merged_recipe_hash
from gzprep.prepare.finish import USUAL_POLICIES, add_up, label_names, plain_json
from gzprep.prepare.job import publication_date
from gzprep.tools.merge.inputs import Part
from gzprep.tools.merge.records import LabelSums
from gzprep.tools.merge.trees import join_surveys, unique

Json = dict[str, Any]
_COPIED = ("name", "gzprep", "recipe", "recipe_hash", "data_hash", "versions", "survey", "source", "counts")
"""What the manifest keeps of that of each input."""
_COUNTERS = ("rejected", "flagged", "inpainted", "inconsistent")


def joined_recipe(parts: Sequence[Part]) -> Recipe:
    """The recipe of the first folder, with all questions, and the fewest votes that any folder asks for.

    Raises:
        UsageError: the questions cannot be joined.
    """
    recipe = parts[0].recipe
    fewest = min(part.recipe.labels.min_votes for part in parts)
    survey = join_surveys([part.recipe.survey for part in parts])
    return replace(recipe, name=MERGED, survey=survey, labels=replace(recipe.labels, min_votes=fewest))


def identity(parts: Sequence[Part], recipe: Recipe) -> dict[str, str]:
    """Both hashes of the joined folder."""
    inputs = [Input(**entry) for entry in input_documents(parts)]
    return {"recipe_hash": merged_recipe_hash(inputs, recipe.survey), "data_hash": merged_data_hash(inputs)}


def input_documents(parts: Sequence[Part]) -> list[Json]:
    """What the manifest says of each input. Of a folder that was joined before, its own inputs are listed."""
    documents = []
    for part in parts:
        if is_merged(part.document):
            before: list[Json] = part.document["source"]["inputs"]
            documents += [{**entry, "prefix": part.prefix + entry["prefix"]} for entry in before]
        else:
            kept = {key: part.document[key] for key in _COPIED if key in part.document}
            documents.append({"folder": part.folder.root.name, "prefix": part.prefix, **kept})
    return documents


def describe(parts: Sequence[Part], recipe: Recipe, splits: Mapping[str, Sequence[Json]], sums: LabelSums) -> Json:
    """Build the manifest, without leaks."""
    survey, published = recipe.survey, publication_date()
    orders = unique(part.document.get("order_of_application") for part in parts)
    return {
        "format": FORMAT,
        "name": MERGED,
        "gzprep": __version__,
        **({"published": published} if published else {}),
        "recipe": plain_json(as_document(recipe)),
        **identity(parts, recipe),
        "versions": _versions(parts),
        "order_of_application": orders[0] if len(orders) == 1 and orders[0] else [],
        "source": _source(parts),
        "counts": {part: _counts(parts, part) for part in ("all", *map(str, Split))},
        "splits": {split: _split(splits[split]) for split in SPLITS},
        "features": [plain_json(asdict(feature)) for feature in survey.features],
        "survey": survey.about,
        "labels": {
            **label_names(survey),
            "folds": {str(fold): sums.document(fold) for fold in range(FOLDS)},
            "test": sums.document(TEST_FOLD),
            **_policies(parts),
        },
    }


def _policies(parts: Sequence[Part]) -> Json:
    """The label policies that every folder has; a manifest names none where they are the usual ones."""
    told = [part.document["labels"].get("policies") or USUAL_POLICIES for part in parts]
    shared = [policy for policy in told[0] if all(policy in of_part for of_part in told)]
    return {} if shared == USUAL_POLICIES else {"policies": shared}


def _versions(parts: Sequence[Part]) -> dict[str, str]:
    """Versions of the pixel libraries; where folders were made with different ones, all of them."""
    known: dict[str, list[str]] = {}
    for part in parts:
        for name, version in part.manifest.versions.items():
            known[name] = unique([*known.get(name, []), version])
    return {name: ", ".join(versions) for name, versions in known.items()}


def _source(parts: Sequence[Part]) -> Json:
    inputs = input_documents(parts)
    names = ", ".join(str(entry["folder"]) for entry in inputs)
    return {"kind": MERGED, "data": names, "images": "images", "catalogues": [], "inputs": inputs}


def _counts(parts: Sequence[Part], kind: str) -> Json:
    documents = [part.document["counts"][kind] for part in parts]
    counters = {key: add_up(document.get(key, {}) for document in documents) for key in _COUNTERS}
    if not counters["inconsistent"]:
        del counters["inconsistent"]
    return {**{key: sum(document[key] for document in documents) for key in ("in", "out")}, **counters}


def _split(shards: Sequence[Json]) -> Json:
    totals = {key: sum(shard[key] for shard in shards) for key in ("records", "bytes")}
    return {**totals, "shards": list(shards)}
