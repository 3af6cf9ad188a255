"""The README.md of a converted folder: a data card whose front matter Hugging Face datasets read."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

import yaml

from gzprep.dataset.provenance import Provenance, provenance_of
from gzprep.tools.convert import parquet, webdataset
from gzprep.tools.convert.contents import Contents, contents_of
from gzprep.tools.convert.plan import Format

Json = dict[str, Any]
_FORMS = {"parquet": "parquet files", "webdataset": "tar files for webdataset", "array_record": "array_record files"}
_ENDINGS = {"parquet": "parquet", "webdataset": "tar"}
_FEATURES = {"parquet": parquet.features_of, "webdataset": webdataset.features_of}
_CREATIVE_COMMONS = re.compile(r"creativecommons\.org/(licenses|publicdomain)/([a-z-]+)/([0-9.]+)")
_HASHED = ("recipe", "data")
_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"))
_READING = {
    "parquet": """\
```python
from datasets import load_dataset
data = load_dataset("FOLDER")  # or "user/name" on the hub
data["train"][0]["image"]      # a PIL image; data["train"].features has the names of classes
```""",
    "webdataset": """\
```python
import glob, webdataset
data = webdataset.WebDataset(sorted(glob.glob("FOLDER/data/train-*.tar")), shardshuffle=False).decode("rgb8")
next(iter(data))["json"]["classes"]
```""",
    "array_record": """\
```python
import glob, grain
data = grain.sources.ArrayRecordDataSource(sorted(glob.glob("FOLDER/*-train.array_record-*")))

import tensorflow_datasets as tfds  # this one decodes the records, and needs no TensorFlow either
data = tfds.builder_from_directory("FOLDER").as_data_source(split="train")
```

A record is a serialised `tf.train.Example`, the bytes of the shard; `features.json` says what is in it.""",
}
_TABLE = """\
| column | what it is |
|---|---|
| `image` | the cutout, as it is in the shard |
| `id`, `fold`, `view` | galaxy; 0 to 4 in train and -1 in test; 0 the original and 1 and up augmented |
| `{question}` and others | the answer of volunteers as a class; -1: the question has no answer |
| `{label}_label` and others | the same as labels of no and yes; -1: the question has no answer |
| `{label}_label-report` and others | labels of the policy `report`, there to compare with |
| `{fraction}` and others | vote fractions, 0 to 1; NaN: no volunteer was asked |
| `{votes}` and others | total votes of a question; NaN: the catalogue has no counts |
| `ops` | JSON list of what was done to this view |"""


def licence_id(url: str | None) -> str:
    """The hub's name of a licence (https://huggingface.co/docs/hub/repositories-licenses); ``other``: it has none."""
    found = _CREATIVE_COMMONS.search(url or "")
    if found is None:
        return "unknown" if url is None else "other"
    kind, name, version = found.groups()
    return f"cc0-{version}" if kind == "publicdomain" else f"cc-{name}-{version}"


def front_matter(manifest: Json, form: Format, files: Iterable[Json]) -> Json:
    """What the hub and ``datasets.load_dataset`` read.

    Args:
        manifest: of the data set.
        form: the format.
        files: of the folder, each with ``split``, ``records`` and ``bytes``.
    """
    records: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for file in files:
        records[file["split"]] += file["records"]
        sizes[file["split"]] += file["bytes"]
    source = provenance_of(manifest)
    matter = {
        "pretty_name": manifest["name"],
        **_licence(source),
        "task_categories": ["image-classification"],
        "tags": ["astronomy", "galaxies", "galaxy-zoo"],
        "size_categories": [next((name for most, name in _SIZES if records.total() < most), "10M<n<100M")],
    }
    if form in _ENDINGS:
        matter["dataset_info"] = _dataset_info(_FEATURES[form](contents_of(manifest)), records, sizes)
        paths = [{"split": split, "path": f"data/{split}-*.{_ENDINGS[form]}"} for split in records]
        matter["configs"] = [{"config_name": "default", "data_files": paths}]
    return matter


def _licence(source: Provenance) -> Json:
    name = licence_id(source.licence_url)
    other = {"license_name": "see-below", "license_link": source.licence_url} if name == "other" else {}
    return {"license": name, **other}


def _dataset_info(features: dict[str, Json], records: Counter[str], sizes: Counter[str]) -> Json:
    """As ``datasets.DatasetInfo`` writes it into a card."""
    splits = [{"name": name, "num_bytes": sizes[name], "num_examples": count} for name, count in records.items()]
    return {
        "features": [_described(name, feature) for name, feature in features.items()],
        "splits": splits,
        "download_size": sizes.total(),
        "dataset_size": sizes.total(),
    }


def _described(name: str, feature: Json) -> Json:
    if "_type" not in feature:
        return {"name": name, "struct": [_described(*entry) for entry in feature.items()]}
    return {"name": name, "dtype": _dtype(feature)}


def _dtype(feature: Json) -> str | Json:
    if feature["_type"] == "ClassLabel":
        return {"class_label": {"names": {str(place): name for place, name in enumerate(feature["names"])}}}
    return "image" if feature["_type"] == "Image" else str(feature["dtype"])


def card(manifest: Json, form: Format, files: list[Json]) -> str:
    """The whole README.md: front matter, what is here, how to read it, whom to cite, licence."""
    source = provenance_of(manifest, _FORMS[form])
    matter = yaml.safe_dump(front_matter(manifest, form, files), sort_keys=False, allow_unicode=True, width=120)
    hashes = ", ".join(f"{name} `{manifest[f'{name}_hash'][:16]}`" for name in _HASHED if manifest.get(f"{name}_hash"))
    table = _table(contents_of(manifest)) if form == "parquet" else ""
    parts = (
        f"---\n{matter}---",
        f"# {manifest['name']}",
        source.about,
        f"Converted by `gzprep convert` from the data set with the hashes {hashes}; `gzprep.json` lists the files.",
        _splits(files),
        "## Reading",
        _READING[form],
        "All views of a galaxy are in one fold; validate on view 0 (`train`) alone.",
        table,
        "## Labels",
        source.labels,
        _cite(source),
        "## Licence",
        " ".join(filter(None, (source.licence, source.licence_url))),
    )
    return "\n\n".join(filter(None, parts)) + "\n"


def _splits(files: list[Json]) -> str:
    records: Counter[str] = Counter()
    for file in files:
        records[file["split"]] += file["records"]
    rows = [f"| {split} | {count} |" for split, count in records.items()]
    return "\n".join(("| split | records |", "|---|---|", *rows))


def _table(contents: Contents) -> str:
    return _TABLE.format(
        question=contents.classes[0].column,
        label=contents.labels[0],
        fraction=contents.fractions[0],
        votes=contents.votes[0],
    )


def _cite(source: Provenance) -> str:
    return "\n".join(("## Please cite", "", *(f"- {one}" for one in source.citations))) if source.citations else ""
