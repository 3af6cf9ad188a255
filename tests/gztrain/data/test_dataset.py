"""The dataset folder by its manifest: shards, schemes, and what is wrong with a folder, in one sentence."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gzcore.errors import GzError, UsageError
from gztrain.data.dataset import Dataset, choose_scheme, open_dataset
from tests import gz2 as tree
from tests.gz2 import SCHEMES
from tests.gztrain.shards import FIRST, copied, edit_manifest


@pytest.fixture(scope="module")
def opened(dataset: Path) -> Dataset:
    return open_dataset(dataset)


@pytest.fixture
def folder(dataset: Path, tmp_path: Path) -> Path:
    """A folder that a test may damage."""
    return copied(dataset, tmp_path / "out")


def test_a_folder_tells_what_is_in_it(opened: Dataset, dataset: Path) -> None:
    manifest = json.loads((dataset / "manifest.json").read_text())
    assert opened.root == dataset
    assert opened.manifest == manifest
    assert opened.crop == 64
    assert opened.views == 2
    assert opened.folds == (0, 1, 2, 3, 4)
    assert opened.label_names == tree.LABEL_NAMES
    assert opened.fraction_names == tree.FRACTION_NAMES
    assert sum(shard.records for shard in opened.shards_of("train")) == manifest["splits"]["train"]["records"]


def test_the_tree_is_that_of_the_preparation(opened: Dataset) -> None:
    assert opened.questions == tree.QUESTIONS
    assert opened.widths == tree.WIDTHS


@pytest.mark.parametrize("split", ["train", "train_views", "test"])
def test_shards_of_a_split(opened: Dataset, split: str) -> None:
    shards = opened.shards_of(split)
    assert shards
    assert {shard.split for shard in shards} == {split}
    assert {shard.fold for shard in shards} == ({-1} if split == "test" else {0, 1, 2, 3, 4})
    assert all(shard.path.stat().st_size == shard.bytes for shard in shards)


def test_shards_of_some_folds(opened: Dataset) -> None:
    chosen = opened.shards_of("train", folds=[1, 4])
    assert {shard.fold for shard in chosen} == {1, 4}
    assert {*chosen, *opened.shards_of("train", folds=(0, 2, 3))} == {*opened.shards_of("train")}
    assert opened.shards_of("train", folds=[]) == ()


def test_strange_splits_and_folds(opened: Dataset) -> None:
    with pytest.raises(UsageError, match="no split 'val'; choose one of train, train_views, test"):
        opened.shards_of("val")
    with pytest.raises(UsageError, match=r"no fold 7 in .*; its folds are 0, 1, 2, 3, 4"):
        opened.shards_of("train", folds=[0, 7])


# ---------------------------------------------------------------- schemes


def test_all_fourteen_schemes_are_there(opened: Dataset) -> None:
    assert list(SCHEMES) == list(opened.manifest["labels"]["schemes"])


@pytest.mark.parametrize("name", SCHEMES)
def test_a_scheme_is_that_of_the_preparation(opened: Dataset, name: str) -> None:
    scheme = choose_scheme(opened, name)
    assert scheme.places == tree.scheme_labels(name)
    assert tuple(question.index for question in scheme.questions) == tree.SCHEMES[name]
    assert scheme.names == tuple(tree.LABEL_NAMES[place] for place in scheme.places)


@pytest.mark.parametrize("name", SCHEMES)
def test_the_blocks_of_a_scheme_are_its_questions(opened: Dataset, name: str) -> None:
    scheme = choose_scheme(opened, name)
    fractions = [opened.fraction_names[place] for place in scheme.fraction_places]
    assert scheme.blocks[-1].stop == len(scheme.places)
    assert scheme.fraction_blocks[-1].stop == len(fractions)
    for question, labels, answers in zip(scheme.questions, scheme.blocks, scheme.fraction_blocks, strict=True):
        assert scheme.names[labels] == question.labels
        assert tuple(fractions[answers]) == question.fraction_columns


def test_reduced_by_hand(opened: Dataset) -> None:
    """REPORT Table 2: Q0, 1, 2, 3, 6 and 10, 8 labels."""
    scheme = choose_scheme(opened, "reduced")
    assert scheme.places == (0, 1, 2, 3, 8, 9, 10, 21)
    assert scheme.blocks == (slice(0, 1), slice(1, 2), slice(2, 3), slice(3, 4), slice(4, 7), slice(7, 8))
    assert scheme.fraction_places == (0, 1, 2, 3, 4, 5, 6, 7, 8, 15, 16, 17, 30, 31)


def test_a_scheme_that_does_not_exist(opened: Dataset) -> None:
    with pytest.raises(UsageError, match=r"no scheme 'q11' in .*; choose one of q0, .*, hubble, reduced, all"):
        choose_scheme(opened, "q11")


def test_a_scheme_that_the_folder_lacks(folder: Path) -> None:
    edit_manifest(folder, lambda manifest: manifest["labels"]["schemes"].pop("hubble"))
    with pytest.raises(UsageError, match=r"no scheme 'hubble' in .*; choose one of q0, .*, reduced, all"):
        choose_scheme(open_dataset(folder), "hubble")


def _with_a_label_too_many(manifest: Any) -> None:
    manifest["labels"]["schemes"]["hubble"] = [0, 2, 22]


def _with_half_a_question(manifest: Any) -> None:
    manifest["labels"]["schemes"]["hubble"] = [0, 8, 9]


def _with_few_fractions(manifest: Any) -> None:
    manifest["labels"]["fraction_names"][-1] = "another"


LACKING: dict[str, tuple[Callable[[Any], None], str]] = {
    "labels": (_with_a_label_too_many, r"wants 3 labels, up to number 22; the records in .* have 22 \(0 to 21\)"),
    "a label of a question": (_with_half_a_question, "lacks how-rounded-gz2_cigar"),
    "a fraction": (_with_few_fractions, "lacks bulge-gz2_no_fraction"),
}


@pytest.mark.parametrize("case", LACKING)
def test_a_folder_that_lacks(case: str, folder: Path) -> None:
    edit, sentence = LACKING[case]
    edit_manifest(folder, edit)
    with pytest.raises(GzError, match=sentence) as caught:
        choose_scheme(open_dataset(folder), "hubble")
    assert caught.value.exit_code == 1
    assert "make the data set again" in str(caught.value)


# ---------------------------------------------------------------- folders that cannot be opened


def _remove_folder(folder: Path) -> Path:
    return folder / "elsewhere"


def _remove_manifest(folder: Path) -> Path:
    (folder / "manifest.json").unlink()
    return folder


def _newer_format(folder: Path) -> Path:
    edit_manifest(folder, lambda manifest: manifest.update(format=2))
    return folder


def _not_json(folder: Path) -> Path:
    (folder / "manifest.json").write_text((folder / "manifest.json").read_text()[:500])
    return folder


def _a_list(folder: Path) -> Path:
    (folder / "manifest.json").write_text("[]")
    return folder


def _no_labels(folder: Path) -> Path:
    edit_manifest(folder, lambda manifest: manifest.pop("labels"))
    return folder


def _no_schemes(folder: Path) -> Path:
    edit_manifest(folder, lambda manifest: manifest["labels"].pop("schemes"))
    return folder


def _crop_in_words(folder: Path) -> Path:
    edit_manifest(folder, lambda manifest: manifest["recipe"]["crop"].update(size="large"))
    return folder


def _a_file_elsewhere(folder: Path) -> Path:
    edit_manifest(folder, lambda manifest: manifest["splits"]["train"]["shards"][0].update(file="../secret"))
    return folder


def _missing_shard(folder: Path) -> Path:
    (folder / FIRST).unlink()
    return folder


def _long_shard(folder: Path) -> Path:
    (folder / FIRST).write_bytes((folder / FIRST).read_bytes() + b"more")
    return folder


CLOSED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "no folder": (_remove_folder, "There is no dataset folder .*; make one with gzprep run --out"),
    "no manifest": (_remove_manifest, "has no manifest.json, so it is not a whole dataset folder; gzprep run --out"),
    "newer format": (_newer_format, r"has format 2; this version knows formats up to 1\. Install a newer one"),
    "half a manifest": (_not_json, "manifest.json is damaged .it is not JSON.; run gzprep run --out"),
    "another manifest": (_a_list, "manifest.json is damaged .it does not say its format."),
    "a manifest without labels": (_no_labels, "manifest.json is damaged .it has no labels."),
    "a manifest without schemes": (_no_schemes, "manifest.json is damaged .it has no labels.schemes."),
    "a crop that is no number": (
        _crop_in_words,
        "manifest.json is damaged .recipe.crop.size is 'large': Input should be a valid integer",
    ),
    "a shard outside the folder": (_a_file_elsewhere, "damaged .*secret' is not the name of a shard"),
    "a missing shard": (_missing_shard, f"{FIRST} of the manifest cannot be found .* it makes what is missing"),
    "a longer shard": (_long_shard, f"{FIRST} has .* bytes, the manifest says .* it makes what differs"),
}


@pytest.mark.parametrize("case", CLOSED)
def test_a_folder_that_cannot_be_opened(case: str, folder: Path) -> None:
    damage, sentence = CLOSED[case]
    with pytest.raises(GzError, match=sentence) as caught:
        open_dataset(damage(folder))
    assert caught.value.exit_code == 1
    assert "\n" not in str(caught.value)


def test_a_manifest_that_cannot_be_read(folder: Path) -> None:
    (folder / "manifest.json").unlink()
    (folder / "manifest.json").mkdir()
    with pytest.raises(GzError, match=r"manifest\.json is damaged \(it is not a regular file\)"):
        open_dataset(folder)


def test_a_shard_that_was_cut_can_be_opened(folder: Path) -> None:
    """Its records are missed where they are read, by their numbers."""
    (folder / FIRST).write_bytes((folder / FIRST).read_bytes()[:-10])
    assert open_dataset(folder).shards
