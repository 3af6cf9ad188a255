"""A dataset folder, opened by the libraries that its cards are for: mlcroissant and tensorflow-datasets."""

import json
from pathlib import Path

import pytest

from tests.running import manifest, python

pytestmark = pytest.mark.slow

CROISSANT = """
import json, sys
import mlcroissant
metadata = mlcroissant.Dataset(jsonld=sys.argv[1]).metadata
print(json.dumps({
    "issues": sorted(metadata.ctx.issues.errors | metadata.ctx.issues.warnings),
    "creators": len(metadata.creators or ()), "license": metadata.license, "date": str(metadata.date_published),
}))
"""
TFDS = """
import json, sys
import tensorflow_datasets as tfds
builder = tfds.builder_from_directory(sys.argv[1])
undecoded = {"image": tfds.decode.SkipDecoding()}
read = {split: sum(1 for _ in builder.as_dataset(split=split, decoders=undecoded)) for split in builder.info.splits}
image = next(iter(builder.as_dataset(split="test")))["image"]
told = {split: info.num_examples for split, info in builder.info.splits.items()}
print(json.dumps({"read": read, "told": told, "shape": list(image.shape), "version": str(builder.info.version)}))
"""


def last_line(script: str, argument: Path) -> dict[str, object]:
    done = python("-c", script, argument)
    assert done.returncode == 0, done.stderr
    result: dict[str, object] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def test_mlcroissant_finds_nothing_to_complain_of(dataset: Path) -> None:
    found = last_line(CROISSANT, dataset / "croissant.json")
    assert found["issues"] == []
    assert found["creators"]
    assert found["license"]
    assert str(found["date"]).startswith("20")


def test_tfds_reads_every_split_with_the_counts_of_the_manifest(dataset: Path) -> None:
    found = last_line(TFDS, dataset)
    counts = {name: split["records"] for name, split in manifest(dataset)["splits"].items()}
    assert found["read"] == found["told"] == counts
    assert found["shape"] == [64, 64, 3]
    assert str(found["version"]).startswith("1.")
