"""Images of another size than those of the training: marked, counted, and resized where that is asked for."""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from gztrain.predict.crops import Crop, Cut, read_crop
from gztrain.runs.saved_model import ORIGIN
from tests.gztrain.run_folders import untrained_run
from tests.running import gztrain

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("file_lean_training")]

FRAME, CROP = 424, 64


def image(path: Path, width: int, height: int | None = None) -> Path:
    """A smooth image: a bright disk on the sky, as large as the image allows."""
    height = height or width
    y, x = np.mgrid[:height, :width]
    light = 220 * np.exp(-8 * np.hypot(x / width - 0.5, y / height - 0.5))
    Image.fromarray((light[..., None] * (1.0, 0.9, 0.7) + 5).astype(np.uint8)).save(path)
    return path


SIZES: dict[str, tuple[tuple[int, int], Cut, bool | None, str | None]] = {
    "as in training": ((FRAME, FRAME), Cut(CROP, FRAME), False, None),
    "smaller": ((256, 256), Cut(CROP, FRAME), True, None),
    "larger": ((512, 512), Cut(CROP, FRAME), True, None),
    "one pixel wider": ((FRAME + 1, FRAME), Cut(CROP, FRAME), True, None),
    "one pixel lower": ((FRAME, FRAME - 1), Cut(CROP, FRAME), True, None),
    "not known": ((256, 256), Cut(CROP), None, None),
    "too small": ((60, 60), Cut(CROP, FRAME), True, "too small for a crop of 64"),
    "resized": ((256, 256), Cut(CROP, FRAME, resize=True), True, None),
    "too small, resized": ((60, 60), Cut(CROP, FRAME, resize=True), True, None),
    "not square, resized": ((300, 256), Cut(CROP, FRAME, resize=True), True, "300 x 256 px, not square"),
    "as in training, to be resized": ((FRAME, FRAME), Cut(CROP, FRAME, resize=True), False, None),
}


@pytest.mark.parametrize("name", SIZES)
def test_an_image_of_another_size_is_marked(name: str, tmp_path: Path) -> None:
    size, cut, other_size, reason = SIZES[name]
    crop = read_crop(image(tmp_path / "a.png", *size), cut)
    assert crop.other_size is other_size
    assert (crop.reason is None) if reason is None else reason in str(crop.reason)
    assert (crop.pixels is None) == (reason is not None)


