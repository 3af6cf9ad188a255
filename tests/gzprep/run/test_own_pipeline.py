"""A data set whose views a user's own pipeline makes: the same bytes in every way of making it, and replayed."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from gzcore.errors import UsageError
from gzcore.storage.plain import plain
from gzprep.config import from_mapping, recipe_hash
from gzprep.dataset.read import open_folder, operations_of, read_shard, shard_paths
from gzprep.tools.contact_sheet import caption
from gzprep.tools.verify import verify_folder
from tests.gz2 import read_record
from tests.gzprep.images.test_pipeline import serialized, several
from tests.gzprep.jobs import small_job, write_all_bins
from tests.running import gzprep, manifest, shard_sums

pytestmark = pytest.mark.slow

OPTIONS = ("--crop", "32", "--views", "2", "--set", "shards.min_bins=1", "--set", "max_reject_share=1")
VIEWS = "*train_views*"


@pytest.fixture(scope="module")
def pipeline_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pipeline") / "mine.yaml"
    path.write_text(yaml.safe_dump(several()))
    return path


@pytest.fixture(scope="module")
def own(small_sky: Path, pipeline_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made by one worker, from a recipe that stands beside the pipeline; the file is gone afterwards."""
    folder = tmp_path_factory.mktemp("own")
    recipe = pipeline_file.parent / "recipe.toml"
    recipe.write_text('views.pipeline = "mine.yaml"')
    result = gzprep("run", "--data", small_sky, "--out", folder / "out", "--recipe", recipe, *OPTIONS, "--workers", "1")
    assert result.code == 0, result.err
    return folder / "out"


def test_two_workers_give_the_same_bytes(own: Path, small_sky: Path, pipeline_file: Path, tmp_path: Path) -> None:
    setting = ("--set", f"views.pipeline={pipeline_file}")
    result = gzprep("run", "--data", small_sky, "--out", tmp_path / "out", *OPTIONS, *setting, "--workers", "2")
    assert result.code == 0, result.err
    assert shard_sums(tmp_path / "out") == shard_sums(own)
    assert manifest(tmp_path / "out")["recipe_hash"] == manifest(own)["recipe_hash"]


def test_every_record_comes_again_without_the_file(own: Path) -> None:
    told = verify_folder(own, replay_records=1000)
    assert told["faults"] == []
    assert told["replayed"] == told["records"] > 60
    assert manifest(own)["recipe"]["views"]["pipeline"] == plain(several())
    assert manifest(own)["order_of_application"] == []


def test_a_record_of_another_draw_is_found(own: Path, tmp_path: Path) -> None:
    """Replay makes the pixels again: a manifest with another pipeline does not pass."""
    out = Path(shutil.copytree(own, tmp_path / "out"))
    document = manifest(out)
    document["recipe"]["views"]["pipeline"] = serialized()
    document["recipe_hash"] = recipe_hash(from_mapping(document["recipe"]))
    (out / "manifest.json").write_text(json.dumps(document))
    assert any("made again, its record differs" in fault for fault in verify_folder(out, replay_records=9)["faults"])


def test_another_pipeline_is_another_recipe(own: Path) -> None:
    """Its hash is checked, although its keys are the user's."""
    document = manifest(own)["recipe"]
    assert recipe_hash(from_mapping(document)) == manifest(own)["recipe_hash"]
    other = {**document, "views": {**document["views"], "pipeline": serialized()}}
    assert recipe_hash(from_mapping(other)) != manifest(own)["recipe_hash"]


@pytest.mark.parametrize("seed", [0, 1])
def test_another_seed_gives_other_views_and_the_same_originals(
    seed: int, own: Path, small_sky: Path, pipeline_file: Path, tmp_path: Path
) -> None:
    settings = ("views.count=2", f"views.pipeline={pipeline_file}", f"seed={seed}")
    write_all_bins(small_job(small_sky, tmp_path / "out", *settings))
    same = shard_sums(tmp_path / "out", VIEWS) == shard_sums(own, VIEWS)
    assert same is (seed == 0)
    assert {**shard_sums(tmp_path / "out"), **shard_sums(own, VIEWS)} == shard_sums(own)


def test_every_operation_is_told_below_its_view(own: Path) -> None:
    folder, document = open_folder(own)
    records = [
        read_record(data) for path in shard_paths(folder, document, ["train_views"]) for data in read_shard(path)
    ]
    names = set()
    for record in records:
        lines, operations = caption(record), operations_of(record)
        assert [line.partition(":")[0] for line in lines[1:]] == [op["op"] for op in operations]
        names |= {op["op"] for op in operations}
    assert {"HorizontalFlip", "Affine", "GaussNoise", "CoarseDropout", "CenterCrop"} <= names
    assert not any("unknown" in line for record in records for line in caption(record))


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no file": ({"pipeline": "nowhere.yaml"}, "cannot be read"),
    "no pipeline": ({"pipeline": {"a": 1}}, "it has no transform"),
    "a date": ({"pipeline": {"transform": {"a": {1, 2}}}}, "cannot be used"),
    "a key that would do nothing": ({"pipeline": serialized(), "blur": [3]}, "views.blur belongs to the built-in"),
}


@pytest.mark.parametrize(("views", "part"), REFUSED.values(), ids=REFUSED.keys())
def test_a_recipe_with_an_unfit_pipeline_is_refused(views: dict[str, Any], part: str) -> None:
    with pytest.raises(UsageError, match=part):
        from_mapping({"views": views})


def test_a_run_with_an_unfit_pipeline_is_refused_before_anything_is_made(small_sky: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text('{"transform": {"__class_fullname__": "os.system", "p": 1}}')
    setting = ("--set", f"views.pipeline={tmp_path / 'bad.json'}")
    result = gzprep("run", "--data", small_sky, "--out", tmp_path / "out", *setting)
    assert (result.code, "only albumentations' own" in result.sentence) == (2, True)
    assert not (tmp_path / "out").exists()
