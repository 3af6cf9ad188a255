"""The same galaxies as files, parquet, tar and FITS give the same shards, byte for byte; each resumes and replays."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gzprep.simulate import simulate
from tests.gzprep.images.sources import same_galaxies as same
from tests.running import Result, gzprep, manifest

pytestmark = pytest.mark.slow

SETTINGS = ("--views", "1", "--crop", "64", "--set", "shards.min_bins=1", "--set", "max_reject_share=1")
Sums = dict[str, str]


@pytest.fixture(scope="module")
def sky(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve simulated galaxies."""
    folder = tmp_path_factory.mktemp("sources") / "sky"
    simulate(folder, 12, seed=3)
    return folder


def run(out: Path, *options: object) -> Result:
    result = gzprep("run", "--out", out, *SETTINGS, *options)
    assert result.code == 0, result.err
    return result


def shards(out: Path) -> Sums:
    files = sorted(out.glob("*.tfrecord-*"))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def expected(sky: Path, tmp_path_factory: pytest.TempPathFactory) -> Sums:
    out = tmp_path_factory.mktemp("expected") / "out"
    run(out, "--data", sky)
    assert manifest(out)["counts"]["all"]["out"] >= 6
    return shards(out)


def parquet(sky: Path, folder: Path) -> tuple[object, ...]:
    data = same.without_images(sky, folder / "data")
    return "--data", data, "--images", same.as_parquet(sky, folder / "pictures.parquet")


def plain_parquet_in_a_folder(sky: Path, folder: Path) -> tuple[object, ...]:
    data = same.without_images(sky, folder / "data")
    (data / "images").mkdir()
    same.as_parquet(sky, data / "images" / "a.parquet", plain=True)
    return "--data", data


def labels_beside_images(sky: Path, folder: Path) -> tuple[object, ...]:
    return "--data", same.beside_labels(sky, folder / "data")


def tar(sky: Path, folder: Path) -> tuple[object, ...]:
    data = same.without_images(sky, folder / "data")
    same.as_tar(sky, data / "images.tar")
    return "--data", data, "--set", "images.folder=images.tar"


def tars_by_a_pattern(sky: Path, folder: Path) -> tuple[object, ...]:
    data = same.without_images(sky, folder / "data")
    same.as_tar(sky, folder / "part-0.tar")
    return "--data", data, "--images", folder / "part-*.tar"


def fits(sky: Path, folder: Path) -> tuple[object, ...]:
    data = same.without_images(sky, folder / "data")
    same.as_fits(sky, data / "images")
    return "--data", data


def images_elsewhere(sky: Path, folder: Path) -> tuple[object, ...]:
    return "--data", same.without_images(sky, folder / "data"), "--images", sky / "images"


def absolute_paths(sky: Path, folder: Path) -> tuple[object, ...]:
    data = same.without_images(sky, folder / "data")
    for path in data.glob("*.parquet"):
        table = pq.read_table(path)
        rows = zip(table["subfolder"].to_pylist(), table["filename"].to_pylist(), strict=True)
        names = pa.array([str(sky / "images" / subfolder / name) for subfolder, name in rows])
        table = table.set_column(table.column_names.index("filename"), "filename", names)
        table = table.set_column(table.column_names.index("subfolder"), "subfolder", pa.array([""] * len(table)))
        pq.write_table(table, path)
    return "--data", data


WAYS = (
    parquet,
    plain_parquet_in_a_folder,
    labels_beside_images,
    tar,
    tars_by_a_pattern,
    fits,
    images_elsewhere,
    absolute_paths,
)


LOOKED_AT_AGAIN = (parquet, tar, fits, absolute_paths)
"""One of each kind: the run is made again, its records are replayed, its images shown, and a dry run is made."""


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_the_same_records_from_every_source(
    sky: Path, expected: Sums, tmp_path: Path, way: Callable[[Path, Path], tuple[object, ...]]
) -> None:
    options, out = way(sky, tmp_path), tmp_path / "out"
    run(out, *options)
    assert shards(out) == expected
    assert not list((out / ".gzprep" / "tmp").iterdir())
    if way not in LOOKED_AT_AGAIN:
        return
    before = {path: path.stat().st_mtime_ns for path in out.glob("*.tfrecord-*")}
    run(out, *options)  # nothing has changed, so nothing is made again
    assert before == {path: path.stat().st_mtime_ns for path in out.glob("*.tfrecord-*")}
    replayed = gzprep("verify", out, "--replay", "5")
    assert (replayed.code, "5 made again" in replayed.out) == (0, True), replayed.err + replayed.out
    page = tmp_path / "page"
    assert gzprep("inspect", out, "--html", page).code == 0
    assert len(list((page / "images").iterdir())) >= 6
    dry = gzprep("run", "--out", tmp_path / "dry", *SETTINGS, *options, "--dry-run")
    assert (dry.code, (tmp_path / "dry").exists()) == (0, False), dry.err


def test_another_image_in_parquet_makes_its_bin_again(sky: Path, tmp_path: Path) -> None:
    options, out = parquet(sky, tmp_path), tmp_path / "out"
    run(out, *options)
    before = manifest(out)
    path = tmp_path / "pictures.parquet"
    table = pq.read_table(path)
    images = table["image"].to_pylist()
    images[0]["bytes"] = images[1]["bytes"]
    pq.write_table(table.set_column(1, "image", pa.array(images, table["image"].type)), path)
    run(out, *options)
    after = manifest(out)
    assert after["recipe_hash"] == before["recipe_hash"]
    assert after["data_hash"] != before["data_hash"]
    changed = [name for name, digest in shards(out).items() if digest not in str(before)]
    assert 1 <= len(changed) <= 2


def test_the_place_of_the_images_is_no_secret_of_the_disk(sky: Path, tmp_path: Path) -> None:
    options, out = parquet(sky, tmp_path), tmp_path / "out"
    run(out, *options)
    assert manifest(out)["source"]["images"] == "pictures.parquet"
    assert str(tmp_path) not in (out / "manifest.json").read_text()


def test_what_was_found_is_told(sky: Path, tmp_path: Path) -> None:
    told = run(tmp_path / "out", *parquet(sky, tmp_path)).err
    assert "rows of 1 file of parquet, column 'image'" in told
    shutil.rmtree(tmp_path / "data")
    told = run(tmp_path / "out2", *tar(sky, tmp_path)).err
    assert "members of 1 file of tar" in told
