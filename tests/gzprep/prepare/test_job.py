"""What a run starts from: the source, --limit, the number of bins, and a folder that holds something else."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gzcore.errors import GzError
from gzprep.catalogue.find import find_catalogues
from gzprep.catalogue.galaxy import Split
from gzprep.catalogue.read import CatalogueFile
from gzprep.config import Recipe, as_document, from_mapping, recipe_hash
from gzprep.dataset.folder import Folder, clear
from gzprep.dataset.shards import BinCounts
from gzprep.images.sources import Files
from gzprep.prepare.job import (
    PreparationJob,
    Source,
    apply_limit,
    check_folder,
    differences,
    make_job,
    open_source,
    write_plan,
)
from tests.gz2 import CATALOGUE_QUESTIONS

checked = settings(deadline=None, derandomize=True, max_examples=60)
FRACTIONS = [name for question in CATALOGUE_QUESTIONS for name in question.fraction_columns]


def ids_of(split: Split, count: int) -> list[str]:
    start = 587722982293766366 if split is Split.TRAIN else 588848899919446344
    return [str(start + 11 * place) for place in range(count)]


def source_of(folder: Path, train: list[str], test: list[str]) -> Source:
    """A source of catalogues with ids only, for what reads nothing else."""
    folder.mkdir(exist_ok=True)
    files, rows = [], []
    for split, ids in ((Split.TRAIN, train), (Split.TEST, test)):
        path = folder / f"gz2_{split}_catalog.parquet"
        pq.write_table(pa.table({"id_str": pa.array(ids, pa.string())}), path)
        files.append(CatalogueFile(path, split))
        rows.append(len(ids))
    return Source(folder, tuple(files), tuple(rows), folder / "images")


def job_of(source: Source, recipe: Recipe, out: Path) -> PreparationJob:
    galaxies, ceilings = apply_limit(source, recipe)
    return PreparationJob(Folder(out), source, recipe, "", BinCounts(20, 4), galaxies, ceilings)


def taken(source: Source, recipe: Recipe, train: list[str], test: list[str]) -> dict[Split, set[str]]:
    """The galaxies that a limit leaves."""
    job = job_of(source, recipe, source.data)
    parts = {Split.TRAIN: train, Split.TEST: test}
    return {split: {name for name in ids if job.takes(name, split)} for split, ids in parts.items()}


# ---------------------------------------------------------------- --limit


@pytest.mark.parametrize(
    ("train", "test", "limit", "expected"),
    [
        (80, 20, 10, (8, 2)),
        (600, 150, 100, (80, 20)),
        (600, 150, 1, (1, 0)),
        (600, 150, 749, (599, 150)),
        (600, 150, 750, (600, 150)),
        (600, 150, 10_000, (600, 150)),
        (100, 0, 10, (10, 0)),
        (0, 50, 10, (0, 10)),
        (3, 1, 1, (1, 0)),
        (1, 3, 1, (0, 1)),
        (1, 1, 2, (1, 1)),
    ],
)
def test_a_limit_is_exact_and_in_proportion(
    tmp_path: Path, train: int, test: int, limit: int, expected: tuple[int, int]
) -> None:
    ids = ids_of(Split.TRAIN, train), ids_of(Split.TEST, test)
    source, recipe = source_of(tmp_path, *ids), from_mapping({"limit": limit})
    galaxies, _ = apply_limit(source, recipe)
    assert (galaxies[Split.TRAIN], galaxies[Split.TEST]) == expected
    found = taken(source, recipe, *ids)
    assert (len(found[Split.TRAIN]), len(found[Split.TEST])) == expected


def test_every_limit_is_exact_and_holds_the_smaller_ones(tmp_path: Path) -> None:
    ids = ids_of(Split.TRAIN, 13), ids_of(Split.TEST, 8)
    source = source_of(tmp_path, *ids)
    before: dict[Split, set[str]] = {split: set() for split in Split}
    for limit in range(1, 25):
        found = taken(source, from_mapping({"limit": limit}), *ids)
        assert sum(map(len, found.values())) == min(limit, 21)
        assert abs(len(found[Split.TRAIN]) - min(limit, 21) * 13 / 21) <= 0.5
        assert all(before[split] <= found[split] for split in Split)
        before = found


def test_a_limit_of_100_is_part_of_one_of_200(gz2: Path) -> None:
    """On the real catalogue."""
    files = find_catalogues(gz2)
    names = {file.split: pq.read_table(file.path, columns=["id_str"]).column(0).to_pylist() for file in files}
    source = Source(gz2, files, tuple(len(names[file.split]) for file in files), gz2 / "images")
    small, large = (
        taken(source, from_mapping({"limit": limit}), names[Split.TRAIN], names[Split.TEST]) for limit in (100, 200)
    )
    assert [len(small[split]) for split in Split] == [80, 20]
    assert [len(large[split]) for split in Split] == [160, 40]
    assert all(small[split] < large[split] for split in Split)


def test_a_limit_takes_the_first_by_hash(tmp_path: Path) -> None:
    train, test = ids_of(Split.TRAIN, 40), ids_of(Split.TEST, 10)
    found = taken(source_of(tmp_path, train, test), from_mapping({"limit": 10, "split_seed": 3}), train, test)

    def by_hash(name: str) -> int:
        return int(hashlib.blake2b(f"limit/3/{name}".encode()).hexdigest()[:16], 16)

    assert found == {Split.TRAIN: set(sorted(train, key=by_hash)[:8]), Split.TEST: set(sorted(test, key=by_hash)[:2])}


def test_a_limit_does_not_hang_on_the_order_of_rows_nor_on_the_seed_of_views(tmp_path: Path) -> None:
    train, test = ids_of(Split.TRAIN, 40), ids_of(Split.TEST, 10)
    forwards = taken(source_of(tmp_path / "a", train, test), from_mapping({"limit": 10}), train, test)
    backwards = source_of(tmp_path / "b", train[::-1], test[::-1])
    assert taken(backwards, from_mapping({"limit": 10, "seed": 9}), train, test) == forwards


def test_another_split_seed_takes_others(tmp_path: Path) -> None:
    ids = ids_of(Split.TRAIN, 400), ids_of(Split.TEST, 100)
    source = source_of(tmp_path, *ids)
    one, other = (taken(source, from_mapping({"limit": 50, "split_seed": seed}), *ids) for seed in (0, 1))
    assert one != other


def test_without_a_limit_every_galaxy_is_taken(tmp_path: Path) -> None:
    ids = ids_of(Split.TRAIN, 12), ids_of(Split.TEST, 3)
    source = source_of(tmp_path, *ids)
    assert apply_limit(source, Recipe()) == ({Split.TRAIN: 12, Split.TEST: 3}, {})
    assert taken(source, Recipe(), *ids) == {Split.TRAIN: set(ids[0]), Split.TEST: set(ids[1])}


def test_a_limit_over_two_catalogues_of_one_split(tmp_path: Path) -> None:
    """As --catalogue twice gives."""
    first, second = ids_of(Split.TRAIN, 30), ids_of(Split.TEST, 30)
    source = source_of(tmp_path, first, second)
    source = replace(source, catalogues=tuple(replace(file, split=Split.TRAIN) for file in source.catalogues))
    assert source.count(Split.TRAIN) == 60
    found = taken(source, from_mapping({"limit": 20}), [*first, *second], [])
    assert len(found[Split.TRAIN]) == 20
    assert found[Split.TRAIN].intersection(first)
    assert found[Split.TRAIN].intersection(second)


# ---------------------------------------------------------------- differences


def test_equal_recipes_do_not_differ_even_after_json() -> None:
    stored = json.loads(json.dumps(as_document(Recipe())))
    assert differences(stored, as_document(Recipe())) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"seed": 7}, ["seed was 0, is 7"]),
        ({"limit": 5}, ["limit was None, is 5"]),
        ({"views": {"count": 4}}, ["views.count was 12, is 4"]),
        ({"views": {"blur": [3]}}, ["views.blur was [3, 5, 7], is [3]"]),
        ({"crop": {"encoding": "png"}}, ["crop.encoding was jpeg, is png"]),
        (
            {"defects": {"error_image": {"threshold": 0.5, "policy": "drop"}}},
            ["defects.error_image.threshold was 0.95, is 0.5"],
        ),
        ({"seed": 7, "crop": {"size": 256}}, ["crop.size was 224, is 256", "seed was 0, is 7"]),
        ({"max_reject_share": 1.0}, []),
    ],
    ids=str,
)
def test_differences_name_key_old_and_new(change: dict[str, Any], expected: list[str]) -> None:
    stored = json.loads(json.dumps(as_document(Recipe())))
    assert differences(stored, as_document(from_mapping(change))) == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": 1}, {}, ["a was 1, is None"]),
        ({}, {"a": {"b": 1}}, ["a was None, is {'b': 1}"]),
        ({"a": {"b": 1}}, {"a": {"c": 1}}, ["a.b was 1, is None", "a.c was None, is 1"]),
        ({"a": {"b": 1}}, {"a": 1}, ["a was {'b': 1}, is 1"]),
    ],
    ids=["gone", "come", "below", "flattened"],
)
def test_differences_of_recipes_of_another_version(
    old: dict[str, Any], new: dict[str, Any], expected: list[str]
) -> None:
    assert differences(old, new) == expected


trees = st.recursive(
    st.one_of(st.none(), st.integers(0, 3), st.text("xy", max_size=2)),
    lambda children: st.dictionaries(st.text("abc", min_size=1, max_size=2), children, max_size=3),
    max_leaves=8,
)
mappings = st.dictionaries(st.text("abc", min_size=1, max_size=2), trees, max_size=4)


@checked
@given(mappings)
def test_nothing_differs_from_itself(values: dict[str, Any]) -> None:
    assert differences(values, values) == []


@checked
@given(mappings, mappings)
def test_differences_are_the_same_in_number_both_ways(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert len(differences(old, new)) == len(differences(new, old))


# ---------------------------------------------------------------- the source


def full_catalogue(folder: Path, split: Split, count: int) -> CatalogueFile:
    path = folder / f"gz2_{split}_catalog.parquet"
    columns = {"id_str": ids_of(split, count), "subfolder": ["587722"] * count, "filename": ["a.jpg"] * count}
    columns |= {name: [0.5] * count for name in FRACTIONS}
    types = {name: pa.string() if name in {"id_str", "subfolder", "filename"} else pa.float64() for name in columns}
    pq.write_table(pa.table({name: pa.array(column, types[name]) for name, column in columns.items()}), path)
    return CatalogueFile(path, split)


def sky(folder: Path, train: int, test: int) -> Source:
    folder.mkdir(exist_ok=True)
    (folder / "images").mkdir(exist_ok=True)
    files = full_catalogue(folder, Split.TRAIN, train), full_catalogue(folder, Split.TEST, test)
    return open_source(folder, files, Recipe())


def test_rows_are_counted(tmp_path: Path) -> None:
    source = sky(tmp_path, 12, 3)
    assert (source.count(Split.TRAIN), source.count(Split.TEST)) == (12, 3)
    assert source.images == Files(tmp_path / "images")


@pytest.mark.parametrize(("train", "test"), [(12, 0), (0, 3)])
def test_one_empty_catalogue_is_fine(tmp_path: Path, train: int, test: int) -> None:
    source = sky(tmp_path, train, test)
    assert (source.count(Split.TRAIN), source.count(Split.TEST)) == (train, test)


def test_two_empty_catalogues_are_refused(tmp_path: Path) -> None:
    with pytest.raises(GzError, match=r"^The catalogue is empty: .*has no row.*\.$"):
        sky(tmp_path, 0, 0)


def test_an_absent_image_folder_is_refused(tmp_path: Path) -> None:
    file = full_catalogue(tmp_path, Split.TRAIN, 2)
    with pytest.raises(GzError, match=r"no image folder .*/images;.* with --images"):
        open_source(tmp_path, (file,), Recipe())


def test_a_place_of_images_that_was_named_wrong_is_never_replaced(tmp_path: Path) -> None:
    """Here images lie at the paths of the catalogue, where they are found if no place is named."""
    file = full_catalogue(tmp_path, Split.TRAIN, 2)
    (tmp_path / "587722").mkdir()
    (tmp_path / "587722" / "a.jpg").write_bytes(b"an image")
    assert open_source(tmp_path, (file,), Recipe()).images.places
    with pytest.raises(GzError, match=r"no image folder .*/imges;"):
        open_source(tmp_path, (file,), Recipe(), tmp_path / "imges")


def test_the_image_folder_is_that_of_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    file = full_catalogue(tmp_path, Split.TRAIN, 2)
    recipe = from_mapping({"images": {"folder": "pictures"}})
    assert open_source(tmp_path, (file,), recipe).images == Files(tmp_path / "pictures")


# ---------------------------------------------------------------- the folder


def planned(out: Path, source: Source, recipe: Recipe) -> PreparationJob:
    """A job whose plan lies in its folder."""
    job = make_job(out, source, recipe)
    job.folder.prepare()
    write_plan(job)
    return job


def test_a_job_of_a_new_folder(tmp_path: Path) -> None:
    recipe = from_mapping({"limit": 10})
    job = make_job(tmp_path / "out", sky(tmp_path / "sky", 40, 10), recipe)
    assert job.counts == BinCounts(20, 4)
    assert job.galaxies == {Split.TRAIN: 8, Split.TEST: 2}
    assert job.recipe_hash == recipe_hash(recipe)
    assert not (tmp_path / "out").exists()
    check_folder(job)


def test_a_job_keeps_the_number_of_bins_of_its_folder(tmp_path: Path) -> None:
    """An incremental run over more galaxies: they go into the shards that are there."""
    recipe = from_mapping({"shards": {"megabytes": 0.1, "min_bins": 1}})
    small = planned(tmp_path / "out", sky(tmp_path / "small", 10, 5), recipe)
    larger = sky(tmp_path / "larger", 400, 100)
    assert make_job(tmp_path / "elsewhere", larger, recipe).counts.train > small.counts.train
    assert make_job(tmp_path / "out", larger, recipe).counts == small.counts


def test_a_split_that_was_empty_gets_bins_when_it_comes(tmp_path: Path) -> None:
    first = planned(tmp_path / "out", sky(tmp_path / "first", 40, 0), Recipe())
    assert first.counts == BinCounts(20, 0)
    assert make_job(tmp_path / "out", sky(tmp_path / "second", 40, 10), Recipe()).counts == BinCounts(20, 4)


def test_the_same_recipe_may_go_on(tmp_path: Path) -> None:
    source = sky(tmp_path / "sky", 40, 10)
    planned(tmp_path / "out", source, Recipe())
    check_folder(make_job(tmp_path / "out", source, Recipe()))
    check_folder(make_job(tmp_path / "out", source, from_mapping({"max_reject_share": 1.0})))


def test_another_recipe_is_refused_and_the_key_named(tmp_path: Path) -> None:
    source = sky(tmp_path / "sky", 40, 10)
    planned(tmp_path / "out", source, Recipe())
    with pytest.raises(GzError) as caught:
        check_folder(make_job(tmp_path / "out", source, from_mapping({"views": {"count": 4}})))
    sentence = str(caught.value)
    assert "(different: views.count was 12, is 4)" in sentence
    assert "--out" in sentence
    assert "--overwrite" in sentence


def test_another_threshold_over_a_plan_that_lacks_newer_keys_is_taken(tmp_path: Path) -> None:
    source = sky(tmp_path / "sky", 40, 10)
    job = planned(tmp_path / "out", source, Recipe())
    plan = json.loads(job.folder.plan.read_text())
    del plan["recipe"]["group_by"], plan["recipe"]["images"]["modes"]
    job.folder.plan.write_text(json.dumps(plan))
    check_folder(make_job(tmp_path / "out", source, from_mapping({"defects": {"frame_edge": {"threshold": 1}}})))
    with pytest.raises(GzError, match=r"\(different: images.modes was \['RGB'\], is \['L'\]\)"):
        check_folder(make_job(tmp_path / "out", source, from_mapping({"images": {"modes": ["L"]}})))


def test_another_version_of_a_library_is_refused(tmp_path: Path) -> None:
    job = planned(tmp_path / "out", sky(tmp_path / "sky", 40, 10), Recipe())
    with pytest.raises(GzError, match="versions of libraries"):
        check_folder(replace(job, recipe_hash="0" * 64))


@pytest.mark.parametrize("name", ["manifest.json", "catalogue.parquet", "gz2-train.tfrecord-00000-of-00020"])
def test_a_data_set_that_gzprep_did_not_make_is_refused(tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / name).write_text("precious")
    with pytest.raises(GzError, match=r"another data set.*--overwrite"):
        check_folder(make_job(out, sky(tmp_path / "sky", 4, 1), Recipe()))
    assert (out / name).read_text() == "precious"


def test_overwriting_removes_the_data_set_and_nothing_else(tmp_path: Path) -> None:
    source, out = sky(tmp_path / "sky", 4, 1), tmp_path / "out"
    planned(out, source, Recipe())
    gone = ["manifest.json", "catalogue.parquet", "rejects.parquet", "gz2-train.tfrecord-00000-of-00020"]
    kept = ["notes.txt", "other-train.tfrecord-00000-of-00020"]
    for name in gone + kept:
        (out / name).write_text("x")
    job = make_job(out, source, from_mapping({"seed": 7}))
    clear(job.folder, job.recipe.name)
    assert [name for name in gone if (out / name).exists()] == []
    assert [name for name in kept if not (out / name).exists()] == []
    check_folder(job)