def test_what_is_no_image_has_no_size(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    assert read_crop(tmp_path / "a.png", Cut(CROP, FRAME)) == Crop(tmp_path / "a.png", None, "the file is empty")


@pytest.mark.parametrize("side", [212, 256, 512, 848])
def test_a_resized_image_looks_as_in_training(side: int, tmp_path: Path) -> None:
    whole = read_crop(image(tmp_path / "whole.png", FRAME), Cut(CROP, FRAME)).pixels
    path = image(tmp_path / "other.png", side)
    resized, as_it_is = (read_crop(path, Cut(CROP, FRAME, resize=resize)).pixels for resize in (True, False))
    assert whole is not None
    assert resized is not None
    assert as_it_is is not None
    assert np.abs(resized.astype(int) - whole).mean() < 2
    assert np.abs(as_it_is.astype(int) - whole).mean() > 5


# ---------------------------------------------------------------- the command


@pytest.fixture(scope="module")
def run(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained_run(tmp_path_factory.mktemp("runs") / "run", dataset).root


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Three sizes of a galaxy, what is no image, and files of other kinds."""
    folder = tmp_path / "images"
    folder.mkdir()
    for side in (256, FRAME, 512):
        image(folder / f"{side}.png", side)
    (folder / "empty.jpg").write_bytes(b"")
    for name in ("a.fits", "b.fits.gz", "notes.txt", ".hidden"):
        (folder / name).write_bytes(b"SIMPLE")
    return folder


def without_frame(run: Path, to: Path) -> Path:
    """The run as earlier versions left it."""
    shutil.copytree(run, to)
    config = json.loads((to / "config.json").read_text())
    del config["dataset"]["frame"]
    (to / "config.json").write_text(json.dumps(config))
    return to


def told(*arguments: str | Path) -> str:
    result = gztrain("predict", *arguments)
    assert result.code == 0, result.err
    return result.out


def test_the_last_line_counts_images_of_another_size(run: Path, images: Path, tmp_path: Path) -> None:
    lines = told(run, images, "--parquet", tmp_path / "out.parquet").splitlines()
    assert lines[-1].startswith("2 of 4 are not 424 x 424 px")
    assert "--resize" in lines[-1]
    rows = {Path(row["path"]).name: row["other_size"] for row in pq.read_table(tmp_path / "out.parquet").to_pylist()}
    assert rows == {"256.png": True, "424.png": False, "512.png": True, "empty.jpg": None}


def test_resizing_is_counted(run: Path, images: Path, tmp_path: Path) -> None:
    lines = told(run, images, "--parquet", tmp_path / "out.parquet", "--resize").splitlines()
    assert lines[-1] == "2 of 4 were resized to 424 x 424 px, as the images of the training were."


def test_a_scale_that_is_assumed_is_not_told(run: Path, images: Path, tmp_path: Path) -> None:
    told(run, images, "--parquet", tmp_path / "plain.parquet")
    lines = told(run, images, "--parquet", tmp_path / "out.parquet", "--assume-scale")
    assert "px" not in lines
    tables = [pq.read_table(tmp_path / name) for name in ("plain.parquet", "out.parquet")]
    assert tables[0].equals(tables[1])


def test_files_that_are_not_read_are_counted_and_named(run: Path, images: Path, tmp_path: Path) -> None:
    lines = told(run, images, "--parquet", tmp_path / "out.parquet")
    assert "3 files were not read" in lines
    assert all(name in lines for name in ("a.fits", "b.fits.gz", "notes.txt"))
    assert ".hidden" not in lines
    result = gztrain("predict", run, images, "--parquet", images / "inside.parquet", "--json")
    assert [Path(path).name for path in result.json["not_read"]] == ["a.fits", "b.fits.gz", "notes.txt"]
    result = gztrain("predict", run, images, "--parquet", images / "inside.parquet", "--json")
    assert len(result.json["not_read"]) == 3  # not what this command writes


def test_a_folder_of_fits_alone_is_refused_with_their_number(run: Path, tmp_path: Path) -> None:
    for number in range(7):
        (tmp_path / f"{number}.fits").write_bytes(b"SIMPLE")
    result = gztrain("predict", run, tmp_path, "--parquet", tmp_path / "out.parquet")
    assert result.code == 1
    assert "7 files were not read" in result.sentence
    assert "and 2 more" in result.sentence


def test_a_run_of_an_earlier_version_says_that_it_does_not_know(run: Path, images: Path, tmp_path: Path) -> None:
    old = without_frame(run, tmp_path / "old")
    lines = told(old, images, "--parquet", tmp_path / "out.parquet").splitlines()
    assert "their scale was not compared" in lines[-1]
    assert pq.read_table(tmp_path / "out.parquet")["other_size"].null_count == 4
    result = gztrain("predict", old, images, "--parquet", tmp_path / "out.parquet", "--resize")
    assert (result.code, "does not say how large" in result.sentence) == (2, True)


REFUSED = {
    "both": (("--resize", "--assume-scale"), "choose one of them"),
    "a csv": (("--parquet", "x.csv"), "name it x.parquet"),
    "a jpeg": (("--parquet", "new.JPG"), "name it new.parquet"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_options_that_do_not_go_together(name: str, run: Path, images: Path, tmp_path: Path) -> None:
    options, words = REFUSED[name]
    chosen = [tmp_path / word if "." in word else word for word in options]
    target = () if "--parquet" in options else ("--parquet", tmp_path / "out.parquet")
    result = gztrain("predict", run, images, *target, *chosen)
    assert (result.code, words in result.sentence) == (2, True)


def test_images_of_another_size_are_counted_by_a_pipeline(run: Path, images: Path, tmp_path: Path) -> None:
    pytest.importorskip("apache_beam")
    for options, words in ((("--resize",), "2 of 4 were resized"), ((), "2 of 4 are not 424 x 424 px")):
        result = gztrain("predict", run, images, "--parquet", tmp_path / "out", "--runner", "DirectRunner", *options)
        assert result.code == 0, result.err
        assert words in result.out
        assert "3 files were not read" in result.err
        table = pq.read_table(next((tmp_path / "out").glob("part-*.parquet")))
        assert sorted(map(str, table["other_size"].to_pylist())) == ["False", "None", "True", "True"]


def test_the_saved_model_says_what_it_was_trained_on(dataset: Path, tmp_path: Path) -> None:
    import zipfile

    from tests.gztrain.run_folders import TINY

    options = (*TINY, "--epochs", "1", "--fine-tune-epochs", "0", "--views", "0", "--scheme", "q0")
    assert gztrain("fit", dataset, "--run", tmp_path / "run", *options).code == 0
    with zipfile.ZipFile(tmp_path / "run" / "model.keras") as archive:
        origin = json.loads(archive.read(ORIGIN))
    manifest = json.loads((dataset / "manifest.json").read_text())
    assert (origin["crop"], origin["frame"], origin["data_hash"]) == (64, 424, manifest["data_hash"])
    assert json.loads((tmp_path / "run" / "config.json").read_text())["dataset"]["frame"] == 424
