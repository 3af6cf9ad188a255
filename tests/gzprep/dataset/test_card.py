"""What others read a data set by. TFDS and mlcroissant have read such a folder; here its documents are held to them."""

import hashlib
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from gzcore.dataset.layout import CARDS
from gzprep.dataset.card import cards
from gzprep.dataset.provenance import provenance_of
from gzprep.dataset.source import GALAXY_ZOO_2, MARKER, SIMULATED
from tests.gz2 import FEATURES
from tests.running import SMALL, gzprep, manifest

pytestmark = pytest.mark.slow


def document(out: Path, name: str) -> Any:
    return json.loads((out / name).read_text())


def test_the_folder_holds_what_its_manifest_gives(dataset: Path) -> None:
    sha256 = hashlib.sha256((dataset / "catalogue.parquet").read_bytes()).hexdigest()
    texts = cards(manifest(dataset), sha256)
    assert tuple(texts) == CARDS
    assert {name: (dataset / name).read_text() for name in CARDS} == texts


def test_tfds_is_told_of_every_shard(dataset: Path) -> None:
    info = document(dataset, "dataset_info.json")
    files = {path.name for path in dataset.glob("*.tfrecord-*")}
    for split in info["splits"]:
        count = len(split["shardLengths"])
        named = [f"{info['name']}-{split['name']}.tfrecord-{at:05d}-of-{count:05d}" for at in range(count)]
        assert files.issuperset(named)
        assert int(split["numBytes"]) == sum((dataset / name).stat().st_size for name in named)
        files.difference_update(named)
    assert not files
    assert sum(map(int, info["splits"][0]["shardLengths"])) == manifest(dataset)["splits"]["train"]["records"]


def test_tfds_is_told_of_every_feature(dataset: Path) -> None:
    told = document(dataset, "features.json")["featuresDict"]["features"]
    assert list(told) == [feature.name for feature in FEATURES]
    assert told["image"]["image"]["shape"]["dimensions"] == ["64", "64", "3"]
    assert told["image"]["image"]["encodingFormat"] == "jpeg"
    assert told["fraction"]["tensor"] == {"dtype": "float32", "encoding": "none", "shape": {"dimensions": ["32"]}}
    assert told["view"]["tensor"]["shape"] == {}
    assert {told[name]["pythonClassName"].rpartition(".")[2] for name in ("id", "ops")} == {"Text"}


def test_an_empty_split_is_left_out(small_sky: Path, tmp_path: Path) -> None:
    assert gzprep("run", "--data", small_sky, "--out", tmp_path / "out", *SMALL, "--views", "0").code == 0
    splits = document(tmp_path / "out", "dataset_info.json")["splits"]
    assert [split["name"] for split in splits] == ["train", "test"]


def test_croissant_names_columns_that_are_there(dataset: Path) -> None:
    croissant = document(dataset, "croissant.json")
    columns = pq.read_schema(dataset / "catalogue.parquet").names
    fields = croissant["recordSet"][0]["field"]
    assert {field["source"]["extract"]["column"] for field in fields} <= set(columns)
    catalogue, shards = croissant["distribution"]
    assert catalogue["sha256"] == hashlib.sha256((dataset / "catalogue.parquet").read_bytes()).hexdigest()
    assert {path.name for path in dataset.glob(shards["includes"])} == {p.name for p in dataset.glob("*.tfrecord-*")}


def test_the_data_card_counts(dataset: Path) -> None:
    text = (dataset / "README.md").read_text()
    counts = manifest(dataset)["counts"]["all"]
    assert f"{counts['in']} in the catalogue, {counts['out']} here" in text
    assert all(
        f"| {split} | {len(part['shards'])} | {part['records']} |" in text
        for split, part in manifest(dataset)["splits"].items()
    )


@pytest.fixture(scope="module")
def as_if_real(small_sky: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of the same images in a folder that does not say that they are simulated."""
    folder = tmp_path_factory.mktemp("real")
    shutil.copytree(small_sky, folder / "sky", ignore=shutil.ignore_patterns(MARKER))
    assert gzprep("run", "--data", folder / "sky", "--out", folder / "out", *SMALL).code == 0
    return folder / "out"


def test_each_source_is_told_as_what_it_is(dataset: Path, as_if_real: Path) -> None:
    for out, kind in ((dataset, SIMULATED), (as_if_real, GALAXY_ZOO_2)):
        assert manifest(out)["source"]["kind"] == kind
        told, croissant = provenance_of(manifest(out)), document(out, "croissant.json")
        card, info = (out / "README.md").read_text(), document(out, "dataset_info.json")
        for text in (told.about, told.labels, told.licence, told.licence_url, *told.citations):
            assert text in card
        assert (info["description"], croissant["description"]) == (told.about, told.about)
        assert croissant["license"] == told.licence_url
        assert [creator["name"] for creator in croissant["creator"]] == [creator.name for creator in told.creators]


def test_simulated_galaxies_are_not_called_those_of_volunteers(dataset: Path, as_if_real: Path) -> None:
    words = ("Galaxy Zoo 2 volunteers", "Willett", "sdss.org", "data.galaxyzoo.org", "Please cite")
    simulated, real = (" ".join((out / name).read_text() for name in CARDS) for out in (dataset, as_if_real))
    assert not [word for word in words if word in simulated]
    assert not [word for word in words if word not in real]
    assert "Simulated galaxies" in simulated


def test_croissant_has_what_its_specification_requires(as_if_real: Path) -> None:
    """See https://docs.mlcommons.org/croissant/docs/croissant-spec.html, "Dataset-level information"."""
    croissant = document(as_if_real, "croissant.json")
    assert {
        "@context",
        "@type",
        "conformsTo",
        "name",
        "description",
        "license",
        "url",
        "creator",
        "datePublished",
    } <= set(croissant)
    assert all(creator["@type"] == "sc:Organization" for creator in croissant["creator"])
    assert all(croissant[key].startswith("https://") for key in ("license", "url"))


def test_the_date_is_the_one_that_is_given(small_sky: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call = ("run", "--data", small_sky, "--out", tmp_path / "out", *SMALL, "--views", "0")
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    for given, date in (("0", "1970-01-01"), ("1700000000", "2023-11-14"), ("", today)):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", given)
        assert gzprep(*call).code == 0
        assert document(tmp_path / "out", "croissant.json").get("datePublished") == date
    for wrong in ("today", "1e9", str(10**18)):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", wrong)
        result = gzprep(*call)
        assert (result.code, f"SOURCE_DATE_EPOCH is '{wrong}'" in result.sentence) == (2, True)


@pytest.mark.parametrize("lost", CARDS)
def test_a_lost_card_is_written_again(small_sky: Path, tmp_path: Path, lost: str) -> None:
    call = ("run", "--data", small_sky, "--out", tmp_path / "out", *SMALL)
    assert gzprep(*call).code == 0
    before = (tmp_path / "out" / lost).read_bytes()
    (tmp_path / "out" / lost).unlink()
    assert gzprep(*call).code == 0
    assert (tmp_path / "out" / lost).read_bytes() == before
