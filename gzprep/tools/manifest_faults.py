"""What is wrong with a manifest: where its parts do not fit each other, the catalogue, or the records. Sentences.

That it has the form of a manifest is checked where it is opened, by :mod:`gzcore.dataset.schema`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from gzcore.dataset.layout import FOLDS, TEST_FOLD, shard_name
from gzcore.errors import GzError
from gzprep.catalogue.galaxy import Split
from gzprep.catalogue.surveys import gz2, survey_of
from gzprep.config import BYTES_VERSION, Recipe, as_document, from_mapping, recipe_hash
from gzprep.dataset.merged import inputs_of, is_merged, merged_data_hash, merged_recipe_hash
from gzprep.tools.shard_contents import Contents

Json = dict[str, Any]


def manifest_faults(manifest: Json) -> Iterator[str]:
    """Yield what is wrong with a manifest by itself."""
    yield from _recipe_faults(manifest)
    yield from _tree_faults(manifest)
    for split, content in manifest["splits"].items():
        yield from _split_faults(manifest["name"], split, content)


def _recipe_faults(manifest: Json) -> Iterator[str]:
    """The recipe hash is that of the recipe; recipes of other versions, which have other keys, are not compared."""
    if is_merged(manifest):
        yield from _merged_faults(manifest)
        return
    if _keys({**manifest["recipe"], "survey": ""}) != _keys({**as_document(Recipe()), "survey": ""}):
        return
    try:
        recipe = from_mapping(manifest["recipe"], "manifest.json")
    except GzError as error:
        yield str(error)
        return
    versions = manifest["versions"]
    if manifest.get("recipe_hash") not in {recipe_hash(recipe, versions, made) for made in range(1, BYTES_VERSION + 1)}:
        yield "manifest.json: its recipe_hash is not that of its recipe and versions."
    if recipe.name != manifest["name"]:
        yield f"manifest.json: its name is {manifest['name']}, that of its recipe {recipe.name}."


def _merged_faults(manifest: Json) -> Iterator[str]:
    """Both hashes of a data set that was joined from others follow from theirs."""
    try:
        inputs = inputs_of(manifest)
        survey = survey_of(manifest["recipe"].get("survey"), "manifest.json: recipe.survey")
    except GzError as error:
        yield str(error)
        return
    if manifest["recipe_hash"] != merged_recipe_hash(inputs, survey):
        yield "manifest.json: its recipe_hash does not follow from those of source.inputs."
    if manifest.get("data_hash") != merged_data_hash(inputs):
        yield "manifest.json: its data_hash is not the sum of those of source.inputs."


_PIPELINE = ".views.pipeline"
"""A key of the recipe whose value may be a table of any keys."""


def _keys(table: Any, prefix: str = "") -> set[str]:  # noqa: ANN401 -- any JSON value
    if not isinstance(table, dict) or prefix == _PIPELINE:
        return {prefix}
    return {key for name, value in table.items() for key in _keys(value, f"{prefix}.{name}")}


def _tree_faults(manifest: Json) -> Iterator[str]:
    """Names and widths are those of the decision tree that records are read by."""
    said = manifest["recipe"].get("survey")
    try:
        survey = gz2() if said is None else survey_of(said, "manifest.json: recipe.survey")
    except GzError as error:
        yield str(error)
        return
    features = [(entry["name"], entry["dtype"], tuple(entry["shape"])) for entry in manifest["features"]]
    if features != [(feature.name, feature.dtype, tuple(feature.shape)) for feature in survey.features]:
        yield "manifest.json: its features are not those of a record."
    expected = {
        "names": list(survey.label_names),
        "fraction_names": list(survey.fraction_names),
        "votes_names": [question.name for question in survey.tree],
        "schemes": {scheme: list(survey.scheme_labels(scheme)) for scheme in survey.questions_of_schemes},
    }
    for key, value in expected.items():
        if manifest["labels"].get(key) != value:
            yield f"manifest.json: labels.{key} is not that of the decision tree."


def _split_faults(name: str, split: str, content: Json) -> Iterator[str]:
    total = sum(shard["bytes"] for shard in content["shards"])
    if total != content["bytes"]:
        yield f"manifest.json: bytes of {split} is {content['bytes']}; its shards have {total}."
    for index, shard in enumerate(content["shards"]):
        expected = shard_name(name, split, index, len(content["shards"]))
        if shard["file"] != expected:
            yield f"manifest.json: shard {index} of {split} is {shard['file']}; expected {expected}."


# ---------------------------------------------------------------- counts of galaxies


@dataclass
class RowCounts:
    """Counts over the rows of catalogue.parquet, as the manifest has them."""

    counts: dict[str, dict[str, Counter[str]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(Counter))
    )

    def add(self, row: Json) -> None:
        """Count a row."""
        rejected = row["verdict"] == "rejected"
        for part in ("all", str(row["split"])):
            counts = self.counts[part]
            counts["in"][""] += 1
            counts["out"][""] += not rejected
            if rejected:
                counts["rejected"][str(row["reason"])] += 1
            else:
                counts["flagged"].update(map(str, row["flags"] or ()))
                counts["inpainted"].update(map(str, row["inpainted"] or ()))

    def faults(self, manifest: Json) -> Iterator[str]:
        """Yield where the manifest has other counts."""
        for part in ("all", *map(str, Split)):
            said = manifest["counts"][part]
            for key in ("in", "out", "rejected", "flagged", "inpainted"):
                counted: Any = dict(self.counts[part][key])
                value = counted.get("", 0) if key in {"in", "out"} else counted
                if said.get(key, value) != value:
                    yield f"manifest.json: counts.{part}.{key} is {said[key]}; catalogue.parquet has {value}."


# ---------------------------------------------------------------- counts of labels


def label_count_faults(manifest: Json, contents: Contents) -> Iterator[str]:
    """Yield where the label counts of a manifest, by which a trainer weights labels, are not those of its records."""
    if contents.records != sum(content["records"] for content in manifest["splits"].values()):
        return  # records are missing, which has been told
    labels = manifest["labels"]
    if set(labels["folds"]) != {str(fold) for fold in range(FOLDS)}:
        yield f"manifest.json: labels.folds has {len(labels['folds'])} folds; expected 0 to {FOLDS - 1}."
    for fold in range(TEST_FOLD, FOLDS):
        said = labels["test"] if fold == TEST_FOLD else labels["folds"].get(str(fold), {})
        answered, asked, report = contents.label_sums[fold].tolist()
        held = {"galaxies": contents.originals[fold], "answered": answered, "asked": asked, "report": report}
        for name, value in held.items():
            if said.get(name) != value:
                where = "test" if fold == TEST_FOLD else f"fold {fold}"
                yield f"manifest.json: the label count {name} of {where} is not that of its records."
