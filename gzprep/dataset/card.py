"""What others read a data set by: dataset_info.json and features.json (TFDS), croissant.json, README.md.

All of it is derived from the manifest. The first two follow tensorflow-datasets 4.9 (``dataset_info.proto``,
``feature.proto``, as JSON), so that ``tfds.builder_from_directory(OUT)`` opens the folder; the third follows Croissant
1.1 (https://docs.mlcommons.org/croissant/docs/croissant-spec.html).
"""

import json
from datetime import UTC, datetime
from typing import Any

from gzcore.dataset.features import Feature
from gzprep.dataset.provenance import Creator, Provenance, provenance_of

Json = dict[str, Any]

_TFDS = "tensorflow_datasets.core.features"
_CROISSANT_TERMS = [
    "citeAs",
    "column",
    "equivalentProperty",
    "extract",
    "field",
    "fileObject",
    "fileProperty",
    "fileSet",
    "format",
    "includes",
    "isLiveDataset",
    "jsonPath",
    "key",
    "md5",
    "parentField",
    "path",
    "recordSet",
    "references",
    "regex",
    "repeated",
    "replace",
    "samplingRate",
    "separator",
    "source",
    "subField",
    "transform",
]
_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    **{name: f"cr:{name}" for name in _CROISSANT_TERMS},
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
}
_GALAXY_FIELDS = {
    "id_str": ("sc:Text", "The galaxy's id."),
    "split": ("sc:Text", "train or test."),
    "fold": ("sc:Integer", "0 to 4; -1 in test."),
    "shard": ("sc:Integer", "Index of the shard that holds its records."),
    "verdict": ("sc:Text", "accepted, flagged or rejected."),
    "reason": ("sc:Text", "Why it was rejected."),
}


def cards(manifest: Json, catalogue_sha256: str) -> dict[str, str]:
    """File name to text of everything that describes a data set.

    Args:
        manifest: what :func:`gzprep.prepare.finish.describe` gave.
        catalogue_sha256: SHA-256 of ``catalogue.parquet``, hex.
    """
    documents = {
        "dataset_info.json": dataset_info(manifest),
        "features.json": features(manifest),
        "croissant.json": croissant(manifest, catalogue_sha256),
    }
    texts = {name: json.dumps(document, indent=2) + "\n" for name, document in documents.items()}
    return {**texts, "README.md": readme(manifest)}


def version_of(manifest: Json) -> str:
    """Version of a data set for TFDS and Croissant: the format, then parts of the recipe's and of the data's hash.

    So two data sets have the same version only where they were made alike of the same galaxies.
    """
    hashes = (manifest.get("recipe_hash") or "0", manifest.get("data_hash") or "0")
    return ".".join([str(manifest["format"]), *(str(int(digits[:6], 16)) for digits in hashes)])


def features_in(manifest: Json) -> list[Feature]:
    """The features of a record, as the manifest has them."""
    return [Feature(**{**entry, "shape": tuple(entry["shape"])}) for entry in manifest["features"]]


def dataset_info(manifest: Json) -> Json:
    """TFDS' description of the splits; an empty split is left out."""
    splits = [
        {
            "name": name,
            "filepathTemplate": "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}",
            "numBytes": str(split["bytes"]),
            "shardLengths": [str(shard["records"]) for shard in split["shards"]],
        }
        for name, split in manifest["splits"].items()
        if split["records"]
    ]
    source = provenance_of(manifest)
    return {
        "name": manifest["name"],
        "version": version_of(manifest),
        "description": source.about,
        "citation": "\n".join(source.citations),
        "redistributionInfo": {"license": " ".join(filter(None, (source.licence, source.licence_url)))},
        "fileFormat": "tfrecord",
        "splits": splits,
    }


def features(manifest: Json) -> Json:
    """TFDS' description of a record."""
    crop = manifest["recipe"]["crop"]
    return {
        "pythonClassName": f"{_TFDS}.features_dict.FeaturesDict",
        "featuresDict": {"features": {feature.name: _feature(feature, crop) for feature in features_in(manifest)}},
    }


def _feature(feature: Feature, crop: Json) -> Json:
    if feature.name == "image":
        shape = _dimensions((crop["size"], crop["size"], 3))
        image = {"dtype": "uint8", "encodingFormat": crop["encoding"], "shape": shape}
        return {"pythonClassName": f"{_TFDS}.image_feature.Image", "image": image, "description": feature.doc}
    if feature.dtype == "bytes":
        return {"pythonClassName": f"{_TFDS}.text_feature.Text", "text": {}, "description": feature.doc}
    tensor = {"dtype": feature.dtype, "encoding": "none", "shape": _dimensions(feature.shape)}
    return {"pythonClassName": f"{_TFDS}.tensor_feature.Tensor", "tensor": tensor, "description": feature.doc}


