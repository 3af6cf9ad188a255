"""Catalogues of a data folder are found by their names: those of Galaxy Zoo, and those of the Hugging Face hub."""

from pathlib import Path

import pytest

from gzcore.errors import GzError
from gzprep.catalogue.find import find_catalogues, name_of
from gzprep.catalogue.galaxy import Split
from gzprep.catalogue.read import CatalogueFile
from tests.catalogues import assert_sentence


def test_finds_both_catalogues_train_first(tmp_path: Path) -> None:
    for name in (
        "gz2_test_catalog.csv",
        "gz2_train_catalog.parquet",
        "train_catalog.txt",
        "gz2_train_catalog.parquet.bak",
    ):
        (tmp_path / name).touch()
    assert find_catalogues(tmp_path) == (
        CatalogueFile(tmp_path / "gz2_train_catalog.parquet", Split.TRAIN),
        CatalogueFile(tmp_path / "gz2_test_catalog.csv", Split.TEST),
    )


def test_one_catalogue_is_enough(tmp_path: Path) -> None:
    (tmp_path / "sky_test_catalog.csv").touch()
    assert find_catalogues(tmp_path) == (CatalogueFile(tmp_path / "sky_test_catalog.csv", Split.TEST),)


@pytest.mark.parametrize("split", ["train", "test"])
def test_two_catalogues_of_a_split_are_refused(tmp_path: Path, split: str) -> None:
    names = [f"gz2_{split}_catalog.parquet", f"gz2_{split}_catalog.csv"]
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(GzError) as caught:
        find_catalogues(tmp_path)
    assert_sentence(caught.value, f"two {split} catalogues", *names)


def test_an_absent_data_folder_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(GzError) as caught:
        find_catalogues(tmp_path / "nowhere")
    assert_sentence(caught.value, str(tmp_path / "nowhere"), "--data")


def test_a_folder_without_a_catalogue_says_what_was_expected(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(GzError) as caught:
        find_catalogues(tmp_path)
    assert_sentence(caught.value, "gz2_train_catalog.parquet", "gz2_test_catalog.parquet")
    assert "notes.txt" not in str(caught.value)


def test_other_tables_are_hinted_at(real_data: Path) -> None:
    with pytest.raises(GzError) as caught:
        find_catalogues(real_data / "gz2_full_schema_sample")
    assert_sentence(caught.value, "gz2_catalog.parquet", "--catalogue", "--split")


HUB = ("train-00000-of-00002.parquet", "train-00001-of-00002.parquet", "test-00000-of-00001.parquet")


@pytest.mark.parametrize("below", ["", "data"])
def test_files_of_the_hub_are_found_in_their_order(tmp_path: Path, below: str) -> None:
    folder = tmp_path / "gz_desi" / below
    folder.mkdir(parents=True)
    for name in (*HUB, "validation-00000-of-00001.parquet", "README.md"):
        (folder / name).touch()
    splits = (Split.TRAIN, Split.TRAIN, Split.TEST)
    found = find_catalogues(tmp_path / "gz_desi")
    assert found == tuple(CatalogueFile(folder / name, split) for name, split in zip(HUB, splits, strict=True))
    assert name_of(found[0].path) == "gz_desi"


def test_catalogues_of_galaxy_zoo_come_before_files_of_the_hub(tmp_path: Path) -> None:
    for name in (*HUB, "gz2_train_catalog.parquet"):
        (tmp_path / name).touch()
    assert [file.path.name for file in find_catalogues(tmp_path)] == ["gz2_train_catalog.parquet"]


@pytest.mark.parametrize(
    ("names", "parts"),
    [
        (
            (HUB[0], HUB[2]),
            ("1 of the 2 train files are missing", "train-00001-of-00002.parquet; fetch"),
        ),
        ((*HUB, "train-00000-of-00003.parquet"), ("train files", "2 different sets")),
    ],
    ids=["one is missing", "two sets"],
)
def test_files_of_the_hub_that_are_no_whole_set_are_refused(
    tmp_path: Path, names: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(GzError) as caught:
        find_catalogues(tmp_path)
    assert_sentence(caught.value, *parts)


@pytest.mark.parametrize(
    ("file", "name"),
    [("rings.csv", "rings"), ("sky_train_catalog.csv.gz", "sky"), ("gz2/data/test-00000-of-00001.parquet", "gz2")],
)
def test_a_data_set_is_called_after_its_catalogue(file: str, name: str) -> None:
    assert name_of(Path(file)) == name