def _dimensions(shape: tuple[int, ...]) -> Json:
    return {"dimensions": [str(side) for side in shape]} if shape else {}


def croissant(manifest: Json, catalogue_sha256: str) -> Json:
    """Croissant's description: the shards as a set of files, the catalogue as records."""
    shards = {
        "@type": "cr:FileSet",
        "@id": "shards",
        "description": "TFRecord shards of tf.train.Example; features.json says what is in a record.",
        "encodingFormat": "application/x-tfrecord",
        "includes": f"{manifest['name']}-*.tfrecord-*",
    }
    source = provenance_of(manifest)
    published = manifest.get("published") or f"{datetime.now(UTC):%Y-%m-%d}"  # Croissant recommends a date
    cite = " ".join(source.citations) or f"Made by gzprep {manifest['gzprep']}."
    optional = {"citeAs": cite, "url": source.url, "datePublished": published}
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": manifest["name"],
        "description": source.about,
        "license": source.licence_url or source.licence,
        "creator": [_creator(creator) for creator in source.creators],
        **{key: value for key, value in optional.items() if value},
        "version": version_of(manifest),
        "distribution": [_catalogue(catalogue_sha256), shards],
        "recordSet": [{"@type": "cr:RecordSet", "@id": "galaxies", "name": "galaxies", "field": _fields()}],
    }


def _creator(creator: Creator) -> Json:
    organisation = {"@type": "sc:Organization", "name": creator.name}
    return organisation if creator.url is None else {**organisation, "url": creator.url}


def _catalogue(sha256: str) -> Json:
    return {
        "@type": "cr:FileObject",
        "@id": "catalogue",
        "name": "catalogue",
        "description": "A row a galaxy, rejected ones too: verdict, split, fold, shard, votes and labels.",
        "contentUrl": "catalogue.parquet",
        "encodingFormat": "application/x-parquet",
        "sha256": sha256,
    }


def _fields() -> list[Json]:
    return [
        {
            "@type": "cr:Field",
            "@id": f"galaxies/{name}",
            "name": name,
            "description": doc,
            "dataType": kind,
            "source": {"fileObject": {"@id": "catalogue"}, "extract": {"column": name}},
        }
        for name, (kind, doc) in _GALAXY_FIELDS.items()
    ]


def readme(manifest: Json) -> str:
    """The data card: what is here, how it was made, how to read it, whom to cite."""
    counts, crop, views = manifest["counts"]["all"], manifest["recipe"]["crop"], manifest["recipe"]["views"]
    rejected = ", ".join(f"{reason} {count}" for reason, count in counts["rejected"].items()) or "none"
    rows = [f"| {name} | {len(split['shards'])} | {split['records']} |" for name, split in manifest["splits"].items()]
    source = provenance_of(manifest)
    described = features_in(manifest)
    names = [f"| {feature.name} | {feature.dtype} {list(feature.shape)} | {feature.doc} |" for feature in described]
    lines = (
        f"# {manifest['name']}",
        "",
        source.about,
        "",
        f"Galaxies: {counts['in']} in the catalogue, {counts['out']} here; rejected: {rejected} (`rejects.parquet`).",
        f"Crop {crop['size']} px, {crop['encoding']}; {views['count']} views of a training galaxy beside the original.",
        f"Made by gzprep {manifest['gzprep']} with recipe `{manifest['recipe_hash'][:16]}` (`manifest.json`).",
        f"The galaxies are those of the data hash `{manifest['data_hash'][:16]}`.",
        "",
        *("| split | shards | records |", "|---|---|---|", *rows, ""),
        *("| feature | type | |", "|---|---|---|", *names, ""),
        "## Reading",
        "",
        "`gztrain fit .`, or `tfds.builder_from_directory('.')`, or `tf.data.TFRecordDataset`. Folds are files: the",
        "manifest says which. All views of a galaxy are in one fold; validate on view 0 (`train`) alone.",
        "",
        "## Labels",
        "",
        source.labels,
        "`mask` is 0 where a question has no answer. Policy `report` is there to compare with; train with `asked`.",
        "",
        *_to_cite(source),
        *("## Licence", "", source.licence, *filter(None, (source.licence_url,))),
    )
    return "\n".join(lines) + "\n"


def _to_cite(source: Provenance) -> tuple[str, ...]:
    if not source.citations:
        return ()
    return ("## Please cite", "", *(f"- {citation}" for citation in source.citations), "")
